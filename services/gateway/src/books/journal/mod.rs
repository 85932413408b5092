//! What attempts intend and how they ended, on disk before anybody is told: append-only segments that disappear once Billing has
//! all of their events.
//!
//! An append is in the page cache when it returns, so a killed process loses nothing; a group of appends is synced together, which
//! bounds what a power loss can take. A torn tail is cut off at the first frame whose checksum does not hold.
//!
//! Segments disappear oldest first, and an attempt that still runs is written again into each new one. So the outcome of an
//! attempt never disappears before its intent, and a long stream holds no old segment back.

mod frame;
mod replay;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kaleem_proto::billing::v1::UsageEvent;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Books;
use frame::{Kind, Progress, Released};
use replay::Replay;

const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Segments kept at most; more means that Billing has been away for long, and admission stops.
const SEGMENTS_MAX: usize = 128;
/// How long a group of appends gathers before it is synced.
const SYNC_GATHER: Duration = Duration::from_millis(20);

/// Where an event lies; given back when the event is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    segment: u64,
}

/// An open journal; dropped, it is synced.
pub struct Journal {
    folder: PathBuf,
    file: File,
    segment: u64,
    len: u64,
    dirty: bool,
    /// The segment could not be synced; what comes goes into a new one.
    distrusted: bool,
    /// Wakes who syncs.
    written: Arc<Notify>,
    /// Events of each segment that Billing does not have yet.
    outstanding: BTreeMap<u64, usize>,
    /// Attempts that run now, by event id.
    open: HashMap<String, Open>,
}

/// An attempt that runs now, as it is written into the next segment.
struct Open {
    intent: Vec<u8>,
    output: i64,
}

impl Journal {
    /// Opens `folder` and gives the events to post that a dead process left in it.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<(Ticket, UsageEvent)>)> {
        fs::create_dir_all(folder)?;
        let segments = segments(folder)?;
        let mut replay = Replay::default();
        for &segment in &segments {
            replay.read(&path_of(folder, segment), Ticket { segment })?;
        }
        let left = replay.events();
        let mut outstanding: BTreeMap<_, _> = segments.iter().map(|segment| (*segment, 0)).collect();
        for (ticket, _) in &left {
            *outstanding.entry(ticket.segment).or_default() += 1;
        }
        let segment = segments.last().map_or(0, |last| last + 1);
        outstanding.insert(segment, 0);
        let mut journal = Self {
            file: create(folder, segment)?,
            folder: folder.to_owned(),
            segment,
            len: 0,
            dirty: false,
            distrusted: false,
            written: Arc::default(),
            outstanding,
            open: HashMap::new(),
        };
        journal.remove_finished();
        Ok((journal, left))
    }

    /// Notes an attempt before it is dispatched: `event` as it is to be posted if nothing more becomes known.
    pub fn intend(&mut self, event: &UsageEvent) -> io::Result<()> {
        self.has_room()?;
        let intent = frame::encode(Kind::Intent, event)?;
        self.append(&intent)?;
        self.open.insert(event_id(event).to_owned(), Open { intent, output: 0 });
        Ok(())
    }

    /// Notes how far the stream of an attempt has come.
    pub fn progress(&mut self, event_id: &str, output_token_count: i64) -> io::Result<()> {
        let Some(open) = self.open.get_mut(event_id) else { return Ok(()) };
        if output_token_count <= open.output {
            return Ok(());
        }
        open.output = output_token_count;
        let progress = Progress { event_id: event_id.to_owned(), output_token_count };
        self.append(&frame::encode(Kind::Progress, &progress)?)
    }

    /// Notes how an attempt ended.
    pub fn finish(&mut self, event: &UsageEvent) -> io::Result<Ticket> {
        self.append(&frame::encode(Kind::Outcome, event)?)?;
        self.open.remove(event_id(event));
        *self.outstanding.entry(self.segment).or_default() += 1;
        Ok(Ticket { segment: self.segment })
    }

    /// Notes that there is nothing to post for an attempt; nothing is written for one that was never intended.
    pub fn release(&mut self, event_id: &str) -> io::Result<()> {
        if self.open.remove(event_id).is_none() {
            return Ok(());
        }
        self.append(&frame::encode(Kind::Released, &Released { event_id: event_id.to_owned() })?)
    }

    /// Notes that Billing has an event.
    pub fn acknowledge(&mut self, ticket: Ticket) {
        let Some(count) = self.outstanding.get_mut(&ticket.segment) else { return };
        *count = count.saturating_sub(1);
        if *count > 0 {
            return;
        }
        self.remove_finished();
        // The event may have been the last of an older segment, with others waiting in this one.
        let all_told = self.outstanding.len() == 1 && self.outstanding.get(&self.segment) == Some(&0);
        if all_told && self.open.is_empty() && self.len > 0 && self.file.set_len(0).is_ok() {
            self.len = 0;
        }
    }

    /// Whether an append would work now.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        self.has_room()?;
        if self.distrusted {
            self.rotate()?;
        }
        fail::fail_point!("gateway::journal::write", |_| Err(io::ErrorKind::StorageFull.into()));
        self.file.write_all(&[0])?;
        self.file.set_len(self.len)
    }

    /// Whether one more attempt may be noted. Those that were may end.
    fn has_room(&self) -> io::Result<()> {
        if self.outstanding.len() > SEGMENTS_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Notes that the segment could not be synced. A disk that failed once may say the next time that all is well.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.len >= SEGMENT_BYTES_MAX || self.distrusted {
            self.rotate()?;
        }
        self.write(frame)
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        fail::fail_point!("gateway::journal::write", |_| Err(io::ErrorKind::StorageFull.into()));
        if let Err(error) = self.file.write_all(frame) {
            // A half-written frame must not hide later ones.
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += frame.len() as u64;
        if !std::mem::replace(&mut self.dirty, true) {
            self.written.notify_one();
        }
        Ok(())
    }

    /// Goes on in a new segment, which begins with the attempts that still run.
    fn rotate(&mut self) -> io::Result<()> {
        sync(&self.file)?;
        self.file = create(&self.folder, self.segment + 1)?;
        self.segment += 1;
        self.len = 0;
        self.distrusted = false;
        self.outstanding.insert(self.segment, 0);
        let open = std::mem::take(&mut self.open);
        let written = open.iter().try_for_each(|(event_id, open)| {
            self.write(&open.intent)?;
            if open.output == 0 {
                return Ok(());
            }
            let progress = Progress { event_id: event_id.clone(), output_token_count: open.output };
            self.write(&frame::encode(Kind::Progress, &progress)?)
        });
        self.open = open;
        written?;
        self.remove_finished();
        Ok(())
    }

    /// Removes closed segments whose events Billing has all of, the oldest first and none out of turn.
    fn remove_finished(&mut self) {
        while let Some((&segment, 0)) = self.outstanding.first_key_value()
            && segment != self.segment
        {
            self.outstanding.remove(&segment);
            if let Err(error) = fs::remove_file(path_of(&self.folder, segment)) {
                tracing::warn!(%error, segment, "a finished journal segment was not removed; its events will be told again");
            }
        }
    }

    /// A handle to sync outside the lock, if anything was written since the last.
    fn take_dirty(&mut self) -> Option<File> {
        std::mem::take(&mut self.dirty).then(|| self.file.try_clone().ok()).flatten()
    }
}

impl Drop for Journal {
    /// Answers that ended during the drain are synced too.
    fn drop(&mut self) {
        if self.dirty
            && let Err(error) = self.file.sync_data()
        {
            tracing::error!(%error, "the usage journal cannot be synced");
        }
    }
}

/// Identity of the charge.
fn event_id(event: &UsageEvent) -> &str {
    event.reservation.as_ref().map_or("", |reservation| reservation.event_id.as_str())
}

fn path_of(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("usage-{segment:010}.log"))
}

/// Numbers of the segments in `folder`, ascending.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix("usage-")?.strip_suffix(".log")?.parse().ok());
        segments.extend::<Option<u64>>(number);
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Opened for appending, so that a truncated file goes on at its new end.
fn create(folder: &Path, segment: u64) -> io::Result<File> {
    OpenOptions::new().create_new(true).append(true).open(path_of(folder, segment))
}

fn sync(file: &File) -> io::Result<()> {
    fail::fail_point!("gateway::journal::sync", |_| Err(io::ErrorKind::Other.into()));
    file.sync_data()
}

/// Syncs what was written, in groups, until `stop`; what is written later is synced when the journal closes.
pub(super) async fn sync_forever(books: Books, stop: CancellationToken) -> io::Result<()> {
    let written = Arc::clone(&books.journal().written);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = written.notified() => tokio::time::sleep(SYNC_GATHER).await,
        }
        let dirty = books.journal().take_dirty();
        if let Some(file) = dirty {
            let synced = tokio::task::spawn_blocking(move || sync(&file)).await;
            if let Ok(Err(error)) = synced {
                tracing::error!(%error, "the usage journal cannot be synced; admission stops");
                books.distrust_journal();
            }
        }
    }
}

#[cfg(test)]
mod tests;
