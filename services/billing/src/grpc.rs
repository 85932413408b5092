//! The gRPC face of the service: validate, call the domain, map the answer.

mod amend;
mod bill;
mod fault;
mod follow;
mod messages;
mod payment;
mod statement;
mod tail;

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::Stream;
use kaleem_domain::{Clock, MerchantId, Pico, price::Book};
use kaleem_proto::billing::v1::{self as proto, billing_service_server::BillingService};
use kaleem_rpc::convert;
use kaleem_runtime::Supervisor;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use crate::{
    Deps, Error, Violation,
    auditor::Auditor,
    balance::Balances,
    event::{COUNT_MAX, Rejection, TEXT_BYTES_MAX},
    prices::Prices,
    rating::{self, RatedEvent},
    recorder::Recorder,
    store::{Outcome, Recorded, Store},
    summary::{Served, Sums, WindowId, narrow},
};

/// Most events a call.
pub(crate) const EVENTS_MAX: usize = 1_024;
/// Times that sums are read in search of a moment in which the merchant's ledger stands still.
const SUMS_TRIES: u32 = 3;
const PAGE_DEFAULT: i64 = 50;
const PAGE_MAX: i64 = 1_000;

type Answer<T> = Result<Response<T>, Status>;

/// The billing service as tonic mounts it.
pub struct Grpc {
    store: Arc<dyn Store>,
    prices: Arc<Prices>,
    recorder: Recorder,
    auditor: Arc<Auditor>,
    clock: Arc<dyn Clock>,
    supervisor: Supervisor,
    statement_grace: Duration,
    /// Places of those who follow the ledger.
    tails: Arc<Semaphore>,
    balances: Balances,
}

/// The ledger and who works on it.
pub(crate) struct Books {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) prices: Arc<Prices>,
    pub(crate) recorder: Recorder,
    pub(crate) auditor: Arc<Auditor>,
}

impl Grpc {
    pub(crate) fn new(books: Books, Deps { clock, supervisor }: Deps, statement_grace: Duration) -> Self {
        let Books { store, prices, recorder, auditor } = books;
        let tails = Arc::new(Semaphore::new(tail::TAILS_MAX));
        let balances = Balances::default();
        Self { store, prices, recorder, auditor, clock, supervisor, statement_grace, tails, balances }
    }

    /// Checks and rates one event, so that only what can be stored reaches the queue.
    async fn prepare(&self, event: proto::UsageEvent) -> Result<Result<RatedEvent, Rejection>, Error> {
        let checked =
            messages::usage_event(event).and_then(|event| event.check(self.clock.now()).map(|()| event));
        let event = match checked {
            Ok(event) => event,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let version = self.prices.get(&event.price_version).await?;
        Ok(version.ok_or(Rejection::PriceUnknown).and_then(|version| rating::rate(event, &version)))
    }

    async fn record(
        &self,
        events: Vec<proto::UsageEvent>,
    ) -> Result<Vec<Result<Recorded, Rejection>>, Error> {
        if !(1..=EVENTS_MAX).contains(&events.len()) {
            return Err(wrong("events", "1 to 1024 events"));
        }
        let mut prepared = Vec::with_capacity(events.len());
        let mut rated = Vec::with_capacity(events.len());
        for event in events {
            let name = event
                .reservation
                .as_ref()
                .map(|reservation| reservation.event_id.clone())
                .unwrap_or_default();
            match self.prepare(event).await? {
                Ok(event) => {
                    rated.push(event);
                    prepared.push(None);
                }
                Err(rejection) => {
                    let event_id: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                    tracing::error!(
                        event_id,
                        reason = rejection.reason(),
                        "a usage event was rejected; its charge is lost"
                    );
                    prepared.push(Some(rejection));
                }
            }
        }
        let suspects = rated.iter().filter(|rated| rated.event.usage.unexplained != 0).count();
        if suspects > 0 {
            tracing::warn!(
                suspects,
                "token counts do not add up to the provider's total; they are billed as they are"
            );
            metrics::counter!("kaleem_billing_suspect_events_total").increment(suspects as u64);
        }
        let recorded = self.recorder.record(rated).await?;
        let conflicts = recorded.iter().filter(|recorded| recorded.outcome == Outcome::Conflict).count();
        if conflicts > 0 {
            tracing::error!(conflicts, "usage events came again with another payload; the first one counts");
        }
        let mut recorded = recorded.into_iter();
        let mut results = Vec::with_capacity(prepared.len());
        for rejection in prepared {
            results.push(match rejection {
                Some(rejection) => Err(rejection),
                None => Ok(recorded.next().ok_or(Error::Commit)?),
            });
        }
        Ok(results)
    }

    async fn summary(
        &self,
        request: proto::GetUsageSummaryRequest,
    ) -> Result<proto::GetUsageSummaryResponse, Error> {
        if !request.upstream.is_empty() {
            return self.upstream_summary(request).await;
        }
        let merchant = merchant_id(&request.merchant_id)?.to_string();
        let window = match request.window_id.as_str() {
            "" => match self.store.newest_month(merchant.clone()).await? {
                Some(month) => WindowId { month, day: None },
                None => return Ok(proto::GetUsageSummaryResponse::default()),
            },
            id => WindowId::parse(id)?,
        };
        let (by_model, max_transaction) = self.sums(merchant, &window).await?;
        messages::summary(&window, by_model, max_transaction)
    }

    /// Sums of what an upstream served. Transactions are numbered without gaps and never change, so the sums up to one of them are those
    /// of an instant.
    async fn upstream_summary(
        &self,
        request: proto::GetUsageSummaryRequest,
    ) -> Result<proto::GetUsageSummaryResponse, Error> {
        if !request.merchant_id.is_empty() || request.upstream.len() > TEXT_BYTES_MAX {
            return Err(wrong("upstream", "at most 256 bytes, and merchant_id empty with it"));
        }
        let window = WindowId::parse(&request.window_id)?;
        let max_transaction = match request.max_transaction {
            0 => self.store.changes(i64::MAX, 1).await?.newest,
            given if given > 0 => given,
            _ => return Err(wrong("max_transaction", "0 or more")),
        };
        let served = Served::new(request.upstream, &window, &request.time_zone, max_transaction)?;
        messages::summary(&window, self.store.upstream_sums(served).await?, max_transaction)
    }

    /// Sums of a window with the merchant's newest transaction that they count; 0 where it moves each time they are read.
    async fn sums(&self, merchant: String, window: &WindowId) -> Result<(Vec<(String, Sums)>, i64), Error> {
        let mut head = self.store.head(merchant.clone()).await?;
        for _ in 1..SUMS_TRIES {
            let sums = self.store.sums(merchant.clone(), window.clone()).await?;
            let now = self.store.head(merchant.clone()).await?;
            if now == head {
                return Ok((sums, head));
            }
            head = now;
        }
        Ok((self.store.sums(merchant, window.clone()).await?, 0))
    }

    async fn balance(&self, request: proto::GetBalanceRequest) -> Result<proto::GetBalanceResponse, Error> {
        let merchant = merchant_id(&request.merchant_id)?.to_string();
        let balance = self.store.balance(merchant.clone(), self.balances.last(&merchant)).await?;
        self.balances.remember(merchant, balance);
        Ok(proto::GetBalanceResponse {
            paid_pico_usd: narrow(balance.paid_pico)?,
            charged_pico_usd: narrow(balance.charged_pico)?,
            request_count: narrow(balance.events)?,
            transaction: balance.transaction,
        })
    }

    async fn page(
        &self,
        request: proto::ListUsageEventsRequest,
    ) -> Result<proto::ListUsageEventsResponse, Error> {
        let merchant = merchant_id(&request.merchant_id)?.to_string();
        let size = match i64::from(request.page_size) {
            0 => PAGE_DEFAULT,
            size if (1..=PAGE_MAX).contains(&size) => size,
            _ => return Err(wrong("page_size", "0 to 1000")),
        };
        let before = match request.page_token.as_str() {
            "" => i64::MAX,
            token => token.parse().map_err(|_| wrong("page_token", "a next_page_token of this call"))?,
        };
        let mut events = self.store.events(merchant, before, size + 1).await?;
        let mut next_page_token = String::new();
        if i64::try_from(events.len()).is_ok_and(|len| len > size) {
            // The extra event proves that there is a next page.
            events.pop();
            next_page_token = events.last().map(|event| event.sequence.to_string()).unwrap_or_default();
        }
        Ok(proto::ListUsageEventsResponse {
            events: events.iter().map(messages::recorded_event).collect(),
            next_page_token,
        })
    }

    async fn quote(&self, request: proto::QuoteRequest) -> Result<proto::QuoteResponse, Error> {
        let usage = request.usage.as_ref().map(convert::from_usage).filter(|usage| usage.within(COUNT_MAX));
        let usage = usage.ok_or_else(|| wrong("usage", "set, with counts from 0 to 2^53-1"))?;
        if request.price_version.len() > 128 {
            return Err(wrong("price_version", "at most 128 characters"));
        }
        let version = self.prices.get(&request.price_version).await?;
        let version = version.ok_or(Error::PriceUnknown(request.price_version))?;
        let amount =
            |book| version.amount(book, &usage).ok().and_then(Pico::to_i64).ok_or(Error::AmountOverflow);
        Ok(proto::QuoteResponse { sell_pico_usd: amount(Book::Sell)?, cost_pico_usd: amount(Book::Cost)? })
    }

    async fn verify(&self) -> Result<proto::VerifyLedgerResponse, Error> {
        let verdict = self.auditor.verify().await?;
        Ok(proto::VerifyLedgerResponse {
            event_count: verdict.events,
            entry_count: verdict.entries,
            faults: verdict.faults,
            suspect_count: verdict.suspects,
        })
    }
}

#[tonic::async_trait]
impl BillingService for Grpc {
    async fn record_usage(
        &self,
        request: Request<proto::RecordUsageRequest>,
    ) -> Answer<proto::RecordUsageResponse> {
        let results = self.record(request.into_inner().events).await?;
        Ok(Response::new(proto::RecordUsageResponse {
            results: results.into_iter().map(messages::result).collect(),
        }))
    }

    async fn get_usage_summary(
        &self,
        request: Request<proto::GetUsageSummaryRequest>,
    ) -> Answer<proto::GetUsageSummaryResponse> {
        Ok(Response::new(self.summary(request.into_inner()).await?))
    }

    async fn list_usage_events(
        &self,
        request: Request<proto::ListUsageEventsRequest>,
    ) -> Answer<proto::ListUsageEventsResponse> {
        Ok(Response::new(self.page(request.into_inner()).await?))
    }

    async fn put_price_version(
        &self,
        request: Request<proto::PutPriceVersionRequest>,
    ) -> Answer<proto::PutPriceVersionResponse> {
        let version = request.into_inner().version.ok_or_else(|| wrong("version", "set"))?;
        self.prices.put(messages::price_version(version)?, self.clock.now()).await?;
        Ok(Response::new(proto::PutPriceVersionResponse {}))
    }

    async fn list_prices(
        &self,
        request: Request<proto::ListPricesRequest>,
    ) -> Answer<proto::ListPricesResponse> {
        let superseded = request.into_inner().include_superseded;
        let versions = self.prices.list(superseded, self.clock.now()).await?;
        Ok(Response::new(proto::ListPricesResponse {
            versions: versions.iter().map(convert::price_version).collect(),
        }))
    }

    async fn quote(&self, request: Request<proto::QuoteRequest>) -> Answer<proto::QuoteResponse> {
        Ok(Response::new(self.quote(request.into_inner()).await?))
    }

    async fn verify_ledger(
        &self,
        _request: Request<proto::VerifyLedgerRequest>,
    ) -> Answer<proto::VerifyLedgerResponse> {
        Ok(Response::new(self.verify().await?))
    }

    async fn amend_usage(
        &self,
        request: Request<proto::AmendUsageRequest>,
    ) -> Answer<proto::AmendUsageResponse> {
        Ok(Response::new(self.amend(request.into_inner()).await?))
    }

    async fn post_payment(
        &self,
        request: Request<proto::PostPaymentRequest>,
    ) -> Answer<proto::PostPaymentResponse> {
        Ok(Response::new(self.pay(request.into_inner()).await?))
    }

    async fn get_balance(
        &self,
        request: Request<proto::GetBalanceRequest>,
    ) -> Answer<proto::GetBalanceResponse> {
        Ok(Response::new(self.balance(request.into_inner()).await?))
    }

    async fn close_statement(
        &self,
        request: Request<proto::CloseStatementRequest>,
    ) -> Answer<proto::CloseStatementResponse> {
        Ok(Response::new(self.close(request.into_inner()).await?))
    }

    async fn get_statement(
        &self,
        request: Request<proto::GetStatementRequest>,
    ) -> Answer<proto::GetStatementResponse> {
        Ok(Response::new(self.statement(request.into_inner()).await?))
    }

    async fn import_provider_bill(
        &self,
        request: Request<proto::ImportProviderBillRequest>,
    ) -> Answer<proto::ImportProviderBillResponse> {
        Ok(Response::new(self.import(request.into_inner()).await?))
    }

    async fn get_reconciliation(
        &self,
        request: Request<proto::GetReconciliationRequest>,
    ) -> Answer<proto::GetReconciliationResponse> {
        Ok(Response::new(self.reconciliation(request.into_inner()).await?))
    }

    async fn get_usage_event(
        &self,
        request: Request<proto::GetUsageEventRequest>,
    ) -> Answer<proto::GetUsageEventResponse> {
        Ok(Response::new(self.event(request.into_inner()).await?))
    }

    async fn follow_ledger(
        &self,
        request: Request<proto::FollowLedgerRequest>,
    ) -> Answer<proto::FollowLedgerResponse> {
        Ok(Response::new(self.follow(request.into_inner()).await?))
    }

    type TailLedgerStream =
        Pin<Box<dyn Stream<Item = Result<proto::TailLedgerResponse, Status>> + Send + 'static>>;

    async fn tail_ledger(
        &self,
        request: Request<proto::TailLedgerRequest>,
    ) -> Answer<Self::TailLedgerStream> {
        Ok(Response::new(Box::pin(self.tail(request.into_inner())?)))
    }
}

pub(crate) fn wrong(field: &str, rule: &str) -> Error {
    Error::RequestInvalid(vec![Violation::new(field, rule)])
}

const MERCHANT_RULE: &str = "3 to 40 lower-case letters, digits and dashes";

fn merchant_id(text: &str) -> Result<MerchantId, Error> {
    MerchantId::parse(text).map_err(|_| wrong("merchant_id", MERCHANT_RULE))
}

/// An id that a caller makes up: it comes back in errors and in the books, so it must be readable.
const ID_RULE: &str = "1 to 128 visible ASCII characters";

fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
