//! Currencies before a number.

use crate::detect::lexicon::CURRENCIES_BEFORE;

/// The last bytes of the currencies.
const CURRENCY_ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut index = 0;
    while index < CURRENCIES_BEFORE.len() {
        let currency = CURRENCIES_BEFORE[index].as_bytes();
        ends[currency[currency.len() - 1] as usize] = true;
        index += 1;
    }
    ends
};

/// Whether a currency stands right before the number and not behind another one.
pub(super) fn currency_before(before: &str) -> bool {
    let before = before.strip_suffix(' ').unwrap_or(before);
    // Before most numbers stands a letter in which none of them ends.
    if !before.bytes().next_back().is_some_and(|last| CURRENCY_ENDS[usize::from(last)]) {
        return false;
    }
    CURRENCIES_BEFORE.iter().any(|currency| {
        before.strip_suffix(currency).is_some_and(|rest| {
            let last = rest.trim_end_matches(' ').bytes().next_back();
            let touches = rest.bytes().next_back();
            !last.is_some_and(|byte| byte.is_ascii_digit())
                && !touches.is_some_and(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_before_belongs_to_the_number_behind_it() {
        for text in ["SAR ", "sar", "price: $", "﷼ "] {
            assert!(currency_before(&text.to_lowercase()), "{text}");
        }
        for text in ["500 sar ", "500$ ", "czar ", "", "ريال"] {
            assert!(!currency_before(text), "{text}");
        }
    }
}
