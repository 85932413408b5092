//! Synthetic values with computed check digits, as a careful person writes them. Nobody's: numbers are random, names are
//! put together.

use kaleem_pii::Kind;

use crate::random::Random;

/// The types with values in the corpus: all but the literals of a merchant's own list.
pub fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Custom)
}

/// A value of a type.
pub fn value(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::Email => email(random),
        Kind::SaNationalId => with_luhn(format!("1{}", random.digits(8))),
        Kind::SaIqama => with_luhn(format!("2{}", random.digits(8))),
        Kind::Iban => iban(random),
        Kind::CreditCard => card(random),
        Kind::CardCvv => {
            let len = random.pick(&[3, 3, 3, 4]);
            random.digits(len)
        }
        Kind::CardExpiry => expiry(random),
        Kind::SaCr => {
            let (chamber, rest) =
                random.pick(&[("1010", 6), ("4030", 6), ("2050", 6), ("7", 9), ("2051", 6), ("5850", 6)]);
            format!("{chamber}{}", random.digits(rest))
        }
        Kind::SaVat => format!("3{}00003", random.digits(9)),
        Kind::AeTrn => format!("100{}", random.digits(12)),
        Kind::SaShortAddress => format!("{}{}", random.letters(4), random.digits(4)),
        Kind::AeEmiratesId => emirates(random),
        Kind::KwCivilId => kuwaiti(random),
        Kind::QaQid => {
            let country = random.pick(&["634", "818", "356", "586", "608", "050", "524"]);
            format!("2{:02}{country}{}", 60 + random.below(40), random.digits(5))
        }
        Kind::BhCpr => format!("{:02}{:02}{}", 60 + random.below(40), 1 + random.below(12), random.digits(5)),
        Kind::OmCivilId => {
            let len = random.pick(&[7, 8, 8, 9]);
            format!("{}{}", 1 + random.below(9), random.digits(len - 1))
        }
        Kind::EgNationalId => egyptian(random),
        Kind::IrNationalCode => iranian(random),
        Kind::Passport => {
            let (letters, digits) = random.pick(&[(1, 8), (2, 7), (1, 7), (1, 9)]);
            format!("{}{}", random.letters(letters), random.digits(digits))
        }
        Kind::IpAddress => ip(random),
        Kind::MacAddress => mac(random),
        Kind::UrlToken => url(random),
        Kind::Secret => secret(random),
        Kind::Otp => {
            let len = random.pick(&[4, 5, 6, 6, 6, 8]);
            random.digits(len)
        }
        Kind::DateOfBirth => birth(random),
        Kind::Address => address(random),
        Kind::Person => crate::people::name(random),
        Kind::CryptoWallet => wallet(random),
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

fn grouped(digits: &str, sizes: &[usize], separator: &str) -> String {
    let mut rest = digits;
    let mut groups = Vec::new();
    for size in sizes {
        let (group, tail) = rest.split_at((*size).min(rest.len()));
        groups.extend((!group.is_empty()).then_some(group));
        rest = tail;
    }
    if !rest.is_empty() {
        groups.push(rest);
    }
    groups.join(separator)
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
        ("603799", 16),
    ]);
    let digits = with_luhn(format!("{prefix}{}", random.digits(len - prefix.len() - 1)));
    match (len, random.below(3)) {
        (16, 0) => grouped(&digits, &[4, 4, 4, 4], random.pick(&[" ", "-"])),
        (15, 0) => grouped(&digits, &[4, 6, 5], " "),
        _ => digits,
    }
}

fn expiry(random: &mut Random) -> String {
    let (month, year) = (1 + random.below(12), 26 + random.below(8));
    match random.below(4) {
        0 => format!("{month:02}/20{year}"),
        1 => format!("{month:02}-{year}"),
        _ => format!("{month:02}/{year}"),
    }
}

fn emirates(random: &mut Random) -> String {
    let digits = with_luhn(format!("784{}{}", 1950 + random.below(60), random.digits(7)));
    if random.below(2) == 0 { grouped(&digits, &[3, 4, 7, 1], "-") } else { digits }
}

fn kuwaiti(random: &mut Random) -> String {
    loop {
        let body = format!(
            "2{:02}{:02}{:02}{}",
            50 + random.below(50),
            1 + random.below(12),
            1 + random.below(28),
            random.digits(4)
        );
        let weights = [2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 =
            body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        let check = 11 - sum % 11;
        if check < 10 {
            return format!("{body}{check}");
        }
    }
}

fn egyptian(random: &mut Random) -> String {
    let governorate = random.pick(&["01", "02", "12", "21", "88", "14", "25"]);
    let body = format!(
        "2{:02}{:02}{:02}{governorate}{}",
        50 + random.below(50),
        1 + random.below(12),
        1 + random.below(28),
        random.digits(4)
    );
    let weights = [2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", (11 - sum % 11) % 10)
}

fn iranian(random: &mut Random) -> String {
    let body = format!("{}{}", random.pick(&["001", "127", "228", "094", "048"]), random.digits(6));
    let sum: u32 =
        body.bytes().zip((2..=10).rev()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let rest = sum % 11;
    let check = if rest < 2 { rest } else { 11 - rest };
    let digits = format!("{body}{check}");
    if random.below(4) == 0 { grouped(&digits, &[3, 6, 1], "-") } else { digits }
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
    let iban = format!("{country}{:02}{account}", 98 - remainder);
    if random.below(3) == 0 { grouped(&iban, &[4; 8], " ") } else { iban }
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
        ("+96279", 7),
        ("+96477", 8),
        ("0770", 7),
        ("+4479", 8),
        ("012", 8),
        ("00201", 9),
    ]);
    let rest = if prefix == "00201" { format!("0{}", random.digits(8)) } else { random.digits(rest) };
    let digits = format!("{prefix}{rest}");
    match random.below(8) {
        0 if prefix == "05" => grouped(&digits, &[3, 3, 4], random.pick(&[" ", "-"])),
        1 if prefix == "+9665" => grouped(&digits, &[4, 2, 3, 4], " "),
        2 if prefix == "+9665" => digits.replacen("+966", "+966 (0)", 1),
        _ => digits,
    }
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
        "mohd.alqahtani",
        "xx_lulu_xx",
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
        "icloud.com",
        "outlook.sa",
    ]);
    format!("{name}{number}@{domain}")
}

fn ip(random: &mut Random) -> String {
    let octets: Vec<String> = (0..4).map(|_| (1 + random.below(253)).to_string()).collect();
    match random.below(5) {
        0 => "2001:db8:85a3::8a2e:370:7334".to_owned(),
        1 => format!("fe80::{}:{}", random.hex(4), random.hex(4)),
        _ => octets.join("."),
    }
}

fn mac(random: &mut Random) -> String {
    let pairs: Vec<String> = (0..6).map(|_| random.hex(2)).collect();
    match random.below(4) {
        0 => format!("0A-{}", pairs[1..].join("-")).to_uppercase(),
        1 => pairs.join(":").to_uppercase(),
        _ => pairs.join(":"),
    }
}

fn url(random: &mut Random) -> String {
    let token = format!("{}{}", random.token(18), random.digits(4));
    match random.below(7) {
        0 => format!("https://shop.example.com/reset?token={token}"),
        1 => format!("https://api.example.sa/v1/orders?api_key={token}&page=2"),
        2 => format!(
            "https://bucket.s3.amazonaws.com/inv.pdf?X-Amz-Algorithm=AWS4&X-Amz-Signature={}",
            random.hex(40)
        ),
        3 => format!("https://admin:{}@example.com/panel", random.token(10)),
        4 => format!(
            "https://pay.example.com/checkout/{}-{}-4{}-a{}-{}",
            random.hex(8),
            random.hex(4),
            random.hex(3),
            random.hex(3),
            random.hex(12)
        ),
        5 => format!("https://example.com/login#access_token={token}&type=bearer"),
        _ => format!("https://example.com/track?session_id={token}"),
    }
}

fn secret(random: &mut Random) -> String {
    match random.below(11) {
        0 => format!("AIza{}", random.token(35)),
        1 => format!("sk-proj-{}", random.token(40)),
        2 => format!("AKIA{}", random.letters(12) + &random.digits(4)),
        3 => format!("ghp_{}", random.token(36)),
        4 => format!("xoxb-{}-{}", random.digits(12), random.token(24)),
        5 => format!("sk_live_{}", random.token(24)),
        6 => format!("whsec_{}", random.token(32)),
        7 => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", random.token(30), random.token(43)),
        8 => format!("GOCSPX-{}", random.token(28)),
        9 => format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----",
            random.token(64),
            random.token(40)
        ),
        _ => format!("shpat_{}", random.hex(32)),
    }
}

/// A password that a person would choose.
pub fn password(random: &mut Random) -> String {
    let word =
        random.pick(&["Sara", "riyadh", "Falcon", "qwerty", "Nour", "hala", "Teddy", "mypass", "Jeddah"]);
    let tail = random.pick(&["@", "#", "!", "_", ""]);
    format!("{word}{tail}{}", random.digits(4))
}

fn birth(random: &mut Random) -> String {
    let (day, month, year) = (1 + random.below(28), 1 + random.below(12), 1960 + random.below(45));
    let hijri = 1385 + random.below(45);
    match random.below(9) {
        0 => format!("{year}-{month:02}-{day:02}"),
        1 => format!("{day}-{month}-{year}"),
        2 => format!(
            "{day} {} {year}",
            random.pick(&["يناير", "مايو", "سبتمبر", "March", "Oct", "أكتوبر", "تموز"])
        ),
        3 => format!("{hijri}/{month:02}/{day:02}"),
        4 => format!("{day}/{month}/{hijri}"),
        5 => format!("{} {day}, {year}", random.pick(&["January", "May", "Sep"])),
        6 => format!("{day} {} {hijri}", random.pick(&["رمضان", "محرم", "شعبان", "مهر", "فروردین"])),
        _ => format!("{day:02}/{month:02}/{year}"),
    }
}

fn address(random: &mut Random) -> String {
    let (a, b, c) = (1000 + random.below(8000), 1 + random.below(60), 1 + random.below(30));
    let zip = 11000 + random.below(60000);
    match random.below(12) {
        0 => format!("حي النرجس، شارع أنس بن مالك، مبنى {a}، الرياض {zip}"),
        1 => format!("شارع التحلية عمارة {b} شقة {c} جدة"),
        2 => format!("قطعة {c} شارع {b} منزل {c}"),
        3 => format!("{b} King Fahd Road, Al Olaya District, Riyadh {zip}"),
        4 => format!("Building {a}, Prince Sultan Street, Al Zahra, Jeddah {zip}"),
        5 => format!("ص.ب {a} الدمام {zip}"),
        6 => format!("خیابان ولیعصر، کوچه {b}، پلاک {c}، واحد {c}"),
        7 => format!("Villa {b}, Street {c}, Al Barsha, Dubai"),
        8 => format!("{b} شارع عباس العقاد، الدور {c}، شقة {c}، مدينة نصر"),
        9 => format!("Flat {c}, Building {b}, Road {a}, Block {c}, Manama"),
        10 => format!("24.{}, 46.{}", 71_355 + random.below(9000), 67_529 + random.below(9000)),
        _ => format!("الرياض حي الملقا شارع {b} فيلا رقم {c}"),
    }
}

fn wallet(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("0x{}", random.hex(40)),
        1 => format!("bc1q{}", random.from("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 38)),
        2 => format!("T{}9aZ", random.base58(30)),
        _ => format!("1{}9aZ", random.base58(30)),
    }
}
