//! The router on the wire.

use std::{sync::Arc, time::Duration};

use kaleem_domain::{Clock, RequestId};
use kaleem_proto::router::v1::{
    ExplainRouteRequest, ExplainRouteResponse, GetPolicyRequest, GetPolicyResponse, ListTargetsRequest,
    ListTargetsResponse, PutPolicyRequest, PutPolicyResponse, ReportOutcomesRequest, ReportOutcomesResponse,
    RouteFeatures, SelectRouteRequest, SelectRouteResponse, explain_route_response, list_targets_response,
    router_service_server::RouterService,
};
use kaleem_rpc::{Code, Fault, convert};
use tonic::{Request, Response, Status};

use crate::{
    Error, Policy,
    catalogue::Catalogue,
    holds::Holds,
    select::{Grounds, Plan, select},
};

const OUTCOMES_MAX: usize = 1024;

/// The service.
pub struct Grpc {
    policy: Arc<Policy>,
    catalogue: Catalogue,
    holds: Holds,
    clock: Arc<dyn Clock>,
}

impl Grpc {
    pub(crate) fn new(
        policy: Arc<Policy>,
        catalogue: Catalogue,
        holds: Holds,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { policy, catalogue, holds, clock }
    }

    fn plan(&self, features: Option<RouteFeatures>) -> Result<Plan, Status> {
        let features = features.ok_or_else(|| missing("features"))?;
        let snapshot = self.catalogue.snapshot();
        let grounds =
            Grounds { policy: &self.policy, snapshot: &snapshot, holds: &self.holds, now: self.clock.now() };
        Ok(select(&features, &grounds).map_err(|error: Error| Fault::from(error))?)
    }

    fn response(&self, plan: &Plan) -> SelectRouteResponse {
        SelectRouteResponse {
            decision_id: RequestId::new(self.clock.now()).to_string(),
            policy_version: self.policy.version,
            primary: Some(plan.primary.clone()),
            failovers: plan.failovers.clone(),
            cascade: None,
            reason: plan.reason.clone(),
        }
    }
}

fn missing(field: &str) -> Status {
    Fault::new(Code::InvalidArgument, "router.kaleem", "REQUEST_INVALID", format!("{field} is missing"))
        .violation(field, "must be set")
        .into()
}

fn not_built(what: &str) -> Status {
    let message = format!("{what} is not built yet; policies come from the configuration");
    Fault::new(Code::Unimplemented, "router.kaleem", "NOT_IMPLEMENTED", message).into()
}

#[tonic::async_trait]
impl RouterService for Grpc {
    async fn select_route(
        &self,
        request: Request<SelectRouteRequest>,
    ) -> Result<Response<SelectRouteResponse>, Status> {
        let plan = self.plan(request.into_inner().features)?;
        Ok(Response::new(self.response(&plan)))
    }

    async fn explain_route(
        &self,
        request: Request<ExplainRouteRequest>,
    ) -> Result<Response<ExplainRouteResponse>, Status> {
        let plan = self.plan(request.into_inner().features)?;
        let steps = std::iter::once(&plan.primary).chain(&plan.failovers);
        let scores = steps.map(|step| explain_route_response::Score {
            candidate: format!("{}/{}", step.target, step.model),
            expected_cost_pico_usd: step.expected_cost_pico_usd,
            first_token_p95: None,
            quality: -1.0,
        });
        let rejections = plan.rejections.iter().map(|rejection| explain_route_response::Rejection {
            candidate: rejection.candidate.clone(),
            reason: format!("{}: {}", rejection.gate.reason(), rejection.detail),
        });
        Ok(Response::new(ExplainRouteResponse {
            scores: scores.collect(),
            rejections: rejections.collect(),
            rules: plan.rules.clone(),
            plan: Some(self.response(&plan)),
        }))
    }

    async fn report_outcomes(
        &self,
        request: Request<ReportOutcomesRequest>,
    ) -> Result<Response<ReportOutcomesResponse>, Status> {
        let outcomes = request.into_inner().outcomes;
        if outcomes.len() > OUTCOMES_MAX {
            let fault =
                Fault::new(Code::InvalidArgument, "router.kaleem", "REQUEST_INVALID", "too many outcomes");
            return Err(fault.violation("outcomes", format!("at most {OUTCOMES_MAX}")).into());
        }
        let now = self.clock.now();
        for outcome in outcomes {
            let wait: Option<Duration> = outcome.retry_after.as_ref().and_then(convert::from_duration);
            if let Some(wait) = wait {
                self.holds.hold(&outcome.target, &outcome.model, wait, now);
            }
        }
        Ok(Response::new(ReportOutcomesResponse {}))
    }

    async fn list_targets(
        &self,
        _: Request<ListTargetsRequest>,
    ) -> Result<Response<ListTargetsResponse>, Status> {
        let now = self.clock.now();
        let snapshot = self.catalogue.snapshot();
        let targets = snapshot.offers.iter().map(|offer| list_targets_response::TargetState {
            candidate: offer.name(),
            breaker: if offer.is_down() { "open" } else { "closed" }.to_owned(),
            hold_remaining: self.holds.left(&offer.target, &offer.model.id, now).map(convert::duration),
            ..list_targets_response::TargetState::default()
        });
        Ok(Response::new(ListTargetsResponse { targets: targets.collect() }))
    }

    async fn put_policy(&self, _: Request<PutPolicyRequest>) -> Result<Response<PutPolicyResponse>, Status> {
        Err(not_built("PutPolicy"))
    }

    async fn get_policy(&self, _: Request<GetPolicyRequest>) -> Result<Response<GetPolicyResponse>, Status> {
        Err(not_built("GetPolicy"))
    }
}
