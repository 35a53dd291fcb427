//! Runs the user's own kustomize and helm.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::discover::{display, reason};

/// What a renderer has printed.
#[derive(Debug)]
pub(super) struct Rendered {
    /// The command line, as one would type it.
    pub(super) command: String,
    /// Its standard output.
    pub(super) output: Vec<u8>,
}

/// Why there is nothing.
#[derive(Debug)]
pub(super) struct RenderError {
    /// What happened.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
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
    let kubectl = run("kubectl", &[OsStr::new("kustomize"), &path], limit);
    match kubectl {
        Err(Failure::Missing) => {
            run("kustomize", &[OsStr::new("build"), &path], limit).map_err(|failure| match failure {
                Failure::Missing => RenderError {
                    message: "neither `kubectl` nor `kustomize` can be found to render this directory"
                        .to_owned(),
                    help: "install one of them, or put it on the PATH".to_owned(),
                },
                Failure::Other(error) => error,
            })
        }
        Err(Failure::Other(error)) => Err(error),
        Ok(rendered) => Ok(rendered),
    }
}

/// Renders a chart by helm. At most `limit` bytes and one more are read.
pub(super) fn helm(directory: &Path, values: &[PathBuf], limit: u64) -> Result<Rendered, RenderError> {
    let path = operand(directory);
    let mut arguments = vec![OsStr::new("template"), &path];
    for file in values {
        arguments.extend([OsStr::new("--values"), file.as_os_str()]);
    }
    run("helm", &arguments, limit).map_err(|failure| match failure {
        Failure::Missing => RenderError {
            message: "`helm` cannot be found to render this chart".to_owned(),
            help: "install helm, or put it on the PATH".to_owned(),
        },
        Failure::Other(error) => error,
    })
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

enum Failure {
    Missing,
    Other(RenderError),
}

/// The most that is kept of what a program says on standard error.
const MAX_COMPLAINT: u64 = 4096;

fn run(program: &str, arguments: &[&OsStr], limit: u64) -> Result<Rendered, Failure> {
    let words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    let command = std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
    let failed = |why: String| {
        let message = format!("`{command}` failed: {why}");
        let help = format!("run `{command}` yourself and mend what it complains about");
        Failure::Other(RenderError { message, help })
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Failure::Missing),
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
    let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
    match (read, status) {
        (Err(error), _) | (_, Err(error)) => Err(failed(reason(&error))),
        // A program that is cut off because it prints too much has not failed by itself.
        (Ok(_), Ok(status)) if status.success() || output.len() as u64 > limit => {
            Ok(Rendered { command, output })
        }
        (Ok(_), Ok(status)) => Err(failed(if complaint.is_empty() { status.to_string() } else { complaint })),
    }
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
}
