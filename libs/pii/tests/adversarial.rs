//! Every value of a kind in every disguise of the specification is found, or the pair is a stated gap.

use std::ops::Range;

use kaleem_pii::{Detector, Kind, Scratch};

/// A sentence with a value in it, in place of `{}`.
const VALUES: [(Kind, &str, &str); 32] = [
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
    (Kind::CardExpiry, "تاريخ انتهاء البطاقة {} بالضبط", "12/27"),
    (Kind::CardCvv, "cvv {} ok", "123"),
    (Kind::MacAddress, "الماك ادرس للجهاز {} حقي", "3C:22:FB:4A:9E:10"),
    (Kind::UrlToken, "وصلني هذا الرابط {} وش هو", "https://shop.example/reset?token=a8f3c1b29d7e"),
    (Kind::Secret, "my api key is {} ok", "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12"),
    (Kind::Secret, "كلمة المرور: {} لحسابي", "Sara@1234"),
    (Kind::Address, "عنواني {} وشكرا", "حي النرجس شارع 5 مبنى 1234"),
    (Kind::Person, "المستلم: {} وشكرا", "سارة العتيبي"),
    (Kind::Person, "my name is {} thanks", "John Smith"),
    (Kind::CryptoWallet, "محفظتي {} للدفع", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
];

/// What stands before a value, the value as it is written, and what stands behind it.
type Disguised = (&'static str, String, &'static str);

/// A way of writing a value.
type Disguise = fn(&str) -> Disguised;

/// Ways of writing a value, by name.
const DISGUISES: [(&str, Disguise); 29] = [
    ("plain", |value| bare(value.to_owned())),
    ("arabic digits", |value| bare(digits(value, '٠'))),
    ("persian digits", |value| bare(digits(value, '۰'))),
    ("fullwidth", |value| bare(digits(value, '０'))),
    ("mathematical", |value| bare(digits(value, '𝟎'))),
    ("keycaps", |value| bare(keycaps(value))),
    ("mixed scripts", |value| {
        let scripts = ['0', '٠', '۰', '０'];
        bare(value.chars().enumerate().map(|(at, character)| shift(character, scripts[at % 4])).collect())
    }),
    ("spaces", |value| bare(join(value, " "))),
    ("dashes", |value| bare(join(value, "-"))),
    ("dots", |value| bare(join(value, "."))),
    ("slashes", |value| bare(join(value, "/"))),
    ("tatweel", |value| bare(join(value, "ـ"))),
    ("zero-width spaces", |value| bare(join(value, "\u{200b}"))),
    ("non-joiners", |value| bare(join(value, "\u{200c}"))),
    ("right-to-left marks", |value| bare(join(value, "\u{200f}"))),
    ("combining marks", |value| bare(join(value, "\u{301}"))),
    ("isolated", |value| ("\u{2066}", value.to_owned(), "\u{2069}")),
    ("embedded", |value| ("\u{202b}", value.to_owned(), "\u{202c}")),
    ("a new line inside", |value| {
        let (head, tail) = value.split_at(value.floor_char_boundary(value.len() / 2));
        bare(format!("{head}\n{tail}"))
    }),
    ("a plus sign behind", |value| {
        bare(value.strip_prefix('+').map_or_else(|| value.to_owned(), |number| format!("{number}+")))
    }),
    ("glued to letters", |value| ("رقم", value.to_owned(), "شكرا")),
    ("json", |value| ("{\"value\":\"", value.to_owned(), "\"}")),
    ("html", |value| ("<b>", value.to_owned(), "</b>")),
    ("markdown", |value| ("**", value.to_owned(), "**")),
    ("csv", |value| ("a,", value.to_owned(), ",b")),
    ("a parameter of a url", |value| ("https://shop.example.com/?q=", value.to_owned(), "&page=2")),
    ("entities", |value| {
        let codes: Vec<String> = value.chars().map(|character| u32::from(character).to_string()).collect();
        bare(format!("&#{};", codes.join(";&#")))
    }),
    ("percent", |value| {
        let bytes: Vec<String> = digits(value, '٠').bytes().map(|byte| format!("{byte:02X}")).collect();
        bare(format!("%{}", bytes.join("%")))
    }),
    ("json escapes", |value| {
        let units: Vec<String> =
            digits(value, '٠').encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        ("HTTP 200\n{\"value\":\"", units.concat(), "\"}")
    }),
];

/// Disguises that hide a value: separators where it has some of its own, frames between a word and what must follow it, marks in a
/// URL's names. Of an address over two lines the part behind the break is left.
const GAPS: &[(&str, &[&str])] = &[
    ("85.12.34.56", &["spaces", "dashes", "dots", "slashes", "a new line inside"]),
    ("sara.ali@example.com", &["dashes", "dots", "slashes"]),
    ("12/27", &["json", "html", "csv", "a parameter of a url", "json escapes"]),
    ("3C:22:FB:4A:9E:10", &["spaces", "dashes", "dots", "slashes", "a new line inside", "percent"]),
    (
        "https://shop.example/reset?token=a8f3c1b29d7e",
        &[
            "spaces",
            "dashes",
            "dots",
            "slashes",
            "tatweel",
            "zero-width spaces",
            "non-joiners",
            "right-to-left marks",
            "combining marks",
            "a new line inside",
            "entities",
            "percent",
            "json escapes",
        ],
    ),
    ("sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12", &["spaces", "a parameter of a url"]),
    ("Sara@1234", &["spaces", "a new line inside", "json", "html", "a parameter of a url", "json escapes"]),
    ("حي النرجس شارع 5 مبنى 1234", &["dots", "percent"]),
    (
        "سارة العتيبي",
        &["spaces", "dashes", "dots", "slashes", "a new line inside", "glued to letters", "percent"],
    ),
    (
        "John Smith",
        &[
            "spaces",
            "dashes",
            "dots",
            "slashes",
            "a new line inside",
            "glued to letters",
            "a parameter of a url",
        ],
    ),
    (
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        &["spaces", "dashes", "dots", "slashes", "a parameter of a url"],
    ),
];

fn bare(value: String) -> Disguised {
    ("", value, "")
}

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

/// Whether a span holds all letters and digits of a place.
fn covers(span: &Range<usize>, text: &str, place: Range<usize>) -> bool {
    let written = text[place.clone()].char_indices().filter(|(_, character)| character.is_alphanumeric());
    written.map(|(at, _)| place.start + at).all(|at| span.contains(&at))
}

#[test]
fn every_value_is_found_in_every_disguise_or_the_pair_is_a_stated_gap() {
    let detector = Detector::new().unwrap();
    let mut scratch = Scratch::default();
    let mut surprises = Vec::new();
    for (kind, sentence, value) in VALUES {
        let gaps = GAPS.iter().find(|(of, _)| *of == value).map_or(&[][..], |(_, names)| names);
        let (head, tail) = sentence.split_once("{}").unwrap();
        for (name, disguise) in DISGUISES {
            let (before, written, behind) = disguise(value);
            let text = format!("{head}{before}{written}{behind}{tail}");
            let start = head.len() + before.len();
            let place = start..start + written.len();
            let spans = detector.scan(&text, &mut scratch).spans;
            let found =
                spans.iter().any(|span| span.kind == kind && covers(&span.range, &text, place.clone()));
            if found == gaps.contains(&name) {
                let spans: Vec<_> = spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect();
                surprises.push(format!("{kind} {name}: found {found} «{text}» {spans:?}"));
            }
        }
    }
    assert!(surprises.is_empty(), "{}\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn every_kind_has_a_value() {
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Custom) {
        assert!(VALUES.iter().any(|(of, ..)| of == kind), "{kind}");
    }
}
