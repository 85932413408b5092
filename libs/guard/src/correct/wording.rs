//! Words for units in three languages, in the form that their number asks for.

use crate::{amount::Amount, language::Language, text::folded, unit::Unit};

/// Singular with its number, dual, plural of three to ten, and the form behind larger numbers.
type ArabicForms = [&'static str; 4];

const ARABIC: [(Unit, ArabicForms); 4] = [
    (Unit::Day, ["يوم واحد", "يومين", "أيام", "يوماً"]),
    (Unit::Week, ["أسبوع واحد", "أسبوعين", "أسابيع", "أسبوعاً"]),
    (Unit::Month, ["شهر واحد", "شهرين", "أشهر", "شهراً"]),
    (Unit::Year, ["سنة واحدة", "سنتين", "سنوات", "سنة"]),
];

/// Currency words of English that have a plural.
const PLURALS: [&str; 8] = ["riyal", "rial", "dirham", "dinar", "pound", "dollar", "euro", "lira"];

/// The words of a unit in the place that is written anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stood<'s> {
    /// What is between the number and the unit.
    pub(super) gap: &'s str,
    pub(super) words: &'s str,
    /// "a 14-day window": the unit stays singular.
    pub(super) adjective: bool,
}

/// A number of units of time; `stood` is the same unit.
pub(super) fn time(
    unit: Unit,
    language: Language,
    count: Amount,
    number: &str,
    stood: Option<Stood<'_>>,
) -> String {
    let Stood { gap, words, adjective } = stood.unwrap_or(Stood { gap: " ", words: "", adjective: false });
    match language {
        Language::Arabic => arabic_time(unit, count, number, gap, words),
        Language::English if adjective => format!("{number}{gap}{words}"),
        Language::English => {
            let word = if words.is_empty() { english(unit) } else { words };
            format!("{number}{gap}{}", plural(word, count))
        }
        Language::Persian => {
            format!("{number}{gap}{}", if words.is_empty() { persian(unit) } else { words })
        }
    }
}

fn arabic_time(unit: Unit, count: Amount, number: &str, gap: &str, words: &str) -> String {
    let forms = ARABIC.iter().find(|(known, _)| *known == unit).map_or(["", "", "", ""], |(_, forms)| *forms);
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let rest =
        if rest.is_empty() || folded(rest) == "كامله" { String::new() } else { format!(" {rest}") };
    let form = match count.integer() {
        Some(1) => return format!("{}{rest}", if rest.is_empty() { forms[0] } else { form_of_one(forms) }),
        Some(2) => return format!("{}{rest}", forms[1]),
        Some(3..=10) => forms[2],
        // What stood there already is in this form, with or without the ending.
        _ if forms[3].starts_with(first) && !first.is_empty() => first,
        _ => forms[3],
    };
    format!("{number}{gap}{form}{rest}")
}

fn form_of_one(forms: ArabicForms) -> &'static str {
    forms[0].split(' ').next().unwrap_or_default()
}

fn english(unit: Unit) -> &'static str {
    match unit {
        Unit::Week => "weeks",
        Unit::Month => "months",
        Unit::Year => "years",
        _ => "days",
    }
}

fn persian(unit: Unit) -> &'static str {
    match unit {
        Unit::Week => "هفته",
        Unit::Month => "ماه",
        Unit::Year => "سال",
        _ => "روز",
    }
}

fn plural(words: &str, count: Amount) -> String {
    match (count == Amount::ONE, words.strip_suffix('s')) {
        (true, Some(singular)) => singular.to_owned(),
        (false, None) => format!("{words}s"),
        _ => words.to_owned(),
    }
}

/// The currency words that stood there, in the form for another amount.
pub(super) fn currency(stood: &str, amount: Amount) -> String {
    let few = amount.integer().is_some_and(|count| (3..=10).contains(&count));
    let word = folded(stood);
    match word.as_str() {
        "ريالات" | "ريالين" | "ريالان" if !few => "ريال".to_owned(),
        "دراهم" | "درهمين" if !few => "درهم".to_owned(),
        "دنانير" | "دينارين" if !few => "دينار".to_owned(),
        "جنيهات" if !few => "جنيه".to_owned(),
        word if PLURALS.contains(&word) || PLURALS.contains(&word.trim_end_matches('s')) => {
            plural(stood, amount)
        }
        _ => stood.to_owned(),
    }
}

/// The name of a currency.
pub(super) fn currency_name(code: &str, language: Language) -> &str {
    match (language, code) {
        (Language::English, code) => code,
        (Language::Arabic, "SAR" | "QAR" | "OMR" | "YER" | "IRR") => "ريال",
        (Language::Persian, "SAR" | "QAR" | "OMR" | "YER" | "IRR") => "ریال",
        (_, "AED" | "MAD") => "درهم",
        (Language::Arabic, "KWD" | "BHD" | "JOD" | "IQD" | "TND" | "LYD" | "DZD") => "دينار",
        (Language::Persian, "KWD" | "BHD" | "JOD" | "IQD" | "TND" | "LYD" | "DZD") => "دینار",
        (Language::Arabic, "EGP" | "SDG") => "جنيه",
        (Language::Arabic, "USD") => "دولار",
        (Language::Persian, "USD") => "دلار",
        (_, code) => code,
    }
}
