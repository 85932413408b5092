//! Signals that ask the process to stop.

use std::io;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

/// A signal that asks the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, from a terminal.
    Interrupt,
    /// SIGTERM, from a service manager.
    Terminate,
}

impl Signal {
    /// Exit code of a process that this signal cut short: 128 and the number of the signal.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Source of stop signals.
#[derive(Debug)]
pub struct Signals(Source);

#[derive(Debug)]
enum Source {
    System { interrupt: unix::Signal, terminate: unix::Signal },
    Manual(mpsc::Receiver<Signal>),
}

impl Signals {
    /// Takes SIGINT and SIGTERM of this process; from now on they no longer end it by themselves.
    pub fn listen() -> io::Result<Self> {
        let interrupt = unix::signal(SignalKind::interrupt())?;
        let terminate = unix::signal(SignalKind::terminate())?;
        Ok(Self(Source::System { interrupt, terminate }))
    }

    /// A source that only hears what is sent to it, for a mesh inside another process such as a test.
    pub fn manual() -> (mpsc::Sender<Signal>, Self) {
        let (tx, rx) = mpsc::channel(2);
        (tx, Self(Source::Manual(rx)))
    }

    /// Waits for the next signal. Dropping the future loses none.
    pub async fn next(&mut self) -> Signal {
        match &mut self.0 {
            Source::System { interrupt, terminate } => tokio::select! {
                Some(()) = interrupt.recv() => Signal::Interrupt,
                Some(()) = terminate.recv() => Signal::Terminate,
                else => std::future::pending().await,
            },
            Source::Manual(signals) => match signals.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            },
        }
    }
}
