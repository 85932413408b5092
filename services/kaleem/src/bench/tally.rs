//! What was measured so far, in a bounded amount of memory however many requests there are.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::{CreationError, Histogram};

use super::exchange::Exchange;

/// Values are nanoseconds; from 100 ns to ten minutes with three digits.
const LOWEST_NS: u64 = 100;
const HIGHEST_NS: u64 = 600_000_000_000;
const DIGITS: u8 = 3;
/// Stages and reasons come from small sets; what lies beyond is summed up.
const NAMES_MAX: usize = 24;

pub(super) fn histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS)
}

pub(super) struct Tally {
    from: Instant,
    until: Instant,
    /// From the moment a request was due to its end, or to the end of the run for one that was never sent.
    pub(super) latency: Histogram<u64>,
    /// From the moment a request was sent to its end.
    pub(super) service: Histogram<u64>,
    pub(super) ttft: Histogram<u64>,
    pub(super) gap: Histogram<u64>,
    pub(super) stages: BTreeMap<String, Histogram<u64>>,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) sent: u64,
    pub(super) unsent: u64,
    pub(super) ok: u64,
    /// Good answers that were complete within the measured time, whenever they were due.
    pub(super) completed: u64,
}

impl Tally {
    /// A tally of requests that are due from `from` on and before `until`.
    pub(super) fn new(from: Instant, until: Instant) -> Result<Self, CreationError> {
        Ok(Self {
            from,
            until,
            latency: histogram()?,
            service: histogram()?,
            ttft: histogram()?,
            gap: histogram()?,
            stages: BTreeMap::new(),
            errors: BTreeMap::new(),
            sent: 0,
            unsent: 0,
            ok: 0,
            completed: 0,
        })
    }

    pub(super) fn record(&mut self, due: Instant, exchange: Exchange) {
        let good = exchange.failure.is_none();
        if good && (self.from..self.until).contains(&exchange.ended) {
            self.completed += 1;
        }
        if !(self.from..self.until).contains(&due) {
            return;
        }
        self.sent += 1;
        if let Some(reason) = exchange.failure {
            let known = self.errors.len() < NAMES_MAX || self.errors.contains_key(&reason);
            *self.errors.entry(if known { reason } else { "other".to_owned() }).or_default() += 1;
            return;
        }
        self.ok += 1;
        put(&mut self.latency, exchange.ended - due);
        put(&mut self.service, exchange.ended - exchange.sent);
        if let Some(first) = exchange.first_text {
            put(&mut self.ttft, first - due);
        }
        for gap in exchange.gaps {
            put(&mut self.gap, gap);
        }
        for (stage, taken) in exchange.stages {
            self.stage(stage, taken);
        }
    }

    /// Notes a request that was due and never sent. Its wait so far counts: leaving it out would flatter a server that stalls.
    pub(super) fn record_unsent(&mut self, due: Instant) {
        if (self.from..self.until).contains(&due) {
            self.unsent += 1;
            put(&mut self.latency, self.until - due);
        }
    }

    fn stage(&mut self, stage: String, taken: Duration) {
        if let Some(known) = self.stages.get_mut(&stage) {
            put(known, taken);
        } else if self.stages.len() < NAMES_MAX
            && let Ok(mut new) = histogram()
        {
            put(&mut new, taken);
            self.stages.insert(stage, new);
        }
    }
}

fn put(histogram: &mut Histogram<u64>, value: Duration) {
    histogram.saturating_record(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(sent: Instant, took: Duration, failure: Option<&str>) -> Exchange {
        let mut exchange = Exchange::begin();
        exchange.sent = sent;
        exchange.ended = sent + took;
        exchange.failure = failure.map(str::to_owned);
        exchange
    }

    #[test]
    fn latency_counts_from_when_the_request_was_due() {
        let from = Instant::now();
        let mut tally = Tally::new(from, from + Duration::from_secs(10)).unwrap();
        let (due, sent) = (from + Duration::from_secs(1), from + Duration::from_secs(3));
        tally.record(due, exchange(sent, Duration::from_secs(1), None));
        assert_eq!((tally.sent, tally.ok, tally.completed), (1, 1, 1));
        assert!(tally.latency.max() >= 2_990_000_000, "the wait for a free caller counts");
        assert!(tally.service.max() < 1_010_000_000);
    }

    #[test]
    fn a_request_that_was_never_sent_counts_with_its_wait() {
        let from = Instant::now();
        let mut tally = Tally::new(from, from + Duration::from_secs(10)).unwrap();
        tally.record_unsent(from + Duration::from_secs(4));
        tally.record_unsent(from + Duration::from_secs(10));
        assert_eq!((tally.sent, tally.unsent, tally.latency.len()), (0, 1, 1));
        assert!((5_990_000_000..6_010_000_000).contains(&tally.latency.max()));
    }

    #[test]
    fn the_warm_up_and_failures_are_no_latencies() {
        let from = Instant::now() + Duration::from_secs(5);
        let mut tally = Tally::new(from, from + Duration::from_secs(1)).unwrap();
        let before = from.checked_sub(Duration::from_secs(1)).unwrap();
        tally.record(before, exchange(before, Duration::from_millis(1), None));
        tally.record(from, exchange(from, Duration::from_millis(1), Some("OVERLOADED")));
        assert_eq!((tally.sent, tally.ok, tally.latency.len()), (1, 0, 0));
        assert_eq!(tally.errors, BTreeMap::from([("OVERLOADED".to_owned(), 1)]));
        for number in 0..1_000 {
            tally.record(from, exchange(from, Duration::ZERO, Some(&format!("REASON_{number}"))));
        }
        assert!(tally.errors.len() <= NAMES_MAX + 1);
        assert_eq!(tally.errors.values().sum::<u64>(), 1_001);
    }
}
