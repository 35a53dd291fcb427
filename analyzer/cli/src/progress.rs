//! A sign of life on standard error, for people who wait.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::args::LookArgs;

/// Shorter work is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does some work. When it takes longer than a second and standard error is a terminal, a line there says
/// what is done; it goes when the work is finished.
pub(crate) fn during<T>(what: &'static str, look: LookArgs, work: impl FnOnce() -> T) -> T {
    let _sign = (!look.quiet && io::stderr().is_terminal()).then(|| Sign::new(what));
    work()
}

struct Sign {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sign {
    fn new(what: &'static str) -> Self {
        let (done, waiting) = channel::<()>();
        let thread = thread::spawn(move || {
            if waiting.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let spinner =
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(what);
            spinner.enable_steady_tick(Duration::from_millis(100));
            // The other end is dropped when the work is finished.
            let _ = waiting.recv();
            spinner.finish_and_clear();
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        drop(self.done.take());
        // Without waiting for it, the line could be cleared after the answer is begun.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
