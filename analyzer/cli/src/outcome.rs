//! How a run ends.

use std::io::{self, Write};
use std::process::ExitCode;

use npv_analyzer::report::visible;

/// The exit status; the same whatever the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing at or above the level that fails a run.
    Clean,
    /// Findings, or an assertion that does not hold.
    Findings,
    /// Wrong usage or configuration, or no input.
    Usage,
    /// Something could not be read or understood.
    Incomplete,
    /// A bug in npv.
    Internal,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Internal => 70,
        }
    }

    /// The one of two that says more of what went wrong: what is incomplete can hide findings.
    pub(crate) const fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Clean, _) => other,
            (_, Self::Clean) => self,
            (Self::Findings, _) => other,
            _ => self,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

/// Why there is no answer, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    message: String,
    help: Vec<String>,
}

impl Failure {
    /// Wrong usage: the message says what is wrong, and the help what to do.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help: vec![help.into()] }
    }

    /// The same with several next steps.
    pub(crate) fn usage_with(message: impl Into<String>, help: Vec<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help }
    }

    /// Prints the message and the next steps to standard error. That may be closed; there is nobody to
    /// tell then.
    pub(crate) fn print(&self) {
        // Names from manifests and paths are data, here too.
        let mut text = format!("error: {}\n", visible(&self.message));
        for help in &self.help {
            text.push_str("  help: ");
            text.push_str(&visible(help));
            text.push('\n');
        }
        drop(io::stderr().write_all(text.as_bytes()));
    }
}
