//! The ledger a page at a time, for quota.
//!
//! A page an answer and not a stream: what is asked for and what is on its way are bounded by the request, a peer that died silently is
//! noticed by the call's deadline, and while the caller applies one page the next one gathers.

use std::time::Duration;

use kaleem_domain::Pico;
use kaleem_proto::billing::v1::{
    self as proto, CallChange, LedgerChange, PaymentChange, call_change::Counted, ledger_change::What,
};
use kaleem_rpc::convert;
use tokio::time::Instant;

use super::{Grpc, merchant_id, messages, tail::LOOK, wrong};
use crate::{
    Error,
    event::UsageEvent,
    store::{self, Movement, Page, StoredEvent},
};

const PAGE_DEFAULT: i64 = 256;
const PAGE_MAX: i64 = 1_024;
const WAIT_MAX: Duration = Duration::from_secs(30);

impl Grpc {
    /// The transactions after a position, as soon as there are any or the wait is over.
    pub(super) async fn follow(
        &self,
        request: proto::FollowLedgerRequest,
    ) -> Result<proto::FollowLedgerResponse, Error> {
        let size = match i64::from(request.page_size) {
            0 => PAGE_DEFAULT,
            size if (1..=PAGE_MAX).contains(&size) => size,
            _ => return Err(wrong("page_size", "0 to 1024")),
        };
        let wait = match &request.wait {
            None => Some(Duration::ZERO),
            Some(wait) => convert::from_duration(wait).filter(|wait| *wait <= WAIT_MAX),
        };
        let deadline = Instant::now() + wait.ok_or_else(|| wrong("wait", "0 to 30 seconds"))?;
        let _place = self.tails.try_acquire().map_err(|_| Error::TailsFull)?;
        let Some(after) = request.after_transaction else {
            let newest = self.store.changes(i64::MAX, 1).await?.newest;
            return Ok(proto::FollowLedgerResponse { changes: Vec::new(), transaction: newest });
        };
        if after < 0 {
            return Err(wrong("after_transaction", "0 or more"));
        }
        let page = self.next_page(after, size, deadline).await?;
        let transaction = page.changes.last().map_or(after, |change| change.transaction);
        let changes = page.changes.into_iter().map(message).filter_map(Result::transpose);
        Ok(proto::FollowLedgerResponse { changes: changes.collect::<Result<_, _>>()?, transaction })
    }

    async fn next_page(&self, after: i64, size: i64, deadline: Instant) -> Result<Page, Error> {
        let mut posted = self.store.posted();
        let stopping = self.supervisor.stopping();
        loop {
            // Marked as seen before the page is read, so that what is posted meanwhile is told.
            posted.mark_unchanged();
            let page = self.store.changes(after, size).await?;
            if after > page.newest && page.changes.is_empty() {
                return Err(Error::PositionUnknown { after, newest: page.newest });
            }
            let over = Instant::now() >= deadline || stopping.is_cancelled();
            if over || !page.changes.is_empty() {
                return Ok(page);
            }
            let look = deadline.min(Instant::now() + LOOK);
            tokio::select! {
                () = stopping.cancelled() => {}
                // Told, timed out, or the store is going: to look again is right each time.
                _ = tokio::time::timeout_at(look, posted.changed()) => {}
            }
        }
    }

    pub(super) async fn event(
        &self,
        request: proto::GetUsageEventRequest,
    ) -> Result<proto::GetUsageEventResponse, Error> {
        let merchant = merchant_id(&request.merchant_id)?.to_string();
        if UsageEvent::month_of(&request.event_id).is_none() {
            return Err(wrong("event_id", "a month, a slash, and a rest"));
        }
        let found = self.store.event(merchant, request.event_id.clone()).await?;
        let event = found.ok_or(Error::EventNotFound(request.event_id))?;
        let transaction = event.sequence;
        Ok(proto::GetUsageEventResponse { event: Some(messages::recorded_event(&event)), transaction })
    }
}

fn message(change: store::LedgerChange) -> Result<Option<LedgerChange>, Error> {
    let (merchant_id, what) = match change.what {
        Movement::Charged(event) => call(&event, |counted| (counted, Counted::default()))?,
        Movement::Reversed(event) => call(&event, |counted| (Counted::default(), counted))?,
        Movement::Paid { payment, paid_pico } => {
            let paid = PaymentChange {
                payment_id: payment.id,
                amount_pico_usd: payment.amount_pico,
                tops_up_month_cap: payment.tops_up,
                paid_pico_usd: i64::try_from(paid_pico).ok(),
            };
            (payment.merchant_id.to_string(), What::Payment(paid))
        }
        Movement::Other => return Ok(None),
    };
    Ok(Some(LedgerChange { transaction: change.transaction, merchant_id, what: Some(what) }))
}

/// The change of a call, with what counts now and before as `order` puts them.
fn call(
    stored: &StoredEvent,
    order: impl FnOnce(Counted) -> (Counted, Counted),
) -> Result<(String, What), Error> {
    let nano = |pico: i64| Pico::new(i128::from(pico)).ceil_nano().ok_or(Error::AmountOverflow);
    let counted = Counted {
        request_count: 1,
        token_count: stored.event.usage.total(),
        cost_nano_usd: nano(stored.sell_pico)?.0,
        upstream_cost_nano_usd: nano(stored.cost_pico)?.0,
    };
    let (now, before) = order(counted);
    let reservation = messages::reservation(&stored.event);
    let change = CallChange {
        reservation: Some(reservation),
        now: Some(now),
        before: Some(before),
        target: stored.event.target.clone(),
        upstream: stored.event.upstream.clone(),
    };
    Ok((stored.event.merchant_id.to_string(), What::Call(change)))
}
