//! The command line as it is explained: with the formats that each verb has, and by the name that npv was started by.

use std::path::Path;

use clap::{Command, CommandFactory};

use npv_analyzer::report::{FORMATS, Format};

use crate::args::Cli;

/// The command line as it is to be read and explained. kubectl runs `kubectl npv ..` as `kubectl-npv ..`, and who
/// asked it for help is to type what they read.
pub(crate) fn command() -> Command {
    let started = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&started).file_stem().unwrap_or_default();
    if name == "kubectl-npv" { plugin(documented()) } else { documented() }
}

/// Whether a format knows the answer of a verb.
type Knows = fn(&Format) -> bool;

/// The command line under its own name.
pub(crate) fn documented() -> Command {
    let verbs: [(&str, Knows); 6] = [
        ("check", |format| format.check.is_some()),
        ("reach", |format| format.reach.is_some()),
        ("trace", |format| format.trace.is_some()),
        ("diff", |format| format.diff.is_some()),
        ("prove", |format| format.prove.is_some()),
        ("rule", |format| format.rules.is_some()),
    ];
    verbs.into_iter().fold(Cli::command(), |command, (verb, knows)| {
        let names = FORMATS.iter().filter(|format| knows(format)).map(|format| format.name);
        let names = names.collect::<Vec<_>>().join(", ");
        let help = format!("How to write the answer, and where; may be repeated with a file each: {names}");
        command.mut_subcommand(verb, |verb| verb.mut_arg("format", |argument| argument.help(help)))
    })
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
