//! A process that works until it is killed.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// Environment variable that names the child's journal.
pub const JOURNAL: &str = "KALEEM_TEST_JOURNAL";

/// Starts the ignored test `child` of this program on the journal at `path`, kills it once it says `committed N` with N of at least
/// `enough`, and returns that N.
pub fn run_and_kill(path: &Path, enough: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env(JOURNAL, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    // The harness writes the test's name before its first line.
    let mut commits = output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("committed ")?.1.parse::<u64>().ok());
    let covered = commits.find(|covered| *covered >= enough).expect("the child works until it is killed");
    child.kill().unwrap();
    child.wait().unwrap();
    covered
}
