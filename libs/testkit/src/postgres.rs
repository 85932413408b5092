//! A throw-away `PostgreSQL` server in a temp folder.

mod installation;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::child::{ServerProcess, StartFailure};
use crate::listener::server_port;
use installation::Installation;

/// How many ports are tried before a start counts as failed.
const PORT_ATTEMPTS: usize = 8;
/// How long a restart may be refused because processes of the killed server still hold its shared memory.
const RESTART_LIMIT: Duration = Duration::from_secs(20);
/// What the server logs once it accepts connections.
const READY: &str = "database system is ready to accept connections";
/// The superuser, trusted without a password.
const SUPERUSER: &str = "postgres";

/// A running server with an empty database `postgres`, killed and deleted when dropped.
///
/// It listens on one loopback port and on a unix socket inside its folder, accepts everybody as superuser
/// `postgres`, and does not sync to disk unless it was [`Postgres::start_synced`]: what was committed survives
/// [`Postgres::kill_hard`], not a crash of the machine.
pub struct Postgres {
    // Declared before the folder: the server ends before its files are deleted.
    process: Option<ServerProcess>,
    installation: Installation,
    data: PathBuf,
    is_synced: bool,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Creates a cluster and starts its server, within half a second once some start on this machine has left
    /// the template of a cluster in the temp folder.
    ///
    /// # Panics
    /// When the programs are missing (the message names the package), or when the server does not come up
    /// within a minute.
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// Starts a server as [`Postgres::start`] does that syncs every commit to disk, for measurements.
    pub fn start_synced() -> Self {
        Self::start_with(true)
    }

    fn start_with(is_synced: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("kaleem-postgres-").tempdir().expect("a temp folder");
        let installation = Installation::for_work_in(folder.path());
        let data = installation.create_cluster(folder.path());
        let mut server = Self { process: None, installation, data, is_synced, port: 0, folder };
        for _ in 0..PORT_ATTEMPTS {
            server.port = server_port();
            match server.launch() {
                Ok(process) => {
                    server.process = Some(process);
                    server.check_connection();
                    return server;
                }
                Err(failure) if failure.is_port_taken() => {}
                Err(failure) => panic!("postgres did not start:\n{}", failure.log),
            }
        }
        panic!("postgres found no free port in {PORT_ATTEMPTS} attempts")
    }

    /// Returns the URL of the database `postgres` over TCP.
    pub fn url(&self) -> String {
        self.database_url(SUPERUSER)
    }

    /// Returns the URL of `database` over TCP.
    pub fn database_url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the folder of the unix socket `.s.PGSQL.<port>`.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the TCP port, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates the empty database `name` and returns its URL, so that tests of one process share a server and
    /// no tables.
    ///
    /// `name` holds lower-case letters, digits and underscores only.
    pub fn create_database(&self, name: &str) -> String {
        self.create_like("template1", name)
    }

    /// Copies `from`, which nobody may have open, to the new database `name` and returns its URL. Names as for
    /// [`Postgres::create_database`].
    pub fn copy_database(&self, from: &str, name: &str) -> String {
        self.create_like(from, name)
    }

    fn create_like(&self, template: &str, name: &str) -> String {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        for name in [template, name] {
            assert!(!name.is_empty() && name.chars().all(is_plain), "database name {name:?} needs quoting");
        }
        let mut session = self.connect().expect("the server accepts connections");
        session.query(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.database_url(name)
    }

    /// Kills the server with SIGKILL, as a crash would. [`Postgres::restart`] brings it back with its data.
    pub fn kill_hard(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill();
    }

    /// Starts the server again on the same port with the same data; a running one is killed hard first.
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
                // The backends of a killed server end by themselves within moments.
                Err(failure) if Instant::now() < deadline && is_passing(&failure) => {}
                Err(failure) => panic!("postgres did not restart:\n{}", failure.log),
            }
        }
    }

    fn launch(&self) -> Result<ServerProcess, StartFailure> {
        let mut command = self.installation.command("postgres", self.folder.path(), "QUIT");
        command.arg("-D").arg(&self.data).arg("-k").arg(self.folder.path());
        command.arg("-p").arg(self.port.to_string());
        let durability = if self.is_synced {
            ["fsync=on", "full_page_writes=on", "shared_buffers=256MB", "max_wal_size=4GB"]
        } else {
            ["fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_wal_size=1GB"]
        };
        let settings = [
            "listen_addresses=127.0.0.1",
            "max_connections=100",
            "autovacuum=off",
            "logging_collector=off",
            "log_destination=stderr",
        ];
        for setting in settings.into_iter().chain(durability) {
            command.arg("-c").arg(setting);
        }
        // SIGQUIT is the immediate shutdown, which gives the shared memory back; SIGKILL would leave it
        // behind.
        ServerProcess::start(command, READY, Signal::QUIT)
    }

    fn check_connection(&self) {
        if let Err(error) = self.connect() {
            panic!("postgres reported ready and then refused a session on port {}: {error}", self.port);
        }
    }

    fn connect(&self) -> std::io::Result<Session> {
        Session::open(self.port)
    }
}

/// Reports whether a start failed for a reason that passes by itself after a kill.
fn is_passing(failure: &StartFailure) -> bool {
    failure.is_port_taken()
        || failure.log.contains("pre-existing shared memory block")
        || failure.log.contains("lock file \"postmaster.pid\" already exists")
}

/// A plain session over the wire protocol version 3, just enough to know that the server answers and to send
/// one statement.
struct Session {
    stream: TcpStream,
}

impl Session {
    fn open(port: u16) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(crate::WAIT_LIMIT))?;
        let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        stream.write_all(&message_length(body.len()))?;
        stream.write_all(body)?;
        let mut session = Self { stream };
        session.until_ready()?;
        Ok(session)
    }

    fn query(&mut self, statement: &str) {
        let mut message = vec![b'Q'];
        message.extend(message_length(statement.len() + 1));
        message.extend(statement.as_bytes());
        message.push(0);
        let outcome = self.stream.write_all(&message).and_then(|()| self.until_ready());
        outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Reads messages up to `ReadyForQuery`; an `ErrorResponse` on the way becomes the error.
    fn until_ready(&mut self) -> std::io::Result<()> {
        loop {
            let mut head = [0_u8; 5];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).unwrap_or(4).saturating_sub(4)];
            self.stream.read_exact(&mut body)?;
            match head[0] {
                b'Z' => return Ok(()),
                b'E' => return Err(std::io::Error::other(String::from_utf8_lossy(&body).replace('\0', " "))),
                _ => {}
            }
        }
    }
}

/// Encodes the length field of a message, which counts itself.
fn message_length(body: usize) -> [u8; 4] {
    u32::try_from(body + 4).expect("a short message").to_be_bytes()
}
