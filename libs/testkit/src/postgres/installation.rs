//! The installed programs, and the empty cluster that every server starts from.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::SUPERUSER;
use crate::child::{Account, find_program, guarded_command};

/// Start of the name of a packed cluster; its number changes with the arguments of `initdb`.
const TEMPLATE: &str = "kaleem-postgres-template-1";
/// Folder of a cluster inside the folder of its server.
const DATA: &str = "data";

/// The programs of one version, and the account that they run under.
pub(super) struct Installation {
    programs: PathBuf,
    account: Option<Account>,
}

impl Installation {
    /// Finds the programs for work in `folder`, and gives it to the account that they run under.
    pub(super) fn for_work_in(folder: &Path) -> Self {
        let account = Account::for_unprivileged_work(folder);
        if let Some(account) = &account {
            account.take_over(folder);
        }
        Self { programs: find_programs(), account }
    }

    /// Builds a command for `program`, one of the installation or on `PATH`, that works in `folder`.
    pub(super) fn command(&self, program: &str, folder: &Path, stop_signal: &str) -> Command {
        let installed = self.programs.join(program);
        let found = if installed.is_file() { Some(installed) } else { find_program(program, &[]) };
        let found = found.unwrap_or_else(|| panic!("`{program}` is not on PATH"));
        let mut command = guarded_command(&found, self.account.as_ref(), stop_signal);
        // The caller's folder may be closed to the account that the program runs under.
        command.current_dir(folder).env("LC_ALL", "C").env("TZ", "UTC");
        command
    }

    /// Makes an empty cluster in `folder` by unpacking the one that the first caller on this machine made, which takes
    /// a tenth of the time of `initdb`. Returns its data folder.
    pub(super) fn create_cluster(&self, folder: &Path) -> PathBuf {
        let template = self.template_in(&std::env::temp_dir(), folder);
        run(self.command("tar", folder, "KILL").arg("-xf").arg(template));
        folder.join(DATA)
    }

    /// Returns the packed cluster in `shared`, and makes it in `folder` where it is missing.
    ///
    /// It is one file that appears whole, so that neither a killed test nor a cleaner of old temporary files leaves half
    /// of it. Its name has the version of the server and the owner of the cluster.
    fn template_in(&self, shared: &Path, folder: &Path) -> PathBuf {
        let owner = std::fs::metadata(folder).expect("the folder of the server exists").uid();
        let name = format!("{TEMPLATE}-{}-{owner}", self.version(folder));
        let template = shared.join(format!("{name}.tar"));
        if !template.exists() {
            let lock = File::create(shared.join(format!("{name}.lock"))).expect("the lock of the template");
            lock.lock().expect("the file system has locks");
            // Somebody else may have made it while this process waited.
            if !template.exists() {
                self.make_template(folder, &template);
            }
        }
        let found = std::fs::metadata(&template).expect("the template exists").uid();
        assert!(found == owner, "{} belongs to user {found}, not {owner}: delete it", template.display());
        template
    }

    fn make_template(&self, folder: &Path, template: &Path) {
        let draft = tempfile::Builder::new().prefix("kaleem-postgres-").tempdir().expect("a temp folder");
        if let Some(account) = &self.account {
            account.take_over(draft.path());
        }
        let mut initdb = self.command("initdb", folder, "KILL");
        initdb.arg("--pgdata").arg(draft.path().join(DATA)).args([
            "--username",
            SUPERUSER,
            "--auth",
            "trust",
        ]);
        // Small segments of the log: each of the many copies would carry a file of 16 MiB that is all but empty.
        initdb.args(["--encoding", "UTF8", "--locale", "C", "--wal-segsize", "1", "--no-sync"]);
        run(initdb.arg("--no-instructions"));
        let packed = draft.path().join("packed.tar");
        run(self.command("tar", draft.path(), "KILL").arg("-cf").arg(&packed).arg(DATA));
        std::fs::rename(packed, template).expect("both lie in the temp folder");
    }

    /// Returns the version of the server, for example `15.18`.
    fn version(&self, folder: &Path) -> String {
        let said = run(self.command("postgres", folder, "KILL").arg("--version"));
        let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        version.unwrap_or_else(|| panic!("`postgres --version` says {said:?}")).to_owned()
    }
}

/// Runs `command` to its end and returns what it wrote; a failure stops the test.
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(status.success(), "{command:?} failed ({status}):\n{said}");
    said
}

/// Finds the folder that holds both `initdb` and `postgres`.
fn find_programs() -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    // The newest version first: the names are numbers of two digits.
    folders.sort_by(|a, b| b.cmp(a));
    let initdb = find_program("initdb", &folders)
        .expect("`initdb` is neither on PATH nor under /usr/lib/postgresql: install the package postgresql");
    // A link on PATH may stand alone; its target has the other programs and the share folder beside it.
    let real = initdb.canonicalize().expect("the program exists");
    real.parent().expect("a program lies in a folder").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn racing_processes_make_one_template_and_each_unpacks_a_cluster_of_its_own() {
        let shared = tempfile::tempdir().unwrap();
        let racers: Vec<_> = std::iter::repeat_with(|| tempfile::tempdir().unwrap()).take(3).collect();
        std::thread::scope(|scope| {
            for folder in racers.iter().map(tempfile::TempDir::path) {
                scope.spawn(|| {
                    let installation = Installation::for_work_in(folder);
                    let template = installation.template_in(shared.path(), folder);
                    run(installation.command("tar", folder, "KILL").arg("-xf").arg(template));
                });
            }
        });
        for folder in &racers {
            assert!(folder.path().join(DATA).join("PG_VERSION").is_file());
        }
        let made = std::fs::read_dir(shared.path()).unwrap().flatten().map(|entry| entry.path());
        let templates = made.filter(|path| path.extension().is_some_and(|extension| extension == "tar"));
        assert_eq!(templates.count(), 1);
    }
}
