//! By what name npv was started: on its own, or as a plugin of kubectl.

use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// The command line as it is to be read and explained. kubectl runs `kubectl npv ..` as `kubectl-npv ..`, and who
/// asked it for help is to type what they read.
pub(crate) fn command() -> Command {
    let started = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&started).file_stem().unwrap_or_default();
    if name == "kubectl-npv" { plugin(Cli::command()) } else { Cli::command() }
}

fn plugin(command: Command) -> Command {
    let name = format!("kubectl {}", command.get_name());
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let command = verbs.iter().fold(command, |command, verb| command.mut_subcommand(verb, examples));
    examples(command).bin_name(name.clone()).display_name(name)
}

/// The examples of a command, as the plugin's users type them.
fn examples(command: Command) -> Command {
    let Some(after) = command.get_after_help().map(ToString::to_string) else { return command };
    let lines = after.replace("\n  npv ", "\n  kubectl npv ").replace("| npv ", "| kubectl npv ");
    command.after_help(lines)
}
