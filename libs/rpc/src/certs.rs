//! A development certificate authority with one leaf a service; real deployments bring their own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kaleem_domain::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::tls::TlsFiles;

/// Why no certificates were made.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// The folder has some already.
    #[error("{0} exists; pass --force to replace the development certificates")]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{file} cannot be written", file = file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// What to make.
pub struct DevAuthority<'a> {
    /// Folder to write to; made if missing.
    pub folder: &'a Path,
    /// Names of the leaves, for example `quota`.
    pub leaves: &'a [&'a str],
    /// Extra host names or addresses that each leaf answers to; `localhost`, `127.0.0.1` and `::1` always are.
    pub hosts: &'a [String],
    /// Days of validity from `now`; negative makes expired ones, for tests.
    pub days: i64,
    /// The current time.
    pub now: Timestamp,
}

/// Where the files of leaf `name` lie under `folder`.
pub fn files_of(folder: &Path, name: &str) -> TlsFiles {
    TlsFiles {
        ca_file: folder.join("ca.pem"),
        cert_file: folder.join(format!("{name}.pem")),
        key_file: folder.join(format!("{name}.key")),
    }
}

impl DevAuthority<'_> {
    /// Writes `ca.pem` and a pair of `<leaf>.pem` and `<leaf>.key` each. The authority's key is thrown away, so no other leaf can
    /// be signed later. Refuses to overwrite unless `force`.
    pub fn create(&self, force: bool) -> Result<(), CertsError> {
        let ca_file = self.folder.join("ca.pem");
        if ca_file.exists() && !force {
            return Err(CertsError::Exists(ca_file));
        }
        fs::create_dir_all(self.folder)
            .map_err(|source| CertsError::Write { file: self.folder.into(), source })?;
        let mut authority = self.params(Vec::new(), "kaleem development authority")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate()?;
        let ca_cert = authority.self_signed(&ca_key)?;
        write(&ca_file, &ca_cert.pem(), 0o644)?;
        let issuer = Issuer::new(authority, ca_key);
        for name in self.leaves {
            self.leaf(name, &issuer)?;
        }
        Ok(())
    }

    fn leaf(&self, name: &str, issuer: &Issuer<'_, KeyPair>) -> Result<(), CertsError> {
        let mut hosts = vec![format!("{name}.kaleem.internal"), name.to_owned()];
        hosts.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        hosts.extend(self.hosts.iter().cloned());
        let mut params = self.params(hosts, name)?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, issuer)?;
        let files = files_of(self.folder, name);
        write(&files.cert_file, &cert.pem(), 0o644)?;
        write(&files.key_file, &key.serialize_pem(), 0o600)
    }

    fn params(&self, hosts: Vec<String>, name: &str) -> Result<CertificateParams, CertsError> {
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let day = 86_400;
        let now = self.now.as_millis().div_euclid(1000);
        params.not_before = instant(now - day + self.days.min(0) * day);
        params.not_after = instant(now + self.days * day);
        Ok(params)
    }
}

fn instant(unix_seconds: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn write(file: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let open = || fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(file);
    open()
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|source| CertsError::Write { file: file.to_owned(), source })
}
