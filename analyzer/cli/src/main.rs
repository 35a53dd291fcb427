//! The command line of npv: arguments in, exit status out. What is found and how it is written is
//! decided in `npv-analyzer`.

mod args;
mod guard;
mod input;
mod invoked;
mod outcome;
mod output;
mod progress;
mod select;
mod sides;
mod verb;
mod verbose;
mod witness;

use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Cli, Verb};
use outcome::Exit;

fn main() -> ExitCode {
    guard::guard(run).into()
}

fn run() -> Exit {
    let parsed = invoked::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; the rest is wrong usage, and ends with the next step.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Clean };
            drop(error.print());
            return exit;
        }
    };
    let look = cli.look;
    let mut verb = cli.verb;
    let ended = match &mut verb {
        Verb::Check(args) if args.watch => verb::watch::run(args, look),
        Verb::Check(args) => verb::check::run(args, look),
        Verb::Reach(args) => {
            input::each(args, look, |args| (&mut args.paths, &mut args.input), verb::reach::run)
        }
        Verb::Trace(args) => {
            input::each(args, look, |args| (&mut args.paths, &mut args.input), verb::trace::run)
        }
        Verb::Diff(args) => verb::diff::run(args, look),
        Verb::Prove(args) if args.equivalent.is_some() => verb::prove::run(args, look),
        Verb::Prove(args) => {
            input::each(args, look, |args| (&mut args.paths, &mut args.input), verb::prove::run)
        }
        Verb::Report(args) => verb::report::run(args, look),
        Verb::Rule(args) => verb::rule::run(args, look),
        Verb::Init(args) => verb::init::run(args, look),
        Verb::Baseline(verb) => verb::baseline::run(verb, look),
        Verb::Config(verb) => verb::config::run(verb, look),
        Verb::Completions { shell } => output::to_stdout(look, |page| {
            clap_complete::generate(*shell, &mut invoked::documented(), "npv", page);
            Ok(())
        })
        .map(|()| Exit::Clean),
        Verb::Man { directory } => verb::man::run(directory),
    };
    ended.unwrap_or_else(|failure| {
        failure.print();
        failure.exit
    })
}
