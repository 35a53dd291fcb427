//! Runs the user's own kustomize and helm.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rayon::prelude::*;

use super::discover::{Found, display, reason};

/// What a renderer has printed.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    /// The command line, as one would type it.
    pub(super) command: String,
    /// Its standard output.
    pub(super) output: Vec<u8>,
}

/// Why there is nothing.
#[derive(Clone, Debug)]
pub(super) enum RenderError {
    /// No program that could do it is there.
    Missing,
    /// It did not succeed.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        help: String,
    },
}

/// What the user would run to render a kustomization.
pub(super) fn kustomize_command(directory: &Path) -> String {
    format!("kubectl kustomize {}", display(directory))
}

/// What the user would run to render a chart.
pub(super) fn helm_command(directory: &Path) -> String {
    format!("helm template {}", display(directory))
}

/// Renders a kustomization, by kubectl or else by kustomize. At most `limit` bytes and one more are read.
pub(super) fn kustomize(directory: &Path, limit: u64) -> Result<Rendered, RenderError> {
    let path = operand(directory);
    match run("kubectl", &[OsStr::new("kustomize"), &path], limit) {
        Err(RenderError::Missing) => run("kustomize", &[OsStr::new("build"), &path], limit),
        other => other,
    }
}

/// What `helm template` is told besides the chart.
#[derive(Clone, Debug, Default)]
pub struct Helm {
    /// Values files.
    pub values: Vec<PathBuf>,
    /// Single values, as `--set` takes them.
    pub set: Vec<String>,
    /// The version of Kubernetes that charts are to be rendered for.
    pub kube_version: Option<String>,
}

/// Renders a chart by helm. At most `limit` bytes and one more are read.
pub(super) fn helm(directory: &Path, told: &Helm, limit: u64) -> Result<Rendered, RenderError> {
    let path = operand(directory);
    let mut arguments = vec![OsStr::new("template"), &path];
    for file in &told.values {
        arguments.extend([OsStr::new("--values"), file.as_os_str()]);
    }
    for value in &told.set {
        arguments.extend([OsStr::new("--set"), OsStr::new(value)]);
    }
    if let Some(version) = &told.kube_version {
        arguments.extend([OsStr::new("--kube-version"), OsStr::new(version)]);
    }
    run("helm", &arguments, limit)
}

/// What has been rendered ahead, all of it at once.
#[derive(Clone, Debug, Default)]
pub struct Ahead(Arc<HashMap<PathBuf, Result<Rendered, RenderError>>>);

impl Ahead {
    /// Renders directories in parallel. At most `limit` bytes of each are read.
    pub(super) fn render<'f>(found: impl IntoIterator<Item = &'f Found>, told: &Helm, limit: u64) -> Self {
        let found: Vec<&Found> = found.into_iter().collect();
        let rendered = found.into_par_iter().filter_map(|found| match found {
            Found::Kustomization { directory, .. } => Some((directory.clone(), kustomize(directory, limit))),
            Found::Chart { directory, .. } => Some((directory.clone(), helm(directory, told, limit))),
            _ => None,
        });
        Self(Arc::new(rendered.collect()))
    }

    pub(super) fn kustomization(&self, directory: &Path, limit: u64) -> Result<Rendered, RenderError> {
        self.0.get(directory).cloned().unwrap_or_else(|| kustomize(directory, limit))
    }

    pub(super) fn chart(&self, directory: &Path, told: &Helm, limit: u64) -> Result<Rendered, RenderError> {
        self.0.get(directory).cloned().unwrap_or_else(|| helm(directory, told, limit))
    }
}

/// A path as an argument: without a leading `./`, unless it would be taken for an option.
fn operand(path: &Path) -> OsString {
    let short = path.strip_prefix("./").ok().filter(|path| *path != Path::new("")).unwrap_or(path);
    if short.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(short).into_os_string()
    } else {
        short.as_os_str().to_owned()
    }
}

/// The most that is kept of what a program says on standard error.
const MAX_COMPLAINT: u64 = 4096;

fn run(program: &str, arguments: &[&OsStr], limit: u64) -> Result<Rendered, RenderError> {
    let words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    let command = std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
    let failed = |why: String| {
        let message = format!("`{command}` failed: {why}");
        let help = format!("run `{command}` yourself and mend what it complains about");
        RenderError::Failed { message, help }
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(RenderError::Missing),
        Err(error) => return Err(failed(reason(&error))),
    };
    // Both pipes are read at the same time, or a program that fills the other one would wait for ever.
    let complaints = child.stderr.take().map(|stderr| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut stderr = stderr;
            let kept = stderr.by_ref().take(MAX_COMPLAINT).read_to_end(&mut text);
            let rest = std::io::copy(&mut stderr, &mut std::io::sink());
            // Half a complaint is better than none.
            drop((kept, rest));
            text
        })
    });
    let mut output = Vec::new();
    let read = child.stdout.take().map_or(Ok(0), |stdout| stdout.take(limit + 1).read_to_end(&mut output));
    let status = child.wait();
    let complaint = complaints.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let complaint = without_noise(&String::from_utf8_lossy(&complaint));
    match (read, status) {
        (Err(error), _) | (_, Err(error)) => Err(failed(reason(&error))),
        // A program that is cut off because it prints too much has not failed by itself.
        (Ok(_), Ok(status)) if status.success() || output.len() as u64 > limit => {
            Ok(Rendered { command, output })
        }
        (Ok(_), Ok(status)) => Err(failed(if complaint.is_empty() { status.to_string() } else { complaint })),
    }
}

/// What a renderer complains about, without its warnings and the lines of its log: from the last line that says what
/// the error is, where one does.
fn without_noise(complaint: &str) -> String {
    let lines: Vec<&str> =
        complaint.lines().map(str::trim_end).filter(|line| !line.is_empty() && !is_noise(line)).collect();
    let error = |line: &&str| ["Error:", "error:"].iter().any(|start| line.starts_with(start));
    let first = lines.iter().rposition(error).unwrap_or(0);
    let text = lines.get(first..).unwrap_or_default().join("\n");
    let text = text.trim();
    text.strip_prefix("Error: ").or_else(|| text.strip_prefix("error: ")).unwrap_or(text).to_owned()
}

/// Whether a line of a renderer is about something else than why it fails.
fn is_noise(line: &str) -> bool {
    let digits = |text: &str, count: usize| {
        text.len() >= count && text.bytes().take(count).all(|b| b.is_ascii_digit())
    };
    let warning = ["# Warning:", "Warning:", "WARNING:", "warning:", "W! "];
    // `I0102 15:04:05.678901   1 file.go:12] ..`, as Kubernetes' programs log.
    let logged = line.starts_with(['I', 'W']) && digits(line.get(1..).unwrap_or_default(), 4);
    // `2024/01/02 15:04:05 ..` and `walk.go:74: ..`, as Go's programs do.
    let dated = digits(line, 4) && line.get(4..5) == Some("/");
    let located = line.split_once(": ").is_some_and(|(place, _)| {
        place.split_once(".go:").is_some_and(|(file, number)| !file.contains(' ') && digits(number, 1))
    });
    let advice =
        line.starts_with("Use --debug flag") || line.starts_with("level=") || line.starts_with("time=");
    warning.iter().any(|start| line.starts_with(start)) || logged || dated || located || advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_an_option() {
        for (path, argument) in [("./a/b", "a/b"), (".", "."), ("-x", "./-x"), ("./-x", "./-x"), ("/a", "/a")]
        {
            assert_eq!(operand(Path::new(path)), OsStr::new(argument));
        }
    }

    #[test]
    fn complaints_are_what_is_wrong_and_nothing_else() {
        for (complaint, kept) in [
            ("first\nsecond\n", "first\nsecond"),
            (
                "# Warning: 'bases' is deprecated. Please use 'resources' instead.\nError: no such file\n",
                "no such file",
            ),
            (
                "I0102 15:04:05.678 1 x.go:1] hello\nerror: accumulating resources: x\n",
                "accumulating resources: x",
            ),
            (
                "walk.go:74: found symbolic link\n2024/01/02 15:04:05 merging\nError: boom\n\nUse --debug flag to render out invalid YAML\n",
                "boom",
            ),
            ("Error: one\ncoalesce.go:286: warning: x\nError: two\n at: line 3\n", "two\n at: line 3"),
            ("Warning: only\n", ""),
        ] {
            assert_eq!(without_noise(complaint), kept);
        }
    }
}
