//! What a statement is drawn up in: a currency at a rate of exchange, and the tax on it. The ledger itself is in US dollars.
//!
//! Both are rows that never change; a statement names the rows that it was drawn up with, and a new rate is a new row from its month on.

use crate::{Error, grpc::wrong};

/// Currency of the ledger, and of a merchant's first statement that names no other.
pub const CURRENCY: &str = "USD";
/// What a request says to take the tax off a merchant's statements.
const NO_TAX: &str = "none";
/// A rate of one: a currency that is a dollar each, a tax as large as what is taxed.
pub const MICRO: i128 = 1_000_000;
/// Minor units of a currency times its rate a pico-US-dollar: 10^12 pico a dollar, 10^6 micro, 100 cents or halalas.
const MINOR: i128 = 10_000_000_000_000_000;

/// A rate of exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Id of its row.
    pub id: String,
    /// ISO 4217; a currency of 100 minor units.
    pub currency: String,
    /// Units of the currency a US dollar, in millionths.
    pub rate_micro: i64,
}

/// A rate of tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Id of its row.
    pub id: String,
    /// Whose tax, ISO 3166-1 alpha-2.
    pub country: String,
    /// Share of the net total, in millionths.
    pub rate_micro: i64,
}

/// What a statement is drawn up in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Currency.
    pub exchange: Exchange,
    /// Tax, if there is one.
    pub tax: Option<Tax>,
}

impl Terms {
    /// A pico-US-dollar in the unit in which amounts are exact in this currency too.
    pub fn exact(&self, pico: i128) -> i128 {
        pico * i128::from(self.exchange.rate_micro)
    }

    /// Minor units nearest to an exact amount, and what is left over.
    pub fn rounded(exact: i128) -> (i128, i128) {
        let minor = half_even(exact, MINOR);
        (minor, exact - minor * MINOR)
    }

    /// Pico-US-dollars nearest to an exact amount: exact in dollars, at most half a pico off in another currency.
    pub fn pico(&self, exact: i128) -> i128 {
        half_even(exact, self.exchange.rate_micro.into())
    }

    /// Tax on a net total, both in minor units.
    pub fn tax_minor(&self, net_minor: i64) -> i128 {
        let rate = self.tax.as_ref().map_or(0, |tax| tax.rate_micro);
        half_even(i128::from(net_minor) * i128::from(rate), MICRO)
    }

    /// Minor units in pico-US-dollars.
    pub fn minor_pico(&self, minor: i64) -> i128 {
        self.pico(i128::from(minor) * MINOR)
    }
}

/// Units nearest to `amount`, where `unit` of it is one; of two that are equally near, the even one.
fn half_even(amount: i128, unit: i128) -> i128 {
    let (whole, rest) = (amount.div_euclid(unit), amount.rem_euclid(unit));
    match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
        std::cmp::Ordering::Greater => whole + 1,
    }
}

/// What a call asks a statement to be in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// ISO 4217; `None` is the currency of the statement before.
    pub currency: Option<String>,
    /// Country whose tax there is, or [`NO_TAX`]; `None` is as in the statement before.
    pub tax: Option<String>,
}

impl Asked {
    /// Reads the fields `currency` and `tax` of a request.
    pub fn parse(currency: &str, tax: &str) -> Result<Self, Error> {
        let upper = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_uppercase());
        if !currency.is_empty() && !upper(currency, 3) {
            return Err(unknown_currency());
        }
        if !tax.is_empty() && tax != NO_TAX && !upper(tax, 2) {
            return Err(unknown_tax());
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self { currency: some(currency), tax: some(tax) })
    }

    /// What is asked for, where it says nothing as it was `before`: a currency and a country whose tax there is.
    pub fn after(&self, before: Option<(String, Option<String>)>) -> (String, Option<String>) {
        let (currency, tax) = before.unwrap_or_else(|| (CURRENCY.to_owned(), None));
        let tax = self.tax.clone().or(tax).filter(|country| country != NO_TAX);
        (self.currency.clone().unwrap_or(currency), tax)
    }

    /// Whether a statement in `terms` is what is asked for.
    pub fn accepts(&self, terms: &Terms) -> bool {
        let country = terms.tax.as_ref().map_or(NO_TAX, |tax| &tax.country);
        self.currency.as_ref().is_none_or(|currency| *currency == terms.exchange.currency)
            && self.tax.as_ref().is_none_or(|tax| tax == country)
    }
}

/// The currency has no rate in the month of the statement.
pub fn unknown_currency() -> Error {
    wrong("currency", "ISO 4217 of a currency that has a rate in this month, as USD and SAR have")
}

/// The country has no tax in the month of the statement.
pub fn unknown_tax() -> Error {
    wrong("tax", "none, or ISO 3166-1 alpha-2 of a country that has a rate of tax in this month, as SA has")
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A cent in exact dollars.
    const CENT: i128 = MINOR;

    pub fn dollars() -> Terms {
        let exchange = Exchange { id: "usd".into(), currency: CURRENCY.into(), rate_micro: 1_000_000 };
        Terms { exchange, tax: None }
    }

    pub fn riyals() -> Terms {
        let exchange = Exchange { id: "sar-peg-1986".into(), currency: "SAR".into(), rate_micro: 3_750_000 };
        let tax = Tax { id: "sa-vat-2020".into(), country: "SA".into(), rate_micro: 150_000 };
        Terms { exchange, tax: Some(tax) }
    }

    #[test]
    fn minor_units_are_rounded_half_to_even_on_both_sides_of_zero() {
        let cases = [
            (0, 0),
            (4, 0),
            (5, 0),
            (6, 1),
            (14, 1),
            (15, 2),
            (25, 2),
            (-5, 0),
            (-6, -1),
            (-15, -2),
            (-25, -2),
        ];
        for (tenths, minor) in cases {
            assert_eq!(Terms::rounded(tenths * CENT / 10).0, minor, "{tenths} tenths of a cent");
        }
        assert_eq!(Terms::rounded(CENT / 2 + 1), (1, 1 - CENT / 2));
    }

    #[test]
    fn a_dollar_is_375_halalas_and_the_tax_is_rounded_half_to_even() {
        let terms = riyals();
        assert_eq!(Terms::rounded(terms.exact(1_000_000_000_000)), (375, 0));
        // 15 % of 10, 30, -10 and 34 halalas: 1.5, 4.5, -1.5 and 5.1.
        assert_eq!([10, 30, -10, 34].map(|net| terms.tax_minor(net)), [2, 4, -2, 5]);
        assert_eq!(dollars().tax_minor(1_000), 0);
        assert_eq!(terms.minor_pico(375), 1_000_000_000_000);
        assert_eq!(terms.minor_pico(1), 2_666_666_667);
    }

    #[test]
    fn what_is_not_asked_is_as_it_was_before() {
        let before = || Some(("SAR".to_owned(), Some("SA".to_owned())));
        let asked = |currency, tax| Asked::parse(currency, tax).unwrap();
        assert_eq!(asked("", "").after(None), ("USD".to_owned(), None));
        assert_eq!(asked("", "").after(before()), before().unwrap());
        assert_eq!(asked("USD", "none").after(before()), ("USD".to_owned(), None));
        assert_eq!(asked("SAR", "SA").after(None), before().unwrap());
        assert!(asked("", "").accepts(&riyals()) && asked("SAR", "SA").accepts(&riyals()));
        assert!(!asked("USD", "").accepts(&riyals()) && !asked("", "none").accepts(&riyals()));
        assert!(asked("USD", "none").accepts(&dollars()) && !asked("", "SA").accepts(&dollars()));
        for (currency, tax) in [("sar", ""), ("SARR", ""), ("", "sa"), ("", "KSA"), ("", "NONE")] {
            assert!(Asked::parse(currency, tax).is_err(), "{currency} {tax}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_there_and_back_is_the_same(pico in any::<i64>(), rate_micro in 1_i64..10_000_000) {
            let mut terms = riyals();
            terms.exchange.rate_micro = rate_micro;
            let exact = terms.exact(pico.into());
            let (minor, rest) = Terms::rounded(exact);
            prop_assert_eq!(minor * MINOR + rest, exact);
            prop_assert!(rest.abs() * 2 <= MINOR);
            prop_assert_eq!(terms.pico(exact), i128::from(pico));
        }
    }
}
