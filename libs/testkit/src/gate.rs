//! A turnstile between a test and a double: the test decides when the next piece may pass.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// A turnstile that a scripted reply stops at until the test opens it. Clones are the same gate.
///
/// With [`Gate::arrived`] a test also learns that the double got there, so that no test sleeps to let the
/// other side come up.
#[derive(Debug, Clone)]
pub struct Gate {
    passes: Arc<Semaphore>,
    arrivals: watch::Sender<usize>,
}

impl Gate {
    /// Creates a closed gate.
    pub fn new() -> Self {
        Self { passes: Arc::new(Semaphore::new(0)), arrivals: watch::Sender::new(0) }
    }

    /// Lets the next arrival pass, be it here already or not.
    pub fn open_once(&self) {
        self.passes.add_permits(1);
    }

    /// Lets everybody pass from now on.
    pub fn open(&self) {
        self.passes.close();
    }

    /// Waits until the gate was reached `count` times in all.
    pub async fn arrived(&self, count: usize) {
        let mut arrivals = self.arrivals.subscribe();
        let reached = crate::bounded("a gate to be reached", arrivals.wait_for(|seen| *seen >= count)).await;
        assert!(reached.is_ok(), "the gate itself holds the sender");
    }

    /// Waits at the gate. Dropping the future gives the place back without using a pass.
    pub(crate) async fn pass(self) {
        self.arrivals.send_modify(|seen| *seen += 1);
        // A closed semaphore is an open gate.
        if let Ok(permit) = self.passes.acquire().await {
            permit.forget();
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_pass_lets_one_through() {
        let gate = Gate::new();
        let mut first = Box::pin(gate.clone().pass());
        assert!(first.as_mut().now_or_never().is_none(), "closed");
        gate.open_once();
        assert!(first.now_or_never().is_some(), "the pass was for the one who waited");
        assert!(gate.clone().pass().now_or_never().is_none(), "closed again");
        gate.open();
        assert!(gate.clone().pass().now_or_never().is_some());
        gate.arrived(3).await;
    }
}
