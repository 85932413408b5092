use super::*;

fn cut(text: &str) -> Vec<String> {
    let mut tokens = Tokens::default();
    tokens.refill(text);
    let shown = |(index, token): (usize, &Token)| match token.value {
        Some((value, None)) => format!("={value}"),
        Some((value, Some(other))) => format!("={value}|{other}"),
        None if token.kind == Kind::Opaque => format!("?{}", tokens.word(index)),
        None => tokens.word(index).to_owned(),
    };
    tokens.all.iter().enumerate().map(shown).collect()
}

#[test]
fn what_is_not_looked_up_is_folded_all_the_same() {
    let usual = |character: &char| {
        !matches!(character, '\u{2022}' | '\u{b7}' | '\u{2219}' | '\u{2019}' | '\u{2018}' | '\u{2bc}')
    };
    for character in (' '..='\u{fff}').filter(usual) {
        let folded = match fold::form(character) {
            Form::Dropped => None,
            Form::Ascii(byte) => Some(char::from(byte)),
            Form::Char(folded) => Some(folded),
        };
        assert_eq!(fold_one(character), folded, "{character:?}");
        if unfolded(character.to_string().as_bytes()) > 0 {
            assert_eq!(folded, Some(character), "{character:?}");
        }
        if matches!(character, ' '..='~') {
            assert_eq!(folded, Some(character.to_ascii_lowercase()), "{character:?}");
        }
    }
}

#[test]
fn numbers_of_every_script_and_separator() {
    for (text, expected) in [
        ("٨٩٫٥٠ ريال", "=89.50 ريال"),
        ("۱٬۲۰۰", "=1200|1.20"),
        ("1,234.50SAR", "=1234.50 sar"),
        ("1.234,50", "=1234.50"),
        ("12.500", "=12.50|12500"),
        ("1 200 ريال", "=1200|1 ريال"),
        ("SAR89", "sar =89"),
        ("2-4", "=2 - =4"),
        ("ب٨٩", "ب =89"),
        ("بـد.ك 9", "ب د.ك =9"),
        ("٪٢٠", "% =20"),
    ] {
        assert_eq!(cut(text).join(" "), expected, "{text}");
    }
}

#[test]
fn dates_times_telephones_and_versions_are_no_numbers() {
    for text in
        ["2026-03-15", "15/03/2026", "9:30", "055-123-4567", "+966551234567", "0551234567", "1.2.3", "24/7"]
    {
        assert_eq!(cut(text), [format!("?{text}")], "{text}");
    }
}

#[test]
fn codes_and_abbreviations_are_words() {
    assert_eq!(cut("كود EID2026، ٨٩ ر.س."), ["كود", "eid2026", ",", "=89", "ر.س", "."]);
    assert_eq!(cut("don’t 20OFF"), ["don't", "=20", "off"]);
}

#[test]
fn dots_that_lead_to_a_number_are_one_colon() {
    for (text, expected) in [
        ("Total ........ 220.00", "total : =220"),
        ("الشحن . . . . ٢٢", "الشحن : =22"),
        ("Total………9", "total : =9"),
        ("Bag____9 v1.5 a..b", "bag : =9 v1 . =5 a . . b"),
        ("Wait...", "wait ."),
    ] {
        assert_eq!(cut(text).join(" "), expected, "{text}");
    }
}
