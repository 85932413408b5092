//! Stage: the answer streams, with personal data restored and every token counted; one terminal event, or a failure that shows.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use kaleem_placeholder::{Encoding, RestoreMap, Restorer};
pub(crate) use kaleem_proto::gateway::v1::stream_chat_response::Event;
use kaleem_proto::{
    billing::v1::UsageStatus,
    chat::v1::{ReasoningDelta, TextDelta, ToolCallDelta},
    gateway::v1::{Finished, Notice, RouteSummary, Started as StartedEvent},
    provider::v1::stream_generate_response as provider,
    quota::v1::Decision,
};
use kaleem_rpc::{Fault, convert};
use tokio::time::Sleep;

use super::{Routed, Stages, count_outcome, invoke::Started, quota_left::quota_left, reserve::Grant};
use crate::{books::Meter, clients::Generation, fault};

/// What an answer is made of.
pub(super) struct Opening {
    pub(super) routed: Routed,
    pub(super) started: Started,
    pub(super) meter: Meter,
    pub(super) grant: Grant,
    pub(super) stages: Stages,
    pub(super) failed_over: bool,
    pub(super) idle_timeout: Duration,
}

/// A streaming answer; dropping it stops the upstream and settles what was produced.
pub(crate) struct Answer {
    routed: Routed,
    generation: Generation,
    /// Provider events that were read before the answer was handed out.
    unread: VecDeque<provider::Event>,
    /// Events that are ready for the caller.
    ready: VecDeque<Event>,
    lanes: Lanes,
    meter: Option<Meter>,
    grant: Grant,
    stages: Stages,
    idle_timeout: Duration,
    /// Ends when the provider has been silent for too long, or at the deadline; made once, as every event moves it.
    silence: Pin<Box<Sleep>>,
    include_reasoning: bool,
    streaming_since: Instant,
}

impl Answer {
    pub(super) fn new(opening: Opening) -> Self {
        let Opening { routed, started, meter, grant, stages, failed_over, idle_timeout } = opening;
        let options = routed.redacted.input.options.as_ref();
        let mut answer = Self {
            include_reasoning: options.is_some_and(|options| options.include_reasoning),
            generation: started.generation,
            unread: started.opening,
            ready: VecDeque::new(),
            lanes: Lanes::new(&routed.redacted.values),
            meter: Some(meter),
            grant,
            stages,
            idle_timeout,
            silence: Box::pin(tokio::time::sleep(idle_timeout)),
            streaming_since: Instant::now(),
            routed,
        };
        answer.announce(started.served_model, failed_over);
        answer
    }

    /// Id of the request.
    pub(crate) fn request_id(&self) -> String {
        self.routed.request_id.to_string()
    }

    /// The next event; `None` after the terminal one or a failure.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, Fault>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            self.meter.as_ref()?;
            let event = match self.unread.pop_front() {
                Some(event) => Ok(event),
                None => self.receive().await,
            };
            let handled = match event {
                Ok(event) => self.handle(event).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = handled {
                count_outcome(&fault.reason);
                self.fail().await;
                return Some(Err(fault::at("stream", fault)));
            }
        }
    }

    fn announce(&mut self, served_model: String, failed_over: bool) {
        let plan = &self.routed.plan;
        let degraded = matches!(self.grant.decision, Decision::DegradeModel | Decision::DegradeShorter);
        let rung = if failed_over { "failover" } else { plan.primary.as_ref().map_or("", |step| &step.rung) };
        self.ready.push_back(Event::Started(StartedEvent {
            request_id: self.routed.request_id.to_string(),
            served_model,
            route: Some(RouteSummary {
                decision_id: plan.decision_id.clone(),
                rung: rung.to_owned(),
                reason: plan.reason.clone(),
                degraded,
                failed_over,
                cached: false,
            }),
        }));
        if degraded {
            self.ready.push_back(notice("DEGRADED", self.routed.language));
        }
        if failed_over {
            self.ready.push_back(notice("FAILED_OVER", self.routed.language));
        }
    }

    async fn receive(&mut self) -> Result<provider::Event, Fault> {
        let patience = Instant::now() + self.idle_timeout;
        let deadline = self.routed.ctx.deadline.map_or(patience, |deadline| deadline.min(patience));
        self.silence.as_mut().reset(deadline.into());
        tokio::select! {
            biased;
            received = self.generation.next() => received?
                .ok_or_else(|| fault::upstream_protocol("the model's answer was cut off before its end")),
            () = &mut self.silence => Err(if deadline < patience {
                fault::deadline_exceeded()
            } else {
                fault::timed_out("silence between tokens")
            }),
        }
    }

    async fn handle(&mut self, event: provider::Event) -> Result<(), Fault> {
        let Some(meter) = self.meter.as_mut() else { return Ok(()) };
        match event {
            provider::Event::Started(_) => {}
            provider::Event::Usage(usage) => meter.usage(&usage),
            provider::Event::Text(delta) => {
                meter.text(&delta.text);
                fail::fail_point!("gateway::stream::text");
                let text = self.lanes.text(&delta.text);
                self.offer(text.map(text_event));
            }
            provider::Event::Reasoning(delta) => {
                meter.reasoning(&delta.text);
                let text = self.lanes.reasoning(&delta.text);
                let shown = ReasoningDelta { text: text.unwrap_or_default(), ..delta };
                let empty = shown.text.is_empty() && shown.provider_signature.is_empty();
                self.offer((self.include_reasoning && !empty).then_some(Event::Reasoning(shown)));
            }
            provider::Event::ToolCall(delta) => {
                meter.text(&delta.arguments_json_delta);
                let arguments = self.lanes.arguments(delta.index, &delta.arguments_json_delta)?;
                let shown = ToolCallDelta { arguments_json_delta: arguments.unwrap_or_default(), ..delta };
                self.offer(Some(Event::ToolCall(shown)));
            }
            provider::Event::Finished(finished) => self.finish(finished).await?,
        }
        Ok(())
    }

    fn offer(&mut self, event: Option<Event>) {
        self.ready.extend(event);
    }

    async fn finish(&mut self, finished: provider::Finished) -> Result<(), Fault> {
        let Some(mut meter) = self.meter.take() else { return Ok(()) };
        if let Some(usage) = &finished.usage {
            meter.usage(usage);
        }
        let tails = self.lanes.finish();
        self.ready.extend(tails);
        self.stages.add("stream", self.streaming_since.elapsed());
        let usage = meter.final_usage(UsageStatus::Ok);
        let settle = self.stages.run("settle", async { Ok(meter.settle(UsageStatus::Ok).await) });
        let (posted, ()) = futures::join!(settle, self.generation.end());
        let posted = posted?;
        count_outcome("OK");
        let remaining = posted.remaining.as_ref().or(self.grant.remaining.as_ref());
        self.ready.push_back(Event::Finished(Finished {
            reason: finished.reason,
            usage: Some(convert::usage(&usage)),
            cost_pico_usd: posted.cost.to_i64().unwrap_or(i64::MAX),
            quota_left: remaining.map(|remaining| quota_left(remaining, &self.routed.caller.plan)),
            stages: self.stages.timings(),
        }));
        Ok(())
    }

    /// Settles what was produced before a failure.
    async fn fail(&mut self) {
        self.ready.clear();
        if let Some(meter) = self.meter.take() {
            meter.settle(UsageStatus::Partial).await;
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // The meter sees to the charge itself; only the count is ours.
        if self.meter.is_some() {
            count_outcome("LEFT");
        }
    }
}

fn text_event(text: String) -> Event {
    Event::Text(TextDelta { text })
}

fn notice(reason: &str, language: &str) -> Event {
    let message = match (reason, language) {
        ("DEGRADED", "ar") => "اقتربت من حد باقتك، فالجواب من نموذج أرخص أو أقصر.",
        ("DEGRADED", _) => "your quota is nearly spent, so a cheaper model or a shorter answer was used",
        (_, "ar") => "تعذر الوصول إلى النموذج المفضل، فأجاب نموذج بديل.",
        _ => "the preferred model could not be reached, so another one answered",
    };
    Event::Notice(Notice { reason: reason.to_owned(), message: message.to_owned() })
}

/// Tool calls whose arguments are restored at once.
const TOOL_LANES_MAX: usize = 128;

/// One restorer a lane, so that interleaved pieces do not mix.
struct Lanes {
    values: Arc<RestoreMap>,
    text: Restorer,
    reasoning: Restorer,
    tools: HashMap<i32, Restorer>,
}

impl Lanes {
    fn new(values: &Arc<RestoreMap>) -> Self {
        let restorer = |encoding| Restorer::new(Arc::clone(values), encoding);
        Self {
            text: restorer(Encoding::Text),
            reasoning: restorer(Encoding::Text),
            tools: HashMap::new(),
            values: Arc::clone(values),
        }
    }

    fn text(&mut self, delta: &str) -> Option<String> {
        push(&mut self.text, delta)
    }

    fn reasoning(&mut self, delta: &str) -> Option<String> {
        push(&mut self.reasoning, delta)
    }

    fn arguments(&mut self, index: i32, delta: &str) -> Result<Option<String>, Fault> {
        if !self.tools.contains_key(&index) && self.tools.len() >= TOOL_LANES_MAX {
            return Err(fault::upstream_protocol("the model made more tool calls than are allowed"));
        }
        let values = &self.values;
        let lane = self
            .tools
            .entry(index)
            .or_insert_with(|| Restorer::new(Arc::clone(values), Encoding::JsonString));
        Ok(push(lane, delta))
    }

    /// What the lanes still hold back at the end of an answer.
    fn finish(&mut self) -> Vec<Event> {
        let mut tails: Vec<Event> = drain(&mut self.text).map(text_event).into_iter().collect();
        let mut tools: Vec<_> = self.tools.iter_mut().collect();
        tools.sort_by_key(|(index, _)| **index);
        for (index, lane) in tools {
            let tail = drain(lane).map(|arguments_json_delta| {
                Event::ToolCall(ToolCallDelta {
                    index: *index,
                    arguments_json_delta,
                    ..ToolCallDelta::default()
                })
            });
            tails.extend(tail);
        }
        tails
    }
}

fn push(lane: &mut Restorer, delta: &str) -> Option<String> {
    let mut out = String::with_capacity(delta.len());
    lane.push(delta, &mut out);
    (!out.is_empty()).then_some(out)
}

fn drain(lane: &mut Restorer) -> Option<String> {
    let mut out = String::new();
    let dropped = lane.finish(&mut out);
    if dropped > 0 {
        tracing::warn!(dropped, "an answer ended inside a placeholder");
    }
    (!out.is_empty()).then_some(out)
}
