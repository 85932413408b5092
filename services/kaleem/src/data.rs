//! The data folder: one process at a time, and the secrets that it makes on first use.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rand::Rng as _;

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be written.
    #[error("the data folder cannot be used: {file}; make it writable or choose another with --data-dir", file = file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "the data folder {0} is in use by another kaleem process; stop it or choose another with --data-dir"
    )]
    InUse(PathBuf),
    /// A secret file is damaged.
    #[error(
        "{0} does not hold 64 hex digits; restore it from a backup (placeholders and admissions depend on it)"
    )]
    BadSecret(PathBuf),
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> DataError + '_ {
    move |source| DataError::Io { file: file.to_owned(), source }
}

/// A data folder that this process has to itself until the value is dropped.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes and locks the folder. Several processes of a split mesh may share one parent, so the lock is named by what runs.
    pub(crate) fn open(path: &Path, name: &str) -> Result<Self, DataError> {
        fs::create_dir_all(path).map_err(failed(path))?;
        let file = path.join(format!("{name}.lock"));
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&file).map_err(failed(&file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(DataError::Io { file, source }),
        }
    }

    /// Makes a folder in it.
    pub(crate) fn folder(path: &Path) -> Result<(), DataError> {
        fs::create_dir_all(path).map_err(failed(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The mesh's secret in `file`, made if it is missing.
pub(crate) fn secret(file: &Path) -> Result<[u8; 32], DataError> {
    match fs::read_to_string(file) {
        Ok(text) => parse_hex(text.trim()).ok_or_else(|| DataError::BadSecret(file.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            rand::rng().fill_bytes(&mut secret);
            let hex = hex::encode(secret);
            match write_private(file, &hex) {
                Ok(()) => Ok(secret),
                // Another process of the mesh was first.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self::secret(file),
                Err(error) => Err(failed(file)(error)),
            }
        }
        Err(error) => Err(failed(file)(error)),
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Writes a new file that only its owner can read; whole or not at all.
pub(crate) fn write_private(file: &Path, text: &str) -> io::Result<()> {
    // Random, because processes in containers have the same ids.
    let draft = file.with_extension(format!("draft-{:016x}", rand::rng().next_u64()));
    let mut opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mesh.secret");
        let first = secret(&file).unwrap();
        assert_eq!(secret(&file).unwrap(), first);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(matches!(secret(&file), Err(DataError::BadSecret(_))));
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let owner = DataFolder::open(folder.path(), "up").unwrap();
        assert!(matches!(DataFolder::open(folder.path(), "up"), Err(DataError::InUse(_))));
        drop(owner);
        assert!(DataFolder::open(folder.path(), "up").is_ok());
    }
}
