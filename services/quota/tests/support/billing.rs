//! Billing whose ledger the test writes.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use futures::Stream;
use kaleem_proto::{
    billing::v1::{
        self as wire, GetUsageSummaryRequest, GetUsageSummaryResponse,
        billing_service_client::BillingServiceClient,
        billing_service_server::{BillingService, BillingServiceServer},
    },
    chat::v1::TokenUsage,
    quota::v1::Reservation,
};
use kaleem_rpc::Transport;
use tonic::{Request, Response, Status};

/// Billing that says what the test tells it to.
#[derive(Clone, Default)]
pub struct FakeBilling {
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    windows: HashMap<(String, String), GetUsageSummaryResponse>,
    sequence: i64,
    down: bool,
    asked: usize,
}

impl FakeBilling {
    /// Records the event of a call with 100 tokens in and `output` out.
    pub fn record(&self, reservation: &Reservation, output: i64, sell_pico_usd: i64) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.sequence += 1;
        let sequence = ledger.sequence;
        for window_id in [&reservation.day_window_id, &reservation.month_window_id] {
            let key = (reservation.merchant_id.clone(), window_id.clone());
            let sums = ledger.windows.entry(key).or_default();
            sums.request_count += 1;
            sums.sell_pico_usd += sell_pico_usd;
            sums.max_sequence = sequence;
            let usage = sums.usage.get_or_insert_with(TokenUsage::default);
            usage.input_fresh_count += 100;
            usage.output_text_count += output;
        }
    }

    pub fn set_down(&self, down: bool) {
        self.ledger.lock().unwrap().down = down;
    }

    /// How often it was asked for sums.
    pub fn asked(&self) -> usize {
        self.ledger.lock().unwrap().asked
    }

    pub(super) fn client(&self) -> BillingServiceClient<Transport> {
        BillingServiceClient::new(super::transport(BillingServiceServer::new(self.clone())))
    }
}

/// Writes the whole service: the verb that quota uses by hand, the others as refusals.
macro_rules! billing_double {
    ($($method:ident($request:ident) -> $response:ident;)+) => {
        #[tonic::async_trait]
        impl BillingService for FakeBilling {
            type TailLedgerStream = Pin<Box<dyn Stream<Item = Result<wire::TailLedgerResponse, Status>> + Send>>;

            async fn get_usage_summary(
                &self,
                request: Request<GetUsageSummaryRequest>,
            ) -> Result<Response<GetUsageSummaryResponse>, Status> {
                let mut ledger = self.ledger.lock().unwrap();
                ledger.asked += 1;
                if ledger.down {
                    return Err(Status::unavailable("billing is down"));
                }
                let asked = request.into_inner();
                let sums = ledger.windows.get(&(asked.merchant_id, asked.window_id)).cloned();
                Ok(Response::new(sums.unwrap_or_default()))
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
    record_usage(RecordUsageRequest) -> RecordUsageResponse;
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
