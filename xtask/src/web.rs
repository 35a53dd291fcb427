//! The front end of the HTML report: its build, and its tests in a browser.

use std::process::Command;

use crate::command::{self, cargo, root};
use crate::z3;

fn npm(arguments: &[&str]) -> Result<(), String> {
    command::run(Command::new("npm").current_dir(root().join("web-report")).args(arguments))
}

/// Provides what the front end is built from, as its lock file says.
fn install() -> Result<(), String> {
    npm(&["ci", "--no-audit", "--no-fund", "--silent"])
}

/// Builds the template that `analyzer/core` embeds, and the types of its document. With `--check`, fails
/// where that is not what is committed.
///
/// # Errors
/// When Node.js or npm is missing, or when a step fails.
pub(crate) fn build(arguments: &[String]) -> Result<(), String> {
    install()?;
    let check = arguments.iter().any(|argument| argument == "--check");
    npm(&["run", "--silent", if check { "check" } else { "build" }])
}

/// Opens reports in headless Chromium; pictures of every view end up in `target/screenshots`.
///
/// # Errors
/// When a program is missing, or when a test fails.
pub(crate) fn test(_: &[String]) -> Result<(), String> {
    z3::provide()?;
    command::run(&mut cargo(&["build", "--quiet", "--package", "npv", "--package", "npv-bench"]))?;
    install()?;
    npm(&["run", "--silent", "test"])?;
    npm(&["run", "--silent", "screenshots"])
}
