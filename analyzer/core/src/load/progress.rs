//! Progress on standard error, for people who wait.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter work is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears when the work has taken a second, and goes when it is dropped.
#[derive(Debug)]
pub struct Bar {
    start: Instant,
    what: &'static str,
    shown: OnceLock<ProgressBar>,
}

impl Bar {
    /// A bar on standard error, or none where that is no terminal. `what` names the work, as in `reading`.
    pub fn stderr(what: &'static str) -> Option<Self> {
        std::io::stderr().is_terminal().then(|| Self { start: Instant::now(), what, shown: OnceLock::new() })
    }

    /// Shows that `done` of `total` bytes are done.
    pub fn update(&self, done: u64, total: u64) {
        if self.start.elapsed() < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) =
                ProgressStyle::with_template("{msg} {bar:32} {bytes}/{total_bytes}, {eta} left")
            {
                bar.set_style(style);
            }
            bar.with_message(self.what)
        });
        bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.shown.get() {
            bar.finish_and_clear();
        }
    }
}
