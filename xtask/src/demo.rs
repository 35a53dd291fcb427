//! `cargo xtask demo`: what a new user wants to see, in one command.

use std::process::Command;

use crate::command::{self, cargo, root, target_directory};
use crate::z3;

/// A small shop with three mistakes that people really make.
const SCENARIO: &str = "corpus/demo/manifests";

/// A command of the demo: what it shows, its arguments without the path, and the status it must end with.
type Step = (&'static str, &'static [&'static str], i32);

const STEPS: &[Step] = &[
    // The scenario has findings, so the gate must fail: 1 is the right answer here.
    (
        "A shop of three workloads, closed by default, with six policies. They look right, and the shop is down.\n\
         `npv check` is the gate: what is wrong, where, and what to write instead.",
        &["check"],
        1,
    ),
    (
        "`npv reach` lists every connection that is left. Nothing reaches `api` or `db`.",
        &["reach", "--external", "exclude"],
        0,
    ),
    (
        "`npv trace` follows one flow to the line that decides it, and says what is nearest to allowing it.",
        &["trace", "shop/api", "shop/db:5432"],
        0,
    ),
    (
        "`npv report` puts everything into one file: open target/demo-report.html in a browser.",
        &["report", "-o", "target/demo-report.html"],
        0,
    ),
];

const NEXT: &str = "\
Next:
  cargo install --path analyzer/cli       puts `npv` on the PATH
  npv check DIRECTORY                     is anything wrong with your manifests?
  kubectl get all,netpol,ns -A -o yaml | npv check -
  npv rule dns-egress-blocked             what a finding means and how to fix it
";

/// Builds npv and runs `check`, `reach`, `trace` and `report` on a scenario.
///
/// # Errors
/// When the build fails, or when npv ends with a status that the scenario does not call for.
pub(crate) fn run(_arguments: &[String]) -> Result<(), String> {
    z3::provide()?;
    // Not quiet: the first build takes a while, and a user who sees nothing gives up.
    command::run(&mut cargo(&["build", "--package", "npv"]))?;
    let npv = target_directory().join("debug").join("npv");
    for (about, arguments, expected) in STEPS {
        let arguments: Vec<&str> = arguments.iter().copied().chain([SCENARIO]).collect();
        println!("\n{about}\n\n$ npv {}\n", arguments.join(" "));
        let status = Command::new(&npv)
            .current_dir(root())
            .args(&arguments)
            .status()
            .map_err(|error| format!("`{}` cannot be started: {error}", npv.display()))?;
        if status.code() != Some(*expected) {
            return Err(format!("`npv {}` ended with {status}, not with {expected}", arguments.join(" ")));
        }
    }
    print!("\n{NEXT}");
    Ok(())
}
