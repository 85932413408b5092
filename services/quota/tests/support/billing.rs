//! Billing whose ledger the test writes.

mod ledger;

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use futures::Stream;
use kaleem_proto::{
    billing::v1::{
        self as wire, GetUsageSummaryRequest, GetUsageSummaryResponse,
        billing_service_client::BillingServiceClient,
        billing_service_server::{BillingService, BillingServiceServer},
        record_usage_response::{Outcome, Result as Item},
    },
    chat::v1::TokenUsage,
    quota::v1::{Reservation, SettleRequest},
};
use kaleem_quota::machine::{Amount, WindowId};
use kaleem_rpc::{Transport, convert};
use prost::Message as _;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use ledger::{Ledger, call, counted};

/// A settle that carries what billing must get.
pub fn settle_with_event(reservation: &Reservation) -> SettleRequest {
    let usage = TokenUsage { input_fresh_count: 100, output_text_count: 20, ..TokenUsage::default() };
    let event = wire::UsageEvent {
        reservation: Some(reservation.clone()),
        target: "provider-gemini".into(),
        model_served: "gemini-2.5-flash-lite".into(),
        usage: Some(usage),
        status: wire::UsageStatus::Ok.into(),
        ..wire::UsageEvent::default()
    };
    SettleRequest { usage_event: event.encode_to_vec(), ..super::settle(reservation, 20, 1_600) }
}

/// Billing that says what the test tells it to.
#[derive(Clone)]
pub struct FakeBilling {
    ledger: Arc<Mutex<Ledger>>,
    /// Counts what wakes those who follow the ledger.
    posted: watch::Sender<u64>,
}

impl Default for FakeBilling {
    fn default() -> Self {
        Self { ledger: Arc::default(), posted: watch::Sender::new(0) }
    }
}

impl FakeBilling {
    /// Records the event of a call with 100 tokens in and `output` out.
    pub fn record(&self, reservation: &Reservation, output: i64, sell_pico_usd: i64) {
        self.with(|ledger| ledger.charge(reservation, 100 + output, sell_pico_usd));
    }

    /// Replaces an event of 100 tokens in and `was` out by one with `is` out, at 0 and `sell_pico_usd`.
    pub fn amend(&self, reservation: &Reservation, was: (i64, i64), is: (i64, i64)) {
        let replacement =
            Reservation { event_id: format!("{}~1", reservation.event_id), ..reservation.clone() };
        self.with(|ledger| {
            ledger.count(reservation, -1, -(100 + was.0), -was.1);
            ledger.charge_account(&reservation.merchant_id, -1, -was.1);
            let taken_back = counted(100 + was.0, was.1);
            ledger.post(&reservation.merchant_id, call(reservation, None, Some(taken_back)));
            ledger.charge(&replacement, 100 + is.0, is.1);
        });
    }

    /// Posts a payment that raises the cap of the month, once by its id.
    pub fn pay(&self, merchant_id: &str, payment_id: &str, amount_pico_usd: i64) {
        self.with(|ledger| ledger.pay(merchant_id, payment_id, amount_pico_usd, true));
    }

    /// Posts a payment that raises nothing but a balance, or money that went back, once by its id; returns its transaction.
    pub fn pay_ahead(&self, merchant_id: &str, payment_id: &str, amount_pico_usd: i64) -> i64 {
        self.with(|ledger| {
            ledger.pay(merchant_id, payment_id, amount_pico_usd, false);
            ledger.end()
        })
    }

    /// What a merchant paid and was charged.
    pub fn account(&self, merchant_id: &str) -> wire::GetBalanceResponse {
        self.lock().account(merchant_id)
    }

    /// Says that a merchant was charged so much in all, whatever was recorded.
    pub fn set_charged(&self, merchant_id: &str, pico: i64) {
        self.with(|ledger| {
            ledger.accounts.entry(merchant_id.to_owned()).or_default().charged_pico_usd = pico;
        });
    }

    /// Says that a merchant's window has these sums, whatever was recorded.
    pub fn set(&self, merchant_id: &str, window: WindowId, sums: Amount) {
        let usage = TokenUsage { input_fresh_count: sums.tokens, ..TokenUsage::default() };
        let answer = GetUsageSummaryResponse {
            request_count: sums.requests,
            sell_pico_usd: sums.cost_nano * 1_000,
            usage: Some(usage),
            max_sequence: 1,
            ..GetUsageSummaryResponse::default()
        };
        self.ledger.lock().unwrap().windows.insert((merchant_id.to_owned(), window.to_string()), answer);
    }

    pub fn set_down(&self, down: bool) {
        self.with(|ledger| ledger.down = down);
    }

    /// Lets nobody follow the ledger, or lets them again.
    pub fn set_followed(&self, followed: bool) {
        self.with(|ledger| ledger.unfollowed = !followed);
    }

    /// Tells everything from the first transaction on once more.
    pub fn rewind(&self) {
        self.with(|ledger| ledger.rewound = true);
    }

    /// Whether what was rewound was told.
    pub fn is_told_again(&self) -> bool {
        !self.lock().rewound
    }

    /// How often it was asked for sums.
    pub fn asked(&self) -> usize {
        self.lock().asked
    }

    /// How often it was asked for a balance.
    pub fn asked_balances(&self) -> usize {
        self.lock().asked_balances
    }

    /// How often it was to be told of events, also while it was down.
    pub fn tried(&self) -> usize {
        self.lock().tried
    }

    /// How many follow the ledger now.
    pub fn followers(&self) -> usize {
        self.lock().followers
    }

    /// How many followed the ledger at once, at most.
    pub fn followers_max(&self) -> usize {
        self.lock().followers_max
    }

    /// Events that it was told of, however often.
    pub fn told(&self) -> usize {
        self.lock().told
    }

    /// Events in the ledger.
    pub fn events(&self) -> usize {
        self.lock().events.len()
    }

    /// Newest transaction.
    pub fn end(&self) -> i64 {
        self.lock().end()
    }

    pub(super) fn client(&self) -> BillingServiceClient<Transport> {
        BillingServiceClient::new(super::transport(BillingServiceServer::new(self.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    fn up(&self) -> Result<MutexGuard<'_, Ledger>, Status> {
        let ledger = self.lock();
        if ledger.down { Err(Status::unavailable("billing is down")) } else { Ok(ledger) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        let changed = change(&mut self.lock());
        self.posted.send_modify(|posted| *posted += 1);
        changed
    }

    fn page(&self, asked: &wire::FollowLedgerRequest) -> Result<wire::FollowLedgerResponse, Status> {
        let mut ledger = self.up()?;
        if ledger.unfollowed {
            return Err(Status::unavailable("nobody may follow"));
        }
        let end = ledger.end();
        let Some(after) = asked.after_transaction else {
            return Ok(wire::FollowLedgerResponse { changes: Vec::new(), transaction: end });
        };
        let after = if std::mem::take(&mut ledger.rewound) { 0 } else { after };
        let wanted = ledger.changes.iter().filter(|change| change.transaction > after);
        Ok(wire::FollowLedgerResponse { changes: wanted.cloned().collect(), transaction: end })
    }
}

/// Somebody who follows the ledger.
struct Follower(FakeBilling);

impl Follower {
    fn of(billing: &FakeBilling) -> Self {
        let mut ledger = billing.lock();
        ledger.followers += 1;
        ledger.followers_max = ledger.followers_max.max(ledger.followers);
        Self(billing.clone())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.lock().followers -= 1;
    }
}

/// Writes the whole service: the verbs that quota uses by hand, the others as refusals.
macro_rules! billing_double {
    ($($method:ident($request:ident) -> $response:ident;)+) => {
        #[tonic::async_trait]
        impl BillingService for FakeBilling {
            type TailLedgerStream = Pin<Box<dyn Stream<Item = Result<wire::TailLedgerResponse, Status>> + Send>>;

            async fn get_usage_summary(
                &self,
                request: Request<GetUsageSummaryRequest>,
            ) -> Result<Response<GetUsageSummaryResponse>, Status> {
                self.lock().asked += 1;
                let ledger = self.up()?;
                let asked = request.into_inner();
                if !asked.upstream.is_empty() {
                    return Ok(Response::new(ledger.of_upstream(&asked)));
                }
                let max_transaction = ledger.heads.get(&asked.merchant_id).copied().unwrap_or(0);
                let sums = ledger.windows.get(&(asked.merchant_id, asked.window_id)).cloned().unwrap_or_default();
                Ok(Response::new(GetUsageSummaryResponse { max_transaction, ..sums }))
            }

            async fn get_balance(
                &self,
                request: Request<wire::GetBalanceRequest>,
            ) -> Result<Response<wire::GetBalanceResponse>, Status> {
                self.lock().asked_balances += 1;
                Ok(Response::new(self.up()?.account(&request.get_ref().merchant_id)))
            }

            async fn follow_ledger(
                &self,
                request: Request<wire::FollowLedgerRequest>,
            ) -> Result<Response<wire::FollowLedgerResponse>, Status> {
                let asked = request.into_inner();
                let wait = asked.wait.as_ref().and_then(convert::from_duration).unwrap_or_default();
                let _follower = asked.after_transaction.map(|_| Follower::of(self));
                let mut posted = self.posted.subscribe();
                let news = async {
                    loop {
                        posted.mark_unchanged();
                        let page = self.page(&asked)?;
                        if !page.changes.is_empty() || asked.after_transaction.is_none() {
                            return Ok(page);
                        }
                        posted.changed().await.map_err(|_| Status::unavailable("the test is over"))?;
                    }
                };
                match tokio::time::timeout(wait, news).await {
                    Ok(page) => page.map(Response::new),
                    Err(_) => self.page(&asked).map(Response::new),
                }
            }

            async fn get_usage_event(
                &self,
                request: Request<wire::GetUsageEventRequest>,
            ) -> Result<Response<wire::GetUsageEventResponse>, Status> {
                let asked = request.into_inner();
                let found = self.up()?.events.get(&(asked.merchant_id, asked.event_id)).copied();
                let transaction = found.ok_or_else(|| Status::not_found("no such event"))?;
                Ok(Response::new(wire::GetUsageEventResponse { event: None, transaction }))
            }

            async fn record_usage(
                &self,
                request: Request<wire::RecordUsageRequest>,
            ) -> Result<Response<wire::RecordUsageResponse>, Status> {
                self.lock().tried += 1;
                drop(self.up()?);
                let record = |event: wire::UsageEvent| {
                    let (reservation, usage) = (event.reservation.unwrap(), event.usage.unwrap());
                    let id = (reservation.merchant_id.clone(), reservation.event_id.clone());
                    let outcome = self.with(|ledger| {
                        ledger.told += 1;
                        if ledger.events.contains_key(&id) {
                            return Outcome::Duplicate;
                        }
                        // As the tests' candidate is priced.
                        let (input, output) = (usage.input_fresh_count, usage.output_text_count);
                        ledger.charge(&reservation, input + output, 10_000 * input + 30_000 * output);
                        Outcome::Recorded
                    });
                    Item { outcome: outcome.into(), ..Item::default() }
                };
                let results = request.into_inner().events.into_iter().map(record).collect();
                Ok(Response::new(wire::RecordUsageResponse { results }))
            }

            async fn tail_ledger(
                &self,
                _request: Request<wire::TailLedgerRequest>,
            ) -> Result<Response<Self::TailLedgerStream>, Status> {
                Err(Status::unimplemented("the test does not need it"))
            }

            $(async fn $method(&self, _request: Request<wire::$request>) -> Result<Response<wire::$response>, Status> {
                Err(Status::unimplemented("the test does not need it"))
            })+
        }
    };
}

billing_double! {
    amend_usage(AmendUsageRequest) -> AmendUsageResponse;
    list_usage_events(ListUsageEventsRequest) -> ListUsageEventsResponse;
    put_price_version(PutPriceVersionRequest) -> PutPriceVersionResponse;
    list_prices(ListPricesRequest) -> ListPricesResponse;
    quote(QuoteRequest) -> QuoteResponse;
    post_payment(PostPaymentRequest) -> PostPaymentResponse;
    close_statement(CloseStatementRequest) -> CloseStatementResponse;
    get_statement(GetStatementRequest) -> GetStatementResponse;
    import_provider_bill(ImportProviderBillRequest) -> ImportProviderBillResponse;
    get_reconciliation(GetReconciliationRequest) -> GetReconciliationResponse;
    verify_ledger(VerifyLedgerRequest) -> VerifyLedgerResponse;
}
