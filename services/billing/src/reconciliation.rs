//! The ledger against the providers' bills, for a month of Pacific days.
//!
//! A bill's row with a request id is compared with the calls that have this id, whatever their day; a request runs into the day
//! after, so that a day on each side of the month is read too. Rows without an id, and the calls that no id claims, are compared
//! as sums of a target, model and day. A call that a day with ids alone does not name is listed by itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{Span, civil::Date, tz::TimeZone};
use kaleem_domain::{MerchantId, Pico, Timestamp};

use crate::{Error, period::Period, store::Store};

/// Providers bill by this zone's days.
const ZONE: &str = "America/Los_Angeles";
/// Tokens may differ by one in this many, 0.1 %.
const TOKENS_PART: i128 = 1_000;
/// Cost may differ by one in this many, 0.5 %.
const COST_PART: i128 = 200;
/// Differences shown; the rest is only counted.
const DIFFERENCES_MAX: usize = 1_000;

/// What one side says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Input tokens of all kinds.
    pub input_tokens: i128,
    /// Output tokens of all kinds.
    pub output_tokens: i128,
    /// Pico-US-dollars.
    pub cost_pico: i128,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_pico += other.cost_pico;
    }

    fn shown(&self) -> String {
        let Self { input_tokens, output_tokens, cost_pico } = self;
        format!("{input_tokens} input tokens, {output_tokens} output tokens, {}", Pico::new(*cost_pico))
    }
}

/// A row of a bill.
#[derive(Debug, Clone)]
pub struct Billed {
    /// Provider target.
    pub target: String,
    /// Pacific day.
    pub day: Date,
    /// Model.
    pub model: String,
    /// The provider's id of the answer; empty for a sum of calls.
    pub provider_request_id: String,
    /// What the provider says.
    pub figures: Figures,
}

/// A call in the ledger.
#[derive(Debug, Clone)]
pub struct Call {
    /// Merchant.
    pub merchant: String,
    /// Event.
    pub event_id: String,
    /// Provider target.
    pub target: String,
    /// Model that served.
    pub model: String,
    /// The provider's id of the answer.
    pub provider_request_id: String,
    /// When it was admitted.
    pub admit_time: Timestamp,
    /// What the ledger says.
    pub figures: Figures,
}

/// Which calls to read.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Merchant; `None` is all.
    pub merchant: Option<MerchantId>,
    /// Month windows in which calls of these instants lie, whatever the merchant's zone.
    pub windows: [String; 3],
    /// First instant.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub subject: String,
    /// The ledger says.
    pub ledger: String,
    /// The provider says.
    pub provider: String,
}

/// Compares the ledger with the bills; empty is agreement. For one merchant only calls with a request id can be compared, as a
/// sum in a bill is of all merchants.
pub async fn reconcile(
    store: &dyn Store,
    merchant: Option<MerchantId>,
    period: Period,
) -> Result<Vec<Difference>, Error> {
    let zone = TimeZone::get(ZONE).map_err(|_| Error::TimeZone(ZONE))?;
    let month = Month::of(period, zone);
    let scope = month.scope(merchant.clone())?;
    let mut comparison = Comparison::new(month, merchant.is_some());
    store.bill_rows(comparison.month.days(), &mut |billed| comparison.bill(billed)).await?;
    store.calls(scope, &mut |call| comparison.call(call)).await?;
    Ok(comparison.differences())
}

/// A month of Pacific days.
struct Month {
    period: Period,
    first: Date,
    last: Date,
    zone: TimeZone,
}

impl Month {
    fn of(period: Period, zone: TimeZone) -> Self {
        let (first, last) = (period.first(), period.first().last_of_month());
        Self { period, first, last, zone }
    }

    /// The days with one more on each side.
    fn days(&self) -> (Date, Date) {
        let day = Span::new().days(1);
        (self.first.saturating_sub(day), self.last.saturating_add(day))
    }

    fn holds(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    fn scope(&self, merchant: Option<MerchantId>) -> Result<Scope, Error> {
        let (before, after) = self.days();
        let start = |day: Date| {
            let midnight = day.to_zoned(self.zone.clone()).map_err(|_| Error::TimeZone(ZONE))?;
            Ok::<_, Error>(Timestamp::from_millis(midnight.timestamp().as_millisecond()))
        };
        let windows = [before, self.first, after].map(|day| format!("M{}", day.strftime("%Y%m")));
        Ok(Scope {
            merchant,
            windows,
            from: start(before)?,
            to: start(after.saturating_add(Span::new().days(1)))?,
        })
    }

    fn day_of(&self, instant: Timestamp) -> Option<Date> {
        let instant = jiff::Timestamp::from_millisecond(instant.as_millis()).ok()?;
        Some(instant.to_zoned(self.zone.clone()).date())
    }
}

/// A request of a bill.
struct Request {
    /// Its row's day is in the month.
    inside: bool,
    provider: Figures,
    ledger: Option<Figures>,
}

/// How a bill states a target's day.
#[derive(Default)]
struct Stated {
    requests: bool,
    sums: bool,
}

/// Both sides of a sum.
#[derive(Default)]
struct Sides {
    ledger: Option<Figures>,
    provider: Option<Figures>,
}

/// A comparison as its rows and calls come in: all rows first.
struct Comparison {
    month: Month,
    /// Only one merchant's calls come in.
    partial: bool,
    requests: HashMap<(String, String), Request>,
    days: HashMap<(String, Date), Stated>,
    billed_targets: HashSet<String>,
    sums: BTreeMap<(String, Date, String), Sides>,
    unbilled_targets: BTreeMap<String, Figures>,
    unclaimed: Vec<Difference>,
    unclaimed_hidden: usize,
}

impl Comparison {
    fn new(month: Month, partial: bool) -> Self {
        Self {
            month,
            partial,
            requests: HashMap::new(),
            days: HashMap::new(),
            billed_targets: HashSet::new(),
            sums: BTreeMap::new(),
            unbilled_targets: BTreeMap::new(),
            unclaimed: Vec::new(),
            unclaimed_hidden: 0,
        }
    }

    fn bill(&mut self, row: Billed) {
        let inside = self.month.holds(row.day);
        if inside {
            self.billed_targets.insert(row.target.clone());
        }
        let stated = self.days.entry((row.target.clone(), row.day)).or_default();
        if row.provider_request_id.is_empty() {
            stated.sums = true;
            if inside {
                let sides = self.sums.entry((row.target, row.day, row.model)).or_default();
                sides.provider.get_or_insert_default().add(row.figures);
            }
            return;
        }
        stated.requests = true;
        let request = self.requests.entry((row.target, row.provider_request_id));
        let request =
            request.or_insert_with(|| Request { inside: false, provider: Figures::default(), ledger: None });
        request.inside |= inside;
        request.provider.add(row.figures);
    }

    fn call(&mut self, call: Call) {
        let Some(day) = self.month.day_of(call.admit_time) else { return };
        let key = (call.target, call.provider_request_id);
        if let Some(request) = self.requests.get_mut(&key) {
            request.ledger.get_or_insert_default().add(call.figures);
            return;
        }
        if !self.month.holds(day) {
            return;
        }
        let (target, provider_request_id) = key;
        if !self.billed_targets.contains(&target) {
            self.unbilled_targets.entry(target).or_default().add(call.figures);
            return;
        }
        let stated = self.days.get(&(target.clone(), day));
        if stated.is_none_or(|stated| stated.sums || !stated.requests) {
            let sides = self.sums.entry((target, day, call.model)).or_default();
            sides.ledger.get_or_insert_default().add(call.figures);
            return;
        }
        if self.unclaimed.len() == DIFFERENCES_MAX {
            self.unclaimed_hidden += 1;
            return;
        }
        let subject = match provider_request_id.as_str() {
            "" => format!("event {} of {}", call.event_id, call.merchant),
            id => format!("request {id} of {target}"),
        };
        self.unclaimed.push(Difference {
            subject,
            ledger: call.figures.shown(),
            provider: NOTHING.to_owned(),
        });
    }

    /// What differs: targets without a bill, sums by day, requests, and calls that no bill names.
    fn differences(self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (target, ledger) in self.unbilled_targets {
            // A target that costs nothing sends no bill.
            if ledger.cost_pico != 0 {
                let subject = format!("target {target}, month {}", self.month.period);
                let provider = "no bill was imported".to_owned();
                differences.push(Difference { subject, ledger: ledger.shown(), provider });
            }
        }
        // A sum in a bill is of all merchants, and so says nothing about one.
        let sums = if self.partial { BTreeMap::new() } else { self.sums };
        for ((target, day, model), sides) in sums {
            differences.extend(difference(|| format!("day {day} of {target}, model {model}"), &sides));
        }
        let mut requests: Vec<_> = self.requests.into_iter().filter(|(_, request)| request.inside).collect();
        requests.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((target, id), request) in requests {
            if self.partial && request.ledger.is_none() {
                continue;
            }
            let sides = Sides { ledger: request.ledger, provider: Some(request.provider) };
            differences.extend(difference(|| format!("request {id} of {target}"), &sides));
        }
        differences.extend(self.unclaimed);
        let hidden = differences.len().saturating_sub(DIFFERENCES_MAX) + self.unclaimed_hidden;
        if hidden > 0 {
            differences.truncate(DIFFERENCES_MAX);
            let subject = format!("{hidden} more differences are not shown");
            differences.push(Difference { subject, ledger: String::new(), provider: String::new() });
        }
        differences
    }
}

const NOTHING: &str = "nothing";

fn difference(subject: impl Fn() -> String, sides: &Sides) -> Option<Difference> {
    let shown = |side: &Option<Figures>| side.as_ref().map_or_else(|| NOTHING.to_owned(), Figures::shown);
    if let (Some(ledger), Some(provider)) = (&sides.ledger, &sides.provider)
        && agree(ledger, provider)
    {
        return None;
    }
    Some(Difference { subject: subject(), ledger: shown(&sides.ledger), provider: shown(&sides.provider) })
}

/// Whether two sides agree within what may differ.
fn agree(a: &Figures, b: &Figures) -> bool {
    let within = |a: i128, b: i128, part: i128| (a - b).abs() * part <= a.max(b);
    within(a.input_tokens, b.input_tokens, TOKENS_PART)
        && within(a.output_tokens, b.output_tokens, TOKENS_PART)
        && within(a.cost_pico, b.cost_pico, COST_PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(input_tokens: i128, output_tokens: i128, cost_pico: i128) -> Figures {
        Figures { input_tokens, output_tokens, cost_pico }
    }

    #[test]
    fn a_tenth_of_a_percent_of_tokens_and_half_a_percent_of_cost_may_differ() {
        let ledger = figures(10_000, 10_000, 10_000);
        assert!(agree(&ledger, &figures(9_990, 9_990, 9_950)));
        assert!(!agree(&ledger, &figures(9_989, 10_000, 10_000)));
        assert!(!agree(&ledger, &figures(10_000, 9_989, 10_000)));
        assert!(!agree(&ledger, &figures(10_000, 10_000, 9_949)));
        assert!(agree(&figures(0, 0, 0), &figures(0, 0, 0)));
        assert!(!agree(&figures(0, 0, 1), &figures(0, 0, 0)));
    }

    #[test]
    fn a_pacific_month_follows_daylight_saving_time() {
        let zone = TimeZone::get(ZONE).unwrap();
        let month = Month::of(Period::parse("202611").unwrap(), zone);
        let scope = month.scope(None).unwrap();
        let at =
            |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        // The clocks go back on 1 November 2026, a day of 25 hours.
        assert_eq!((scope.from, scope.to), (at("2026-10-31T07:00:00Z"), at("2026-12-02T08:00:00Z")));
        assert_eq!(scope.windows, ["M202610", "M202611", "M202612"]);
        let day = |text| month.day_of(at(text)).unwrap().to_string();
        assert_eq!(day("2026-11-02T07:59:59.999Z"), "2026-11-01");
        assert_eq!(day("2026-11-02T08:00:00Z"), "2026-11-02");
    }
}
