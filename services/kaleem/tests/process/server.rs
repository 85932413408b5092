//! Starts the binary in folders of its own and reads what it says.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use kaleem_testkit::{
    Gate,
    openai_upstream::{OpenAiUpstream, Reply},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BINARY: &str = env!("CARGO_BIN_EXE_kaleem");
const CONFIG: &str = "kaleem.toml";

/// The shipped model.
pub fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo")
}

/// A data folder that goes away with the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("kaleem-process-").tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).env("KALEEM_DATA_DIR", folder).current_dir(folder).stdin(Stdio::null());
    for leaked in ["KALEEM_SERVER", "KALEEM_API_KEY", "KALEEM_CONFIG", "GEMINI_API_KEY"] {
        command.env_remove(leaked);
    }
    command
}

/// Runs a command of the binary to its end.
pub fn kaleem(folder: &Folder, args: &[&str]) -> Said {
    said(command(folder.path(), args))
}

/// Runs a command of the binary on what is piped in.
pub fn kaleem_with_input(folder: &Folder, args: &[&str], input: &[u8]) -> Said {
    let file = folder.path().join("stdin");
    std::fs::write(&file, input).unwrap();
    let mut command = command(folder.path(), args);
    command.stdin(std::fs::File::open(file).unwrap());
    said(command)
}

fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running server; killed if the test ends without stopping it.
pub struct Server {
    child: std::cell::RefCell<Child>,
}

impl Server {
    /// `kaleem up` on a free port with the shipped model, ready to answer.
    pub fn up(folder: &Folder) -> Self {
        Self::up_with(folder, &[])
    }

    /// [`Server::up`] with further arguments.
    pub fn up_with(folder: &Folder, more: &[&str]) -> Self {
        let model = model();
        let mut args = vec!["up", "--listen", "127.0.0.1:0", "--model-dir", model.to_str().unwrap()];
        args.extend(more);
        if folder.path().join(CONFIG).exists() {
            args.extend(["--config", CONFIG]);
        }
        // A server before this one in the same folder noted its own address.
        let _ = std::fs::remove_file(folder.path().join("gateway.address"));
        let server = Self::start(folder.path(), &args);
        let address = folder.path().join("gateway.address");
        server.wait_until(Duration::from_secs(30), || address.exists().then_some(()));
        let ready = kaleem(folder, &["doctor", "--wait", "30s"]);
        assert_eq!(ready.code, 0, "{ready:?}");
        // Any model is enough to be ready; these tests ask the shipped one.
        server.wait_until(Duration::from_secs(30), || {
            kaleem(folder, &["doctor"]).stdout.contains("provider-local/demo serves").then_some(())
        });
        server
    }

    /// Starts the binary with `args`, without waiting.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let child = command(folder, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child: child.into() }
    }

    /// Starts the binary with `args` and armed failpoints; all that it says goes to `log`.
    pub fn start_telling(folder: &Path, args: &[&str], failpoints: &str, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut command = command(folder, args);
        command.env("KALEEM_FAILPOINTS", failpoints).stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap().into() }
    }

    /// Asks until `answer` has one; panics when the server dies or the time is over.
    pub fn wait_until<T>(&self, limit: Duration, mut answer: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + limit;
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            let ended = self.child.borrow_mut().try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}");
            assert!(Instant::now() < until, "not within {limit:?}");
            std::thread::yield_now();
        }
    }

    pub fn signal_term(&self) {
        let pid = self.child.borrow().id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    pub fn kill(&self) {
        let mut child = self.child.borrow_mut();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn wait(&self) -> Option<i32> {
        self.child.borrow_mut().wait().unwrap().code()
    }

    /// Asks it to stop and waits for its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal_term();
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.borrow_mut();
        if child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A worker whose answers begin and then wait at a gate.
pub struct SlowWorker {
    upstream: OpenAiUpstream,
    pub gate: Gate,
    _runtime: Runtime,
}

impl SlowWorker {
    /// Starts it and adds it to the configuration in `folder`.
    pub fn start(folder: &Folder) -> Self {
        let runtime = Runtime::new().unwrap();
        let upstream = {
            let _entered = runtime.enter();
            OpenAiUpstream::start()
        };
        let gate = Gate::new();
        let gated = gate.clone();
        upstream.respond_with(move |_| Reply::text(["أول "]).paced(&gated, ["وآخر"]));
        let config = format!(
            "[[provider_local.workers]]\nname = 'slow'\nbase_url = '{}'\nkind = 'vllm'\n",
            upstream.url()
        );
        std::fs::write(folder.path().join(CONFIG), config).unwrap();
        Self { upstream, gate, _runtime: runtime }
    }

    /// Asks it; returns once the first piece of the answer has come.
    pub fn begin_chat(&self, server: &Server, folder: &Folder) -> Asking {
        server.wait_until(Duration::from_secs(30), || {
            kaleem(folder, &["doctor"]).stdout.contains("provider-local/tiny-llama serves").then_some(())
        });
        let asked = self.upstream.received().count();
        let mut child = command(folder.path(), &["chat", "سؤال", "--model", "tiny-llama"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let piece = stdout.fill_buf().unwrap();
        assert!(!piece.is_empty(), "the chat ended before it began");
        assert_eq!(self.upstream.received().count(), asked + 1);
        Asking { child, stdout, seen: Vec::new() }
    }
}

/// A running chat.
pub struct Asking {
    child: Child,
    stdout: BufReader<ChildStdout>,
    seen: Vec<u8>,
}

impl Asking {
    pub fn finish(mut self) -> Said {
        self.stdout.read_to_end(&mut self.seen).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(self.seen).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
