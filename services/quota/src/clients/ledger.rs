//! Billing as the ledger that quota follows: its changes in order, one event, and events that it may not have.

use std::time::Duration;

use kaleem_domain::{MerchantId, Pico, RequestId};
use kaleem_proto::billing::v1::{
    CallChange, FollowLedgerRequest, GetBalanceRequest, GetUsageEventRequest, LedgerChange,
    RecordUsageRequest, UsageEvent, billing_service_client::BillingServiceClient, call_change::Counted,
    ledger_change::What, record_usage_response,
};
use kaleem_rpc::{Code, Fault, Transport, convert};
use tonic::{Request, Response, Status};

use super::Billing;
use crate::{
    Error,
    machine::{Amount, Confirm, Credit, Key, Lost, TopUp, WindowId},
};

/// Pico-US-dollars in a nano-US-dollar.
const PICO_PER_NANO: i64 = 1_000;

/// A page of the ledger.
#[derive(Debug)]
pub(crate) struct Page {
    /// What quota must know, in order.
    pub(crate) changes: Vec<News>,
    /// Go on after this transaction.
    pub(crate) transaction: i64,
}

/// What a transaction of the ledger changes here.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) transaction: i64,
    /// `None` where nothing of it can be quota's.
    pub(crate) of: Option<(MerchantId, Matter)>,
}

/// What it is about.
#[derive(Debug)]
pub(crate) enum Matter {
    /// What the ledger counts of a call, whose facts are in `lost`, and who served it at which cost.
    Call(Confirm, Served),
    /// A payment, or money that went back.
    Payment(Payment),
}

/// What a payment changes here.
#[derive(Debug)]
pub(crate) struct Payment {
    /// It counts in the balance of a merchant that pays ahead.
    pub(crate) credit: Option<Credit>,
    /// It raises the cap of the month.
    pub(crate) top_up: Option<TopUp>,
}

/// Both sides of a merchant's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    /// All payments less what went back, in nano-US-dollars, rounded down.
    pub(crate) paid_nano: i64,
    /// All charges, in nano-US-dollars, rounded up.
    pub(crate) charged_nano: i64,
    /// How many calls were charged.
    pub(crate) requests: i64,
    /// The merchant's newest transaction that is counted; 0 before the first.
    pub(crate) transaction: i64,
}

/// Who served a call, and what the provider charges us for it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) target: String,
    pub(crate) upstream: String,
    /// In nano-US-dollars, from here on.
    pub(crate) cost_nano: i64,
    /// The same before.
    pub(crate) cost_nano_before: i64,
}

/// What became of an event that billing was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Recorded now.
    Recorded,
    /// It has an event of this id.
    Known,
    /// It cannot take it.
    Rejected,
}

impl Billing {
    /// Where the ledger ends.
    pub(crate) async fn end(&self) -> Result<i64, Error> {
        let asked = FollowLedgerRequest::default();
        Ok(self.page(asked, Duration::ZERO).await?.transaction)
    }

    /// At most `size` transactions after `after`, waiting up to `wait` for the first.
    pub(crate) async fn changes(&self, after: i64, size: i32, wait: Duration) -> Result<Page, Error> {
        let asked = FollowLedgerRequest {
            after_transaction: Some(after),
            page_size: size,
            wait: Some(convert::duration(wait)),
        };
        self.page(asked, wait).await
    }

    async fn page(&self, asked: FollowLedgerRequest, wait: Duration) -> Result<Page, Error> {
        let mut client = self.client()?;
        let request = self.request(asked, wait);
        let answer = self.answer(wait, client.follow_ledger(request)).await?;
        let page = answer.map_err(|fault| unavailable(&fault))?;
        Ok(Page { changes: page.changes.into_iter().map(news).collect(), transaction: page.transaction })
    }

    /// The transaction that charged an event; `None` where the ledger does not have it.
    pub(crate) async fn charge(&self, merchant: &MerchantId, event_id: String) -> Result<Option<i64>, Error> {
        let mut client = self.client()?;
        let asked = GetUsageEventRequest { merchant_id: merchant.as_str().to_owned(), event_id };
        let request = self.request(asked, Duration::ZERO);
        match self.answer(Duration::ZERO, client.get_usage_event(request)).await? {
            Ok(found) => Ok(Some(found.transaction)),
            Err(fault) if fault.code == Code::NotFound => Ok(None),
            Err(fault) => Err(unavailable(&fault)),
        }
    }

    /// Both sides of a merchant's account.
    pub(crate) async fn account(&self, merchant: &MerchantId) -> Result<Account, Error> {
        let mut client = self.client()?;
        let asked = GetBalanceRequest { merchant_id: merchant.as_str().to_owned() };
        let request = self.request(asked, Duration::ZERO);
        let answer = self.answer(Duration::ZERO, client.get_balance(request)).await?;
        let found = answer.map_err(|fault| unavailable(&fault))?;
        let charged = Pico::new(i128::from(found.charged_pico_usd)).ceil_nano();
        let out_of_range = || Error::BillingUnavailable("its sums are out of range".to_owned());
        Ok(Account {
            paid_nano: found.paid_pico_usd.div_euclid(PICO_PER_NANO),
            charged_nano: charged.ok_or_else(out_of_range)?.0,
            requests: found.request_count,
            transaction: found.transaction,
        })
    }

    /// Tells billing of events, and what became of each.
    pub(crate) async fn record(&self, events: Vec<UsageEvent>) -> Result<Vec<Told>, Error> {
        use record_usage_response::Outcome;
        let mut client = self.client()?;
        let request = self.request(RecordUsageRequest { events }, Duration::ZERO);
        let answer = self.answer(Duration::ZERO, client.record_usage(request)).await?;
        let results = answer.map_err(|fault| unavailable(&fault))?.results;
        let told = results.iter().map(|result| match result.outcome() {
            Outcome::Recorded => Told::Recorded,
            Outcome::Duplicate | Outcome::Conflict => Told::Known,
            Outcome::Rejected | Outcome::Unspecified => Told::Rejected,
        });
        Ok(told.collect())
    }

    fn client(&self) -> Result<BillingServiceClient<Transport>, Error> {
        let unset = || Error::BillingUnavailable("set mesh.peers.billing where quota runs".to_owned());
        self.client.clone().ok_or_else(unset)
    }

    fn request<T>(&self, message: T, wait: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout + wait);
        request
    }

    /// The answer within the bound on a call, beside the wait that was asked for.
    async fn answer<T>(
        &self,
        wait: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Result<T, Fault>, Error> {
        let bound = self.timeout + wait;
        match tokio::time::timeout(bound, call).await {
            Ok(answer) => Ok(answer.map(Response::into_inner).map_err(|status| Fault::from_status(&status))),
            Err(_) => Err(Error::BillingUnavailable(format!("no answer within {bound:?}"))),
        }
    }
}

fn unavailable(fault: &Fault) -> Error {
    Error::BillingUnavailable(fault.message.clone())
}

fn news(change: LedgerChange) -> News {
    let transaction = change.transaction;
    let of = MerchantId::parse(&change.merchant_id).ok().zip(change.what).and_then(|(merchant, what)| {
        let matter = match what {
            What::Call(call) => Matter::Call(confirm(transaction, &call)?, served(call)),
            What::Payment(paid) => {
                let cost_nano = paid.amount_pico_usd / PICO_PER_NANO;
                let raises = paid.tops_up_month_cap && cost_nano > 0;
                let op_id = format!("payment:{}", paid.payment_id);
                let top_up = Some(TopUp { op_id, tokens: 0, cost_nano }).filter(|_| raises);
                let paid_nano = paid.paid_pico_usd.map(|pico| pico.div_euclid(PICO_PER_NANO));
                let credit = paid_nano.map(|paid_nano| Credit { paid_nano, transaction });
                Matter::Payment(Payment { credit, top_up })
            }
        };
        Some((merchant, matter))
    });
    News { transaction, of }
}

/// `None` for a call whose reservation quota cannot have made.
fn confirm(transaction: i64, call: &CallChange) -> Option<Confirm> {
    let reservation = call.reservation.as_ref()?;
    let key =
        Key { request_id: RequestId::parse(&reservation.request_id).ok()?, attempt: reservation.attempt };
    let lost = Lost {
        admitted_at: convert::from_timestamp(reservation.admit_time.as_ref()?),
        day: WindowId::parse(&reservation.day_window_id).filter(|id| id.is_day())?,
        month: WindowId::parse(&reservation.month_window_id).filter(|id| !id.is_day())?,
        epoch: reservation.epoch,
    };
    let amount = |counted: &Option<Counted>| {
        let Counted { request_count, token_count, cost_nano_usd, .. } = counted.unwrap_or_default();
        Amount { requests: request_count, tokens: token_count, cost_nano: cost_nano_usd }
    };
    let (counted, before) = (amount(&call.now), amount(&call.before));
    let in_range = counted.is_counted() && before.is_counted();
    in_range.then_some(Confirm { key, transaction, counted, before, lost: Some(lost) })
}

fn served(call: CallChange) -> Served {
    let cost_nano = |counted: Option<Counted>| counted.map_or(0, |of| of.upstream_cost_nano_usd.max(0));
    Served {
        cost_nano: cost_nano(call.now),
        cost_nano_before: cost_nano(call.before),
        target: call.target,
        upstream: call.upstream,
    }
}
