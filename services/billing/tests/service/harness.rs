//! A service on a ledger of its own, with a clock that only the test moves.

use std::{path::Path, sync::Arc, time::Duration};

use kaleem_billing::{Config, Deps, Grpc, build};
use kaleem_domain::Timestamp;
use kaleem_proto::{
    billing::v1::{
        self as proto,
        billing_service_client::BillingServiceClient,
        billing_service_server::BillingServiceServer,
        record_usage_response::{Outcome, Result as Item},
    },
    chat::v1::{ServiceTier, TokenUsage, UsageSource},
    quota::v1::Reservation,
};
use kaleem_rpc::{Code, Fault, convert};
use kaleem_runtime::Supervisor;
use kaleem_testkit::ManualClock;

use crate::backend::{Backend, Sql};

/// 2026-11-20 in Riyadh.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_170_000_000);
/// $0.10 in and $0.40 out a million tokens, in both books.
pub const LITE: &str = "gemini-2.5-flash-lite@2026-10-07";
/// $0.02 in and $0.06 out a million tokens to sell, nothing to buy.
pub const LOCAL: &str = "provider-local@2025-01-01";

pub type Client = BillingServiceClient<BillingServiceServer<Grpc>>;

pub struct Service {
    pub client: Client,
    pub clock: ManualClock,
    pub supervisor: Supervisor,
    pub folder: tempfile::TempDir,
    pub config: Config,
    /// Lives as long as its ledgers.
    backend: Backend,
}

pub fn config(folder: &Path) -> Config {
    Config { data_folder: folder.join("data"), ..Config::default() }
}

async fn start(config: &Config, clock: &ManualClock) -> (Client, Supervisor) {
    let supervisor = Supervisor::new();
    let deps = Deps { clock: Arc::new(clock.clone()), supervisor: supervisor.clone() };
    (BillingServiceClient::new(build(config.clone(), deps).await.unwrap()), supervisor)
}

impl Service {
    pub async fn start(backend: &Backend) -> Self {
        Self::start_with(backend, |_| ()).await
    }

    pub async fn start_with(backend: &Backend, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        backend.place(&mut config);
        change(&mut config);
        let clock = ManualClock::at(NOW);
        let (client, supervisor) = start(&config, &clock).await;
        Self { client, clock, supervisor, folder, config, backend: backend.clone() }
    }

    /// Ends the service and starts it again on the same folder.
    pub async fn restart(self) -> Self {
        let Self { client, clock, supervisor, folder, config, backend } = self;
        assert!(supervisor.drain(Duration::from_secs(5)).await.is_clean());
        drop(client);
        let (client, supervisor) = start(&config, &clock).await;
        Self { client, clock, supervisor, folder, config, backend }
    }

    pub async fn record(&mut self, events: Vec<proto::UsageEvent>) -> Result<Vec<Item>, Fault> {
        record(&mut self.client, events).await
    }

    /// Records one event and says what became of it.
    pub async fn record_one(&mut self, event: proto::UsageEvent) -> Item {
        self.record(vec![event]).await.unwrap().remove(0)
    }

    pub async fn summary(
        &mut self,
        merchant: &str,
        window: &str,
    ) -> Result<proto::GetUsageSummaryResponse, Fault> {
        let request = proto::GetUsageSummaryRequest {
            merchant_id: merchant.into(),
            window_id: window.into(),
            ..Default::default()
        };
        let answer = self.client.get_usage_summary(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    pub async fn verify(&mut self) -> proto::VerifyLedgerResponse {
        self.client.verify_ledger(proto::VerifyLedgerRequest {}).await.unwrap().into_inner()
    }

    /// The way around the service.
    pub async fn sql(&self) -> Sql {
        Sql::open(&self.config).await
    }

    /// Another service on the same ledger; only Postgres lets it.
    pub async fn beside(&self) -> Self {
        let (clock, folder) = (self.clock.clone(), tempfile::tempdir().unwrap());
        let (client, supervisor) = start(&self.config, &clock).await;
        Self { client, clock, supervisor, folder, config: self.config.clone(), backend: self.backend.clone() }
    }
}

pub async fn record(client: &mut Client, events: Vec<proto::UsageEvent>) -> Result<Vec<Item>, Fault> {
    let answer = client.record_usage(proto::RecordUsageRequest { events }).await;
    answer.map(|answer| answer.into_inner().results).map_err(|status| Fault::from_status(&status))
}

/// An event of the shop `ward` with 300 tokens in and 150 out on Gemini Flash-Lite: 90,000,000 pico in each book.
pub fn event(request: &str) -> proto::UsageEvent {
    proto::UsageEvent {
        reservation: Some(Reservation {
            request_id: request.into(),
            attempt: 0,
            merchant_id: "ward".into(),
            admit_time: Some(convert::timestamp(NOW)),
            day_window_id: "d20261120".into(),
            month_window_id: "M202611".into(),
            event_id: format!("202611/{request}/0"),
            price_version: LITE.into(),
            epoch: 1,
            ..Reservation::default()
        }),
        target: "provider-gemini".into(),
        upstream: "project-1".into(),
        model_requested: "auto".into(),
        model_served: "gemini-2.5-flash-lite".into(),
        provider_request_id: format!("p-{request}"),
        usage: Some(TokenUsage {
            input_fresh_count: 300,
            output_text_count: 150,
            source: UsageSource::Provider.into(),
            service_tier: ServiceTier::Standard.into(),
            ..TokenUsage::default()
        }),
        status: proto::UsageStatus::Ok.into(),
        gateway_id: "gw-1".into(),
        key_id: "k".into(),
        decision_id: "d".into(),
    }
}

/// `event` with another reservation.
pub fn reserved(mut event: proto::UsageEvent, change: impl FnOnce(&mut Reservation)) -> proto::UsageEvent {
    event.reservation.as_mut().map(change).unwrap();
    event
}

/// The closing of a month in what the merchant's statements are in.
pub fn statement_of(merchant: &str, period: &str) -> proto::CloseStatementRequest {
    let (merchant_id, period) = (merchant.into(), period.into());
    proto::CloseStatementRequest { merchant_id, period, ..proto::CloseStatementRequest::default() }
}

/// `event` in another month, on its first day.
pub fn in_month(event: proto::UsageEvent, month: &str) -> proto::UsageEvent {
    reserved(event, |reservation| {
        reservation.admit_time = Some(convert::timestamp(Timestamp::from_millis(0)));
        reservation.day_window_id = format!("d{month}01");
        reservation.month_window_id = format!("M{month}");
        reservation.event_id = format!("{month}/{}/0", reservation.request_id);
    })
}

/// `event` with other token counts.
pub fn counted(mut event: proto::UsageEvent, change: impl FnOnce(&mut TokenUsage)) -> proto::UsageEvent {
    event.usage.as_mut().map(change).unwrap();
    event
}

pub fn item(outcome: Outcome, sell_pico_usd: i64) -> Item {
    Item { outcome: outcome.into(), reason: String::new(), sell_pico_usd }
}

#[track_caller]
pub fn assert_fault<T: std::fmt::Debug>(answer: Result<T, Fault>, code: Code, reason: &str) -> Fault {
    let fault = answer.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (code, reason), "{fault:?}");
    assert_eq!(fault.domain, "billing.kaleem");
    fault
}

#[track_caller]
pub fn assert_invalid<T: std::fmt::Debug>(answer: Result<T, Fault>, fields: &[&str]) {
    let fault = assert_fault(answer, Code::InvalidArgument, "REQUEST_INVALID");
    let named: Vec<_> = fault.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{fault:?}");
}
