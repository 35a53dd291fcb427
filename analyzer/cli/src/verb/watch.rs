//! `npv check --watch`: the answer again after every change.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use npv_analyzer::config;
use npv_analyzer::load::watch::Stamp;

use super::check;
use crate::args::{CheckArgs, LookArgs};
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::output::{Output, to_stderr, to_stdout};

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

/// Everything that the answer depends on, and nothing that it is written to.
fn stamp(args: &CheckArgs) -> Stamp {
    // What the configuration cannot say for an error it says after the next change.
    let configured = input::search(&args.paths, &args.input, config::load).unwrap_or_default();
    let file = input::search(&args.paths, &args.input, config::find);
    let inputs = configured.inputs(&args.paths);
    let inputs = inputs.iter().chain(&args.input.values).chain(&file).map(PathBuf::as_path);
    Stamp::of(inputs).without(args.input.format.iter().filter_map(Output::file))
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
