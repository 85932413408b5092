//! Months that are billed.

use std::fmt;

use jiff::{Span, civil::Date, tz::TimeZone};
use kaleem_domain::Timestamp;

use crate::{Error, grpc::wrong};

/// A calendar month, `YYYYMM`. Ordered as time is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    text: String,
    first: Date,
}

impl Period {
    /// Reads `YYYYMM`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let first = Date::new(text[..4].parse().ok()?, text[4..].parse().ok()?, 1).ok()?;
        let period = Self { text: text.to_owned(), first };
        // The last month that a calendar knows has no end.
        period.next_first()?;
        Some(period)
    }

    /// Reads the field `period` of a request.
    pub fn field(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| wrong("period", "a month, YYYYMM"))
    }

    /// `YYYYMM`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its window id, `MYYYYMM`.
    pub fn window(&self) -> String {
        format!("M{}", self.text)
    }

    /// The period of a month window.
    pub fn of_window(window: &str) -> Option<Self> {
        Self::parse(window.strip_prefix('M')?)
    }

    /// Its first day.
    pub fn first(&self) -> Date {
        self.first
    }

    /// When the month is over wherever a merchant may be: the latest zone on earth is UTC-12.
    pub fn end_everywhere(&self) -> Option<Timestamp> {
        let noon = self.next_first()?.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(noon.timestamp().as_millisecond()))
    }

    fn next_first(&self) -> Option<Date> {
        self.first.checked_add(Span::new().months(1)).ok()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_month_of_six_digits() {
        assert!(["202611", "202601", "197001", "202612"].iter().all(|text| Period::parse(text).is_some()));
        for bad in ["", "202613", "202600", "20261", "2026111", "M202611", "20261x", "٢٠٢٦١", "999912"] {
            assert!(Period::parse(bad).is_none(), "{bad}");
        }
        assert!(Period::parse("202612") < Period::parse("202701"));
    }

    #[test]
    fn a_month_ends_everywhere_at_noon_utc_of_the_next_first() {
        let end = |text| Period::parse(text).unwrap().end_everywhere().unwrap();
        let at =
            |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        assert_eq!(end("202611"), at("2026-12-01T12:00:00Z"));
        assert_eq!(end("202612"), at("2027-01-01T12:00:00Z"));
        assert_eq!(end("202802"), at("2028-03-01T12:00:00Z"));
    }
}
