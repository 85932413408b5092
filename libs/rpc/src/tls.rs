//! Mutual TLS between services from PEM files, with errors that name the file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kaleem_domain::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// Where the certificates of a process lie.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Authority that signed every service of the mesh.
    pub ca_file: PathBuf,
    /// Certificate of this process.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{file} cannot be read; make development certificates with `kaleem certs dev`", file = file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file}: {detail}", file = file.display())]
    Invalid {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A certificate is out of its time.
    #[error("{file}: the certificate is valid from {from} to {until} and not now; renew it, for development with `kaleem certs dev --force`", file = file.display())]
    NotValidNow {
        /// Which.
        file: PathBuf,
        /// First instant.
        from: String,
        /// Last instant.
        until: String,
    },
}

/// Loaded certificates: both sides of every connection of this process.
pub struct MeshTls {
    /// For listeners: clients must show a certificate of the same authority.
    pub server: Arc<ServerConfig>,
    /// For peers.
    pub client: ClientTlsConfig,
}

impl TlsFiles {
    /// Reads and checks the files.
    pub fn load(&self, now: Timestamp) -> Result<MeshTls, TlsError> {
        let ca = read(&self.ca_file)?;
        let cert = read(&self.cert_file)?;
        let key = read(&self.key_file)?;
        for (file, pem) in [(&self.ca_file, &ca), (&self.cert_file, &cert)] {
            check_validity(file, pem, now)?;
        }
        let mut roots = RootCertStore::empty();
        for der in certificates(&self.ca_file, &ca)? {
            roots.add(der).map_err(|error| invalid(&self.ca_file, error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| invalid(&self.ca_file, error))?;
        let server = server_config(provider, Some(verifier), self, &cert, &key)?;
        let client = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&ca))
            .identity(Identity::from_pem(&cert, &key));
        Ok(MeshTls { server, client })
    }
}

fn server_config(
    provider: Arc<rustls::crypto::CryptoProvider>,
    verifier: Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>,
    files: &TlsFiles,
    cert: &[u8],
    key: &[u8],
) -> Result<Arc<ServerConfig>, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| invalid(&files.key_file, error))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&files.cert_file, error))?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(certificates(&files.cert_file, cert)?, key)
        .map_err(|error| invalid(&files.key_file, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })
}

fn invalid(file: &Path, error: impl std::fmt::Display) -> TlsError {
    TlsError::Invalid { file: file.to_owned(), detail: error.to_string() }
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(file, error))?;
    if found.is_empty() { Err(invalid(file, "holds no PEM certificate")) } else { Ok(found) }
}

fn check_validity(file: &Path, pem: &[u8], now: Timestamp) -> Result<(), TlsError> {
    for der in certificates(file, pem)? {
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|error| invalid(file, error))?;
        let validity = parsed.validity();
        let seconds = now.as_millis().div_euclid(1000);
        if seconds < validity.not_before.timestamp() || seconds > validity.not_after.timestamp() {
            let (from, until) = (validity.not_before.to_string(), validity.not_after.to_string());
            return Err(TlsError::NotValidNow { file: file.to_owned(), from, until });
        }
    }
    Ok(())
}
