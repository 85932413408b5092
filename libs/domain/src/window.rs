//! Calendar windows of a merchant: `[start, end)` instants of its day and month in its own IANA zone.

use jiff::{civil, tz::TimeZone};

use crate::Timestamp;

/// A calendar window with its stable id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// `d20261120` for a day, `M202611` for a month.
    pub id: String,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Window {
    /// Whether `at` lies in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// The zone is unknown, or the instant lies outside the years that the calendar covers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// No such zone.
    #[error("time zone {0:?} is unknown; use an IANA name such as Asia/Riyadh")]
    UnknownZone(String),
    /// Not in years -9999 to 9999.
    #[error("the instant is outside the calendar")]
    OutOfRange,
}

/// A merchant's zone.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// Looks `name` up in the IANA database.
    pub fn parse(name: &str) -> Result<Self, WindowError> {
        TimeZone::get(name).map(Self).map_err(|_| WindowError::UnknownZone(name.to_owned()))
    }

    /// The day that `at` lies in. A day may start after midnight, and have 23 or 25 hours.
    pub fn day(&self, at: Timestamp) -> Result<Window, WindowError> {
        let date = self.date(at)?;
        let next = date.tomorrow().map_err(|_| WindowError::OutOfRange)?;
        self.window(format!("d{:04}{:02}{:02}", date.year(), date.month(), date.day()), date, next)
    }

    /// The month that `at` lies in.
    pub fn month(&self, at: Timestamp) -> Result<Window, WindowError> {
        let date = self.date(at)?;
        let first = date.first_of_month();
        let next = date.last_of_month().tomorrow().map_err(|_| WindowError::OutOfRange)?;
        self.window(format!("M{:04}{:02}", date.year(), date.month()), first, next)
    }

    /// The day or month called `id`, such as `d20261120` or `M202611`.
    pub fn window_of(&self, id: &str) -> Result<Window, WindowError> {
        let number = |range| id.get(range).and_then(|digits: &str| digits.parse::<i16>().ok());
        let (year, month, day) = match id.len() {
            9 if id.starts_with('d') => (number(1..5), number(5..7), number(7..9)),
            7 if id.starts_with('M') => (number(1..5), number(5..7), Some(1)),
            _ => (None, None, None),
        };
        let narrow = |part: Option<i16>| part.and_then(|part| i8::try_from(part).ok());
        let date = year.zip(narrow(month)).zip(narrow(day));
        let date = date.and_then(|((year, month), day)| civil::Date::new(year, month, day).ok());
        let start = self.start_of(date.ok_or(WindowError::OutOfRange)?)?;
        let window = if id.starts_with('d') { self.day(start) } else { self.month(start) }?;
        // A zone that moved over the date line lacks a day.
        if window.id == id { Ok(window) } else { Err(WindowError::OutOfRange) }
    }

    /// The date that `at` belongs to: the last one that has begun. Where clocks go back over midnight, the calendar shows the old
    /// date once more; those minutes stay with the new one, so that no instant belongs to two days or to none.
    fn date(&self, at: Timestamp) -> Result<civil::Date, WindowError> {
        let instant =
            jiff::Timestamp::from_millisecond(at.as_millis()).map_err(|_| WindowError::OutOfRange)?;
        let shown = self.0.to_datetime(instant).date();
        let next = shown.tomorrow().map_err(|_| WindowError::OutOfRange)?;
        Ok(if self.start_of(next)? <= at { next } else { shown })
    }

    fn window(&self, id: String, first: civil::Date, next: civil::Date) -> Result<Window, WindowError> {
        Ok(Window { id, start: self.start_of(first)?, end: self.start_of(next)? })
    }

    /// The first instant of `date`, or of the next one that there is.
    fn start_of(&self, date: civil::Date) -> Result<Timestamp, WindowError> {
        let zoned = date.to_zoned(self.0.clone()).map_err(|_| WindowError::OutOfRange)?;
        let start = zoned.start_of_day().map_err(|_| WindowError::OutOfRange)?;
        Ok(Timestamp::from_millis(start.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn hours(window: &Window) -> i64 {
        window.end.millis_since(window.start) / 3_600_000
    }

    #[test]
    fn a_riyadh_day_starts_at_21_utc() {
        let zone = Zone::parse("Asia/Riyadh").unwrap();
        assert_eq!(zone.day(at("2026-11-20T20:59:59.999Z")).unwrap().id, "d20261120");
        let day = zone.day(at("2026-11-20T21:00:00Z")).unwrap();
        assert_eq!((day.id.as_str(), day.start), ("d20261121", at("2026-11-20T21:00:00Z")));
    }

    #[test]
    fn a_window_is_found_by_its_id() {
        let pacific = Zone::parse("America/Los_Angeles").unwrap();
        for id in ["d20261101", "M202611", "M202603", "d20260308"] {
            let window = pacific.window_of(id).unwrap();
            assert_eq!((window.id.as_str(), window.contains(window.start)), (id, true));
        }
        // Pacific time changes within both months, so neither is a whole number of days.
        let (march, november) =
            (pacific.window_of("M202603").unwrap(), pacific.window_of("M202611").unwrap());
        assert_eq!((hours(&march), hours(&november)), (31 * 24 - 1, 30 * 24 + 1));
        assert_eq!(november.end, at("2026-12-01T08:00:00Z"));
        for bad in ["", "M20261", "M202613", "d20261131", "x202611", "M2026١1", "d20260230"] {
            assert_eq!(pacific.window_of(bad), Err(WindowError::OutOfRange), "{bad}");
        }
        let samoa = Zone::parse("Pacific/Apia").unwrap();
        assert_eq!(samoa.window_of("d20111230"), Err(WindowError::OutOfRange), "Samoa skipped this day");
    }

    #[test]
    fn days_with_a_missing_midnight_or_another_length() {
        let cairo = Zone::parse("Africa/Cairo").unwrap();
        let short = cairo.day(at("2026-04-24T12:00:00Z")).unwrap();
        assert_eq!((short.start, hours(&short)), (at("2026-04-23T22:00:00Z"), 23));
        assert_eq!(hours(&cairo.day(at("2026-10-29T12:00:00Z")).unwrap()), 25);
        let pacific = Zone::parse("America/Los_Angeles").unwrap();
        assert_eq!(hours(&pacific.day(at("2026-03-08T12:00:00Z")).unwrap()), 23);
        assert_eq!(hours(&pacific.day(at("2026-11-01T12:00:00Z")).unwrap()), 25);
    }

    /// I11 over every zone of the database: each instant lies in exactly one day, and days make up months.
    fn check_partition(name: &str, zone: &Zone, instant: Timestamp) {
        let (day, month) = (zone.day(instant).unwrap(), zone.month(instant).unwrap());
        let context = format!("{name} at {}", instant.as_millis());
        assert!(day.contains(instant) && month.contains(instant), "{context}");
        assert!(month.start <= day.start && day.end <= month.end, "{context}");
        for inside in [day.start, day.end.plus_millis(-1)] {
            assert_eq!(zone.day(inside).unwrap(), day, "{context}");
            assert_eq!(zone.month(inside).unwrap(), month, "{context}");
        }
        let next = zone.day(day.end).unwrap();
        assert_eq!(next.start, day.end, "{context}");
        assert!(next.id > day.id, "{context}");
        assert_eq!(day.end == month.end, zone.month(day.end).unwrap() != month, "{context}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn every_instant_lies_in_one_day_of_one_month(
            second in 631_152_000_i64..2_524_608_000,
            millis in 0_i64..1_000,
        ) {
            for name in jiff::tz::db().available() {
                let zone = Zone::parse(name.as_str()).unwrap();
                check_partition(name.as_str(), &zone, Timestamp::from_millis(second * 1_000 + millis));
            }
        }
    }

    #[test]
    fn windows_hold_around_every_change_of_the_clock() {
        let (from, until) = (at("1990-01-01T00:00:00Z"), at("2050-01-01T00:00:00Z"));
        let first = jiff::Timestamp::from_millisecond(from.as_millis()).unwrap();
        for name in jiff::tz::db().available() {
            let zone = Zone::parse(name.as_str()).unwrap();
            for change in zone.0.following(first) {
                let change = Timestamp::from_millis(change.timestamp().as_millisecond());
                if change >= until {
                    break;
                }
                for offset in [-86_400_000, -3_600_000, -60_000, -1, 0, 1, 60_000, 3_600_000, 86_400_000] {
                    check_partition(name.as_str(), &zone, change.plus_millis(offset));
                }
            }
        }
    }

    #[test]
    fn months_touch() {
        let zone = Zone::parse("Asia/Riyadh").unwrap();
        let november = zone.month(at("2026-11-20T00:00:00Z")).unwrap();
        let december = zone.month(november.end).unwrap();
        assert_eq!((november.id.as_str(), december.id.as_str()), ("M202611", "M202612"));
        assert_eq!(november.end, december.start);
        assert!(Zone::parse("Asia/Nowhere").is_err());
    }
}
