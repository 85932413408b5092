//! Policies as a stream: those in force, then each as it changes, and all again whose windows are new.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::Stream;
use kaleem_domain::{MerchantId, Timestamp};

use super::Registry;
use crate::{
    Error,
    machine::{Amount, Calendar, MerchantRecord, Policy, Refusal, Windows},
    store::StoredPolicy,
    watch::{PAGE, Reader},
};

/// How often news is looked for, whoever made it: a change is told within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Merchants in the news that one look asks accounts for.
const RENEWED_MAX: usize = 64;

/// A policy in force.
#[derive(Debug, Clone)]
pub struct PolicyInForce {
    /// Merchant, or account of an upstream project.
    pub merchant: MerchantId,
    /// Policy.
    pub policy: Policy,
    /// Version, which rises with each change.
    pub version: i64,
    /// IANA zone of the windows.
    pub time_zone: String,
    /// The windows that are open.
    pub windows: Windows,
    /// What top-ups add to the caps of the month.
    pub extra: Amount,
    /// It was in force when the stream was opened.
    pub initial: bool,
}

struct Policies {
    registry: Arc<Registry>,
    merchant: Option<MerchantId>,
    /// Number of the last change that was read.
    cursor: i64,
    /// Number of the last change before the stream was opened.
    opened_at: i64,
    ready: VecDeque<PolicyInForce>,
    turn: Turn,
}

/// Where the look for new windows stands. It goes over all policies that were told, a page at a time, when the first of their days ends.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// The windows of this instant were told.
    told_at: Timestamp,
    /// The first end of a window that was told.
    next_end: Timestamp,
    /// Number of the last policy that a look under way has seen, and the instant whose windows it tells.
    under_way: Option<(i64, Timestamp)>,
}

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl Registry {
    /// Policies in force now and as they change, of one account or of all merchants that quota has met. Of a merchant that changes
    /// faster than its watcher reads, the last state is told.
    pub(crate) async fn watch_policies(
        self: Arc<Self>,
        merchant: Option<MerchantId>,
    ) -> Result<impl Stream<Item = Result<PolicyInForce, Error>> + Send + use<>, Error> {
        let place = self.policy_places.take()?;
        let opened_at = self.store.last_policy().await?;
        let turn = Turn { told_at: self.clock.now(), next_end: NEVER, under_way: None };
        let ready = VecDeque::new();
        Ok(place.stream(Policies { registry: self, merchant, cursor: 0, opened_at, ready, turn }))
    }

    /// Asks accounts for merchants in memory that are in the news, a few at a time, so that their policies change now and not with
    /// their next call. What fails is tried again by the next look, and by the next call.
    async fn renew_those_in_the_news(&self) -> Result<(), Error> {
        let mut stale = Vec::new();
        for shard in self.shards.iter() {
            let mut slots = shard.lock()?;
            let in_news = slots.iter_mut().filter(|(_, slot)| slot.freshness.stale);
            stale.extend(in_news.map(|(merchant, _)| merchant.clone()));
        }
        for merchant in stale.iter().take(RENEWED_MAX) {
            if let Err(error) = self.refresh(merchant).await {
                tracing::debug!(%merchant, %error, "a policy that changed is not known yet");
            }
        }
        Ok(())
    }
}

impl Policies {
    /// Fills `ready` with the next page of changes; where there are none, of new windows.
    async fn look(&mut self) -> Result<(), Error> {
        let page = self.page_after(self.cursor).await?;
        let now = self.registry.clock.now();
        for stored in &page {
            self.cursor = stored.sequence;
            let told = self.in_force(stored, now)?;
            self.ready.push_back(told);
        }
        if self.ready.is_empty() { self.turn(now).await } else { Ok(()) }
    }

    /// Looks through a page of the policies that were told for those whose windows are others by now.
    async fn turn(&mut self, now: Timestamp) -> Result<(), Error> {
        let (seen, to) = match self.turn.under_way {
            Some(under_way) => under_way,
            None if now < self.turn.next_end => return Ok(()),
            None => {
                self.turn.next_end = NEVER;
                (0, now)
            }
        };
        let page = self.page_after(seen).await?;
        let from = self.turn.told_at;
        for stored in &page {
            let told = self.in_force(stored, to)?;
            if stored.sequence <= self.cursor && windows(&stored.record, from)? != told.windows {
                self.ready.push_back(PolicyInForce { initial: false, ..told });
            }
        }
        self.turn.under_way =
            page.last().filter(|_| page.len() >= PAGE as usize).map(|last| (last.sequence, to));
        if self.turn.under_way.is_none() {
            self.turn.told_at = to;
        }
        Ok(())
    }

    async fn page_after(&self, sequence: i64) -> Result<Vec<StoredPolicy>, Error> {
        self.registry.store.policies_after(sequence, self.merchant.as_ref(), PAGE).await
    }

    fn in_force(&mut self, stored: &StoredPolicy, at: Timestamp) -> Result<PolicyInForce, Error> {
        let record = &stored.record;
        let windows = windows(record, at)?;
        self.turn.next_end = self.turn.next_end.min(windows.day.end);
        let is_next = |era: &&crate::machine::Era| era.from <= at;
        let era = record.next_era.as_ref().filter(is_next).unwrap_or(&record.era);
        Ok(PolicyInForce {
            merchant: stored.merchant.clone(),
            policy: record.profile.policy.clone(),
            version: record.policy_version,
            time_zone: era.zone.clone(),
            windows,
            extra: stored.extra(windows.month.id),
            initial: stored.sequence <= self.opened_at,
        })
    }
}

fn windows(record: &MerchantRecord, at: Timestamp) -> Result<Windows, Error> {
    let calendar = Calendar::restore(record.era.clone(), record.next_era.clone(), at);
    Ok(calendar.map_err(Refusal::from)?.windows())
}

impl Reader for Policies {
    type Item = PolicyInForce;

    async fn next(&mut self) -> Result<Option<PolicyInForce>, Error> {
        loop {
            if let Some(policy) = self.ready.pop_front() {
                return Ok(Some(policy));
            }
            self.look().await?;
            if self.ready.is_empty() && self.turn.under_way.is_none() {
                tokio::time::sleep(LOOK_EVERY).await;
                self.registry.renew_those_in_the_news().await?;
            }
        }
    }
}
