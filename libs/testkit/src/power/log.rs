//! A recording, read.

use std::path::{Path, PathBuf};

/// What was done to one file.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Created,
    Write {
        offset: u64,
        data: Vec<u8>,
    },
    /// Cut or extended to a length.
    Cut(u64),
    Removed,
    SyncBegan(u64),
    SyncEnded(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Where the record ends in the log.
    pub(super) end: u64,
    pub(super) path: PathBuf,
    pub(super) deed: Deed,
}

/// All that was recorded, in its order.
#[derive(Debug, Clone)]
pub struct Log {
    pub(super) records: Vec<Record>,
}

impl Log {
    /// Reads the records; one that a killed process had only begun is left out.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let (mut records, mut rest) = (Vec::new(), bytes);
        while let Some((deed, path, behind)) = record(rest) {
            rest = behind;
            let end = u64::try_from(bytes.len() - rest.len()).unwrap_or(u64::MAX);
            records.push(Record { end, path, deed });
        }
        Self { records }
    }

    /// Where the recording ends.
    pub fn end(&self) -> u64 {
        self.records.last().map_or(0, |record| record.end)
    }

    /// The same recording on a disk that does not keep what it promised when files that `is_deaf` picks were synced.
    #[must_use]
    pub fn without_syncs(&self, is_deaf: impl Fn(&Path) -> bool) -> Self {
        let is_sync = |record: &Record| matches!(record.deed, Deed::SyncBegan(_) | Deed::SyncEnded(_));
        let keeps = |record: &&Record| !(is_sync(record) && is_deaf(&record.path));
        Self { records: self.records.iter().filter(keeps).cloned().collect() }
    }

    /// When the last sync began that had ended by `position`, of a file that `is_it` picks.
    pub fn last_sync(&self, position: u64, is_it: impl Fn(&Path) -> bool) -> Option<u64> {
        let ended = self.records.iter().take_while(|record| record.end <= position).filter_map(|record| {
            let Deed::SyncEnded(id) = record.deed else { return None };
            is_it(&record.path).then_some(id)
        });
        let ended: Vec<u64> = ended.collect();
        let began = |record: &Record| matches!(&record.deed, Deed::SyncBegan(id) if ended.contains(id));
        self.records.iter().filter(|record| began(record)).map(|record| record.end).max()
    }
}

fn record(bytes: &[u8]) -> Option<(Deed, PathBuf, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (path_len, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (data_len, rest) = rest.split_first_chunk()?;
    let (path, rest) = rest.split_at_checked(u16::from_ne_bytes(*path_len).into())?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_ne_bytes(*data_len)).ok()?)?;
    let number = u64::from_ne_bytes(*number);
    let deed = match kind {
        b'C' => Deed::Created,
        b'W' => Deed::Write { offset: number, data: data.to_vec() },
        b'T' => Deed::Cut(number),
        b'U' => Deed::Removed,
        b'B' => Deed::SyncBegan(number),
        b'E' => Deed::SyncEnded(number),
        other => panic!("a record of kind {other}, which the recorder does not write"),
    };
    Some((deed, PathBuf::from(String::from_utf8_lossy(path).into_owned()), rest))
}
