//! Stage: the answer streams, with personal data restored and every token counted; one terminal event, or a failure that shows.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    pin::Pin,
    time::{Duration, Instant},
};

pub(crate) use kaleem_proto::gateway::v1::stream_chat_response::Event;
use kaleem_proto::{
    billing::v1::UsageStatus,
    chat::v1::{FinishReason, ReasoningDelta, TextDelta, ToolCallDelta},
    gateway::v1::{Finished, Notice, RouteSummary, Started as StartedEvent},
    provider::v1::stream_generate_response as provider,
    quota::v1::Decision,
};
use kaleem_rpc::{Fault, convert};
use tokio::time::Sleep;

use super::{
    Routed, Stages, count_outcome,
    guard::{Audience, Guard},
    invoke::Started,
    lanes::{Lanes, Tails},
    quota_left::quota_left,
    reserve::Grant,
};
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
    /// Absent once the answer was ended before its own end.
    generation: Option<Generation>,
    /// Provider events that were read before the answer was handed out.
    unread: VecDeque<provider::Event>,
    /// Events that are ready for the caller.
    ready: VecDeque<Event>,
    lanes: Lanes,
    /// Absent where the answer has nothing to respect, and after its last text.
    guard: Option<Guard>,
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
            generation: Some(started.generation),
            unread: started.opening,
            ready: VecDeque::new(),
            lanes: Lanes::new(&routed.redacted.values),
            guard: routed.redacted.guardrails.as_ref().map(|rails| Guard::new(rails, routed.audience())),
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
        let cut_off = || fault::upstream_protocol("the model's answer was cut off before its end");
        let generation = self.generation.as_mut().ok_or_else(cut_off)?;
        let patience = Instant::now() + self.idle_timeout;
        let deadline = self.routed.ctx.deadline.map_or(patience, |deadline| deadline.min(patience));
        self.silence.as_mut().reset(deadline.into());
        tokio::select! {
            biased;
            received = generation.next() => received?.ok_or_else(cut_off),
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
                if text.is_some_and(|text| self.say(text).is_break()) {
                    self.withhold().await?;
                }
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

    /// Shows `text` as far as the guardrails allow; a break ends the answer.
    fn say(&mut self, text: String) -> ControlFlow<()> {
        let Some(guard) = self.guard.as_mut() else {
            self.ready.push_back(text_event(text));
            return ControlFlow::Continue(());
        };
        guard.push(&text, &mut self.ready)
    }

    /// Shows what lanes and guard still hold; a break ends the answer before all of it.
    fn say_last(&mut self) -> ControlFlow<()> {
        let Tails { text, reasoning, calls } = self.lanes.finish();
        let reasoning = reasoning.filter(|_| self.include_reasoning);
        self.offer(
            reasoning.map(|text| Event::Reasoning(ReasoningDelta { text, ..ReasoningDelta::default() })),
        );
        if let Some(text) = text {
            self.say(text)?;
        }
        if let Some(guard) = self.guard.take() {
            guard.finish(&mut self.ready)?;
        }
        self.ready.extend(calls.into_iter().map(Event::ToolCall));
        ControlFlow::Continue(())
    }

    async fn finish(&mut self, finished: provider::Finished) -> Result<(), Fault> {
        let Some(mut meter) = self.meter.take() else { return Ok(()) };
        if let Some(usage) = &finished.usage {
            meter.usage(usage);
        }
        match self.say_last() {
            ControlFlow::Continue(()) => self.close(meter, UsageStatus::Ok, finished.reason()).await,
            ControlFlow::Break(()) => self.close(meter, UsageStatus::Ok, FinishReason::ContentFiltered).await,
        }
    }

    /// Ends an answer that was about to state what it must not. The upstream stops; what it produced is settled as produced.
    async fn withhold(&mut self) -> Result<(), Fault> {
        self.generation = None;
        let Some(meter) = self.meter.take() else { return Ok(()) };
        self.close(meter, UsageStatus::Partial, FinishReason::ContentFiltered).await
    }

    async fn close(&mut self, meter: Meter, status: UsageStatus, reason: FinishReason) -> Result<(), Fault> {
        self.stages.add("stream", self.streaming_since.elapsed());
        let usage = meter.final_usage(status);
        let settle = self.stages.run("settle", async { Ok(meter.settle(status).await) });
        let ended = async {
            if let Some(generation) = self.generation.as_mut() {
                generation.end().await;
            }
        };
        let (posted, ()) = futures::join!(settle, ended);
        let posted = posted?;
        count_outcome("OK");
        let remaining = posted.remaining.as_ref().or(self.grant.remaining.as_ref());
        self.ready.push_back(Event::Finished(Finished {
            reason: reason.into(),
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

impl Routed {
    fn audience(&self) -> Audience {
        let format = self.redacted.input.response_format.as_ref();
        Audience { language: self.language, json: format.is_some_and(|format| format.format.is_some()) }
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
