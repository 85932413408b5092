//! Exact decimals: prices, counts and percentages in ten-thousandths, never floats.

/// A decimal with four places, between -9×10^14 and 9×10^14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Amount(i64);

/// Units of the last place in one.
const ONE: i64 = 10_000;
/// Largest magnitude, in units of the last place; products of two stay within an `i128`.
const LARGEST: i128 = 9_000_000_000_000_000_000;

impl Amount {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const ONE: Self = Self(ONE);
    /// Differences up to this are rounding: 0.01.
    pub(crate) const TOLERANCE: Self = Self(ONE / 100);

    pub(crate) const fn whole(value: i64) -> Self {
        Self(value.saturating_mul(ONE))
    }

    /// Reads ASCII digits with at most one point and four places; more places only if they are zeros.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 14 || fraction.len() > 4 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let places = 10_i64.pow(4 - u32::try_from(fraction.len()).ok()?);
        let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()? * places };
        Some(Self(whole.parse::<i64>().ok()?.checked_mul(ONE)?.checked_add(fraction)?))
    }

    /// The amount of decimal digits before and behind the point; at most four of the latter are no trailing zeros.
    pub(crate) fn of_digits(whole: &[u32], fraction: &[u32]) -> Option<Self> {
        let mut value = 0_i64;
        for digit in whole {
            value = value.checked_mul(10)?.checked_add(i64::from(*digit))?;
        }
        value = value.checked_mul(ONE)?;
        let mut place = ONE;
        for digit in fraction {
            place /= 10;
            if place == 0 && *digit > 0 {
                return None;
            }
            value = value.checked_add(i64::from(*digit) * place)?;
        }
        Some(Self(value))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self::narrow(round(i128::from(self.0) * i128::from(other.0), i128::from(ONE)))
    }

    /// Rounded to the last place; nothing divides by zero.
    pub(crate) fn over(self, divisor: Self) -> Option<Self> {
        let scaled = i128::from(self.0) * i128::from(ONE);
        (divisor.0 != 0).then(|| Self::narrow(round(scaled, i128::from(divisor.0))))
    }

    /// `percent` hundredths of it.
    pub(crate) fn percent(self, percent: Self) -> Self {
        Self::narrow(round(i128::from(self.0) * i128::from(percent.0), i128::from(ONE) * 100))
    }

    /// What a discount of `percent` leaves.
    pub(crate) fn less(self, percent: Self) -> Self {
        self.minus(self.percent(percent))
    }

    /// Whether the two are the same but for rounding.
    pub(crate) fn is(self, other: Self) -> bool {
        self.minus(other).0.unsigned_abs() <= Self::TOLERANCE.0.unsigned_abs()
    }

    /// Whether the two differ by `step` at most.
    pub(crate) fn is_within(self, other: Self, step: Self) -> bool {
        self.minus(other).0.unsigned_abs() <= step.0.unsigned_abs()
    }

    /// The integer it is, if it is one.
    pub(crate) fn integer(self) -> Option<i64> {
        (self.0 % ONE == 0).then_some(self.0 / ONE)
    }

    fn narrow(value: i128) -> Self {
        Self(i64::try_from(value.clamp(-LARGEST, LARGEST)).unwrap_or(i64::MAX))
    }
}

fn round(dividend: i128, divisor: i128) -> i128 {
    let half = divisor.abs() / 2;
    (dividend + if (dividend < 0) == (divisor < 0) { half } else { -half }) / divisor
}

/// With at least the places that money has: `89.00`, `12.505`, `7`.
impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, fraction) = (self.0 / ONE, (self.0 % ONE).abs());
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let places = format!("{fraction:04}");
        let kept = places.trim_end_matches('0');
        write!(f, "{whole}.{kept:0<2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        for (text, shown) in
            [("89.00", "89"), ("0.5", "0.50"), ("12.5050", "12.505"), ("7.1234000", "7.1234")]
        {
            assert_eq!(amount(text).to_string(), shown);
        }
        for text in ["", ".5", "1.23456", "1,5", "-1", "1e3", "999999999999999", "٨٩"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn digits_are_read_as_text_is() {
        for text in ["89.00", "0.5", "12.5050", "7.1234000", "1.23456", "123456789.1", "0"] {
            let digits = |part: &str| part.chars().filter_map(|digit| digit.to_digit(10)).collect::<Vec<_>>();
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            assert_eq!(Amount::of_digits(&digits(whole), &digits(fraction)), Amount::parse(text), "{text}");
        }
        assert_eq!(Amount::of_digits(&[9; 30], &[]), None);
    }

    #[test]
    fn derivations_round_to_the_nearest() {
        assert_eq!(amount("89").less(amount("20")), amount("71.2"));
        assert_eq!(amount("99.99").percent(amount("15")), amount("14.9985"));
        assert_eq!(amount("100").over(amount("3")), Some(amount("33.3333")));
        assert_eq!(amount("1").over(Amount::ZERO), None);
        assert!(amount("33.33").is(amount("33.3333")) && !amount("33.33").is(amount("33.35")));
        assert_eq!(amount("99999999999999").times(amount("99999999999999")).0, 9_000_000_000_000_000_000);
    }
}
