//! Values as an assistant writes them: digits of three scripts, words, dual forms.

/// A language of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Arabic,
    English,
    Persian,
}

/// Draws the same choices in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const AR_ONES: [&str; 20] = [
    "صفر",
    "واحد",
    "اثنين",
    "ثلاثة",
    "أربعة",
    "خمسة",
    "ستة",
    "سبعة",
    "ثمانية",
    "تسعة",
    "عشرة",
    "أحد عشر",
    "اثني عشر",
    "ثلاثة عشر",
    "أربعة عشر",
    "خمسة عشر",
    "ستة عشر",
    "سبعة عشر",
    "ثمانية عشر",
    "تسعة عشر",
];
const AR_SPOKEN: [&str; 20] = [
    "صفر",
    "واحد",
    "ثنتين",
    "تلاتة",
    "أربع",
    "خمس",
    "ست",
    "سبع",
    "ثمان",
    "تسع",
    "عشر",
    "احدعش",
    "اطنعش",
    "ثلطعش",
    "اربعطعش",
    "خمسطعش",
    "ستطعش",
    "سبعطعش",
    "ثمنطعش",
    "تسعطعش",
];
const AR_TENS: [&str; 10] = ["", "", "عشرين", "ثلاثين", "أربعين", "خمسين", "ستين", "سبعين", "ثمانين", "تسعين"];
const AR_TENS_FORMAL: [&str; 10] =
    ["", "", "عشرون", "ثلاثون", "أربعون", "خمسون", "ستون", "سبعون", "ثمانون", "تسعون"];
const AR_HUNDREDS: [&str; 10] =
    ["", "مئة", "مئتين", "ثلاثمئة", "أربعمئة", "خمسمائة", "ستمائة", "سبعمائة", "ثمانمائة", "تسعمائة"];
const EN_ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const EN_TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const FA_ONES: [&str; 20] = [
    "صفر",
    "یک",
    "دو",
    "سه",
    "چهار",
    "پنج",
    "شش",
    "هفت",
    "هشت",
    "نه",
    "ده",
    "یازده",
    "دوازده",
    "سیزده",
    "چهارده",
    "پانزده",
    "شانزده",
    "هفده",
    "هجده",
    "نوزده",
];
const FA_TENS: [&str; 10] = ["", "", "بیست", "سی", "چهل", "پنجاه", "شصت", "هفتاد", "هشتاد", "نود"];
const FA_HUNDREDS: [&str; 10] =
    ["", "صد", "دویست", "سیصد", "چهارصد", "پانصد", "ششصد", "هفتصد", "هشتصد", "نهصد"];

/// A number up to 9999 in words.
pub fn words(number: usize, language: Language, dice: &mut Dice) -> String {
    let (thousands, rest) = (number / 1000, number % 1000);
    let (hundreds, below) = (rest / 100, rest % 100);
    let mut parts: Vec<String> = Vec::new();
    match language {
        Language::Arabic => {
            match thousands {
                0 => {}
                1 => parts.push("ألف".into()),
                2 => parts.push("ألفين".into()),
                more => parts.push(format!("{} آلاف", AR_ONES[more])),
            }
            let ones = if dice.below(3) == 0 { &AR_SPOKEN } else { &AR_ONES };
            let tens = if dice.below(2) == 0 { &AR_TENS } else { &AR_TENS_FORMAL };
            parts.extend((hundreds > 0).then(|| AR_HUNDREDS[hundreds].into()));
            match below {
                0 if number > 0 => {}
                0..20 => parts.push(ones[below].into()),
                _ if below % 10 == 0 => parts.push(tens[below / 10].into()),
                _ => parts.push(format!("{} و{}", AR_ONES[below % 10], tens[below / 10])),
            }
            parts.join(" و")
        }
        Language::English => {
            parts.extend((thousands > 0).then(|| format!("{} thousand", EN_ONES[thousands])));
            parts.extend((hundreds > 0).then(|| format!("{} hundred", EN_ONES[hundreds])));
            let and = if parts.is_empty() || dice.below(2) == 0 { "" } else { "and " };
            match below {
                0 if number > 0 => {}
                0..20 => parts.push(format!("{and}{}", EN_ONES[below])),
                _ if below % 10 == 0 => parts.push(format!("{and}{}", EN_TENS[below / 10])),
                _ => parts.push(format!("{and}{}-{}", EN_TENS[below / 10], EN_ONES[below % 10])),
            }
            parts.join(" ")
        }
        Language::Persian => {
            parts.extend((thousands > 0).then(|| {
                if thousands == 1 { "هزار".into() } else { format!("{} هزار", FA_ONES[thousands]) }
            }));
            parts.extend((hundreds > 0).then(|| FA_HUNDREDS[hundreds].into()));
            match below {
                0 if number > 0 => {}
                0..20 => parts.push(FA_ONES[below].into()),
                _ => {
                    parts.push(FA_TENS[below / 10].into());
                    parts.extend((below % 10 > 0).then(|| FA_ONES[below % 10].into()));
                }
            }
            parts.join(" و ")
        }
    }
}

/// ASCII digits in the script of the language, or left as they are.
pub fn digits(text: &str, language: Language, dice: &mut Dice) -> String {
    let zero = match (language, dice.below(2)) {
        (Language::Arabic, 0) => '٠',
        (Language::Persian, 0) => '۰',
        _ => return text.to_owned(),
    };
    let fold = |character: char| match character.to_digit(10) {
        Some(digit) => char::from_u32(u32::from(zero) + digit).unwrap(),
        None if character == '.' => '٫',
        None if character == ',' => '٬',
        None => character,
    };
    text.chars().map(fold).collect()
}

/// An amount in thousandths with its currency.
pub fn money(thousandths: i64, currency: &str, language: Language, dice: &mut Dice) -> String {
    let (whole, fraction) = (thousandths / 1000, thousandths % 1000);
    let name = currency_name(currency, language, dice);
    let half = fraction == 500 && language == Language::Arabic;
    if dice.below(4) == 0 && (fraction == 0 || half) && whole < 10_000 {
        let words = words(usize::try_from(whole).unwrap(), language, dice);
        return if half { format!("{words} ونص {name}") } else { format!("{words} {name}") };
    }
    let places = if currency == "KWD" { 3 } else { 2 };
    let number = match (fraction, dice.below(2)) {
        (0, 0) => grouped(whole, dice),
        _ => format!("{}.{}", grouped(whole, dice), &format!("{fraction:03}")[..places]),
    };
    let number = digits(&number, language, dice);
    if language == Language::English && name.len() == 3 && dice.below(2) == 0 {
        return format!("{name} {number}");
    }
    let space = if dice.below(8) == 0 && language == Language::Arabic { "" } else { " " };
    format!("{number}{space}{name}")
}

fn grouped(whole: i64, dice: &mut Dice) -> String {
    if whole >= 1000 && dice.below(2) == 0 {
        format!("{},{:03}", whole / 1000, whole % 1000)
    } else {
        whole.to_string()
    }
}

fn currency_name(currency: &str, language: Language, dice: &mut Dice) -> &'static str {
    let names: &[&str] = match (currency, language) {
        ("SAR", Language::Arabic) => &["ريال", "ريال", "ريال سعودي", "ر.س", "ريالاً"],
        ("SAR", Language::English) => &["SAR", "SAR", "riyals", "Saudi riyals"],
        ("SAR", Language::Persian) => &["ریال", "ریال سعودی"],
        ("AED", Language::Arabic) => &["درهم", "درهماً", "د.إ", "درهم إماراتي"],
        ("AED", Language::English) => &["AED", "dirhams", "AED"],
        ("AED", Language::Persian) => &["درهم"],
        ("KWD", Language::Arabic) => &["دينار", "د.ك", "دينار كويتي"],
        ("KWD", Language::English) => &["KWD", "Kuwaiti dinars"],
        _ => &["دینار"],
    };
    names[dice.below(names.len())]
}

/// What spans of time are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Days,
    Months,
}

/// A span of time; `adjective` is the form before an English noun ("two-year") and the Persian «ماهه».
pub fn span(count: i64, of: Span, adjective: bool, language: Language, dice: &mut Dice) -> String {
    let (count, unit) = match of {
        Span::Days if count % 30 == 0 && dice.below(3) == 0 => (count / 30, 2),
        Span::Days if count % 7 == 0 && dice.below(3) == 0 => (count / 7, 1),
        Span::Days => (count, 0),
        Span::Months if count % 12 == 0 && dice.below(2) == 0 => (count / 12, 3),
        Span::Months => (count, 2),
    };
    let number = |dice: &mut Dice| match dice.below(3) {
        0 => words(usize::try_from(count).unwrap(), language, dice),
        _ => digits(&count.to_string(), language, dice),
    };
    match language {
        Language::Arabic => {
            const UNITS: [[&str; 4]; 4] = [
                ["يوم واحد", "يومين", "أيام", "يوماً"],
                ["أسبوع", "أسبوعين", "أسابيع", "أسبوعاً"],
                ["شهر", "شهرين", "أشهر", "شهراً"],
                ["سنة", "سنتين", "سنوات", "سنة"],
            ];
            let forms = UNITS[unit];
            match count {
                1 => forms[0].to_owned(),
                2 => forms[1].to_owned(),
                3..=10 => format!("{} {}", number(dice), forms[2]),
                _ => format!(
                    "{} {}",
                    number(dice),
                    if dice.below(2) == 0 { forms[3] } else { forms[3].trim_end_matches("اً") }
                ),
            }
        }
        Language::English => {
            let name = ["day", "week", "month", "year"][unit];
            match (adjective, count) {
                (true, _) => format!("{}-{name}", number(dice)),
                (_, 1) => format!("{} {name}", if dice.below(2) == 0 { "one" } else { "1" }),
                _ => format!("{} {name}s", number(dice)),
            }
        }
        Language::Persian => {
            let name = ["روز", "هفته", "ماه", "سال"][unit];
            let ending = if adjective && unit != 1 { "ه" } else { "" };
            format!("{} {name}{ending}", number(dice))
        }
    }
}

/// From the least to the most days.
pub fn days(least: i64, most: i64, language: Language, dice: &mut Dice) -> String {
    let (low, high) = (least.to_string(), most.to_string());
    match (language, dice.below(3)) {
        (Language::Arabic, 0) if least == 2 => {
            format!("يومين إلى {} أيام", words(usize::try_from(most).unwrap(), language, dice))
        }
        (Language::Arabic, 1) => digits(&format!("{low} إلى {high} أيام"), language, dice),
        (Language::Arabic, _) => digits(&format!("{low}-{high} أيام"), language, dice),
        (Language::English, 0) => format!("{low} to {high} business days"),
        (Language::English, 1) => format!(
            "{} to {} days",
            EN_ONES[usize::try_from(least).unwrap()],
            EN_ONES[usize::try_from(most).unwrap()]
        ),
        (Language::English, _) => format!("{low}-{high} days"),
        (Language::Persian, 0) => format!(
            "{} تا {} روز",
            words(usize::try_from(least).unwrap(), language, dice),
            words(usize::try_from(most).unwrap(), language, dice)
        ),
        (Language::Persian, _) => digits(&format!("{low} تا {high} روز"), language, dice),
    }
}

pub fn percent(number: i64, language: Language, dice: &mut Dice) -> String {
    let shown = digits(&number.to_string(), language, dice);
    match (language, dice.below(4)) {
        (Language::Arabic, 0) => format!("{shown} بالمئة"),
        (Language::Arabic, 1) => format!("{shown}٪"),
        (Language::Arabic, 2) => {
            format!("{} بالمية", words(usize::try_from(number).unwrap(), language, dice))
        }
        (Language::English, 0) => format!("{shown} percent"),
        (Language::Persian, 0 | 1) => format!("{shown} درصد"),
        (Language::Persian, 2) => format!("{} درصد", words(usize::try_from(number).unwrap(), language, dice)),
        _ => format!("{shown}%"),
    }
}
