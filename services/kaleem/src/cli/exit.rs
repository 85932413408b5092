//! Errors for people and for scripts: one sentence on stderr and a code of `sysexits.h`.

use std::{io::Write as _, process::ExitCode};

use kaleem_rpc::{Code, Fault};
use kaleem_runtime::config;

use crate::NodeError;

/// The command line or the configuration is wrong.
pub(super) const USAGE: u8 = 64;

fn code_of(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<NodeError>() {
        return error.exit_code();
    }
    if error.downcast_ref::<config::Error>().is_some() {
        return USAGE;
    }
    match error.downcast_ref::<Fault>().map(|fault| fault.code) {
        Some(Code::Unavailable | Code::DeadlineExceeded) => 69,
        Some(Code::ResourceExhausted) => 75,
        Some(Code::Unauthenticated | Code::PermissionDenied) => 77,
        Some(Code::Internal) => 70,
        Some(_) => 65,
        None => 1,
    }
}

/// Prints `error` and gives its code. A reader that went away (`kaleem usage | head`) is no error.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(closed) {
        return ExitCode::SUCCESS;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "kaleem: {error:#}");
    if let Some(fault) = error.downcast_ref::<Fault>() {
        if let Some(localized) = &fault.localized {
            let _ = writeln!(stderr, "  {}", localized.message);
        }
        for violation in &fault.field_violations {
            let _ = writeln!(stderr, "  {}: {}", violation.field, violation.description);
        }
        if let Some(wait) = fault.retry_after {
            let _ = writeln!(stderr, "  try again after {} s", wait.as_secs_f64().ceil());
        }
    }
    ExitCode::from(code_of(error))
}
