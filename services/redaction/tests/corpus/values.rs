//! Synthetic values with computed check digits.

use kaleem_placeholder::Kind;

use crate::random::Random;

pub const KINDS: [Kind; 6] =
    [Kind::Phone, Kind::Email, Kind::SaNationalId, Kind::SaIqama, Kind::Iban, Kind::CreditCard];

/// A value as a careful person writes it.
pub fn value(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::Email => email(random),
        Kind::SaNationalId => with_luhn(format!("1{}", random.digits(8))),
        Kind::SaIqama => with_luhn(format!("2{}", random.digits(8))),
        Kind::Iban => iban(random),
        Kind::CreditCard => card(random),
        _ => phone(random),
    }
}

/// Appends the digit that makes the check of ISO/IEC 7812 pass.
pub fn with_luhn(mut digits: String) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let value = u32::from(byte - b'0');
            if index % 2 == 0 { value * 2 / 10 + value * 2 % 10 } else { value }
        })
        .sum();
    digits.push(char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0'));
    digits
}

fn card(random: &mut Random) -> String {
    let (prefix, len) = random.pick(&[
        ("4", 16),
        ("4", 16),
        ("51", 16),
        ("55", 16),
        ("2221", 16),
        ("34", 15),
        ("37", 15),
        ("588845", 16),
        ("636120", 16),
        ("968201", 16),
        ("22337902", 16),
        ("36", 14),
        ("3530", 16),
        ("6011", 16),
        ("62", 16),
    ]);
    let body = format!("{prefix}{}", random.digits(len - prefix.len() - 1));
    with_luhn(body)
}

fn iban(random: &mut Random) -> String {
    let (country, letters, len) = random.pick(&[
        ("SA", "", 24),
        ("SA", "", 24),
        ("SA", "", 24),
        ("AE", "", 23),
        ("KW", "CBKU", 30),
        ("QA", "DOHB", 29),
        ("BH", "BMAG", 22),
        ("OM", "", 23),
        ("EG", "", 29),
        ("JO", "CBJO", 30),
        ("IQ", "NBIQ", 23),
        ("IR", "", 26),
        ("TR", "", 26),
    ]);
    let account = format!("{letters}{}", random.digits(len - 4 - letters.len()));
    let remainder = format!("{account}{country}00").bytes().fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    format!("{country}{:02}{account}", 98 - remainder)
}

fn phone(random: &mut Random) -> String {
    let (prefix, rest) = random.pick(&[
        ("05", 8),
        ("05", 8),
        ("05", 8),
        ("05", 8),
        ("+9665", 8),
        ("+9665", 8),
        ("009665", 8),
        ("9665", 8),
        ("011", 7),
        ("+96613", 7),
        ("+97150", 7),
        ("+9659", 7),
        ("+9746", 7),
        ("+97336", 6),
        ("+9689", 7),
        ("+2010", 8),
        ("010", 8),
        ("0912", 7),
        ("+98912", 7),
        ("079", 7),
        ("+9627", 8),
        ("+96477", 8),
        ("0770", 7),
        ("+4479", 8),
    ]);
    let prefix = if prefix == "+9627" { "+96279" } else { prefix };
    let rest = if prefix == "+96279" { 7 } else { rest };
    format!("{prefix}{}", random.digits(rest))
}

fn email(random: &mut Random) -> String {
    let name = random.pick(&[
        "sara",
        "m.ali",
        "abu_fahad",
        "noura.q",
        "khalid99",
        "reza-karimi",
        "a.b.c",
        "huda+shop",
    ]);
    let number = random.below(1000);
    let domain = random.pick(&[
        "gmail.com",
        "hotmail.com",
        "example.com",
        "mail.example.sa",
        "example.com.sa",
        "yahoo.com",
        "example.ae",
        "example.org",
        "student.example.edu.sa",
    ]);
    format!("{name}{number}@{domain}")
}
