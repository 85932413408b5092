//! Every value of a kind in every disguise of the specification is found, or the pair is a stated gap.

use kaleem_pii::{Detector, Kind, Scratch};

/// A sentence with a value in it, in place of `{}`.
const VALUES: [(Kind, &str, &str); 22] = [
    (Kind::Phone, "جوالي {} كلموني", "0551234567"),
    (Kind::Phone, "my whatsapp is {} thanks", "+966551234567"),
    (Kind::Iban, "الايبان {} باسمي", "SA0380000000608010167519"),
    (Kind::CreditCard, "بطاقتي {} انخصم منها", "4111111111111111"),
    (Kind::SaNationalId, "رقم الهوية {} لو سمحت", "1088888888"),
    (Kind::SaIqama, "رقم الاقامة {} للتقسيط", "2488888889"),
    (Kind::SaCr, "السجل التجاري {} لمحلنا", "1010123456"),
    (Kind::SaVat, "الرقم الضريبي {} للفاتورة", "310123456700003"),
    (Kind::AeTrn, "our TRN {} please", "100123456700003"),
    (Kind::AeEmiratesId, "الهوية الإماراتية {} حقتي", "784198012345676"),
    (Kind::KwCivilId, "رقمي المدني {} شكرا", "290010100126"),
    (Kind::QaQid, "رقم البطاقة القطرية {} هنا", "28563412345"),
    (Kind::BhCpr, "my CPR {} thanks", "900112345"),
    (Kind::OmCivilId, "البطاقة العمانية {} حقتي", "71825364"),
    (Kind::EgNationalId, "الرقم القومي {} بتاعي", "29001011234567"),
    (Kind::IrNationalCode, "کد ملی من {} است", "0499370899"),
    (Kind::Passport, "رقم الجواز {} ساري", "A12345678"),
    (Kind::SaShortAddress, "العنوان المختصر {} للبيت", "RRRD2929"),
    (Kind::Otp, "رمز التحقق {} وصلني", "482913"),
    (Kind::DateOfBirth, "تاريخ الميلاد {} حسب الهوية", "12/05/1990"),
    (Kind::IpAddress, "my ip is {} now", "85.12.34.56"),
    (Kind::Email, "ايميلي {} راسلوني", "sara.ali@example.com"),
];

/// A way of writing a value.
type Disguise = fn(&str) -> String;

/// Ways of writing a value, by name.
const DISGUISES: [(&str, Disguise); 29] = [
    ("plain", str::to_owned),
    ("arabic digits", |value| digits(value, '٠')),
    ("persian digits", |value| digits(value, '۰')),
    ("fullwidth", |value| digits(value, '０')),
    ("mathematical", |value| digits(value, '𝟎')),
    ("keycaps", keycaps),
    ("mixed scripts", |value| {
        let scripts = ['0', '٠', '۰', '０'];
        value.chars().enumerate().map(|(at, character)| shift(character, scripts[at % 4])).collect()
    }),
    ("spaces", |value| join(value, " ")),
    ("dashes", |value| join(value, "-")),
    ("dots", |value| join(value, ".")),
    ("slashes", |value| join(value, "/")),
    ("tatweel", |value| join(value, "ـ")),
    ("zero-width spaces", |value| join(value, "\u{200b}")),
    ("non-joiners", |value| join(value, "\u{200c}")),
    ("right-to-left marks", |value| join(value, "\u{200f}")),
    ("combining marks", |value| join(value, "\u{301}")),
    ("isolated", |value| format!("\u{2066}{value}\u{2069}")),
    ("embedded", |value| format!("\u{202b}{value}\u{202c}")),
    ("a new line inside", |value| {
        let (head, tail) = value.split_at(value.len() / 2);
        format!("{head}\n{tail}")
    }),
    ("a plus sign behind", |value| {
        value.strip_prefix('+').map_or_else(|| value.to_owned(), |number| format!("{number}+"))
    }),
    ("glued to letters", |value| format!("رقم{value}شكرا")),
    ("json", |value| format!("{{\"value\":\"{value}\"}}")),
    ("html", |value| format!("<b>{value}</b>")),
    ("markdown", |value| format!("**{value}**")),
    ("csv", |value| format!("a,{value},b")),
    ("a parameter of a url", |value| format!("https://shop.example.com/?q={value}&page=2")),
    ("entities", |value| {
        let codes: Vec<String> = value.chars().map(|character| u32::from(character).to_string()).collect();
        format!("&#{};", codes.join(";&#"))
    }),
    ("percent", |value| {
        let bytes: Vec<String> = digits(value, '٠').bytes().map(|byte| format!("{byte:02X}")).collect();
        format!("%{}", bytes.join("%"))
    }),
    ("json escapes", |value| {
        let units: Vec<String> =
            digits(value, '٠').encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("HTTP 200\n{{\"value\":\"{}\"}}", units.concat())
    }),
];

/// Disguises that hide a kind: separators between all characters where a value has separators of its own.
const GAPS: &[(Kind, &[&str])] = &[
    (Kind::IpAddress, &["spaces", "dashes", "dots", "slashes", "a new line inside"]),
    (Kind::Email, &["dashes", "dots", "slashes"]),
];

fn shift(character: char, zero: char) -> char {
    let shifted = character.to_digit(10).and_then(|digit| char::from_u32(u32::from(zero) + digit));
    shifted.unwrap_or(character)
}

fn digits(value: &str, zero: char) -> String {
    value.chars().map(|character| shift(character, zero)).collect()
}

fn keycaps(value: &str) -> String {
    let keycap = |character: char| {
        format!("{character}{}", if character.is_ascii_digit() { "\u{fe0f}\u{20e3}" } else { "" })
    };
    value.chars().map(keycap).collect()
}

fn join(value: &str, separator: &str) -> String {
    let characters: Vec<String> = value.chars().map(String::from).collect();
    characters.join(separator).replacen(&format!("+{separator}"), "+", 1)
}

#[test]
fn every_value_is_found_in_every_disguise_or_the_pair_is_a_stated_gap() {
    let detector = Detector::new().unwrap();
    let mut scratch = Scratch::default();
    let mut surprises = Vec::new();
    for (kind, sentence, value) in VALUES {
        let gaps = GAPS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
        for (name, disguise) in DISGUISES {
            let text = sentence.replace("{}", &disguise(value));
            let spans = detector.scan(&text, &mut scratch).spans;
            let found = spans.iter().any(|span| span.kind == kind);
            if found == gaps.contains(&name) {
                surprises.push(format!("{kind} {name}: found {found} «{text}»"));
            }
        }
    }
    assert!(surprises.is_empty(), "{}\n{}", surprises.len(), surprises.join("\n"));
}
