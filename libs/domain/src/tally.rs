//! What an answer has used while it streams: the provider's count as far as it goes, and our own of what came after it.

use crate::{TokenUsage, UsageSource};

/// Output tokens by our own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    text: i64,
    reasoning: i64,
}

/// What is taken for granted where the provider says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// Input tokens.
    pub input: i64,
    /// Output tokens that were asked for at most. Our own count goes no further: it is from above, and what is held for is this.
    pub output_max: i64,
}

/// The counts of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    seen: Seen,
    reported: Option<TokenUsage>,
    /// Of what was seen, what the report counts.
    covered: Seen,
    /// Something was seen since the last report.
    is_behind: bool,
}

impl Tally {
    /// Counts text, or arguments of a tool call, of `tokens` tokens.
    pub fn text(&mut self, tokens: i64) {
        self.seen.text = self.seen.text.saturating_add(tokens);
        self.is_behind = true;
    }

    /// Counts reasoning of `tokens` tokens.
    pub fn reasoning(&mut self, tokens: i64) {
        self.seen.reasoning = self.seen.reasoning.saturating_add(tokens);
        self.is_behind = true;
    }

    /// Takes the provider's running count; counts are cumulative, so the last stands, unless it counts nothing at all. One that has not
    /// grown speaks of no more than it did: some providers count at the start and then at the end alone.
    pub fn report(&mut self, usage: TokenUsage) {
        let before = self.reported.unwrap_or_default();
        if usage.total() == 0 && before.total() > 0 {
            return;
        }
        if usage.output() > before.output() {
            self.covered.reasoning = self.seen.reasoning;
            // Reasoning is counted apart and text not yet.
            self.covered.text = if usage.output_text > 0 { self.seen.text } else { self.covered.text };
        }
        self.reported = Some(usage);
        self.is_behind = false;
    }

    /// What was used so far; counted by us as soon as something of it is.
    pub fn so_far(&self, assumed: Assumed) -> TokenUsage {
        let counted =
            TokenUsage { input_fresh: assumed.input, source: UsageSource::Counted, ..TokenUsage::default() };
        let is_output = self.seen != Seen::default();
        let reported = self.reported.filter(|reported| reported.total() > 0 || !is_output);
        let Some(base) = reported else { return self.beyond(counted, Seen::default(), assumed) };
        self.beyond(base, self.covered, assumed)
    }

    /// What an answer used that came to its end: the provider's word, where it spoke after the last output and of it.
    pub fn whole(&self, assumed: Assumed) -> TokenUsage {
        let spoke = |reported: &TokenUsage| {
            let of_text = reported.output_text > 0 || self.seen.text == 0;
            !self.is_behind && of_text && (reported.output() > 0 || self.seen == Seen::default())
        };
        self.reported.filter(spoke).unwrap_or_else(|| self.so_far(assumed))
    }

    /// `base` with what was seen beyond `covered`, as far as room is left.
    fn beyond(&self, base: TokenUsage, covered: Seen, assumed: Assumed) -> TokenUsage {
        let room = assumed.output_max.saturating_sub(base.output()).max(0);
        let text = (self.seen.text - covered.text).min(room);
        let reasoning = (self.seen.reasoning - covered.reasoning).min(room - text);
        if text + reasoning == 0 {
            return base;
        }
        TokenUsage {
            output_text: base.output_text + text,
            output_reasoning: base.output_reasoning + reasoning,
            source: UsageSource::Counted,
            ..base
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUMED: Assumed = Assumed { input: 40, output_max: 1_000 };

    fn report(input_fresh: i64, output_text: i64, output_reasoning: i64) -> TokenUsage {
        TokenUsage {
            input_fresh,
            output_text,
            output_reasoning,
            source: UsageSource::Provider,
            ..TokenUsage::default()
        }
    }

    fn counts(usage: TokenUsage) -> (i64, i64, i64) {
        (usage.input_fresh, usage.output_text, usage.output_reasoning)
    }

    #[test]
    fn without_a_report_what_was_seen_counts_up_to_what_was_asked_for() {
        let mut tally = Tally::default();
        tally.text(300);
        tally.reasoning(200);
        assert_eq!(counts(tally.so_far(ASSUMED)), (40, 300, 200));
        assert_eq!(tally.whole(ASSUMED).source, UsageSource::Counted);
        tally.reasoning(900);
        assert_eq!(counts(tally.so_far(ASSUMED)), (40, 300, 700));
    }

    #[test]
    fn what_comes_after_a_report_is_added_to_it() {
        for first in [report(10, 0, 0), report(10, 1, 0)] {
            let mut tally = Tally::default();
            tally.report(first);
            tally.text(300);
            let (_, said, _) = counts(first);
            assert_eq!(counts(tally.so_far(ASSUMED)), (10, said + 300, 0));
            tally.report(first);
            assert_eq!(counts(tally.so_far(ASSUMED)), (10, said + 300, 0), "it says the same of more");
            tally.report(report(10, 250, 0));
            assert_eq!(tally.so_far(ASSUMED), report(10, 250, 0), "the provider counts exactly");
            tally.text(4);
            assert_eq!(counts(tally.so_far(ASSUMED)), (10, 254, 0));
        }
    }

    #[test]
    fn a_count_of_nothing_is_no_count_where_something_was_seen() {
        let mut tally = Tally::default();
        tally.report(report(0, 0, 0));
        assert_eq!(counts(tally.whole(ASSUMED)), (0, 0, 0), "nothing was made");
        tally.text(7);
        tally.report(report(0, 0, 0));
        assert_eq!(counts(tally.whole(ASSUMED)), (40, 7, 0));
        tally.report(report(12, 6, 0));
        tally.report(report(0, 0, 0));
        assert_eq!(counts(tally.whole(ASSUMED)), (12, 6, 0));
    }

    #[test]
    fn reasoning_that_is_counted_apart_leaves_the_text_to_us() {
        let mut tally = Tally::default();
        tally.text(30);
        tally.report(report(10, 0, 50));
        assert_eq!(counts(tally.so_far(ASSUMED)), (10, 30, 50));
        assert_eq!(counts(tally.whole(ASSUMED)), (10, 30, 50));
        tally.report(report(10, 25, 50));
        assert_eq!(tally.whole(ASSUMED), report(10, 25, 50));
    }

    #[test]
    fn the_providers_last_word_stands_only_if_it_came_last() {
        let mut tally = Tally::default();
        tally.report(report(10, 1, 0));
        tally.text(300);
        assert_eq!(counts(tally.whole(ASSUMED)), (10, 301, 0));
        tally.report(report(10, 2, 0));
        assert_eq!(counts(tally.whole(ASSUMED)), (10, 2, 0));
    }
}
