//! A second answer in the place of the first, for merchants who want the model to be asked again before it is corrected.

use std::time::Instant;

use kaleem_domain::{Pico, TokenUsage};
use kaleem_proto::billing::v1::UsageStatus;

use super::{Answer, Event, Notice};
use crate::pipeline::{
    guard::{self, Chance, Guard},
    invoke::Attempt,
};

impl Answer {
    /// Whether the merchant wants the model to be asked again because of this answer, which has ended and goes out whole.
    pub(crate) fn is_contested(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::asks_again_at_the_end)
    }

    /// Asks the model once more; whether a new answer comes now in the place of this one.
    pub(crate) async fn again(&mut self) -> bool {
        self.ask_again(UsageStatus::Ok).await
    }

    /// What its caller is told if a contested answer goes out after all, corrected.
    pub(crate) fn stands(&self) -> Notice {
        guard::not_asked_again(self.routed.language)
    }

    /// Asks the model once more, with what is true, and puts its answer in the place of this one, which is settled as `status` if
    /// it is not yet. Whether that was possible; if not, this answer can go on.
    pub(super) async fn ask_again(&mut self, status: UsageStatus) -> bool {
        let Some(hint) = self.guard.as_ref().and_then(Guard::hint) else { return false };
        if self.meter.is_some() {
            self.stages.add("stream", self.streaming_since.elapsed());
        }
        let asked =
            self.pipeline.ask_again(&mut self.routed, &self.step, self.number + 1, hint, &mut self.stages);
        let attempt = asked.await;
        self.streaming_since = Instant::now();
        let Some(attempt) = attempt else { return false };
        self.take_over(attempt, status).await;
        true
    }

    async fn take_over(&mut self, attempt: Attempt, status: UsageStatus) {
        let Attempt { number, step, started, meter, grant } = attempt;
        let first = (self.meter.replace(meter), self.generation.replace(started.generation));
        if let (Some(meter), generation) = first {
            // One that has told its end is read to its trailers; any other stops here.
            if status == UsageStatus::Ok
                && let Some(mut generation) = generation
            {
                generation.end().await;
            }
            let usage = meter.final_usage(status);
            let posted = meter.settle(status).await;
            self.charge(usage, posted.cost);
        }
        self.unread = started.opening;
        self.lanes = self.routed.lanes();
        self.guard = self.routed.guard(Chance::Taken);
        (self.number, self.step, self.grant) = (number, step, grant);
        self.is_second = true;
        self.ready.push_back(Event::Notice(guard::asked_again(self.routed.language)));
    }

    /// Adds the charge of an answer to those before it, and gives the sum.
    pub(super) fn charge(&mut self, usage: TokenUsage, cost: Pico) -> (TokenUsage, Pico) {
        let sum = match self.charged {
            None => (usage, cost),
            Some((earlier, paid)) => {
                (earlier.plus(&usage), paid.checked_add(cost).unwrap_or(Pico::new(i128::MAX)))
            }
        };
        self.charged = Some(sum);
        sum
    }

    /// How an attempt that broke off is settled: as far as the caller has seen it. Of a second answer that was to go out whole
    /// nobody has seen anything, as the first goes out in its place; it is our cost.
    pub(super) const fn broken_status(&self) -> UsageStatus {
        if self.is_second && self.routed.whole { UsageStatus::FailedBilled } else { UsageStatus::Partial }
    }
}
