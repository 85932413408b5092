//! Panics as log lines that quote no data.

use std::backtrace::{Backtrace, BacktraceStatus};

use crate::supervisor::panic_message;

/// Logs every panic of this process with its place, and with its text only where that is a literal.
///
/// The standard hook prints the text, and the text of, say, a slice off a boundary quotes the string: a prompt would
/// land in the log. Set `RUST_BACKTRACE=1` for a backtrace. To be called after [`init`](super::init), by the binary
/// only: in tests it would hide what an assertion says.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        let error = panic_message(info.payload());
        let backtrace = Backtrace::capture();
        let backtrace =
            (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
        tracing::error!(location, error, backtrace, "panic");
    }));
}
