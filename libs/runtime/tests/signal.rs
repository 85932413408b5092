//! A real signal to the process reaches the drain.

use kaleem_runtime::drain::{self, Cause, DrainConfig};
use kaleem_runtime::signal::{Signal, Signals};
use kaleem_runtime::{Readiness, Supervisor};

#[tokio::test]
async fn sigterm_brings_the_process_down_cleanly() {
    let (supervisor, readiness) = (Supervisor::new(), Readiness::new());
    let stopping = supervisor.stopping();
    supervisor.spawn_detached("loop", async move { stopping.cancelled().await });
    let mut signals = Signals::listen().unwrap();
    let pid = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());

    let outcome = drain::run(&DrainConfig::default(), &supervisor, &readiness, &mut signals).await;

    assert_eq!((outcome.cause, outcome.exit_code), (Cause::Signal(Signal::Terminate), 0));
}
