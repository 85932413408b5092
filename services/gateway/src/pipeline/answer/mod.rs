//! Stage: the answer streams, with personal data restored and every token counted; one terminal event, or a failure that shows.

mod again;

use std::{collections::VecDeque, ops::ControlFlow, pin::Pin, sync::Arc, time::Instant};

use kaleem_domain::{Pico, TokenUsage};

pub(crate) use kaleem_proto::gateway::v1::stream_chat_response::Event;
use kaleem_proto::{
    billing::v1::UsageStatus,
    chat::v1::{FinishReason, ReasoningDelta, TextDelta, ToolCallDelta},
    gateway::v1::{Finished, Notice, RouteSummary, Started as StartedEvent},
    provider::v1::stream_generate_response as provider,
    quota::v1::Decision,
    router::v1::Step,
};
use kaleem_rpc::{Fault, convert};
use tokio::time::Sleep;

use super::{
    Pipeline, Routed, Stages, count_outcome,
    guard::{Audience, Chance, Guard, Halt},
    invoke::Attempt,
    lanes::{Lanes, Tails},
    quota_left::quota_left,
    reserve::Grant,
};
use crate::{books::Meter, clients::Generation, fault};

/// What an answer is made of.
pub(super) struct Opening {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) routed: Routed,
    pub(super) attempt: Attempt,
    pub(super) stages: Stages,
}

/// A streaming answer; dropping it stops the upstream and settles what was produced.
pub(crate) struct Answer {
    pipeline: Arc<Pipeline>,
    routed: Routed,
    /// Which attempt of the request answers, and where.
    number: i32,
    step: Step,
    /// Absent once the answer was ended before its own end.
    generation: Option<Generation>,
    /// Provider events that were read before the answer was handed out.
    unread: VecDeque<provider::Event>,
    /// Events that are ready for the caller.
    ready: VecDeque<Event>,
    lanes: Lanes,
    /// Absent where the answer has nothing to respect.
    guard: Option<Guard>,
    meter: Option<Meter>,
    grant: Grant,
    /// What was settled so far; more than one answer if the model was asked again.
    charged: Option<(TokenUsage, Pico)>,
    /// Whether the model was asked again.
    is_second: bool,
    stages: Stages,
    /// Ends when the provider has been silent for too long, or at the deadline; made once, as every event moves it.
    silence: Pin<Box<Sleep>>,
    include_reasoning: bool,
    streaming_since: Instant,
    /// Whether the outcome of the request was counted.
    counted: bool,
}

impl Answer {
    pub(super) fn new(opening: Opening) -> Self {
        let Opening { pipeline, routed, attempt, stages } = opening;
        let Attempt { number, step, started, meter, grant } = attempt;
        let options = routed.redacted.input.options.as_ref();
        let chance = if routed.whole { Chance::AtTheEnd } else { Chance::Unseen };
        let mut answer = Self {
            include_reasoning: options.is_some_and(|options| options.include_reasoning),
            number,
            step,
            generation: Some(started.generation),
            unread: started.opening,
            ready: VecDeque::new(),
            lanes: routed.lanes(),
            guard: routed.guard(chance),
            meter: Some(meter),
            grant,
            charged: None,
            is_second: false,
            stages,
            silence: Box::pin(tokio::time::sleep(pipeline.config.idle_timeout.get())),
            streaming_since: Instant::now(),
            counted: false,
            pipeline,
            routed,
        };
        answer.announce(started.served_model, number > 0);
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
                self.count(&fault.reason);
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
        let patience = Instant::now() + self.pipeline.config.idle_timeout.get();
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
                if let Some(text) = self.lanes.text(&delta.text)
                    && let ControlFlow::Break(halt) = self.say(text)
                {
                    self.halt(halt).await?;
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

    /// Shows what no guardrail looks at.
    fn offer(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        if let Some(guard) = self.guard.as_mut() {
            guard.seen();
        }
        self.ready.push_back(event);
    }

    /// Shows `text` as far as the guardrails allow; a break stops the answer.
    fn say(&mut self, text: String) -> ControlFlow<Halt> {
        let Some(guard) = self.guard.as_mut() else {
            self.ready.push_back(text_event(text));
            return ControlFlow::Continue(());
        };
        guard.push(&text, &mut self.ready)
    }

    /// Shows the last `text` and what the guard still holds; a break stops the answer before it.
    fn say_last(&mut self, text: Option<String>) -> ControlFlow<Halt> {
        if let Some(text) = text {
            self.say(text)?;
        }
        self.guard.as_mut().map_or(ControlFlow::Continue(()), |guard| guard.finish(&mut self.ready))
    }

    /// Shows what waits to be shown if the model is not asked again; a break stops the answer.
    fn go_on(&mut self) -> ControlFlow<Halt> {
        self.guard.as_mut().map_or(ControlFlow::Continue(()), |guard| guard.go_on(&mut self.ready))
    }

    /// Ends an answer that was about to state what it must not, or puts the model's second answer in its place.
    async fn halt(&mut self, halt: Halt) -> Result<(), Fault> {
        if halt == Halt::AskAgain
            && (self.ask_again(UsageStatus::Partial).await || self.go_on().is_continue())
        {
            return Ok(());
        }
        // The upstream stops; what it produced is settled as produced.
        self.generation = None;
        self.close(UsageStatus::Partial, FinishReason::ContentFiltered).await
    }

    async fn finish(&mut self, finished: provider::Finished) -> Result<(), Fault> {
        if let (Some(meter), Some(usage)) = (self.meter.as_mut(), &finished.usage) {
            meter.usage(usage);
        }
        let Tails { text, reasoning, calls } = self.lanes.finish();
        let reasoning = reasoning.filter(|_| self.include_reasoning);
        self.offer(
            reasoning.map(|text| Event::Reasoning(ReasoningDelta { text, ..ReasoningDelta::default() })),
        );
        let mut flow = self.say_last(text);
        if flow == ControlFlow::Break(Halt::AskAgain) {
            if self.ask_again(UsageStatus::Ok).await {
                return Ok(());
            }
            flow = self.go_on();
        }
        if flow.is_break() {
            return self.close(UsageStatus::Ok, FinishReason::ContentFiltered).await;
        }
        self.ready.extend(calls.into_iter().map(Event::ToolCall));
        self.close(UsageStatus::Ok, finished.reason()).await
    }

    async fn close(&mut self, status: UsageStatus, reason: FinishReason) -> Result<(), Fault> {
        let Some(meter) = self.meter.take() else { return Ok(()) };
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
        self.count("OK");
        let (usage, cost) = self.charge(usage, posted.cost);
        let remaining = posted.remaining.as_ref().or(self.grant.remaining.as_ref());
        self.ready.push_back(Event::Finished(Finished {
            reason: reason.into(),
            usage: Some(convert::usage(&usage)),
            cost_pico_usd: cost.to_i64().unwrap_or(i64::MAX),
            quota_left: remaining.map(|remaining| quota_left(remaining, &self.routed.caller.plan)),
            stages: self.stages.timings(),
        }));
        Ok(())
    }

    /// Settles what was produced before a failure.
    async fn fail(&mut self) {
        self.ready.clear();
        if let Some(meter) = self.meter.take() {
            meter.settle(self.broken_status()).await;
        }
    }

    /// Counts how the request ended, once.
    fn count(&mut self, outcome: &str) {
        if !std::mem::replace(&mut self.counted, true) {
            count_outcome(outcome);
        }
    }
}

impl Routed {
    /// Whether the text of the answer is to be a JSON document.
    fn is_json(&self) -> bool {
        let format = self.redacted.input.response_format.as_ref();
        format.is_some_and(|format| format.format.is_some())
    }

    /// What restores an answer.
    fn lanes(&self) -> Lanes {
        Lanes::new(&self.redacted.values, self.is_json())
    }

    /// The guardrails of an answer, if it has facts to respect.
    fn guard(&self, chance: Chance) -> Option<Guard> {
        let audience = Audience { language: self.language, json: self.is_json() };
        self.redacted.guardrails.as_ref().map(|rails| Guard::new(rails, audience, chance))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // The meter sees to the charge itself; only the count is ours.
        if self.meter.is_some() {
            self.count("LEFT");
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
