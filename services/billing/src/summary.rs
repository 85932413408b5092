//! Sums of a merchant's window, exact in 128 bits.

use std::time::Duration;

use kaleem_domain::{Timestamp, TokenUsage, usage::BUCKETS, window::Zone};

use crate::{Error, Violation, event::digits};

/// A window by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowId {
    /// `M202611`.
    pub month: String,
    /// `d20261120`; `None` is the whole month.
    pub day: Option<String>,
}

impl WindowId {
    /// Reads `dYYYYMMDD` or `MYYYYMM`.
    pub fn parse(id: &str) -> Result<Self, Error> {
        if digits(id, 'M', 6).is_some() {
            return Ok(Self { month: id.to_owned(), day: None });
        }
        let Some(day) = digits(id, 'd', 8) else {
            let rule = "a window id such as d20261120 or M202611, or empty";
            return Err(Error::RequestInvalid(vec![Violation::new("window_id", rule)]));
        };
        Ok(Self { month: format!("M{}", &day[..6]), day: Some(id.to_owned()) })
    }

    /// The id.
    pub fn id(&self) -> &str {
        self.day.as_deref().unwrap_or(&self.month)
    }
}

/// The calls that an upstream served in a window of its own zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Upstream project or target.
    pub upstream: String,
    /// Months of merchants, in any zone, that its window can touch: the first and the last, as window ids.
    pub months: (String, String),
    /// First instant of the window.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
    /// Transactions after this one are not counted.
    pub max_transaction: i64,
}

impl Served {
    /// The calls that `upstream` served in `window`, a day or month of `time_zone`.
    pub fn new(
        upstream: String,
        window: &WindowId,
        time_zone: &str,
        max_transaction: i64,
    ) -> Result<Self, Error> {
        let wrong = |field: &str, rule: &str| Error::RequestInvalid(vec![Violation::new(field, rule)]);
        let zone = |name: &str| {
            Zone::parse(name).map_err(|_| wrong("time_zone", "an IANA zone such as Asia/Riyadh"))
        };
        let no_window =
            |_| wrong("window_id", "a day or month that the zone has, such as d20261120 or M202611");
        let span = zone(time_zone)?.window_of(window.id()).map_err(no_window)?;
        let utc = zone("UTC")?;
        let month = |at: Timestamp| Ok::<_, Error>(utc.month(at).map_err(no_window)?.id);
        // Two zones are less than 26 hours apart.
        let apart = Duration::from_hours(26);
        let months = (month(span.start.minus(apart))?, month(span.end.plus(apart))?);
        Ok(Self { upstream, months, from: span.start, to: span.end, max_transaction })
    }
}

/// Sums of one model, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Events.
    pub events: i128,
    /// Token counts in the order of [`TokenUsage::buckets`].
    pub counts: [i128; BUCKETS],
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i128,
    /// What providers charge us, in pico-US-dollars.
    pub cost_pico: i128,
    /// Sequence of the newest event.
    pub max_sequence: i64,
}

impl Sums {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sell_pico += other.sell_pico;
        self.cost_pico += other.cost_pico;
        self.max_sequence = self.max_sequence.max(other.max_sequence);
    }

    /// The token counts as an answer carries them; an amount beyond it is an error and never cut.
    pub fn usage(&self) -> Result<TokenUsage, Error> {
        let mut buckets = [0; BUCKETS];
        for (bucket, sum) in buckets.iter_mut().zip(self.counts) {
            *bucket = narrow(sum)?;
        }
        Ok(TokenUsage::of_buckets(buckets))
    }
}

/// An exact sum as an answer carries it.
pub fn narrow(sum: i128) -> Result<i64, Error> {
    i64::try_from(sum).map_err(|_| Error::AmountOverflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_ids_are_days_and_months() {
        let day = WindowId::parse("d20261120").unwrap();
        assert_eq!((day.month.as_str(), day.id()), ("M202611", "d20261120"));
        let month = WindowId::parse("M202611").unwrap();
        assert_eq!((month.day.as_ref(), month.id()), (None, "M202611"));
        for bad in ["", "202611", "m202611", "M20261", "d202611200", "M٢٠٢٦١١"] {
            assert!(WindowId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sums_go_beyond_64_bits_and_are_never_cut() {
        let large =
            Sums { events: 1, counts: [i128::from(i64::MAX); BUCKETS], max_sequence: 7, ..Sums::default() };
        let mut sums = large.clone();
        sums.add(&large);
        assert_eq!(sums.counts[0], i128::from(i64::MAX) * 2);
        assert_eq!((sums.events, sums.max_sequence), (2, 7));
        assert!(large.usage().is_ok());
        assert!(matches!(sums.usage(), Err(Error::AmountOverflow)));
    }
}
