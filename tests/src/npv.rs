//! The real binary, run as a user runs it: with an environment that holds nothing but what it needs.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a run of npv left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit status; -1 where a signal ended the process.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The checkout's top folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// The binary: the one that `NPV_BINARY` names, else one that is built on the first call.
///
/// # Panics
/// When it cannot be built; no test makes sense then.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("NPV_BINARY") {
            return PathBuf::from(path);
        }
        build().unwrap_or_else(|message| die(&message))
    })
}

#[expect(clippy::panic, reason = "a test without a binary has failed")]
fn die(message: &str) -> ! {
    panic!("{message}")
}

/// Builds the binary beside the test that runs, with the same profile.
fn build() -> Result<PathBuf, String> {
    // target/PROFILE/deps/TEST
    let test = std::env::current_exe().map_err(|error| format!("where is the test: {error}"))?;
    let directory = test.ancestors().nth(2).ok_or("the test is in no target directory")?;
    let profile = match directory.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root())
        .args(["build", "--quiet", "--package", "npv", "--profile", profile, "--target-dir"])
        .arg(directory.parent().unwrap_or(directory))
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !built.status.success() {
        return Err(format!("npv does not build:\n{}", String::from_utf8_lossy(&built.stderr)));
    }
    Ok(directory.join("npv").with_extension(std::env::consts::EXE_EXTENSION))
}

/// Runs npv in a directory.
///
/// # Panics
/// When the binary cannot be started.
pub fn npv<I: IntoIterator<Item: AsRef<OsStr>>>(directory: &Path, arguments: I) -> Run {
    npv_with(directory, arguments, &[], None)
}

/// Runs npv in a directory, with more environment and something on standard input.
///
/// # Panics
/// When the binary cannot be started.
pub fn npv_with<I: IntoIterator<Item: AsRef<OsStr>>>(
    directory: &Path,
    arguments: I,
    environment: &[(&str, &str)],
    stdin: Option<&[u8]>,
) -> Run {
    let mut command = Command::new(binary());
    command
        .current_dir(directory)
        .args(arguments)
        // What a developer or a CI has set must not change what a test sees.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        // Which wrong operator is alive: see `cargo xtask mutants`.
        .envs(std::env::var_os("NPV_MUTANT").map(|number| ("NPV_MUTANT", number)))
        .envs(environment.iter().copied())
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| die(&format!("npv cannot be started: {error}")));
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A process that has seen enough closes its end.
        drop(pipe.write_all(text));
    }
    let output = child.wait_with_output().unwrap_or_else(|error| die(&format!("npv did not end: {error}")));
    Run {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The run as one text for a snapshot: status, standard output, standard error.
impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit status: {}\n--- stdout ---\n{}\n--- stderr ---\n{}",
            self.status, self.stdout, self.stderr
        )
    }
}
