//! A bug in npv ends in one clear line and an exit status of its own, never in an answer.

use std::any::Any;
use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{self, UnwindSafe};

use crate::outcome::Exit;

/// Runs the program; a panic becomes [`Exit::Internal`].
pub(crate) fn guard(run: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    // The default hook prints a backtrace hint that is of no use to who runs npv.
    panic::set_hook(Box::new(|info| {
        let at = info.location().map_or_else(String::new, ToString::to_string);
        report(message(info.payload()), &at);
    }));
    panic::catch_unwind(run).unwrap_or(Exit::Internal)
}

/// Ends the run because npv has noticed a bug of its own: as a panic does, from wherever that is.
#[expect(clippy::panic, reason = "the guard turns it into the one line and the status that a bug has")]
pub(crate) fn stop(bug: &impl Display) -> ! {
    panic::panic_any(bug.to_string())
}

fn message(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn report(message: &str, at: &str) {
    let text = format!(
        "error: npv {} has a bug: {message} ({at})\n  help: no answer can be trusted that this run gave; \
         please report this line, with the manifests if you can share them\n",
        env!("CARGO_PKG_VERSION")
    );
    drop(io::stderr().write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(guard(|| Exit::Clean).status(), 0);
        assert_eq!(guard(|| panic!("on purpose")).status(), 70);
        assert_eq!(guard(|| stop(&"noticed")).status(), 70);
        drop(panic::take_hook());
    }
}
