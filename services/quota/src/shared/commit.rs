//! One round: run what waits on the copy, commit it, and if others were faster, read the copy again.

use kaleem_domain::MerchantId;

use super::{
    Inner,
    job::Job,
    keep::{Commit, Committed},
    line::{Line, Stamp},
};
use crate::{
    Error,
    machine::{Change, Key, MerchantState},
    shard::{Slot, Slots},
    store::{Batch, Entry, UsageEvent},
};

/// What a run of commands leaves to be committed.
struct Run {
    seen: Option<Stamp>,
    next: Stamp,
    /// Rows that come before those of the commands.
    base: Vec<Change>,
    changes: Vec<Change>,
    events: Vec<UsageEvent>,
    /// Reservations that must not have ended before.
    opened: Vec<Key>,
}

impl Inner {
    /// Runs `jobs` until a run of all of them is committed.
    pub(super) async fn run_jobs(
        &self,
        merchant: &MerchantId,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<(), Error> {
        let ended: Vec<Key> = jobs.iter().filter_map(|job| job.about().ended).collect();
        let mut looked_up = None;
        for tried in 0..self.tries_max {
            if self.must_look(merchant, &ended, looked_up.as_ref())? {
                let found = self.keep.load(merchant, &ended).await?;
                self.meet(merchant, found, &ended).await?;
            }
            let run = self.run_once(merchant, jobs)?;
            let committed = self.commit(merchant, &run, &ended).await;
            match committed {
                Ok(Committed::Done) => return self.note_done(merchant, run, jobs.len(), tried),
                Ok(Committed::Differs(found)) => {
                    self.doubt(merchant, run)?;
                    looked_up = found.as_ref().map(|found| found.stamp.clone());
                    self.meet(merchant, found.map(|found| *found), &ended).await?;
                }
                Err(error) => {
                    self.doubt(merchant, run)?;
                    return Err(error);
                }
            }
        }
        Err(Error::StoreUnavailable("other processes change this merchant all the time; try again"))
    }

    /// Whether the copy may be wrong, or does not know how a reservation ended that a command names.
    fn must_look(
        &self,
        merchant: &MerchantId,
        ended: &[Key],
        looked_up: Option<&Stamp>,
    ) -> Result<bool, Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let (state, line) = copy(&mut slots, merchant)?;
        let knows_all = || ended.iter().all(|key| state.knows(*key));
        let has_looked = line.stamp.is_none() || line.stamp.as_ref() == looked_up;
        Ok(!line.is_fit || !(has_looked || knows_all()))
    }

    fn run_once(&self, merchant: &MerchantId, jobs: &mut [Box<dyn Job>]) -> Result<Run, Error> {
        let now = self.clock.now();
        let mut slots = self.shards.of(merchant).lock()?;
        let (state, line) = copy(&mut slots, merchant)?;
        let (mut changes, mut events, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            // Also where a cap refuses it: that it ended before is what the caller must be told.
            opened.extend(job.about().opens.filter(|key| !state.knows(*key)));
            if job.run(state, now, &mut changes) {
                events.extend(job.about().event.clone());
            }
        }
        Ok(Run {
            seen: line.stamp.clone(),
            next: line.next(),
            base: line.base.clone(),
            changes,
            events,
            opened,
        })
    }

    async fn commit(&self, merchant: &MerchantId, run: &Run, ended: &[Key]) -> Result<Committed, Error> {
        fail::fail_point!("quota::commit::before");
        let committed = self.write(merchant, run, ended).await;
        fail::fail_point!("quota::commit::after");
        committed
    }

    async fn write(&self, merchant: &MerchantId, run: &Run, ended: &[Key]) -> Result<Committed, Error> {
        let all = || run.base.iter().chain(&run.changes);
        let commit = Commit {
            merchant,
            seen: run.seen.as_ref(),
            next: &run.next,
            batch: batch(merchant, all().cloned().collect(), &run.events),
            opened: &run.opened,
            ended,
            now: self.clock.now(),
        };
        if self.keep.is_durable() {
            return self.keep.commit(&commit).await;
        }
        let durable: Vec<_> = all().filter(|change| outlives(change, &run.changes)).cloned().collect();
        if !durable.is_empty() {
            // Compared first, so that a copy that is behind leaves nothing in the durable store.
            let same = self.keep.compare(&commit).await?;
            if !matches!(same, Committed::Done) {
                return Ok(same);
            }
            self.durable.commit(&batch(merchant, durable, &[])).await?;
        }
        self.keep.commit(&commit).await
    }

    fn note_done(&self, merchant: &MerchantId, run: Run, commands: usize, tried: u32) -> Result<(), Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let (_, line) = copy(&mut slots, merchant)?;
        let alerts = || run.base.iter().chain(&run.changes).filter_map(told);
        if !run.base.is_empty() || !run.changes.is_empty() {
            line.settle_at(run.next);
        }
        drop(slots);
        self.report_use();
        metrics::histogram!("kaleem_quota_commit_commands").record(commands as f64);
        metrics::counter!("kaleem_quota_commit_conflicts_total").increment(u64::from(tried));
        for alert in alerts() {
            metrics::counter!("kaleem_quota_alerts_total", "dimension" => alert.dimension.name())
                .increment(1);
        }
        if alerts().next().is_some() {
            self.alerted.send_modify(|commits| *commits += 1);
        }
        Ok(())
    }

    /// The copy is ahead of what is known to be stored.
    fn doubt(&self, merchant: &MerchantId, run: Run) -> Result<(), Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let (_, line) = copy(&mut slots, merchant)?;
        line.is_fit = false;
        line.untold.extend(run.changes.into_iter().filter(|change| matches!(change, Change::Alert(_))));
        Ok(())
    }
}

/// The copy of `merchant`, which stays in memory while somebody works on it.
pub(super) fn copy<'a>(
    slots: &'a mut Slots,
    merchant: &MerchantId,
) -> Result<(&'a mut MerchantState, &'a mut Line), Error> {
    let Some(Slot { state, line: Some(line), .. }) = slots.get(merchant) else {
        return Err(Error::StoreUnavailable("too many merchants call at once"));
    };
    Ok((state, line))
}

fn batch(merchant: &MerchantId, changes: Vec<Change>, events: &[UsageEvent]) -> Batch {
    let mut batch = Batch::default();
    batch.add(Entry { merchant: merchant.clone(), changes, usage_event: None });
    for event in events {
        batch.keep_event(merchant, event.clone());
    }
    batch
}

/// Whether a row must survive the loss of a store in memory. The counter that a top-up raised goes with it.
fn outlives(change: &Change, changes: &[Change]) -> bool {
    match change {
        Change::Merchant(_)
        | Change::TopUp(_)
        | Change::Marks(_)
        | Change::MarksDropped(_)
        | Change::Alert(_) => true,
        Change::Counter(counter) => {
            changes.iter().any(|other| matches!(other, Change::TopUp(top_up) if top_up.month == counter.id))
        }
        _ => false,
    }
}

fn told(change: &Change) -> Option<&crate::machine::Alert> {
    match change {
        Change::Alert(alert) if alert.superseded_by.is_none() => Some(alert),
        _ => None,
    }
}
