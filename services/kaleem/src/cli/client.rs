//! How the client commands reach a server and which key they show it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use kaleem_rpc::{Code, Fault, Transport, remote};
use tonic::{
    Request, metadata::MetadataValue, service::Interceptor, service::interceptor::InterceptedService,
};

use crate::{
    bootstrap::{ADMIN_KEY_FILE, DEMO_KEY_FILE},
    cli::serve::GATEWAY_ADDRESS_FILE,
};

const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Where the server is and who asks.
#[derive(Debug, Clone, Args)]
pub(super) struct ClientArgs {
    /// Address of the front door; by default the one that `kaleem up` noted in the data folder, else http://127.0.0.1:8080.
    #[arg(long, env = "KALEEM_SERVER", global = true)]
    server: Option<String>,
    /// API key; by default the one that `kaleem up` made in the data folder.
    #[arg(long, env = "KALEEM_API_KEY", hide_env_values = true, global = true)]
    api_key: Option<String>,
    /// Data folder of a server on this machine.
    #[arg(long, env = "KALEEM_DATA_DIR", default_value_os_t = data_dir_of_server(), global = true)]
    data_dir: PathBuf,
}

/// Which of the keys in a data folder a command shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyKind {
    /// A merchant's.
    Chat,
    /// An operator's.
    Admin,
}

/// Puts the key, and the merchant it acts for, on every call.
#[derive(Clone)]
pub(super) struct Credentials {
    authorization: MetadataValue<tonic::metadata::Ascii>,
    merchant: Option<MetadataValue<tonic::metadata::Ascii>>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.authorization.clone());
        if let Some(merchant) = &self.merchant {
            request.metadata_mut().insert("x-kaleem-merchant", merchant.clone());
        }
        Ok(request)
    }
}

/// A connection that shows its key.
pub(super) type Connection = InterceptedService<Transport, Credentials>;

/// Where a server that was started from the same shell keeps its data.
fn data_dir_of_server() -> PathBuf {
    std::env::var_os("KALEEM__DATA_DIR").map_or_else(|| PathBuf::from("kaleem-data"), PathBuf::from)
}

impl ClientArgs {
    /// The server's address.
    pub(super) fn server(&self) -> String {
        let noted = || fs::read_to_string(self.data_dir.join(GATEWAY_ADDRESS_FILE)).ok();
        let noted = || noted().map(|address| format!("http://{}", address.trim()));
        self.server.clone().or_else(noted).unwrap_or_else(|| DEFAULT_SERVER.to_owned())
    }

    /// The data folder of a server on this machine.
    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Whether a key was given, so that none is looked for.
    pub(super) fn names_key(&self) -> bool {
        self.api_key.is_some()
    }

    /// The key, given or from the data folder.
    pub(super) fn api_key(&self, kind: KeyKind) -> anyhow::Result<String> {
        if let Some(key) = &self.api_key {
            return Ok(key.clone());
        }
        let name = match kind {
            KeyKind::Chat => DEMO_KEY_FILE,
            KeyKind::Admin => ADMIN_KEY_FILE,
        };
        let file = self.data_dir.join(name);
        let key = fs::read_to_string(&file).map_err(|_| {
            let message = format!(
                "no API key: pass --api-key or KALEEM_API_KEY, or start `kaleem up` (which makes {})",
                file.display()
            );
            Fault::new(Code::Unauthenticated, "cli.kaleem", "CREDENTIAL_INVALID", message)
        })?;
        Ok(key.trim().to_owned())
    }

    /// Connects with a key.
    pub(super) fn connect(&self, kind: KeyKind, merchant: Option<&str>) -> anyhow::Result<Connection> {
        let transport = remote("the gateway", &self.server(), None)?;
        let bearer = format!("Bearer {}", self.api_key(kind)?);
        let authorization = bearer.parse().context("the API key has characters that no key has")?;
        let merchant =
            merchant.map(str::parse).transpose().context("the merchant id has characters that no id has")?;
        Ok(InterceptedService::new(transport, Credentials { authorization, merchant }))
    }
}

/// A request with the deadline of a command that a person waits for.
pub(super) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(30));
    request
}

/// A failed call as the error of a command.
pub(super) fn failed(status: &tonic::Status) -> anyhow::Error {
    anyhow::Error::new(Fault::from_status(status))
}
