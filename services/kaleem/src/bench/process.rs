//! Processor time and memory of a process, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context as _, anyhow};

/// Ticks a second in `/proc/PID/stat`; the same on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time and memory of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time of all threads, also of those that ended.
    pub(super) cpu: Duration,
    /// Resident memory in KiB.
    pub(super) resident_kib: u64,
    /// Most resident memory since the process began, in KiB.
    pub(super) peak_kib: u64,
}

/// What the process `pid` used so far.
pub(super) fn usage(pid: u32) -> anyhow::Result<Usage> {
    let read = |name: &str| {
        let file = format!("/proc/{pid}/{name}");
        fs::read_to_string(&file).with_context(|| format!("{file} cannot be read; is --server-pid right?"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    parse(&stat, &status).ok_or_else(|| anyhow!("/proc/{pid} does not look as expected"))
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name in brackets may hold anything, so fields count from its end; utime and stime are 14 and 15.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
    };
    Some(Usage {
        cpu: Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND),
        resident_kib: kib("VmRSS")?,
        peak_kib: kib("VmHWM")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_skipped() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 3 0";
        let status = "Name:\ta\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n";
        let expected = Usage { cpu: Duration::from_secs(3), resident_kib: 1024, peak_kib: 2048 };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse("12 (a", status), None);
    }

    #[test]
    fn this_process_can_be_read_and_no_other_is_invented() {
        assert!(usage(std::process::id()).unwrap().resident_kib > 0);
        assert!(usage(u32::MAX).unwrap_err().to_string().contains("--server-pid"));
    }
}
