//! Settled calls that the ledger is not known to have: billing is told of them with what their settle carried.

use kaleem_domain::Timestamp;
use kaleem_proto::billing::v1::UsageEvent;
use prost::Message as _;

use super::Registry;
use crate::{
    Error,
    clients::Told,
    machine::{Acknowledge, MerchantState, TOMBSTONE_LIFE_MS, event_id},
    shared::About,
    store::Untold,
};

/// Where a round of telling goes on. A round looks at each call once, so that one that billing rejects holds up no other.
#[derive(Debug, Default)]
pub(crate) struct Round {
    from: Option<Timestamp>,
}

impl Registry {
    /// Tells billing of the next calls that settled long enough ago without being confirmed; says whether there are more. The
    /// ledger confirms what it records as it does everything, and a gateway that tells of the same later is a repetition.
    pub(crate) async fn tell(&self, round: &mut Round) -> Result<bool, Error> {
        // One process tells for all of them, as one follows for all.
        if !self.following.leads() {
            return Ok(false);
        }
        let follow = &self.config.follow;
        let now = self.clock.now();
        let from = round.from.unwrap_or_else(|| now.plus_millis(-TOMBSTONE_LIFE_MS));
        let max = follow.push_batch_max;
        let untold = self.keeper.untold(&self.store, from, now.minus(follow.push_after.get()), max).await?;
        if !untold.is_empty() {
            self.tell_of(&untold).await?;
        }
        let is_full = u32::try_from(untold.len()).is_ok_and(|len| len == max);
        // A millisecond with more calls than a page is left behind, or the round would never end.
        let next = untold.last().map(|last| last.ended_at.max(from.plus_millis(1)));
        round.from = next.filter(|_| is_full);
        Ok(is_full)
    }

    async fn tell_of(&self, untold: &[Untold]) -> Result<(), Error> {
        let count = |outcome, count: usize| {
            metrics::counter!("kaleem_quota_pushed_total", "outcome" => outcome).increment(count as u64);
        };
        let (mut calls, mut events) = (Vec::new(), Vec::new());
        for call in untold {
            if let Some(event) = usage_event(call) {
                calls.push(call);
                events.push(event);
            }
        }
        count("unreadable", untold.len() - calls.len());
        if events.is_empty() {
            return Ok(());
        }
        let told = self.billing.record(events).await.inspect_err(|_| count("failed", calls.len()))?;
        for (call, told) in calls.into_iter().zip(told) {
            let event_id = event_id(call.month, call.key);
            match told {
                Told::Recorded => {
                    count("recorded", 1);
                    tracing::warn!(merchant = %call.merchant, event_id, "a settled call that nobody had recorded is in the ledger now");
                }
                Told::Known => {
                    count("known", 1);
                    self.note_known(call, event_id).await?;
                }
                Told::Rejected => {
                    count("rejected", 1);
                    tracing::error!(merchant = %call.merchant, event_id, "billing rejects a settled call; it is told of it again");
                }
            }
        }
        Ok(())
    }

    /// The ledger has the call. If the transaction that charged it is still to come, it will confirm the call; if not, it came before
    /// quota followed the ledger, or while the call was unknown here.
    async fn note_known(&self, call: &Untold, event_id: String) -> Result<(), Error> {
        let Some(charged) = self.billing.charge(&call.merchant, event_id).await? else { return Ok(()) };
        let Some(position) = self.following.position() else { return Ok(()) };
        if charged > position.transaction {
            return Ok(());
        }
        let twice = charged > position.baseline;
        let command = Acknowledge { key: call.key, twice };
        self.recall(&call.merchant, call.key).await?;
        let acknowledge =
            move |state: &mut MerchantState, now, changes: &mut _| state.acknowledge(command, now, changes);
        self.change(&call.merchant, About::ended(call.key), acknowledge).await
    }
}

/// The usage event of a call, if it is one and of this call.
fn usage_event(call: &Untold) -> Option<UsageEvent> {
    let event = UsageEvent::decode(call.usage_event.as_slice()).ok()?;
    let reservation = event.reservation.as_ref()?;
    let is_of_call = reservation.merchant_id == call.merchant.as_str()
        && reservation.event_id == event_id(call.month, call.key);
    is_of_call.then_some(event)
}
