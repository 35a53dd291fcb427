//! Where answers go: formats and their streams.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anstream::ColorChoice;
use npv_analyzer::config::Configured;
use npv_analyzer::report::{FORMATS, Format, Look, Page};

use crate::args::{LookArgs, When};
use crate::outcome::Failure;

/// A format with the file that it goes to; standard output where there is none.
#[derive(Clone)]
pub(crate) struct Output {
    format: &'static Format,
    file: Option<PathBuf>,
}

impl Output {
    /// The file, where it is not standard output.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Its format's name.
    pub(crate) fn name(&self) -> &'static str {
        self.format.name
    }

    /// A format that goes to a file; `None` where there is no format of the name.
    pub(crate) fn to_file(format: &str, file: PathBuf) -> Option<Self> {
        Some(Self { format: Format::named(format)?, file: Some(file) })
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={:?}", self.format.name, self.file)
    }
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("the file's name is missing after `=`".to_owned()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let known = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        let format = Format::named(name)
            .ok_or_else(|| format!("there is no format `{name}`; there is {}", known()))?;
        Ok(Self { format, file })
    }
}

/// The formats of the command line; else those of the configuration, whose files are beside it.
///
/// # Errors
/// A format of the configuration is none, which its reader has not said.
pub(crate) fn of(switches: &[Output], configured: &Configured) -> Result<Vec<Output>, Failure> {
    if !switches.is_empty() {
        return Ok(switches.to_owned());
    }
    let formats = configured.config.output.format.iter();
    formats
        .map(|text| {
            let output: Output = text.0.parse().map_err(|error: String| {
                Failure::usage(error, "correct `output.format` of the configuration")
            })?;
            Ok(Output { file: output.file.map(|file| configured.path(&file)), ..output })
        })
        .collect()
}

/// Writes one answer in every format that was asked for; as text where none was.
///
/// # Errors
/// A format does not know this kind of answer, two formats share a stream, or a stream does not take the
/// text. A closed pipe is no error: its reader has seen enough.
pub(crate) fn write<W>(
    outputs: &[Output],
    look: LookArgs,
    verb: &str,
    writer: impl Fn(&'static Format) -> Option<W>,
    mut answer: impl FnMut(W, &mut Page<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let text: Vec<Output> =
        Format::named("text").map(|format| Output { format, file: None }).into_iter().collect();
    let outputs = if outputs.is_empty() { &text } else { outputs };
    check(outputs, verb, &writer)?;
    for output in outputs {
        let Some(write) = writer(output.format) else { continue };
        match &output.file {
            Some(path) => {
                let failed = |error: io::Error| {
                    Failure::usage(
                        format!("cannot write `{}`: {error}", path.display()),
                        "name a file in a directory that exists and may be written to",
                    )
                };
                let mut file = BufWriter::new(File::create(path).map_err(failed)?);
                answer(write, &mut Page::new(&mut file, Look::default())).map_err(failed)?;
                file.flush().map_err(failed)?;
            }
            None => to_stdout(look, |page| answer(write, page))?,
        }
    }
    Ok(())
}

/// Whether every format knows the answer and has a stream of its own. Asked before the work is done.
///
/// # Errors
/// Says which format or stream is wrong.
pub(crate) fn check<W>(
    outputs: &[Output],
    verb: &str,
    writer: impl Fn(&'static Format) -> Option<W>,
) -> Result<(), Failure> {
    for (index, output) in outputs.iter().enumerate() {
        if writer(output.format).is_none() {
            let known: Vec<&str> =
                FORMATS.iter().filter(|format| writer(format).is_some()).map(|format| format.name).collect();
            return Err(Failure::usage(
                format!("`npv {verb}` has no format `{}`", output.format.name),
                format!("use one of {}", known.join(", ")),
            ));
        }
        if outputs.iter().skip(index + 1).any(|other| other.file == output.file) {
            let place = output
                .file
                .as_ref()
                .map_or_else(|| "standard output".to_owned(), |path| format!("`{}`", path.display()));
            return Err(Failure::usage(
                format!("two formats go to {place}"),
                "give all but one a file of its own: `--format json=FILE`",
            ));
        }
    }
    Ok(())
}

/// Writes to standard output.
///
/// # Errors
/// The stream does not take the text; a closed pipe is no error.
pub(crate) fn to_stdout(
    look: LookArgs,
    answer: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let stdout = io::stdout();
    let look = Look {
        color: coloured(look.color, &stdout),
        width: stdout
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0)),
    };
    let mut out = BufWriter::new(stdout.lock());
    let written = answer(&mut Page::new(&mut out, look)).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::usage(
            format!("cannot write to standard output: {error}"),
            "write to a file instead: `--format FORMAT=FILE`",
        )),
        // What is left in the buffer has nowhere to go.
        Err(_) => {
            drop(out.into_parts());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Writes to standard error, with the same look. That may be closed; there is nobody to tell then.
pub(crate) fn to_stderr(look: LookArgs, note: impl FnOnce(&mut Page<'_>) -> io::Result<()>) {
    let stderr = io::stderr();
    let look = Look { color: coloured(look.color, &stderr), width: None };
    let mut out = BufWriter::new(stderr.lock());
    drop(note(&mut Page::new(&mut out, look)).and_then(|()| out.flush()));
}

/// Whether a stream is to be coloured: as asked, else as `NO_COLOR`, `CLICOLOR_FORCE` and the terminal say.
fn coloured(when: When, stream: &impl anstream::stream::RawStream) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => anstream::AutoStream::choice(stream) != ColorChoice::Never,
    }
}
