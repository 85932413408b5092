//! Recording groups of events one beside the other.
//!
//! One writer at a time leaves the server idle while its commit goes to disk, and its clients while it inserts. So groups form runs. One
//! transaction, the owner of a run, holds the lock that keeps every other writer out, and under it groups are numbered one after the other.
//! Each is then written by a transaction of its own, beside others', and committed after the one before it. A group that is not committed
//! breaks its run: those after it have numbers that would leave a gap, so they are taken back, and their events are recorded alone.
//!
//! Should the owner's connection die, another process could begin where the run ends. Both would use one number, which is a primary key:
//! one of them fails and nothing is written twice.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use kaleem_domain::Timestamp;
use sqlx::PgPool;
use tokio::sync::{Mutex, oneshot};

use super::{LOCK, Open};
use crate::{
    chain::Link,
    rating::RatedEvent,
    store::{
        Error, Recorded,
        posting::{Heads, Numbered, Posting, number},
        recording::{self, Held},
        sql::{
            ledger::{insert, is_repetition, move_heads, next, read_heads},
            session::Writing as _,
        },
    },
};

/// Groups that are written at once.
pub const AT_ONCE: u32 = 2;
/// Groups of a run. Other writers wait for the end of a run.
const GROUPS_MAX: usize = 8;
/// Starts the transaction of a group, which is numbered already.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// Writes groups of events.
pub struct Pipeline {
    owners: PgPool,
    groups: PgPool,
    /// The newest run, over when nobody holds it.
    run: Mutex<Weak<Run>>,
}

/// Groups under one lock.
struct Run {
    end: Mutex<End>,
    /// A group was not committed.
    broken: AtomicBool,
}

/// Where the next group of a run begins.
struct End {
    owner: Open,
    /// Numbers of its first transaction and entry.
    next: (i64, i64),
    /// Ends of the chains that the run made longer.
    heads: HashMap<String, (i64, Link)>,
    /// Hashes of the merchant and id of its events.
    events: HashSet<u64>,
    hasher: RandomState,
    /// Ready when the newest group is committed.
    committed: Option<oneshot::Receiver<()>>,
    groups: usize,
}

/// Whether a run takes a group.
enum Entry<'a> {
    Group(Box<Group<'a>>),
    /// An earlier group of the run has one of its events. Beside that group it would wait for it in the server, and perhaps
    /// that one for it.
    Known,
    /// It has no room.
    Full,
}

/// A numbered group.
struct Group<'a> {
    run: Arc<Run>,
    numbered: Vec<Numbered<'a>>,
    heads: Heads<'a>,
    /// Of the group before it.
    before: Option<oneshot::Receiver<()>>,
    /// Of this one.
    committed: Option<oneshot::Sender<()>>,
}

impl Pipeline {
    /// Over connections for the owners of runs and for groups.
    pub fn new(owners: PgPool, groups: PgPool) -> Self {
        Self { owners, groups, run: Mutex::default() }
    }

    /// Records events that are taken to be new; `None` if one was known, or the run broke, and then nothing was recorded.
    pub async fn record(
        &self,
        events: &[RatedEvent],
        now: Timestamp,
    ) -> Result<Option<Vec<Recorded>>, Error> {
        let (outcomes, new) = recording::sort(events, &Held::new());
        let postings: Vec<_> = new.into_iter().map(Posting::usage).collect();
        let Some(mut group) = self.enter(&postings, now).await? else { return Ok(None) };
        let committed = self.commit(&mut group, now).await;
        group.end(matches!(committed, Ok(true))).await;
        Ok(committed?.then_some(outcomes))
    }

    /// Writes a group and commits it after the one before it; false if it was taken back.
    async fn commit(&self, group: &mut Group<'_>, now: Timestamp) -> Result<bool, Error> {
        let mut writing = Open::begin(&self.groups, BEGIN).await?;
        match insert(&mut *writing, &group.numbered, now).await {
            Err(error) if is_repetition(&error) => return writing.take_back().await.map(|()| false),
            inserted => inserted?,
        }
        if !group.is_next().await {
            return writing.take_back().await.map(|()| false);
        }
        move_heads(&mut *writing, &group.heads).await?;
        fail::fail_point!("billing::record::inside");
        writing.commit().await?;
        Ok(true)
    }

    /// Numbers a group, in the run that is on or in one that begins when every other writer is done; `None` if one of its events is
    /// known.
    async fn enter<'a>(
        &self,
        postings: &'a [Posting<'a>],
        now: Timestamp,
    ) -> Result<Option<Box<Group<'a>>>, Error> {
        let mut newest = self.run.lock().await;
        let mut entry = match newest.upgrade() {
            Some(run) => run.take(postings, now).await?,
            None => Entry::Full,
        };
        if let Entry::Full = entry {
            let run = Run::begin(&self.owners).await?;
            *newest = Arc::downgrade(&run);
            entry = run.take(postings, now).await?;
        }
        match entry {
            Entry::Group(group) => Ok(Some(group)),
            Entry::Known | Entry::Full => Ok(None),
        }
    }
}

impl Run {
    async fn begin(owners: &PgPool) -> Result<Arc<Self>, Error> {
        let mut owner = Open::begin(owners, LOCK).await?;
        let next = next(&mut *owner).await?;
        let (heads, events, hasher) = Default::default();
        let end = End { owner, next, heads, events, hasher, committed: None, groups: 0 };
        Ok(Arc::new(Self { end: Mutex::new(end), broken: AtomicBool::new(false) }))
    }

    /// Adds a group. A run that cannot be read on takes no other.
    async fn take<'a>(
        self: Arc<Self>,
        postings: &'a [Posting<'a>],
        now: Timestamp,
    ) -> Result<Entry<'a>, Error> {
        let taken = Arc::clone(&self).number(postings, now).await;
        taken.inspect_err(|_| self.broken.store(true, Ordering::Release))
    }

    async fn number<'a>(
        self: Arc<Self>,
        postings: &'a [Posting<'a>],
        now: Timestamp,
    ) -> Result<Entry<'a>, Error> {
        let mut guard = self.end.lock().await;
        let end = &mut *guard;
        if end.groups == GROUPS_MAX || self.broken.load(Ordering::Acquire) {
            return Ok(Entry::Full);
        }
        let events: Vec<u64> =
            postings.iter().map(|posting| end.hasher.hash_one(posting.identity())).collect();
        if events.iter().any(|event| end.events.contains(event)) {
            return Ok(Entry::Known);
        }
        let known = |posting: &Posting<'a>| Some((posting.merchant, *end.heads.get(posting.merchant)?));
        let mut heads: Heads<'a> = postings.iter().filter_map(known).collect();
        read_heads(&mut *end.owner, postings, &mut heads).await?;
        let numbered = number(postings, &mut end.next, &mut heads, now)?;
        end.heads.extend(heads.iter().map(|(merchant, head)| ((*merchant).to_owned(), *head)));
        end.events.extend(events);
        end.groups += 1;
        let (committed, after) = oneshot::channel();
        let before = end.committed.replace(after);
        drop(guard);
        let group = Group { run: self, numbered, heads, before, committed: Some(committed) };
        Ok(Entry::Group(Box::new(group)))
    }
}

impl Group<'_> {
    /// Waits for the group before this one; false if it was not committed.
    async fn is_next(&mut self) -> bool {
        match self.before.take() {
            Some(before) => before.await.is_ok(),
            None => true,
        }
    }

    /// Lets the next group commit if this one was, and other writers in if it was the last.
    async fn end(mut self, committed: bool) {
        if committed && let Some(committed) = self.committed.take() {
            // Nobody listens where no group follows.
            let _ = committed.send(());
        }
        let run = Arc::clone(&self.run);
        drop(self);
        if let Some(run) = Arc::into_inner(run)
            && let Err(error) = run.end.into_inner().owner.commit().await
        {
            tracing::debug!(%error, "a run of recordings ended with its connection");
        }
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.committed.is_some() {
            self.run.broken.store(true, Ordering::Release);
        }
    }
}
