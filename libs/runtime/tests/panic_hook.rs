//! A panic reaches the log with its place and without the data that its text quotes.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaleem_runtime::telemetry::install_panic_hook;
use kaleem_runtime::{OnError, Supervisor};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_the_place_of_a_panic_and_quotes_no_prompt() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    install_panic_hook();
    let supervisor = Supervisor::new();
    let prompt = String::from("هل تشحنون إلى جدة؟");
    supervisor.spawn("gateway", OnError::Shutdown, async move {
        std::hint::black_box(&prompt[..1]);
        Ok::<_, Infallible>(())
    });
    supervisor.drain(Duration::from_secs(5)).await;

    // From here on an assertion must be able to speak for itself.
    drop(std::panic::take_hook());
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("panic_hook.rs:"), "{text}");
    assert!(text.contains("text withheld") && text.contains("task=\"gateway\""), "{text}");
    assert!(!text.contains("تشحنون"), "{text}");
    assert_eq!(supervisor.exit_code(), 70);
}
