//! Outcomes on disk before they are told: append-only segments that disappear once Billing has all of their events.
//!
//! An append is in the page cache when it returns, so a killed process loses nothing; the file is synced every 100 ms, which
//! bounds what a power loss can take. A torn tail is cut off at the first frame whose checksum does not hold.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use kaleem_proto::billing::v1::UsageEvent;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::Books;

const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Segments kept at most; more means that Billing has been away for long, and admission stops.
const SEGMENTS_MAX: usize = 128;
const HEADER_LEN: usize = 8;
const FRAME_BYTES_MAX: usize = 64 * 1024;
const SYNC_INTERVAL: Duration = Duration::from_millis(100);

/// Where an event lies; given back when the event is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    segment: u64,
}

pub(super) struct Journal {
    folder: PathBuf,
    file: File,
    segment: u64,
    len: u64,
    dirty: bool,
    /// Events of each segment that Billing does not have yet.
    outstanding: BTreeMap<u64, usize>,
}

impl Journal {
    /// Opens `folder` and reads what is left in it.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<(Ticket, UsageEvent)>)> {
        fs::create_dir_all(folder)?;
        let mut segments = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number: Option<u64> = name
                .to_str()
                .and_then(|name| name.strip_prefix("outcomes-")?.strip_suffix(".log")?.parse().ok());
            segments.extend(number);
        }
        segments.sort_unstable();
        let mut left = Vec::new();
        let mut outstanding = BTreeMap::new();
        for segment in &segments {
            let events = read_segment(&path_of(folder, *segment))?;
            if events.is_empty() {
                fs::remove_file(path_of(folder, *segment))?;
                continue;
            }
            outstanding.insert(*segment, events.len());
            left.extend(events.into_iter().map(|event| (Ticket { segment: *segment }, event)));
        }
        let segment = segments.last().map_or(0, |last| last + 1);
        let file = create(folder, segment)?;
        outstanding.insert(segment, 0);
        Ok((Self { folder: folder.to_owned(), file, segment, len: 0, dirty: false, outstanding }, left))
    }

    /// Writes one event.
    pub(super) fn append(&mut self, event: &UsageEvent) -> io::Result<Ticket> {
        if self.len >= SEGMENT_BYTES_MAX {
            self.rotate()?;
        }
        let mut frame = vec![0; HEADER_LEN];
        event.encode(&mut frame).map_err(io::Error::other)?;
        let body = &frame[HEADER_LEN..];
        let (len, checksum) = (u32::try_from(body.len()).map_err(io::Error::other)?, crc32fast::hash(body));
        frame[..4].copy_from_slice(&len.to_le_bytes());
        frame[4..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
        if let Err(error) = self.file.write_all(&frame) {
            // A half-written frame must not hide later ones.
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += frame.len() as u64;
        self.dirty = true;
        *self.outstanding.entry(self.segment).or_default() += 1;
        Ok(Ticket { segment: self.segment })
    }

    /// Notes that Billing has an event; a closed segment without others is removed.
    pub(super) fn acknowledge(&mut self, ticket: Ticket) {
        let Some(count) = self.outstanding.get_mut(&ticket.segment) else { return };
        *count = count.saturating_sub(1);
        if *count > 0 {
            return;
        }
        if ticket.segment != self.segment {
            self.outstanding.remove(&ticket.segment);
            self.remove(ticket.segment);
        } else if self.len > 0 && self.file.set_len(0).is_ok() {
            self.len = 0;
        }
    }

    /// Whether an append would work now.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        if self.outstanding.len() > SEGMENTS_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all(&[0])?;
        self.file.set_len(self.len)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let closed = self.segment;
        self.file = create(&self.folder, closed + 1)?;
        self.segment = closed + 1;
        self.len = 0;
        self.outstanding.insert(self.segment, 0);
        if self.outstanding.get(&closed) == Some(&0) {
            self.outstanding.remove(&closed);
            self.remove(closed);
        }
        Ok(())
    }

    fn remove(&self, segment: u64) {
        if let Err(error) = fs::remove_file(path_of(&self.folder, segment)) {
            tracing::warn!(%error, segment, "a finished journal segment was not removed; its events will be told again");
        }
    }

    /// A handle to sync outside the lock, if anything was written since the last.
    fn take_dirty(&mut self) -> Option<File> {
        std::mem::take(&mut self.dirty).then(|| self.file.try_clone().ok()).flatten()
    }
}

fn path_of(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("outcomes-{segment:010}.log"))
}

/// Opened for appending, so that a truncated file goes on at its new end.
fn create(folder: &Path, segment: u64) -> io::Result<File> {
    OpenOptions::new().create_new(true).append(true).open(path_of(folder, segment))
}

fn read_segment(path: &Path) -> io::Result<Vec<UsageEvent>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(2 * SEGMENT_BYTES_MAX).read_to_end(&mut bytes)?;
    let mut rest = &bytes[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let Some((event, after)) = read_frame(rest) else {
            tracing::warn!(file = %path.display(), bytes = rest.len(), "the journal's torn tail is cut off");
            break;
        };
        events.push(event);
        rest = after;
    }
    Ok(events)
}

fn read_frame(bytes: &[u8]) -> Option<(UsageEvent, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| *len <= FRAME_BYTES_MAX)?;
    let (body, after) = rest.split_at_checked(len)?;
    (crc32fast::hash(body) == u32::from_le_bytes(*checksum)).then_some(())?;
    Some((UsageEvent::decode(body).ok()?, after))
}

/// Syncs the journal until `stop`, and once more then.
pub(super) async fn sync_forever(books: Books, stop: CancellationToken) -> io::Result<()> {
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            () = stop.cancelled() => stopping = true,
            () = tokio::time::sleep(SYNC_INTERVAL) => {}
        }
        let dirty = books.journal().take_dirty();
        if let Some(file) = dirty {
            let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
            if let Ok(Err(error)) = synced {
                tracing::error!(%error, "the usage journal cannot be synced");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> UsageEvent {
        UsageEvent { key_id: id.into(), ..UsageEvent::default() }
    }

    fn ids(left: &[(Ticket, UsageEvent)]) -> Vec<&str> {
        left.iter().map(|(_, event)| event.key_id.as_str()).collect()
    }

    #[test]
    fn what_was_not_acknowledged_is_left_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, left) = Journal::open(folder.path()).unwrap();
        assert!(left.is_empty());
        let first = journal.append(&event("a")).unwrap();
        journal.append(&event("b")).unwrap();
        journal.acknowledge(first);
        drop(journal);
        let (mut journal, left) = Journal::open(folder.path()).unwrap();
        // An acknowledged event of an open segment is told again: both peers know repetitions.
        assert_eq!(ids(&left), ["a", "b"]);
        for (ticket, _) in &left {
            journal.acknowledge(*ticket);
        }
        drop(journal);
        assert!(Journal::open(folder.path()).unwrap().1.is_empty());
    }

    #[test]
    fn a_torn_tail_loses_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        journal.append(&event("whole")).unwrap();
        journal.append(&event("torn")).unwrap();
        let file = path_of(folder.path(), journal.segment);
        let len = fs::metadata(&file).unwrap().len();
        drop(journal);
        OpenOptions::new().write(true).open(&file).unwrap().set_len(len - 1).unwrap();
        assert_eq!(ids(&Journal::open(folder.path()).unwrap().1), ["whole"]);
    }

    #[test]
    fn an_empty_open_segment_starts_over() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        for round in 0..3 {
            let ticket = journal.append(&event("a")).unwrap();
            journal.acknowledge(ticket);
            assert_eq!(journal.len, 0, "round {round}");
        }
    }
}
