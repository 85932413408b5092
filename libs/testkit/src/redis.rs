//! A throw-away Redis server in a temp folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::child::{ServerProcess, StartFailure, find_program, guarded_command};
use crate::listener::server_port;

/// How many ports are tried before a start counts as failed.
const PORT_ATTEMPTS: usize = 8;
/// How long a restart may be refused because the port is not free yet.
const RESTART_LIMIT: Duration = Duration::from_secs(20);
/// What the server logs once it accepts connections.
const READY: &str = "Ready to accept connections";

/// Whether acknowledged writes survive a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing is written to disk: a restarted server is empty.
    Memory,
    /// Every write is in the append-only file before it is acknowledged.
    AppendOnly,
}

/// A running server that refuses writes when full and never evicts, killed and deleted when dropped.
pub struct Redis {
    // Declared before the folder: the server ends before its files are deleted.
    process: Option<ServerProcess>,
    program: PathBuf,
    durability: Durability,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Starts a server on a free loopback port.
    ///
    /// # Panics
    /// When `redis-server` is missing (the message names the package), or when the server does not come up
    /// within a minute.
    pub fn start(durability: Durability) -> Self {
        let program =
            find_program("redis-server", &[PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/bin")])
                .expect("`redis-server` is not on PATH: install the package redis-server");
        let folder = tempfile::Builder::new().prefix("kaleem-redis-").tempdir().expect("a temp folder");
        let mut server = Self { process: None, program, durability, port: 0, folder };
        for _ in 0..PORT_ATTEMPTS {
            server.port = server_port();
            match server.launch() {
                Ok(process) => {
                    server.process = Some(process);
                    server.check_connection();
                    return server;
                }
                Err(failure) if failure.is_port_taken() => {}
                Err(failure) => panic!("redis-server did not start:\n{}", failure.log),
            }
        }
        panic!("redis-server found no free port in {PORT_ATTEMPTS} attempts")
    }

    /// Returns the URL of database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Returns the TCP port, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the id of its process, which a restart changes.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// Kills the server with SIGKILL, as a crash would.
    pub fn kill_hard(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill();
    }

    /// Starts the server again on the same port and folder; a running one is killed hard first.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.kill_hard();
        }
        let deadline = Instant::now() + RESTART_LIMIT;
        loop {
            match self.launch() {
                Ok(process) => {
                    self.process = Some(process);
                    return self.check_connection();
                }
                Err(failure) if Instant::now() < deadline && failure.is_port_taken() => {}
                Err(failure) => panic!("redis-server did not restart:\n{}", failure.log),
            }
        }
    }

    /// Stops the server's execution: connections stay open and nothing answers, until [`Redis::thaw`].
    pub fn freeze(&self) {
        self.process.as_ref().expect("the server runs").signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("the server runs").signal(Signal::CONT);
    }

    /// Sends one command in its inline form and returns the first line of the answer.
    pub fn command(&self, line: &str) -> String {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).expect("redis-server accepts connections");
        stream.set_read_timeout(Some(crate::WAIT_LIMIT)).expect("a positive timeout is accepted");
        stream.write_all(format!("{line}\r\n").as_bytes()).expect("redis-server reads");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("redis-server answers");
        answer.trim_end().to_owned()
    }

    fn launch(&self) -> Result<ServerProcess, StartFailure> {
        let mut command = guarded_command(&self.program, None, "KILL");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(self.folder.path());
        command.args(["--maxmemory-policy", "noeviction", "--daemonize", "no", "--databases", "16"]);
        match self.durability {
            Durability::Memory => command.args(["--appendonly", "no"]),
            Durability::AppendOnly => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
        };
        ServerProcess::start(command, READY, Signal::KILL)
    }

    fn check_connection(&self) {
        assert_eq!(self.command("PING"), "+PONG", "redis-server reported ready and then did not answer");
    }
}
