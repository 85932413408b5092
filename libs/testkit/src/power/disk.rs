//! The files as a failure leaves them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use super::{
    Log,
    log::{Deed, Record},
};

/// What disks write whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What becomes of that for which nobody had waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is gone.
    Lost,
    /// Chance decides for each write whether it is there, gone or torn; the number repeats a case.
    Torn(u64),
}

/// The recorded files after a failure.
#[derive(Debug)]
pub struct Disk(BTreeMap<PathBuf, Option<Vec<u8>>>);

/// Whether a file was made or removed, as far as the disk has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Happened {
    #[default]
    Not,
    Perhaps,
    Surely,
}

impl Happened {
    fn decide(self, dice: &mut Dice) -> bool {
        match self {
            Self::Not => false,
            Self::Perhaps => dice.below(2) == 0,
            Self::Surely => true,
        }
    }

    fn promise(&mut self) {
        if *self == Self::Perhaps {
            *self = Self::Surely;
        }
    }
}

/// A file while the recording is followed.
#[derive(Default)]
struct File<'a> {
    synced: Vec<u8>,
    made: Happened,
    removed: Happened,
    unsynced: Vec<&'a Deed>,
    /// How much was unsynced when a sync began.
    syncing: HashMap<u64, usize>,
}

impl<'a> File<'a> {
    fn note(&mut self, deed: &'a Deed) {
        match deed {
            Deed::Created if self.removed != Happened::Not => {
                *self = Self { made: Happened::Perhaps, ..Self::default() };
            }
            Deed::Created if self.made == Happened::Not => self.made = Happened::Perhaps,
            Deed::Created => {}
            Deed::Write { .. } | Deed::Cut(_) => self.unsynced.push(deed),
            Deed::Removed => self.removed = Happened::Perhaps,
            Deed::SyncBegan(id) => {
                self.syncing.insert(*id, self.unsynced.len());
            }
            Deed::SyncEnded(id) => {
                let count = self.syncing.remove(id).unwrap_or_default();
                self.unsynced.drain(..count).for_each(|deed| apply(deed, &mut self.synced));
                self.syncing.values_mut().for_each(|later| *later = later.saturating_sub(count));
                self.made = Happened::Surely;
            }
        }
    }

    fn left(mut self, unsynced: Unsynced, dice: &mut Dice) -> Option<Vec<u8>> {
        match unsynced {
            Unsynced::Lost => {
                (self.made == Happened::Surely && self.removed == Happened::Not).then_some(self.synced)
            }
            Unsynced::Torn(_) => {
                let is_left = self.made.decide(dice) && !self.removed.decide(dice);
                self.unsynced.iter().for_each(|deed| apply_in_part(deed, &mut self.synced, dice));
                is_left.then_some(self.synced)
            }
        }
    }
}

fn apply(deed: &Deed, content: &mut Vec<u8>) {
    match deed {
        Deed::Write { offset, data } => write_at(content, *offset, data),
        Deed::Cut(len) => content.resize(in_memory(*len), 0),
        _ => {}
    }
}

/// Applies a deed with one chance in two, and of a write with another one only its first sectors.
fn apply_in_part(deed: &Deed, content: &mut Vec<u8>, dice: &mut Dice) {
    if dice.below(2) == 0 {
        return;
    }
    match deed {
        Deed::Write { offset, data } if dice.below(2) == 0 => {
            let sectors = dice.below(in_file(data.len()) / SECTOR_BYTES + 1);
            write_at(content, *offset, &data[..in_memory(sectors * SECTOR_BYTES).min(data.len())]);
        }
        whole => apply(whole, content),
    }
}

fn write_at(content: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let from = in_memory(offset);
    let until = from + data.len();
    if content.len() < until {
        content.resize(until, 0);
    }
    content[from..until].copy_from_slice(data);
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("a test's file fits into memory")
}

fn in_file(len: usize) -> u64 {
    u64::try_from(len).expect("a length fits")
}

/// A fixed sequence of numbers, so that a case can be run again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Log {
    /// The files if the power fails when the recording has come to `position`.
    pub fn disk_at(&self, position: u64, unsynced: Unsynced) -> Disk {
        let mut files: BTreeMap<&Path, File<'_>> =
            self.records.iter().map(|record| (record.path.as_path(), File::default())).collect();
        for record in self.records.iter().take_while(|record| record.end <= position) {
            if let Some(file) = files.get_mut(record.path.as_path()) {
                file.note(&record.deed);
            }
            if matches!(record.deed, Deed::SyncEnded(_)) {
                names_are_synced(&mut files, record);
            }
        }
        let mut dice = Dice(if let Unsynced::Torn(seed) = unsynced { seed } else { 0 });
        // A folder has no content of its own here.
        let files = files.into_iter().filter(|(path, _)| !path.is_dir());
        Disk(files.map(|(path, file)| (path.to_owned(), file.left(unsynced, &mut dice))).collect())
    }
}

/// A folder that was synced is certain of which files it has, not of what they hold.
fn names_are_synced(files: &mut BTreeMap<&Path, File<'_>>, folder: &Record) {
    for (_, file) in files.iter_mut().filter(|(path, _)| path.parent() == Some(&folder.path)) {
        file.made.promise();
        file.removed.promise();
    }
}

impl Disk {
    /// Puts the files back as they are after the failure, in place of what is there.
    pub fn restore(&self) {
        for (path, content) in &self.0 {
            match content {
                Some(content) => fs::write(path, content).expect("a file is put back"),
                None if path.exists() => fs::remove_file(path).expect("a file is taken away"),
                None => {}
            }
        }
    }
}
