//! `npv check --fix` and `--diff`.

use std::io::Write;
use std::path::{Path, PathBuf};

use npv_analyzer::fix::{self, Checked, Request};
use npv_analyzer::report::write_fixes;
use npv_analyzer::snapshot::{Options, Snapshot};

use crate::args::{CheckArgs, LookArgs};
use crate::outcome::Failure;
use crate::output;

/// Whether what is asked for can be done at all.
///
/// # Errors
/// There is no file to write to, or nothing is to be fixed.
pub(crate) fn check(inputs: &[PathBuf], args: &CheckArgs) -> Result<(), Failure> {
    if args.fix.unsafe_too && !args.fix.fix && !args.fix.diff {
        return Err(Failure::usage(
            "`--unsafe` says which fixes, but not what to do with them",
            "add `--diff` to see them, or `--fix` to apply them",
        ));
    }
    if args.fix.fix && !args.fix.diff && inputs.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage(
            "`--fix` cannot write to standard input",
            "name the files, or see the fixes of what a program prints with `npv check --diff FILE`",
        ));
    }
    Ok(())
}

/// What to fix, and how to ask again.
pub(crate) fn request<'a>(
    options: &'a Options,
    args: &CheckArgs,
    ask: &'a dyn Fn(&Snapshot) -> Checked,
) -> Request<'a> {
    Request { options, unsafe_too: args.fix.unsafe_too, check: ask }
}

/// Prints the fixes as a diff.
///
/// # Errors
/// Standard output does not take the text.
pub(crate) fn show(
    snapshot: &Snapshot,
    checked: &Checked,
    request: &Request<'_>,
    look: LookArgs,
) -> Result<(), Failure> {
    let outcome = fix::fix(snapshot, checked, request);
    output::to_stdout(look, |page| {
        for (id, text) in &outcome.texts {
            let Some(source) = snapshot.sources.get(*id) else { continue };
            page.write_all(fix::unified(source.name(), source.text(), text).as_bytes())?;
        }
        Ok(())
    })?;
    if !look.quiet {
        output::to_stderr(look, |page| write_fixes(&outcome, false, page));
    }
    Ok(())
}

/// Writes the fixes to the files, and returns whether there were any.
///
/// A file that cannot be written is left alone and said so; the others are written, each as a whole.
pub(crate) fn write(snapshot: &Snapshot, checked: &Checked, request: &Request<'_>, look: LookArgs) -> bool {
    let mut outcome = fix::fix(snapshot, checked, request);
    let texts = outcome.texts.clone();
    let mut written = false;
    for (id, text) in &texts {
        let Some(source) = snapshot.sources.get(*id) else { continue };
        match fix::write(Path::new(source.name()), source.text(), text) {
            Ok(()) => written = true,
            Err(why) => outcome.not_written(*id, source.name(), &why),
        }
    }
    if !look.quiet || outcome.unwritten > 0 {
        output::to_stderr(look, |page| write_fixes(&outcome, true, page));
    }
    written
}
