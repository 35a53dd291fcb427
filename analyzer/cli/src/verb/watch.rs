//! `npv check --watch`: the answer again after every change.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use npv_analyzer::config::{self, Invalid};
use npv_analyzer::load::watch::Stamp;

use super::check;
use crate::args::{CheckArgs, LookArgs};
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::output::{to_stderr, to_stdout};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(300);

/// Runs until somebody ends it: Ctrl-C does, at any time, as it ends every process.
///
/// # Errors
/// The first run cannot answer. What goes wrong later may be a file that is being written, and the next change
/// mends it.
pub(crate) fn run(args: &CheckArgs, look: LookArgs) -> Result<Exit, Failure> {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage("`--watch` cannot follow standard input", "name files or directories"));
    }
    let mut seen = stamp(args);
    show(look)?;
    check::run(args, look)?;
    loop {
        say(&seen, look);
        seen = wait(args, &seen);
        show(look)?;
        if let Err(failure) = check::run(args, look) {
            failure.print();
        }
    }
}

/// Everything that the answer depends on, and nothing that it is written to. A configuration that is being mended is
/// watched where npv looks for one.
fn stamp(args: &CheckArgs) -> Stamp {
    let configured = input::search(&args.paths, &args.input, config::load);
    let (mut files, written) = match &configured {
        Ok(configured) => {
            let mut files = configured.inputs(&args.paths);
            files.extend(configured.values());
            files.extend(configured.file.clone());
            (files, input::written(&args.input, configured))
        }
        Err(Invalid::Unreadable { file, .. } | Invalid::Wrong { file, .. }) => {
            let inputs = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
            (inputs.into_iter().chain([PathBuf::from(file)]).collect(), Vec::new())
        }
    };
    files.extend(args.input.values.iter().cloned());
    Stamp::of(files.iter().map(PathBuf::as_path)).without(written.iter().map(PathBuf::as_path))
}

/// Waits for a change, and then until nothing changes any more: editors write in several steps.
fn wait(args: &CheckArgs, seen: &Stamp) -> Stamp {
    let mut last = seen.clone();
    loop {
        sleep(PAUSE);
        let now = stamp(args);
        if now != *seen && now == last {
            return now;
        }
        last = now;
    }
}

/// A terminal shows one answer at a time.
fn show(look: LookArgs) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        to_stdout(look, |page| write!(page, "\u{1b}[2J\u{1b}[3J\u{1b}[H"))?;
    }
    Ok(())
}

fn say(seen: &Stamp, look: LookArgs) {
    if !look.quiet {
        let files = seen.len();
        let what = if files == 1 { "file" } else { "files" };
        to_stderr(look, |page| writeln!(page, "watching {files} {what}; Ctrl-C ends this"));
    }
}
