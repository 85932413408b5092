//! What a check says.

use std::ops::Range;

use crate::amount::Amount;

/// What a value is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A product's price, before or after a reduction.
    Price,
    /// The fee of delivery.
    ShippingFee,
    /// The order value from which delivery is free.
    FreeOver,
    /// How long delivery takes.
    ShippingDays,
    /// How long goods may be returned.
    ReturnDays,
    /// How long goods may be exchanged.
    ExchangeDays,
    /// How long the warranty holds.
    WarrantyMonths,
    /// The fee of paying on delivery.
    CodFee,
    /// A coupon code.
    Coupon,
    /// A percentage of discount or tax.
    Percent,
    /// A sum.
    Total,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 11] = [
        Self::Price,
        Self::ShippingFee,
        Self::FreeOver,
        Self::ShippingDays,
        Self::ReturnDays,
        Self::ExchangeDays,
        Self::WarrantyMonths,
        Self::CodFee,
        Self::Coupon,
        Self::Percent,
        Self::Total,
    ];

    /// Its name in lower snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::ShippingFee => "shipping_fee",
            Self::FreeOver => "free_over",
            Self::ShippingDays => "shipping_days",
            Self::ReturnDays => "return_days",
            Self::ExchangeDays => "exchange_days",
            Self::WarrantyMonths => "warranty_months",
            Self::CodFee => "cod_fee",
            Self::Coupon => "coupon",
            Self::Percent => "percent",
            Self::Total => "total",
        }
    }
}

/// Whether something is backed by the facts, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Verdict {
    /// A fact or a derivation backs it, or nothing is claimed.
    #[default]
    Pass,
    /// No fact says.
    Unsure,
    /// It contradicts the facts.
    Violate,
}

impl Verdict {
    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unsure => "unsure",
            Self::Violate => "violate",
        }
    }
}

/// One statement of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub field: Field,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Its bytes in the answer.
    pub bytes: Range<usize>,
    /// Its Unicode code points in the answer.
    pub chars: Range<usize>,
    /// The text as it stands in the answer.
    pub found: String,
    /// Of a violation, the true value in the unit of the policy; none unless exactly one value is true.
    pub expected: Option<String>,
    /// What may stand in the place of `found` to make the statement true: the true value with the digits, the currency and
    /// the unit as they stand there. None unless `expected` is set, and where no such text would read well.
    pub correction: Option<String>,
    pub(crate) truth: Option<Truth>,
}

/// The only value that is true in the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// An amount of the shop's currency.
    Money(Amount),
    /// What one piece of a product costs, by the product's index.
    Price(u32, Amount),
    /// The least and the most days.
    Days(Amount, Amount),
    Months(Amount),
    Percent(Amount),
}

impl std::fmt::Display for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Days(least, most) if least != most => write!(f, "{least}-{most}"),
            Self::Money(value)
            | Self::Price(_, value)
            | Self::Days(value, _)
            | Self::Months(value)
            | Self::Percent(value) => value.fmt(f),
        }
    }
}

/// All statements of an answer in order of place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The worst verdict of all findings.
    pub verdict: Verdict,
    /// What was found, passing statements too.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The findings that contradict the facts.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Violate)
    }
}

/// A finding in tokens of its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) field: Field,
    pub(crate) verdict: Verdict,
    pub(crate) tokens: Range<usize>,
    pub(crate) truth: Option<Truth>,
}

impl Judgement {
    pub(crate) fn new(field: Field, verdict: Verdict, tokens: Range<usize>) -> Self {
        Self { field, verdict, tokens, truth: None }
    }

    /// Says what is true instead if it contradicts the facts.
    pub(crate) fn truly(mut self, truth: impl FnOnce() -> Option<Truth>) -> Self {
        if self.verdict == Verdict::Violate {
            self.truth = truth();
        }
        self
    }
}
