//! Money as integers: pico-US-dollars in the ledger, nano-US-dollars in quota.

use std::{fmt, iter::Sum};

use serde::{Deserialize, Serialize};

/// An amount in pico-US-dollars (10⁻¹² $); $1 per million tokens is 1,000,000 pico a token, so every price with at most six
/// decimals per million is an integer and rating never rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pico(i128);

impl Pico {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `pico` pico-US-dollars.
    pub const fn new(pico: i128) -> Self {
        Self(pico)
    }

    /// The number of pico-US-dollars.
    pub const fn get(self) -> i128 {
        self.0
    }

    /// The number as the ledger stores it; `None` beyond ±$9.22 million.
    pub fn to_i64(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }

    /// Sum; `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `units` times this price; `None` on overflow.
    pub fn checked_mul(self, units: i64) -> Option<Self> {
        self.0.checked_mul(i128::from(units)).map(Self)
    }

    /// Reads dollars as a decimal number of at most `decimals_max` decimals, 12 at the most, without sign and without floats.
    pub fn parse_dollars(text: &str, decimals_max: usize) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > decimals_max.min(12) {
            return None;
        }
        let fraction: i128 = format!("{fraction:0<12}").parse().ok()?;
        whole.parse::<i128>().ok()?.checked_mul(1_000_000_000_000)?.checked_add(fraction).map(Self)
    }

    /// The smallest number of nano-US-dollars that is not less.
    pub fn ceil_nano(self) -> Option<Nano> {
        let nano = self.0.div_euclid(1000) + i128::from(self.0.rem_euclid(1000) != 0);
        i64::try_from(nano).ok().map(Nano)
    }
}

impl Sum for Pico {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Pico {
    /// Dollars with all decimals that matter, at least two: `$0.0000675`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) =
            if self.0 < 0 { ("-", self.0.unsigned_abs()) } else { ("", self.0.unsigned_abs()) };
        let whole = magnitude / 1_000_000_000_000;
        let fraction = format!("{:012}", magnitude % 1_000_000_000_000);
        let kept = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{sign}${whole}.{}", &fraction[..kept])
    }
}

/// An amount in nano-US-dollars (10⁻⁹ $), the unit of quota; always rounded up from pico.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nano(pub i64);

impl From<Nano> for Pico {
    fn from(nano: Nano) -> Self {
        Self(i128::from(nano.0) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nano_is_never_less_than_pico() {
        assert_eq!(Pico::new(37_500).ceil_nano(), Some(Nano(38)));
        assert_eq!(Pico::new(37_000).ceil_nano(), Some(Nano(37)));
        assert_eq!(Pico::ZERO.ceil_nano(), Some(Nano(0)));
        assert_eq!(Pico::new(i128::MAX).ceil_nano(), None);
    }

    #[test]
    fn dollars_are_read_exactly() {
        let pico = |text| Pico::parse_dollars(text, 12).map(Pico::get);
        assert_eq!(pico("0.000000000001"), Some(1));
        assert_eq!(pico("9223372.036854775807"), Some(i128::from(i64::MAX)));
        assert_eq!(pico("12"), Some(12_000_000_000_000));
        for wrong in ["", ".", ".5", "1.", "-1", "+1", "1e3", "1,0", "0x1", "١", "0.0000000000001"] {
            assert_eq!(pico(wrong), None, "{wrong}");
        }
        assert_eq!(Pico::parse_dollars(&"9".repeat(40), 12), None);
        let one_decimal = |text| Pico::parse_dollars(text, 1).map(Pico::get);
        assert_eq!((one_decimal("2.5"), one_decimal("2.55")), (Some(2_500_000_000_000), None));
    }

    #[test]
    fn dollars_show_every_decimal_that_matters() {
        assert_eq!(Pico::new(67_500_000).to_string(), "$0.0000675");
        assert_eq!(Pico::new(1_500_000_000_000).to_string(), "$1.50");
        assert_eq!(Pico::new(-1).to_string(), "-$0.000000000001");
    }
}
