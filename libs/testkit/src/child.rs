//! A server program as a child process: started, known to be ready by its own log, killed with its owner.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to report that it is ready.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How many last log lines are kept for the message of a failed start.
const LOG_LINES_MAX: usize = 60;

/// Why a server did not come up.
pub(crate) struct StartFailure {
    /// The last lines that the server wrote.
    pub(crate) log: String,
}

impl StartFailure {
    /// Reports whether the server could not bind its port.
    pub(crate) fn is_port_taken(&self) -> bool {
        self.log.contains("Address already in use")
    }
}

/// A running server program.
pub(crate) struct ServerProcess {
    child: Child,
    stop_signal: Signal,
}

impl ServerProcess {
    /// Starts `command` and returns once a log line contains `ready`.
    ///
    /// The program is sent `stop_signal` when this value is dropped, and by the kernel when the test process
    /// dies without dropping it.
    pub(crate) fn start(
        command: Command,
        ready: &'static str,
        stop_signal: Signal,
    ) -> Result<Self, StartFailure> {
        let mut process = Self { child: spawn(command), stop_signal };
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (ready_tx, ready_rx) = mpsc::channel();
        let stdout = process.child.stdout.take().expect("standard output was piped");
        let stderr = process.child.stderr.take().expect("standard error was piped");
        follow(stdout, ready, Arc::clone(&log), ready_tx.clone());
        follow(stderr, ready, Arc::clone(&log), ready_tx);
        // Both senders end with the process, so this returns at once when it dies.
        if ready_rx.recv_timeout(START_LIMIT).is_ok() {
            return Ok(process);
        }
        process.kill();
        let lines = log.lock().expect("no log follower panicked").iter().cloned().collect::<Vec<_>>();
        Err(StartFailure { log: lines.join("\n") })
    }

    /// Kills the program with SIGKILL and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id is positive");
        kill_process(pid, signal).expect("the program runs");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(self.stop_signal);
            let _ = self.child.wait();
        }
    }
}

/// Reads `output` to its end on a thread of its own, so that the program never blocks on a full pipe.
fn follow(
    output: impl Read + Send + 'static,
    ready: &'static str,
    log: Arc<Mutex<VecDeque<String>>>,
    tx: mpsc::Sender<()>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.contains(ready) {
                // The receiver is gone after the first report.
                let _ = tx.send(());
            }
            let mut lines = log.lock().expect("no log follower panicked");
            if lines.len() == LOG_LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    });
}

/// Spawns `command` from one thread that lives as long as the test process.
///
/// The kernel's parent-death signal is tied to the *thread* that forked: a thread of a test or of a runtime
/// may end while the server is still in use.
fn spawn(mut command: Command) -> Child {
    type Job = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let spawner = SPAWNER.get_or_init(|| {
        let (tx, rx) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in rx {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(tx)
    });
    let (tx, rx) = mpsc::channel();
    spawner.lock().expect("no spawner panicked").send((command, tx)).expect("the spawner lives");
    let outcome = rx.recv().expect("the spawner answers");
    outcome.unwrap_or_else(|error| panic!("cannot start {program}: {error}"))
}

/// The account that a child runs under, when the test process is root and the program refuses root.
pub(crate) struct Account {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Returns the account to step down to for work in `folder`, or `None` when the test process is not root.
    pub(crate) fn for_unprivileged_work(folder: &Path) -> Option<Self> {
        let owner = std::fs::metadata(folder).expect("the temp folder exists").uid();
        if owner != 0 {
            return None;
        }
        let accounts = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let found = ["postgres", "nobody"].into_iter().find_map(|name| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map_while(|field| field.parse().ok());
            Some(Self { name, uid: ids.next()?, gid: ids.next()? })
        });
        Some(found.expect("running as root needs an account `postgres` or `nobody` to step down to"))
    }

    /// Gives `folder` to this account.
    pub(crate) fn take_over(&self, folder: &Path) {
        std::os::unix::fs::chown(folder, Some(self.uid), Some(self.gid))
            .expect("root may give a folder away");
    }
}

/// Builds a command for `program` that runs under `account` and dies by `stop_signal` when the test process
/// dies.
///
/// Both are the work of util-linux's `setpriv`. Where it is missing and no account is asked for, the program
/// is started directly.
pub(crate) fn guarded_command(program: &Path, account: Option<&Account>, stop_signal: &str) -> Command {
    let setpriv = find_program("setpriv", &[]);
    let Some(setpriv) = setpriv else {
        assert!(account.is_none(), "stepping down from root needs `setpriv`: install the package util-linux");
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.arg("--pdeathsig").arg(stop_signal);
    if let Some(account) = account {
        command.args(["--reuid", account.name, "--regid", &account.gid.to_string(), "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// Finds `name` on `PATH`, then in `folders`.
pub(crate) fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
