//! Check digits and calendars of national numbers.

/// Whether the digits satisfy the check of ISO/IEC 7812 (Luhn).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0') << (index % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether the last digit is eleven minus the weighted sum of the others modulo eleven, `wrap` standing for ten and eleven.
fn modulo_eleven(digits: &[u8], weights: &[u32], wrap: Option<u32>) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let sum: u32 = body.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let expected = match (11 - sum % 11, wrap) {
        (value, Some(modulus)) => value % modulus,
        (value @ 0..=9, None) => value,
        _ => return false,
    };
    body.len() == weights.len() && expected == u32::from(check - b'0')
}

/// The check digit of a Kuwaiti civil number; numbers whose check would be ten or eleven are not issued.
pub(super) fn kuwaiti(digits: &[u8]) -> bool {
    modulo_eleven(digits, &[2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], None)
}

/// The check digit that is commonly computed for Egyptian national numbers; no law defines it.
pub(super) fn egyptian(digits: &[u8]) -> bool {
    modulo_eleven(digits, &[2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], Some(10))
}

/// The check digit of an Iranian national code of ten digits, of which not all are equal.
pub(super) fn iranian(digits: &[u8]) -> bool {
    let [body @ .., check] = digits else { return false };
    if body.len() != 9 || body.iter().all(|digit| digit == check) {
        return false;
    }
    let sum: u32 =
        body.iter().zip((2..=10).rev()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let rest = sum % 11;
    u32::from(check - b'0') == if rest < 2 { rest } else { 11 - rest }
}

/// The value of at most nine digits.
pub(super) fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

/// Whether six digits are a date as `YYMMDD`.
pub(super) fn is_short_date(digits: &[u8]) -> bool {
    digits.len() == 6 && (1..=12).contains(&value(&digits[2..4])) && (1..=31).contains(&value(&digits[4..6]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_accepts_what_its_standard_does() {
        assert!(luhn(b"79927398713") && luhn(b"4111111111111111") && luhn(b"0"));
        assert!(!luhn(b"79927398710") && !luhn(b"4111111111111112"));
    }

    #[test]
    fn national_checks_accept_one_last_digit_in_ten() {
        let accepted = |body: &str, check: fn(&[u8]) -> bool| {
            (0..10).filter(|digit| check(format!("{body}{digit}").as_bytes())).collect::<Vec<u32>>()
        };
        // 2+9+0+... by hand: 2·2+9·1+0·6+0·3+1·7+0·9+1·10+0·5+0·8+1·4+2·2 = 38, 11 − 38 mod 11 = 6.
        assert_eq!(accepted("29001010012", kuwaiti), [6]);
        assert_eq!(accepted("2900101210012", egyptian).len(), 1);
        assert_eq!(accepted("001234567", iranian).len(), 1);
        assert!(iranian(b"0499370899") && iranian(b"0790419904") && !iranian(b"1111111111"));
        assert!(!kuwaiti(b"") && !iranian(b"12"));
    }

    #[test]
    fn short_dates_have_a_month_and_a_day() {
        assert!(is_short_date(b"900131") && !is_short_date(b"901331") && !is_short_date(b"900100"));
    }
}
