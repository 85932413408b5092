//! Follows one attempt from its hold to its charge. Dropped before it was settled or released, it sees to that itself.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use kaleem_domain::{TOKENS_PER_CALL_MAX, Tally, TokenUsage, UsageSource, estimate, tally::Assumed};
use kaleem_proto::{
    billing::v1::{UsageEvent, UsageStatus},
    chat::v1 as chat,
    provider::v1::stream_generate_response::Started,
    quota::v1::ReleaseReason,
};
use kaleem_rpc::{Fault, convert};

use super::{Books, Outcome, Posted, Senders, close};

/// Billing refuses an event with a longer text, or with one that holds control characters.
const TEXT_BYTES_MAX: usize = 256;

/// The meter of one attempt.
pub(crate) struct Meter {
    books: Books,
    senders: Senders,
    event: Option<Box<UsageEvent>>,
    dispatched: bool,
    started: bool,
    /// How the attempt ended; partial until it is settled.
    status: UsageStatus,
    assumed: Assumed,
    tally: Tally,
    output: Arc<AtomicI64>,
}

impl Meter {
    pub(super) fn new(books: Books, senders: Senders) -> Self {
        Self {
            books,
            senders,
            event: None,
            dispatched: false,
            started: false,
            status: UsageStatus::Partial,
            assumed: Assumed { input: 0, output_max: 0 },
            tally: Tally::default(),
            output: Arc::default(),
        }
    }

    /// Takes charge of the reservation in `event`.
    pub(crate) fn reserved(&mut self, event: UsageEvent) {
        if let Some(reservation) = &event.reservation {
            self.books.live().enter(reservation, &self.output);
        }
        self.event = Some(Box::new(event));
    }

    /// Notes that the attempt is about to be dispatched, for at most `output_max` output tokens. From here on the provider may bill what
    /// it read, so it must be known even if this process dies: a journal that cannot be written is the last reason to refuse.
    pub(crate) fn dispatch(&mut self, input_estimate: i64, output_max: i64) -> Result<(), Fault> {
        let Some(event) = self.event.as_mut() else { return Ok(()) };
        let usage =
            TokenUsage { input_fresh: input_estimate, source: UsageSource::Partial, ..TokenUsage::default() };
        close(event, &usage, UsageStatus::Unconfirmed);
        fail::fail_point!("gateway::intent::before");
        self.books.intend(event)?;
        fail::fail_point!("gateway::intent::after");
        self.dispatched = true;
        self.assumed = Assumed { input: input_estimate, output_max };
        Ok(())
    }

    /// Whether a model has said that it serves the attempt.
    pub(crate) const fn has_started(&self) -> bool {
        self.started
    }

    /// Notes who really serves.
    pub(crate) fn started(&mut self, started: &Started) {
        self.started = true;
        let Some(event) = self.event.as_mut() else { return };
        if is_bookable(&started.served_model) {
            event.model_served.clone_from(&started.served_model);
        }
        // A project that the route names stays: its limits and its money go by that name. Of a target that is a project of its own the
        // provider knows more, such as which worker.
        if is_bookable(&started.upstream) && event.upstream == event.target {
            event.upstream.clone_from(&started.upstream);
        }
        if is_bookable(&started.provider_request_id) {
            event.provider_request_id.clone_from(&started.provider_request_id);
        }
    }

    /// Counts answer text that was received.
    pub(crate) fn text(&mut self, text: &str) {
        self.tally.text(estimate::input_token_ceiling(text));
        self.beat();
    }

    /// Counts reasoning that was received.
    pub(crate) fn reasoning(&mut self, text: &str) {
        self.tally.reasoning(estimate::input_token_ceiling(text));
        self.beat();
    }

    /// Takes the provider's running count. One that quota and Billing would refuse is none.
    pub(crate) fn usage(&mut self, usage: &chat::TokenUsage) {
        let usage = convert::from_usage(usage);
        if usage.within(TOKENS_PER_CALL_MAX) {
            self.tally.report(usage);
        } else {
            tracing::warn!("a provider's token counts are out of bounds and do not count");
        }
        self.beat();
    }

    fn beat(&self) {
        self.output.store(self.tally.so_far(self.assumed).output(), Ordering::Relaxed);
    }

    /// Gives the hold back: the upstream refused the attempt or never saw it.
    pub(crate) fn release(mut self) {
        if let Some(event) = self.take() {
            let reason =
                if self.dispatched { ReleaseReason::UpstreamRefused } else { ReleaseReason::NotDispatched };
            self.send(Outcome::Release(Box::new(event.reservation.unwrap_or_default()), reason));
        }
    }

    /// Settles an answer that ended.
    pub(crate) async fn settle(mut self, status: UsageStatus) -> Posted {
        // Should the caller leave while the price is looked up, the meter posts this itself.
        self.status = status;
        let usage = self.final_usage(status);
        let Some(event) = self.event.as_mut() else { return Posted::default() };
        close(event, &usage, status);
        let cost = self.books.price(event, &usage).await;
        let Some(event) = self.take() else { return Posted::default() };
        self.books.post_rated(event, cost, self.senders.entries.clone()).await
    }

    /// The provider's count with our own of what came after it; our own alone, with the input estimated, where there is none.
    pub(crate) fn final_usage(&self, status: UsageStatus) -> TokenUsage {
        match status {
            UsageStatus::Ok => self.tally.whole(self.assumed),
            _ => TokenUsage { source: UsageSource::Partial, ..self.tally.so_far(self.assumed) },
        }
    }

    /// Hands an outcome over without waiting.
    fn send(&self, outcome: Outcome) {
        if self.senders.outcomes.try_send((outcome, self.senders.entries.clone())).is_err() {
            tracing::error!(
                "an outcome could not be queued; its hold will expire with a conservative charge"
            );
        }
    }

    fn take(&mut self) -> Option<Box<UsageEvent>> {
        let event = self.event.take()?;
        if let Some(reservation) = &event.reservation {
            self.books.live().leave(reservation);
        }
        Some(event)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let usage = self.final_usage(self.status);
        let Some(mut event) = self.take() else { return };
        let outcome = if self.dispatched {
            close(&mut event, &usage, self.status);
            Outcome::Post(event)
        } else {
            Outcome::Release(Box::new(event.reservation.unwrap_or_default()), ReleaseReason::CallerGone)
        };
        self.send(outcome);
    }
}

/// Whether a text of a provider can stand in the books; it never costs a charge.
fn is_bookable(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_text_that_billing_would_refuse_is_not_booked() {
        for text in ["gemini-2.5-flash-lite", "chatcmpl-1", "نموذج", &"x".repeat(256)] {
            assert!(is_bookable(text), "{text}");
        }
        for text in ["", "a\nb", "a\u{0}", "\u{85}", &"x".repeat(257), &"ن".repeat(129)] {
            assert!(!is_bookable(text), "{text:?}");
        }
    }
}
