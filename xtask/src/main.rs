//! Set-up, demo, tests and benchmarks: `cargo xtask help` lists them.

mod bench;
mod command;
mod demo;
mod docs;
mod mutants;
mod test;
mod web;
mod z3;

use std::process::ExitCode;

/// A task: its name, what it does, and the function that runs it with the arguments after its name.
type Task = (&'static str, &'static str, fn(&[String]) -> Result<(), String>);

/// Adding a task is a module and a line here.
const TASKS: &[Task] = &[
    (
        "bench",
        "measure npv on generated clusters, stage by stage; `bench --help` has the options",
        bench::run,
    ),
    ("setup", "provide the Z3 library in target/z3, without touching the system", z3::setup),
    ("demo", "build npv and show `check` and `reach` on a scenario of the corpus", demo::run),
    ("docs", "generate the documents that follow from the code", docs::run),
    ("mutants", "break one operator of an engine at a time: the tests must notice", mutants::run),
    (
        "report",
        "build the front end of the HTML report; `--check` fails where it is not what is committed",
        web::build,
    ),
    (
        "report-test",
        "open reports in headless Chromium, click through every view and take pictures",
        web::test,
    ),
    ("test", "run every test of the project", test::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", usage());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some((_, _, run)) = TASKS.iter().find(|(task, _, _)| task == name) else {
        eprint!("xtask: no task `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match run(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK [ARGUMENT ..]\n\n");
    for (name, about, _) in TASKS {
        text.extend(["  ", &format!("{name:<12}"), about, "\n"]);
    }
    text
}
