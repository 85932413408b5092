//! The service on the wire: checks a request, runs it on the registry, says what came of it.

mod decode;
mod encode;
mod fault;
mod heartbeat;

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _};
use kaleem_domain::MerchantId;
use kaleem_proto::quota::v1::{self as wire, quota_service_server::QuotaService};
use tonic::{Request, Response, Status};

use crate::{
    Registry,
    machine::{Amount, Reserved},
    registry::Spending,
};
use fault::{failed, refused};

/// Quota as a gRPC service.
pub struct Grpc {
    registry: Arc<Registry>,
}

type Watch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Grpc {
    /// The service over `registry`.
    pub const fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Counts what a Reserve or Adjust came to, and words it.
    fn admitted(
        merchant: &MerchantId,
        outcome: Result<Reserved, crate::Error>,
        quota_domains: &[String],
    ) -> Result<wire::ReserveResponse, Status> {
        match outcome {
            Ok(reserved) => {
                let decision = encode::decision(reserved.decision);
                metrics::counter!("kaleem_quota_decisions_total", "decision" => decision.as_str_name())
                    .increment(1);
                if let Some(over) = &reserved.waived {
                    let limit = over.dimension.name();
                    metrics::counter!("kaleem_quota_shadow_refusals_total", "limit" => limit).increment(1);
                }
                let quota_domain = quota_domains.get(reserved.candidate_index).cloned().unwrap_or_default();
                Ok(encode::reserved(merchant, &reserved, quota_domain))
            }
            Err(error) => {
                let fault = refused(merchant, error);
                metrics::counter!("kaleem_quota_refusals_total", "reason" => fault.reason.clone())
                    .increment(1);
                Err(fault.into())
            }
        }
    }

    /// The call of a reservation, where what its upstream project costs us is capped.
    fn spending(&self, reservation: Option<&wire::Reservation>) -> Option<Spending> {
        let capped = reservation.filter(|reservation| self.registry.has_spend_cap(&reservation.quota_domain));
        decode::spending(capped)
    }
}

#[tonic::async_trait]
impl QuotaService for Grpc {
    async fn reserve(
        &self,
        request: Request<wire::ReserveRequest>,
    ) -> Result<Response<wire::ReserveResponse>, Status> {
        let request = request.into_inner();
        let domains = decode::quota_domains(&request.candidates);
        let (merchant, command) = decode::reserve(request)?;
        let outcome = self.registry.reserve(&merchant, &command).await;
        Self::admitted(&merchant, outcome, &domains).map(Response::new)
    }

    async fn settle(
        &self,
        request: Request<wire::SettleRequest>,
    ) -> Result<Response<wire::SettleResponse>, Status> {
        let request = request.into_inner();
        let spending = self.spending(request.reservation.as_ref());
        let upstream_cost_nano = request.upstream_cost_nano_usd;
        let (merchant, command, usage_event) = decode::settle(request)?;
        let actual = Amount { cost_nano: upstream_cost_nano, ..command.actual };
        let outcome = self.registry.settle(&merchant, &command, usage_event).await;
        let settled = outcome.map_err(|error| refused(&merchant, error))?;
        if let Some(spending) = spending {
            let posted = self.registry.settle_spend(&spending, actual).await;
            posted.map_err(|error| refused(&merchant, error))?;
        }
        Ok(Response::new(encode::settled(&settled)))
    }

    async fn release(
        &self,
        request: Request<wire::ReleaseRequest>,
    ) -> Result<Response<wire::ReleaseResponse>, Status> {
        let request = request.into_inner();
        let (merchant, command) = decode::release(&request)?;
        self.registry.release(&merchant, &command).await.map_err(|error| refused(&merchant, error))?;
        if let Some(spending) = self.spending(request.reservation.as_ref()) {
            let released = self.registry.release_spend(&spending).await;
            released.map_err(|error| refused(&merchant, error))?;
        }
        Ok(Response::new(wire::ReleaseResponse { state: wire::ReservationState::Released.into() }))
    }

    async fn heartbeat(
        &self,
        request: Request<wire::HeartbeatRequest>,
    ) -> Result<Response<wire::HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let beats = decode::heartbeat(&request)?.into_iter().zip(&request.beats);
        let signs = beats.map(|((merchant, beat), sent)| {
            let spending = self.spending(sent.reservation.as_ref());
            heartbeat::Sign { merchant, beat, spending }
        });
        Ok(Response::new(heartbeat::take(&self.registry, signs.collect()).await?))
    }

    async fn adjust(
        &self,
        request: Request<wire::AdjustRequest>,
    ) -> Result<Response<wire::AdjustResponse>, Status> {
        let request = request.into_inner();
        let domains = decode::quota_domains(&request.candidates);
        let (merchant, command) = decode::adjust(request)?;
        let outcome = self.registry.adjust(&merchant, &command).await;
        let reserved = Self::admitted(&merchant, outcome, &domains)?;
        Ok(Response::new(wire::AdjustResponse { reserved: Some(reserved) }))
    }

    async fn get_usage(
        &self,
        request: Request<wire::GetUsageRequest>,
    ) -> Result<Response<wire::GetUsageResponse>, Status> {
        let merchant = decode::account(&request.get_ref().merchant_id)?;
        let usage = self.registry.usage(&merchant).await.map_err(|error| refused(&merchant, error))?;
        Ok(Response::new(encode::usage(&usage)))
    }

    async fn put_policy(
        &self,
        request: Request<wire::PutPolicyRequest>,
    ) -> Result<Response<wire::PutPolicyResponse>, Status> {
        let (merchant, command) = decode::put_policy(request.into_inner())?;
        let outcome = self.registry.put_policy(&merchant, &command).await;
        let policy_version = outcome.map_err(|error| refused(&merchant, error))?;
        Ok(Response::new(wire::PutPolicyResponse { policy_version }))
    }

    async fn grant_top_up(
        &self,
        request: Request<wire::GrantTopUpRequest>,
    ) -> Result<Response<wire::GrantTopUpResponse>, Status> {
        let (merchant, command) = decode::top_up(request.into_inner())?;
        let outcome = self.registry.top_up(&merchant, &command).await;
        let policy_version = outcome.map_err(|error| refused(&merchant, error))?;
        Ok(Response::new(wire::GrantTopUpResponse { policy_version }))
    }

    async fn acquire_upstream(
        &self,
        request: Request<wire::AcquireUpstreamRequest>,
    ) -> Result<Response<wire::AcquireUpstreamResponse>, Status> {
        let (ask, spending, cost) = decode::acquire_upstream(request.get_ref())?;
        let call = spending.as_ref().map(|spending| (spending, cost));
        let outcome = self.registry.acquire_upstream_for(&ask, call).await;
        let grant = outcome.map_err(|error| fault::upstream(&ask, error))?;
        Ok(Response::new(encode::grant(grant)))
    }

    async fn report_upstream(
        &self,
        request: Request<wire::ReportUpstreamRequest>,
    ) -> Result<Response<wire::ReportUpstreamResponse>, Status> {
        let report = request.get_ref();
        let retry_after_ms = decode::report_upstream(report)?;
        let (domain, model) = (report.quota_domain.as_str(), report.model.as_str());
        let outcome = self.registry.report_upstream(domain, model, report.http_status, retry_after_ms).await;
        outcome.map_err(|error| failed(&error))?;
        Ok(Response::new(wire::ReportUpstreamResponse {}))
    }

    type WatchPolicyStream = Watch<wire::WatchPolicyResponse>;

    async fn watch_policy(
        &self,
        request: Request<wire::WatchPolicyRequest>,
    ) -> Result<Response<Self::WatchPolicyStream>, Status> {
        let merchant = decode::watch_policy(request.get_ref())?;
        let watched = Arc::clone(&self.registry).watch_policies(merchant).await;
        let policies = watched.map_err(|error| failed(&error))?;
        let messages = policies.map(|policy| match policy {
            Ok(policy) => Ok(encode::policy(policy)),
            Err(error) => Err(failed(&error).into()),
        });
        Ok(Response::new(Box::pin(messages)))
    }

    type WatchAlertsStream = Watch<wire::WatchAlertsResponse>;

    async fn watch_alerts(
        &self,
        request: Request<wire::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let (from, merchant) = decode::watch_alerts(request.into_inner())?;
        let watched = self.registry.watchers().watch(from.as_deref(), merchant).await;
        let alerts = watched.map_err(|error| failed(&error))?;
        let messages = alerts.map(|alert| match alert {
            Ok(alert) => Ok(encode::alert(alert)),
            Err(error) => Err(failed(&error).into()),
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn rebuild(
        &self,
        request: Request<wire::RebuildRequest>,
    ) -> Result<Response<wire::RebuildResponse>, Status> {
        let merchant = decode::rebuild(request.get_ref())?;
        let rebuilt = self.registry.rebuild(merchant.as_ref()).await.map_err(|error| match &merchant {
            Some(merchant) => refused(merchant, error),
            None => failed(&error),
        })?;
        let merchant_count = i64::try_from(rebuilt).unwrap_or(i64::MAX);
        Ok(Response::new(wire::RebuildResponse { merchant_count }))
    }
}
