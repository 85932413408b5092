//! The merchant's day and month windows, across a change of its zone.

use std::fmt;

use kaleem_domain::{
    Timestamp,
    window::{Window, WindowError, Zone},
};
use serde::{Deserialize, Serialize};

/// Id of a window as a number: `d20261120` is 20261120 and `M202611` is 202611. Ids of one kind sort by time. The window of a balance,
/// which never ends, is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WindowId(u32);

/// Ids from here on are days; a month has six digits.
const DAY_MIN: u32 = 1_000_000;

impl WindowId {
    /// The window of a balance.
    pub const EVER: Self = Self(0);

    /// Reads `d20261120` or `M202611`; nobody names the window of a balance.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('d').filter(|digits| digits.len() == 8);
        let digits = digits.or_else(|| text.strip_prefix('M').filter(|digits| digits.len() == 6))?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let id = Self(digits.parse().ok()?);
        // A year before 1000 would be a day with the number of a month.
        (id != Self::EVER && id.is_day() == (digits.len() == 8)).then_some(id)
    }

    /// Whether it is a day.
    pub const fn is_day(self) -> bool {
        self.0 >= DAY_MIN
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// An id from its stored number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::EVER => f.write_str("ever"),
            day if day.is_day() => write!(f, "d{:08}", self.0),
            _ => write!(f, "M{:06}", self.0),
        }
    }
}

/// A window `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Id.
    pub id: WindowId,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Span {
    fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// The day and the month of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Day.
    pub day: Span,
    /// Month.
    pub month: Span,
}

impl Windows {
    fn contain(&self, at: Timestamp) -> bool {
        self.day.contains(at) && self.month.contains(at)
    }
}

/// A zone and the instants from which it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Era {
    /// IANA zone.
    pub zone: String,
    /// The month of the zone before ends here, and this zone counts from here.
    pub from: Timestamp,
    /// First instant at or after `from` that lies, in this zone, in the month after the last one of the zone before. Where the
    /// zone is behind, its first day and month are longer by the time in between.
    pub anchor: Timestamp,
}

#[derive(Debug, Clone)]
struct Dated {
    era: Era,
    zone: Zone,
}

impl Dated {
    fn parse(era: Era) -> Result<Self, WindowError> {
        Ok(Self { zone: Zone::parse(&era.zone)?, era })
    }

    fn windows(&self, at: Timestamp) -> Result<Windows, WindowError> {
        let at = at.max(self.era.anchor);
        Ok(Windows { day: self.span(&self.zone.day(at)?)?, month: self.span(&self.zone.month(at)?)? })
    }

    fn span(&self, window: &Window) -> Result<Span, WindowError> {
        let id = WindowId::parse(&window.id).ok_or(WindowError::OutOfRange)?;
        let start = if window.start <= self.era.anchor { self.era.from } else { window.start };
        Ok(Span { id, start, end: window.end })
    }
}

/// Windows of a merchant; a change of zone counts from the end of the month, never within it.
#[derive(Debug, Clone)]
pub struct Calendar {
    current: Dated,
    next: Option<Dated>,
    windows: Windows,
}

impl Calendar {
    /// A calendar that always had `zone`.
    pub fn new(zone: &str, now: Timestamp) -> Result<Self, WindowError> {
        let always = Timestamp::from_millis(i64::MIN);
        Self::restore(Era { zone: zone.to_owned(), from: always, anchor: always }, None, now)
    }

    /// A calendar from its stored eras.
    pub fn restore(current: Era, next: Option<Era>, now: Timestamp) -> Result<Self, WindowError> {
        let current = Dated::parse(current)?;
        let next = next.map(Dated::parse).transpose()?;
        let windows = dated(&current, next.as_ref(), now).windows(now)?;
        Ok(Self { current, next, windows })
    }

    /// The eras to store.
    pub fn eras(&self) -> (Era, Option<Era>) {
        (self.current.era.clone(), self.next.as_ref().map(|next| next.era.clone()))
    }

    /// Moves to the windows of `now` and says whether they are others than before.
    pub fn roll(&mut self, now: Timestamp) -> Result<bool, WindowError> {
        if self.windows.contain(now) {
            return Ok(false);
        }
        let windows = self.at(now)?;
        let rolled = windows != self.windows;
        self.windows = windows;
        Ok(rolled)
    }

    /// The windows last rolled to.
    pub const fn windows(&self) -> Windows {
        self.windows
    }

    /// The windows that `at` lies in.
    pub fn at(&self, at: Timestamp) -> Result<Windows, WindowError> {
        dated(&self.current, self.next.as_ref(), at).windows(at)
    }

    /// Puts `zone` in force from the end of the month of `now` and says whether that changes anything. Naming the zone in force
    /// takes back a change that has not come yet.
    pub fn change_zone(&mut self, zone: &str, now: Timestamp) -> Result<bool, WindowError> {
        let parsed = Zone::parse(zone)?;
        if let Some(next) = self.next.take_if(|next| next.era.from <= now) {
            self.current = next;
        }
        if self.current.era.zone == zone {
            return Ok(self.next.take().is_some());
        }
        if self.next.as_ref().is_some_and(|next| next.era.zone == zone) {
            return Ok(false);
        }
        let last = self.at(now)?.month;
        let first = parsed.month(last.end)?;
        let ahead = WindowId::parse(&first.id).is_some_and(|id| id > last.id);
        let anchor = if ahead { last.end } else { first.end };
        let era = Era { zone: zone.to_owned(), from: last.end, anchor };
        self.next = Some(Dated { era, zone: parsed });
        Ok(true)
    }
}

fn dated<'a>(current: &'a Dated, next: Option<&'a Dated>, at: Timestamp) -> &'a Dated {
    next.filter(|next| next.era.from <= at).unwrap_or(current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn ids_read_back() {
        for text in ["d20261120", "M202611"] {
            assert_eq!(WindowId::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "ever", "d202611", "M20261120", "20261120", "d2026112a", "d+2026112", "d00261120", "M000000"]
        {
            assert_eq!(WindowId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_cairo_day_without_midnight_is_one_window() {
        let mut calendar = Calendar::new("Africa/Cairo", at("2026-04-23T21:59:59.999Z")).unwrap();
        assert_eq!(calendar.windows().day.id.to_string(), "d20260423");
        assert!(calendar.roll(at("2026-04-23T22:00:00Z")).unwrap());
        let day = calendar.windows().day;
        assert_eq!((day.id.to_string().as_str(), day.end), ("d20260424", at("2026-04-24T21:00:00Z")));
    }

    #[test]
    fn a_zone_behind_makes_the_first_day_and_month_longer() {
        let now = at("2026-11-20T12:00:00Z");
        let mut calendar = Calendar::new("Asia/Riyadh", now).unwrap();
        assert!(calendar.change_zone("America/Los_Angeles", now).unwrap());
        let switch = at("2026-11-30T21:00:00Z");
        assert_eq!(calendar.at(switch.plus_millis(-1)).unwrap().month.end, switch);
        let first = calendar.at(switch).unwrap();
        assert_eq!((first.month.id.to_string(), first.month.start), ("M202612".to_owned(), switch));
        assert_eq!(
            first.day,
            Span { id: WindowId(20_261_201), start: switch, end: at("2026-12-02T08:00:00Z") }
        );
        assert_eq!(first.month.end, at("2027-01-01T08:00:00Z"));
    }

    #[test]
    fn a_zone_ahead_cuts_the_first_day() {
        let now = at("2026-11-20T12:00:00Z");
        let mut calendar = Calendar::new("America/Los_Angeles", now).unwrap();
        calendar.change_zone("Asia/Riyadh", now).unwrap();
        let switch = at("2026-12-01T08:00:00Z");
        let first = calendar.at(switch).unwrap();
        assert_eq!(
            first.day,
            Span { id: WindowId(20_261_201), start: switch, end: at("2026-12-01T21:00:00Z") }
        );
        assert_eq!((first.month.start, first.month.end), (switch, at("2026-12-31T21:00:00Z")));
    }

    #[test]
    fn naming_the_zone_in_force_takes_a_change_back() {
        let now = at("2026-11-20T12:00:00Z");
        let mut calendar = Calendar::new("Asia/Riyadh", now).unwrap();
        assert!(!calendar.change_zone("Asia/Riyadh", now).unwrap());
        assert!(calendar.change_zone("Asia/Dubai", now).unwrap());
        assert!(!calendar.change_zone("Asia/Dubai", now).unwrap());
        assert!(calendar.change_zone("Asia/Riyadh", now).unwrap());
        assert_eq!(calendar.eras().1, None);
        assert!(calendar.change_zone("Asia/Atlantis", now).is_err());
    }

    proptest! {
        /// I11: windows partition time, also across a change of zone.
        #[test]
        fn windows_touch_and_their_ids_rise(
            zones in prop::array::uniform2(prop::sample::select(vec![
                "Asia/Riyadh", "Africa/Cairo", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago",
                "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Dublin", "America/St_Johns", "Pacific/Apia",
            ])),
            start in 631_152_000_000_i64..2_524_608_000_000,
        ) {
            let now = Timestamp::from_millis(start);
            let mut calendar = Calendar::new(zones[0], now).unwrap();
            calendar.change_zone(zones[1], now).unwrap();
            let mut windows = calendar.at(now).unwrap();
            for _ in 0..70 {
                prop_assert!(windows.day.start < windows.day.end && windows.day.end <= windows.month.end);
                let last = calendar.at(windows.day.end.plus_millis(-1)).unwrap();
                prop_assert_eq!(last, windows);
                let next = calendar.at(windows.day.end).unwrap();
                prop_assert_eq!(next.day.start, windows.day.end);
                prop_assert!(next.day.id > windows.day.id);
                if next.month != windows.month {
                    prop_assert_eq!(next.month.start, windows.month.end);
                    prop_assert!(next.month.id > windows.month.id);
                }
                windows = next;
            }
        }
    }
}
