//! One target as a process of its own.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

const BINARY: &str = env!("CARGO_BIN_EXE_kaleem");
/// How long a process may take to be ready, or to die.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running process; killed if the test ends without stopping it.
pub struct Process(Child);

/// What a process is started with.
pub struct Start {
    pub target: &'static str,
    pub data_dir: PathBuf,
    /// Configuration, as `key=value`.
    pub settings: Vec<String>,
    /// Armed failpoints; empty arms none.
    pub failpoints: String,
    /// What else is in its environment.
    pub environment: Vec<(&'static str, PathBuf)>,
}

impl Process {
    /// Starts it and waits until it answers on `port`.
    pub async fn start(start: &Start, port: u16) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--target", start.target, "--data-dir"]).arg(&start.data_dir);
        for setting in &start.settings {
            command.args(["--set", setting]);
        }
        if !start.failpoints.is_empty() {
            command.env("KALEEM_FAILPOINTS", &start.failpoints);
        }
        command.envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Self(command.spawn().unwrap());
        process.answers(port).await;
        process
    }

    async fn answers(&mut self, port: u16) {
        let (http, until) = (kaleem_testkit::http_client(), Instant::now() + PATIENCE);
        let ready = format!("http://127.0.0.1:{port}/readyz");
        while !http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            let ended = self.0.try_wait().unwrap();
            assert!(ended.is_none(), "a process ended at its start with {ended:?}");
            assert!(Instant::now() < until, "nothing answers on {port}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it has died by itself.
    pub async fn died(mut self) -> Instant {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.0.try_wait().unwrap() {
                assert!(ended.code().is_none(), "it ended in order: {ended}");
                return Instant::now();
            }
            assert!(Instant::now() < until, "its failpoint was never reached");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) -> Instant {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        Instant::now()
    }

    /// Lets it end in order, with everything told that can be told.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        tokio::task::spawn_blocking(move || self.0.wait().unwrap()).await.unwrap()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
