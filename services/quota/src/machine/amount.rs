//! Dimensions of a quota and integer amounts in them.

use serde::{Deserialize, Serialize};

/// Largest cap: a later store keeps these numbers as doubles, which are exact up to here.
pub const COUNT_MAX: i64 = (1 << 53) - 1;

/// Most that one call may cost, in nano-US-dollars: $1,000.
pub const COST_PER_CALL_MAX: i64 = 1_000_000_000_000;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Requests in the merchant's day.
    DayRequests,
    /// Input and output tokens in the merchant's month.
    MonthTokens,
    /// Money in the merchant's month.
    MonthCost,
    /// What is left of the payments of a merchant that pays ahead, over all months.
    Balance,
    /// Calls at once.
    Concurrency,
}

impl Dimension {
    /// Every dimension, in the order in which a refusal names them: a spent window outranks a busy moment.
    pub const ALL: [Self; 5] =
        [Self::DayRequests, Self::MonthTokens, Self::MonthCost, Self::Balance, Self::Concurrency];

    /// Those that every merchant has.
    pub const OF_ALL: [Self; 4] = [Self::DayRequests, Self::MonthTokens, Self::MonthCost, Self::Concurrency];

    /// Name on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DayRequests => "day_requests",
            Self::MonthTokens => "month_tokens",
            Self::MonthCost => "month_cost_nano_usd",
            Self::Balance => "balance_nano_usd",
            Self::Concurrency => "concurrent_requests",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }
}

/// An amount in the dimensions that have windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Requests.
    pub requests: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// Nano-US-dollars, rounded up.
    pub cost_nano: i64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { requests: 0, tokens: 0, cost_nano: 0 };

    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
            cost_nano: self.cost_nano.saturating_add(other.cost_nano),
        }
    }

    /// The difference, saturating; components may be negative.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            tokens: self.tokens.saturating_sub(other.tokens),
            cost_nano: self.cost_nano.saturating_sub(other.cost_nano),
        }
    }

    /// The part that a day counts.
    #[must_use]
    pub const fn of_day(self) -> Self {
        Self { requests: self.requests, ..Self::ZERO }
    }

    /// The part that a month counts.
    #[must_use]
    pub const fn of_month(self) -> Self {
        Self { requests: 0, ..self }
    }

    /// The part that a balance counts.
    #[must_use]
    pub const fn of_balance(self) -> Self {
        Self { cost_nano: self.cost_nano, ..Self::ZERO }
    }

    /// The component that `dimension` limits; nothing for concurrency, which has no window.
    pub const fn of(self, dimension: Dimension) -> i64 {
        match dimension {
            Dimension::DayRequests => self.requests,
            Dimension::MonthTokens => self.tokens,
            Dimension::MonthCost | Dimension::Balance => self.cost_nano,
            Dimension::Concurrency => 0,
        }
    }

    /// Whether no component is negative.
    pub const fn is_counted(self) -> bool {
        self.requests >= 0 && self.tokens >= 0 && self.cost_nano >= 0
    }
}
