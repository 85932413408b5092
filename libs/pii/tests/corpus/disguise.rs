//! Ways in which people write a value to get past a filter, or their keyboard does it for them.

use kaleem_pii::Kind;

use crate::random::Random;

/// Text before the value, the value as written, text behind it.
pub type Disguised = (&'static str, String, &'static str);

/// Disguises a value and, where the way of writing touches its surroundings, gives text before and after it.
pub fn disguise(kind: Kind, value: &str, random: &mut Random) -> Disguised {
    match kind {
        Kind::Email => email(value, random),
        Kind::UrlToken | Kind::Secret | Kind::CryptoWallet => wrapped(value, random),
        Kind::Address | Kind::Person | Kind::DateOfBirth | Kind::IpAddress | Kind::MacAddress => {
            marked(value, random)
        }
        Kind::CardExpiry => marked(value, random),
        _ if value.len() < 7 || value.contains(|character: char| character.is_ascii_alphabetic()) => {
            lettered(value, random)
        }
        _ => numeric(value, random),
    }
}

/// Around what has letters and marks of its own, only frames.
fn wrapped(value: &str, random: &mut Random) -> Disguised {
    match random.below(4) {
        0 => ("**", value.to_owned(), "**"),
        1 => ("\u{2066}", value.to_owned(), "\u{2069}"),
        2 => ("\u{202b}", value.to_owned(), "\u{202c}"),
        _ => ("`", value.to_owned(), "`"),
    }
}

/// Digits of other scripts and invisible marks in what has separators of its own.
fn marked(value: &str, random: &mut Random) -> Disguised {
    match random.below(7) {
        0 => ("", in_script(value, '٠'), ""),
        1 => ("", in_script(value, '۰'), ""),
        2 => ("", mixed(value, random), ""),
        3 => ("", joined(value, random.pick(&["\u{200b}", "\u{200f}", "\u{2060}"])), ""),
        4 => ("\u{2067}", in_script(value, '٠'), "\u{2069}"),
        5 => ("*", value.to_owned(), "*"),
        _ => ("\u{202b}", value.to_owned(), "\u{202c}"),
    }
}

/// The same, and one separator between all characters.
fn lettered(value: &str, random: &mut Random) -> Disguised {
    match random.below(5) {
        0 => ("", joined(&value.replace(' ', ""), random.pick(&[" ", "-", "."])), ""),
        1 => ("", grouped(&value.replace(' ', ""), random), ""),
        _ => marked(value, random),
    }
}

fn numeric(value: &str, random: &mut Random) -> Disguised {
    let solid: String =
        value.chars().filter(|character| character.is_ascii_digit() || *character == '+').collect();
    let value = solid.as_str();
    match random.below(20) {
        0 | 1 => ("", in_script(value, '٠'), ""),
        2 => ("", in_script(value, '۰'), ""),
        3 => ("", in_script(value, '０'), ""),
        4 => ("", mixed(value, random), ""),
        5 => ("", joined(value, random.pick(&["\u{200b}", "\u{200c}", "\u{200f}", "ـ", "\u{2060}"])), ""),
        6 => ("", joined(value, random.pick(&[" ", "-", ".", "/"])), ""),
        7 => ("\u{2067}", in_script(value, '٠'), "\u{2069}"),
        8 => ("\u{202b}", value.to_owned(), "\u{202c}"),
        9 | 10 => ("", grouped(value, random), ""),
        11 => ("", in_script(&grouped(value, random), '٠'), ""),
        12 => ("**", value.to_owned(), "**"),
        13 => ("", joined(value, "\u{301}"), ""),
        14 => ("`", entities(value), "`"),
        15 => ("رقم", value.to_owned(), "شكرا"),
        16 => keycaps(value),
        17 => ("", split_by_words(value, random), ""),
        18 => ("", percent(value), ""),
        _ => ("", broken_line(value), ""),
    }
}

fn in_script(value: &str, zero: char) -> String {
    value.chars().map(|character| shifted(character, zero)).collect()
}

fn shifted(character: char, zero: char) -> char {
    let Some(digit) = character.to_digit(10) else { return character };
    char::from_u32(u32::from(zero) + digit).unwrap_or(character)
}

fn mixed(value: &str, random: &mut Random) -> String {
    value.chars().map(|character| shifted(character, random.pick(&['0', '٠', '۰', '０', '𝟎']))).collect()
}

fn joined(value: &str, separator: &str) -> String {
    let characters: Vec<String> = value.chars().map(String::from).collect();
    characters.join(separator).replacen(&format!("+{separator}"), "+", 1)
}

/// Groups of three or four with one kind of separator.
fn grouped(value: &str, random: &mut Random) -> String {
    let separator = random.pick(&[" ", "-", ".", "/", " - ", "_", "–", "\u{a0}"]);
    let size = random.pick(&[3, 4]);
    let sign = usize::from(value.starts_with('+'));
    let characters: Vec<char> = value.chars().skip(sign).collect();
    let mut groups: Vec<String> = characters.chunks(size).map(|group| group.iter().collect()).collect();
    if groups.last().is_some_and(|group| group.len() == 1) {
        let last = groups.pop().unwrap_or_default();
        groups.last_mut().into_iter().for_each(|group| group.push_str(&last));
    }
    format!("{}{}", &value[..sign], groups.join(separator))
}

fn keycaps(value: &str) -> Disguised {
    let keycap = |character: char| {
        let mark = if character.is_ascii_digit() { "\u{fe0f}\u{20e3}" } else { "" };
        format!("{character}{mark}")
    };
    ("", value.chars().map(keycap).collect(), "")
}

/// Digits as HTML entities.
fn entities(value: &str) -> String {
    let numbers: Vec<String> = value.chars().map(|character| u32::from(character).to_string()).collect();
    format!("&#{};", numbers.join(";&#"))
}

/// Every byte of the Arabic-Indic spelling percent-encoded.
fn percent(value: &str) -> String {
    let bytes: Vec<String> = in_script(value, '٠').bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

fn split_by_words(value: &str, random: &mut Random) -> String {
    let at = value.len() / 2;
    format!("{} {} {}", &value[..at], random.pick(&["ثم", "وبعدها", "وبعدين", "then"]), &value[at..])
}

fn broken_line(value: &str) -> String {
    let at = value.len() / 2;
    format!("{}\n{}", &value[..at], &value[at..])
}

fn email(value: &str, random: &mut Random) -> Disguised {
    let Some((name, domain)) = value.split_once('@') else { return ("", value.to_owned(), "") };
    let written = match random.below(12) {
        0 => format!("{name} @ {domain}"),
        1 => format!("{name} (at) {}", domain.replace('.', " (dot) ")),
        2 => format!("{name}[at]{}", domain.replace('.', "[dot]")),
        3 => format!("{name} at {}", domain.replace('.', " dot ")),
        4 => value.replace('@', "＠"),
        5 => value.replace('@', "%40"),
        6 => value.replace('@', "&#64;"),
        7 => joined(value, "\u{200b}"),
        8 => format!("{name} @ {}", domain.replace('.', " . ")),
        9 => return ("\u{2066}", value.replace('.', "．"), "\u{2069}"),
        10 => format!("{name} ات {}", domain.replace('.', " دوت ")),
        _ => value.to_uppercase(),
    };
    ("", written, "")
}
