//! Sentences around values: what shoppers write, with `{}` for the value; one file a type in `templates/`.

use kaleem_pii::Kind;

use crate::random::Random;
use crate::values;

/// One text with one value in it.
pub struct Case {
    pub text: String,
    pub kind: Kind,
    pub value: String,
    /// Byte at which the value starts.
    pub start: usize,
}

impl Case {
    /// Puts a value into a template.
    pub fn fill(kind: Kind, template: &str, value: &str) -> Self {
        Self::fill_around(kind, template, "", value, "")
    }

    /// Puts a value with something around it into a template.
    pub fn fill_around(kind: Kind, template: &str, before: &str, value: &str, after: &str) -> Self {
        let (head, tail) = template.split_once("{}").unwrap_or((template, ""));
        let head = head.replace("\\n", "\n");
        Self {
            text: format!("{head}{before}{value}{after}{}", tail.replace("\\n", "\n")),
            kind,
            value: value.to_owned(),
            start: head.len() + before.len(),
        }
    }
}

/// Which templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that one may tune to.
    Shown,
    /// Every fourth: only their totals are looked at.
    HeldOut,
}

impl Part {
    fn has(self, index: usize) -> bool {
        (index % 4 == 3) == (self == Self::HeldOut)
    }
}

macro_rules! files {
    ($($kind:ident = $name:literal,)+) => {
        /// The file of a type.
        fn file(kind: Kind) -> &'static str {
            match kind {
                $(Kind::$kind => include_str!(concat!("templates/", $name, ".txt")),)+
                Kind::Custom => "",
            }
        }
    };
}

files! {
    Secret = "SECRET", Otp = "OTP", Iban = "IBAN", CreditCard = "CREDIT_CARD", CardCvv = "CARD_CVV", CardExpiry = "CARD_EXPIRY",
    Email = "EMAIL", SaNationalId = "SA_NATIONAL_ID", SaIqama = "SA_IQAMA", AeEmiratesId = "AE_EMIRATES_ID",
    KwCivilId = "KW_CIVIL_ID", QaQid = "QA_QID", BhCpr = "BH_CPR", OmCivilId = "OM_CIVIL_ID", EgNationalId = "EG_NATIONAL_ID",
    IrNationalCode = "IR_NATIONAL_CODE", Passport = "PASSPORT", Phone = "PHONE", SaCr = "SA_CR", SaVat = "SA_VAT", AeTrn = "AE_TRN",
    CryptoWallet = "CRYPTO_WALLET", UrlToken = "URL_TOKEN", IpAddress = "IP_ADDRESS", MacAddress = "MAC_ADDRESS",
    DateOfBirth = "DATE_OF_BIRTH", SaShortAddress = "SA_SHORT_ADDRESS", Address = "ADDRESS", Person = "PERSON",
}

/// Sentences about passwords, which are secrets without a form.
const PASSWORD: &str = include_str!("templates/PASSWORD.txt");
/// Sentences without personal data.
const NEGATIVES: &str = include_str!("negatives.txt");
/// Sentences that say nothing about the value, for types that need no word.
const BARE: &str = include_str!("templates/BARE.txt");

/// The templates of a type.
pub fn of(kind: Kind, part: Part) -> impl Iterator<Item = &'static str> {
    let own = file(kind).lines();
    let own = own.chain(if kind == Kind::Secret { PASSWORD } else { "" }.lines());
    let bare = if stands_alone(kind) { BARE } else { "" };
    let of_part = move |(index, line): (usize, &'static str)| part.has(index).then_some(line);
    own.enumerate().filter_map(of_part).chain(bare.lines().enumerate().filter_map(of_part))
}

/// Whether a value of the type is found without a word about it.
fn stands_alone(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Phone
            | Kind::Email
            | Kind::Iban
            | Kind::CreditCard
            | Kind::SaNationalId
            | Kind::SaIqama
            | Kind::AeEmiratesId
            | Kind::KwCivilId
            | Kind::EgNationalId
            | Kind::IpAddress
            | Kind::MacAddress
            | Kind::UrlToken
            | Kind::CryptoWallet
    )
}

/// A value that fits a template.
pub fn value(kind: Kind, template: &str, random: &mut Random) -> String {
    let password = kind == Kind::Secret && PASSWORD.lines().any(|line| template.contains(line));
    if password { values::password(random) } else { values::value(kind, random) }
}

/// Lines without personal data.
pub fn negatives(part: Part) -> impl Iterator<Item = &'static str> {
    NEGATIVES.lines().enumerate().filter(move |(index, _)| part.has(*index)).map(|(_, line)| line)
}

/// Fills the numbers of a line without personal data: `#` is a digit when there are several, `{luhn10}` passes the check.
pub fn without_data(line: &str, random: &mut Random) -> String {
    let mut text = line.replace("\\n", "\n");
    for (mark, len) in [("{luhn10}", 10), ("{luhn15}", 15), ("{luhn16}", 16)] {
        if text.contains(mark) {
            let first = if len == 10 {
                "1"
            } else if len == 15 {
                "35"
            } else {
                "4"
            };
            let body = format!("{first}{}", random.digits(len - 1 - first.len()));
            text = text.replace(mark, &values::with_luhn(body));
        }
    }
    if text.matches('#').count() < 3 || text.contains("#FF") {
        return text;
    }
    text.chars()
        .map(|character| if character == '#' { random.digits(1) } else { character.to_string() })
        .collect()
}
