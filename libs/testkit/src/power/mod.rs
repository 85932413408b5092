//! What is left on disk when the power fails: processes run with a recorder preloaded that notes every write and sync below a folder,
//! and the folder is put back as it may be found after a failure at any moment of the recording.
//!
//! A write survives for certain only if a sync of its file began after it and ended before the failure. Of the others any may
//! survive, whole or torn at a sector; a file that was never synced may be missing, and one that was removed may be back.

mod disk;
mod log;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

pub use disk::{Disk, Unsynced};
pub use log::Log;

const SOURCE: &str = include_str!("recorder.c");

/// Records what processes do below a folder.
pub struct Recorder {
    root: PathBuf,
    folder: TempDir,
}

impl Recorder {
    /// Makes ready to record what is done below `root`, which must exist.
    pub fn of(root: &Path) -> Self {
        let root = root.canonicalize().expect("the folder to record exists");
        let folder = tempfile::Builder::new().prefix("kaleem-power-").tempdir().expect("a temporary folder");
        let recorder = Self { root, folder };
        let source = recorder.folder.path().join("recorder.c");
        fs::write(&source, SOURCE).expect("the recorder's source is written");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(recorder.library()).arg(&source).arg("-ldl");
        let compiled = compile.status().expect("a C compiler, which the build needs as well, is called cc");
        assert!(compiled.success(), "the recorder does not compile");
        fs::write(recorder.log(), "").expect("an empty log is written");
        recorder
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("recorder.so")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What a process needs in its environment to be recorded.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [("LD_PRELOAD", self.library()), ("POWER_LOG", self.log()), ("POWER_ROOT", self.root.clone())]
    }

    /// How far the recording has come. What was acknowledged before this was read was acknowledged by then.
    pub fn position(&self) -> u64 {
        fs::metadata(self.log()).expect("the log is there").len()
    }

    /// The recording so far; whole once the processes have ended.
    pub fn read(&self) -> Log {
        Log::parse(&fs::read(self.log()).expect("the log is there"))
    }
}
