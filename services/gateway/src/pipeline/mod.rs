//! The way of a request: authenticate → [redact ∥ posture] → route → reserve → invoke → stream → settle ∥ record, a function
//! a stage.

mod admission;
mod again;
mod answer;
mod aside;
mod ceiling;
mod credit;
mod guard;
mod inspect;
mod invoke;
mod lanes;
mod language;
mod quota_left;
mod redact;
mod refusal;
mod reserve;
mod route;
mod stages;
mod upstream;
mod validate;

use std::{ops::RangeInclusive, sync::Arc, time::Instant};

use kaleem_domain::{Clock, RequestId};
use kaleem_proto::{
    gateway::v1::ChatInput,
    router::v1::{SelectRouteResponse, Step},
};
use kaleem_rpc::{CallContext, Fault, admission::Key};

pub(crate) use admission::Admission;
pub(crate) use answer::{Answer, Event};
pub(crate) use stages::Stages;

use crate::{
    auth::{Authenticator, Caller, Credential},
    books::Books,
    clients::Peers,
    config::Config,
    fault,
};
use answer::Opening;
use credit::Standings;
use guard::Policies;
use redact::Redacted;
use stages::StageHistograms;
use upstream::Leases;

/// How long ago a caller may have made an id, in milliseconds, with a minute for clocks that differ. Less than quota remembers a call
/// that has ended.
const REQUEST_ID_AGE_MS: RangeInclusive<i64> = -60_000..=300_000;

/// A request as it came in.
pub(crate) struct Ask {
    pub(crate) credential: Credential,
    /// The caller's own id; empty makes one.
    pub(crate) request_id: Option<String>,
    /// When the answer is no longer wanted.
    pub(crate) deadline: Option<Instant>,
    pub(crate) input: ChatInput,
    /// Whether the caller gets the answer in one piece, at its end.
    pub(crate) whole: bool,
}

/// Runs requests.
pub(crate) struct Pipeline {
    config: Config,
    clock: Arc<dyn Clock>,
    peers: Arc<Peers>,
    authenticator: Authenticator,
    books: Books,
    key: Key,
    standings: Standings,
    histograms: Arc<StageHistograms>,
    leases: Leases,
    policies: Policies,
}

/// What is fixed once a request was routed.
struct Routed {
    ctx: CallContext,
    caller: Arc<Caller>,
    request_id: RequestId,
    /// Whether the caller chose the id, and may choose it again.
    is_named: bool,
    redacted: Redacted,
    plan: SelectRouteResponse,
    input_token_count: i64,
    language: &'static str,
    /// Whether the caller gets the answer in one piece, at its end.
    whole: bool,
}

impl Pipeline {
    pub(crate) fn new(
        config: Config,
        clock: Arc<dyn Clock>,
        peers: Arc<Peers>,
        books: Books,
        key: Key,
    ) -> Self {
        let authenticator = Authenticator::new(Arc::clone(&peers), &config);
        let histograms = Arc::new(StageHistograms::new());
        Self {
            policies: Policies::new(config.answer_policies_bytes_max),
            standings: Standings::new(config.credit),
            config,
            clock,
            peers,
            authenticator,
            books,
            key,
            histograms,
            leases: Leases::default(),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// The context of a request that is about to start, and its id.
    pub(crate) fn context(
        &self,
        request_id: Option<&str>,
        deadline: Option<Instant>,
    ) -> Result<(CallContext, RequestId), Fault> {
        let request_id = match request_id {
            None => RequestId::new(self.clock.now()),
            Some(text) => self.named(text)?,
        };
        let now = Instant::now();
        let deadline = deadline.unwrap_or_else(|| now + self.config.default_deadline.get());
        let deadline = deadline.min(now + self.config.deadline_max.get());
        let ctx = CallContext {
            request_id: Some(request_id.to_string()),
            deadline: Some(deadline),
            ..CallContext::default()
        };
        Ok((ctx, request_id))
    }

    /// The id that a caller gave its request. Quota remembers for some minutes which ones are used up, so that older ones are refused:
    /// a charge under them might be taken for one that is known.
    fn named(&self, text: &str) -> Result<RequestId, Fault> {
        let refused =
            |told: String, rule| Err(fault::request_invalid(told).violation("x-kaleem-request-id", rule));
        let id = match RequestId::parse(text) {
            Ok(id) => id,
            Err(error) => return refused(error.to_string(), "must be a UUIDv7"),
        };
        let age_ms = self.clock.now().millis_since(id.made_at());
        if !REQUEST_ID_AGE_MS.contains(&age_ms) {
            return refused(
                "request_id must be made for this request; make a new one or leave it out".to_owned(),
                "its time must lie within the last 5 minutes, at most 1 minute ahead",
            );
        }
        Ok(id)
    }

    /// Runs every stage up to the first content of an answer. A failure leaves nothing held and nothing billed.
    pub(crate) async fn open(self: &Arc<Self>, ask: Ask) -> Result<Box<Answer>, Fault> {
        let opened = self.open_stages(ask).await;
        if let Err(fault) = &opened {
            count_outcome(&fault.reason);
        }
        opened
    }

    async fn open_stages(self: &Arc<Self>, ask: Ask) -> Result<Box<Answer>, Fault> {
        let mut stages = Stages::start(&self.histograms);
        let is_named = ask.request_id.is_some();
        let (ctx, request_id) = self.context(ask.request_id.as_deref(), ask.deadline)?;
        let caller = stages.run("authenticate", self.authenticator.caller(&ctx, &ask.credential)).await?;
        let Ask { mut input, whole, .. } = ask;
        let facts = validate::input(&mut input, &self.config, &self.policies).await?;
        let ctx = CallContext {
            merchant_id: Some(caller.merchant_id.to_string()),
            key_id: Some(caller.key_id.clone()),
            ..ctx
        };
        let language = language::of(&input.messages);
        let both = async {
            let (redacted, posture) =
                futures::join!(self.redact(&ctx, &caller, input, facts), self.posture(&ctx, &caller));
            Ok::<_, Fault>((redacted?, posture))
        };
        let (redacted, posture) = stages.run("redact", both).await?;
        let input_token_count = redacted.input_token_ceiling();
        let features = self.features(&caller, &redacted, posture, (input_token_count, language));
        let plan = stages.run("route", self.route(&ctx, features)).await?;
        let routed =
            Routed { ctx, caller, request_id, is_named, redacted, plan, input_token_count, language, whole };
        self.serve(routed, stages).await
    }

    /// Tries the steps of the plan in order until one shows content; only failures before content move on.
    async fn serve(self: &Arc<Self>, routed: Routed, mut stages: Stages) -> Result<Box<Answer>, Fault> {
        let plan = &routed.plan;
        let steps: Vec<&Step> = plan.primary.iter().chain(&plan.failovers).collect();
        let mut rest = &steps[..];
        let mut number = 0;
        loop {
            let (index, meter, grant) = stages
                .run("reserve", self.reserve(&routed, rest, number))
                .await
                .map_err(|fault| refusal::explained(fault, routed.language))?;
            let step = rest[index];
            let failed = match self.attempt(&routed, step, (number, meter, grant), &mut stages).await {
                Ok(attempt) => {
                    let pipeline = Arc::clone(self);
                    return Ok(Box::new(Answer::new(Opening { pipeline, routed, attempt, stages })));
                }
                Err(failed) => failed,
            };
            rest = &rest[index + 1..];
            number += 1;
            let spent = number > i32::try_from(self.config.failovers_max).unwrap_or(i32::MAX);
            let another = !invoke::stayed_here(&failed) && invoke::another_may_serve(&failed);
            if rest.is_empty() || spent || !another {
                return Err(failed);
            }
            tracing::warn!(from = %step.target, reason = %failed.reason, "failing over");
        }
    }
}

/// Counts how a request ended: `OK`, `LEFT`, or the reason of its failure.
fn count_outcome(outcome: &str) {
    metrics::counter!("kaleem_gateway_requests_total", "outcome" => outcome.to_owned()).increment(1);
}
