//! `npv init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use npv_analyzer::config::{self, Configured, FILE};

use crate::args::{InitArgs, LookArgs};
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::output::to_stdout;

pub(crate) fn run(args: &InitArgs, look: LookArgs) -> Result<Exit, Failure> {
    let there = || {
        Failure::usage(
            format!("`{FILE}` is there already"),
            "`npv config show` prints what it says; `npv init --force` writes it anew",
        )
    };
    if !args.force && Path::new(FILE).exists() {
        return Err(there());
    }
    // Fitted to what there is, and not to a configuration that is to be replaced.
    let configured = Configured::default();
    let snapshot = input::load(&[PathBuf::from(".")], &configured, look)?;
    let mut options = OpenOptions::new();
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options
        .write(true)
        .open(FILE)
        .and_then(|mut file| file.write_all(config::init(&snapshot).as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(there()),
        Err(error) => Err(Failure::usage(
            format!("cannot write `{FILE}`: {error}"),
            "run it in a directory that may be written to",
        )),
        Ok(()) => {
            to_stdout(look, |page| {
                writeln!(
                    page,
                    "wrote `{FILE}`; `npv check` goes by it, and `npv baseline write` keeps what there is"
                )
            })?;
            Ok(Exit::Clean)
        }
    }
}
