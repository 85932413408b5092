//! Units: currencies, spans of time, percent.

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Money.
    Money(Currency),
    /// A hundredth of the shop's currency.
    Hundredth,
    /// A hundredth of a dirham, a thousandth of a dinar.
    Fils,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Percent,
}

/// A currency as it is named: by code or country, or by a name that several countries use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Currency {
    /// The shop's own: an amount without a unit.
    Shop,
    /// One currency, by its place in the list of codes.
    Exact(u8),
    /// A name of several, by its place in the list of such names.
    Family(u8),
}

const CODES: [&str; 17] = [
    "SAR", "QAR", "OMR", "YER", "IRR", "AED", "KWD", "BHD", "JOD", "IQD", "EGP", "GBP", "USD", "EUR", "TRY",
    "INR", "IRT",
];

const FAMILIES: [(&str, &[&str]); 5] = [
    ("riyal", &["SAR", "QAR", "OMR", "YER", "IRR"]),
    ("dirham", &["AED", "MAD"]),
    ("dinar", &["KWD", "BHD", "JOD", "IQD", "DZD", "TND", "LYD"]),
    ("pound", &["EGP", "GBP", "SDG", "SYP", "LBP"]),
    ("lira", &["TRY", "SYP", "LBP"]),
];

impl Unit {
    /// The unit of a section of the word lists.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hundredth" => Self::Hundredth,
            "fils" => Self::Fils,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            "percent" => Self::Percent,
            _ => Self::Money(Currency::named(name)?),
        })
    }

    /// How many of a smaller unit that is named behind it make one: a thousand fils a dinar, a hundred a dirham.
    pub(crate) fn parts_named(self, small: Self) -> Option<i64> {
        match (self, small) {
            (Self::Money(Currency::Shop), Self::Fils) => Some(1000),
            (Self::Money(whole), Self::Fils) => Some(if whole.names("AED") { 100 } else { 1000 }),
            (Self::Money(_), Self::Hundredth) => Some(100),
            // In Qatar a riyal has a hundred of them.
            (Self::Money(whole), Self::Money(small)) if whole.names("QAR") && small.names("AED") => Some(100),
            _ => None,
        }
    }

    pub(crate) fn is_money(self) -> bool {
        matches!(self, Self::Money(_) | Self::Hundredth | Self::Fils)
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Minute | Self::Hour | Self::Day | Self::Week | Self::Month | Self::Year)
    }
}

impl Currency {
    fn named(name: &str) -> Option<Self> {
        let exact = (0_u8..).zip(CODES).find(|(_, code)| *code == name).map(|(place, _)| Self::Exact(place));
        let family = || (0_u8..).zip(FAMILIES).find(|(_, family)| family.0 == name);
        exact.or_else(|| family().map(|(place, _)| Self::Family(place)))
    }

    /// Whether the word may stand for the shop's currency.
    pub(crate) fn names(self, code: &str) -> bool {
        match self {
            Self::Shop => true,
            Self::Exact(place) => CODES[usize::from(place)] == code,
            Self::Family(place) => FAMILIES[usize::from(place)].1.contains(&code),
        }
    }

    /// A toman is ten Iranian rials.
    pub(crate) fn is_toman_for(self, code: &str) -> bool {
        code == "IRR" && self.names("IRT")
    }
}

/// Digits behind the point of a currency, where they are not two.
pub(crate) fn fils_in(code: &str) -> i64 {
    if matches!(code, "KWD" | "BHD" | "JOD" | "IQD" | "TND" | "LYD" | "OMR") { 1000 } else { 100 }
}
