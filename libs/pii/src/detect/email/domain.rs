//! The part of an address behind the at sign.

/// Labels of a domain that are read.
const MAX_LABELS: usize = 8;
/// Bytes of the longest label of RFC 1035.
const MAX_LABEL: usize = 63;

/// Mail providers whose name alone says that an address is meant.
const PROVIDERS: [&str; 14] = [
    "gmail",
    "googlemail",
    "hotmail",
    "yahoo",
    "ymail",
    "outlook",
    "icloud",
    "live",
    "msn",
    "aol",
    "proton",
    "protonmail",
    "gmx",
    "zoho",
];

/// How Arabic writers spell the providers, folded.
const SPELLED_PROVIDERS: [(&str, &str); 11] = [
    ("جيميل", "gmail"),
    ("جميل", "gmail"),
    ("قميل", "gmail"),
    ("هوتميل", "hotmail"),
    ("هتميل", "hotmail"),
    ("ياهو", "yahoo"),
    ("اوتلوك", "outlook"),
    ("اوت لوك", "outlook"),
    ("ايكلاود", "icloud"),
    ("اي كلاود", "icloud"),
    ("لايف", "live"),
];

/// Endings that are taken on trust in a disguised address.
const ENDINGS: [&str; 62] = [
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "info",
    "biz",
    "io",
    "co",
    "me",
    "ai",
    "app",
    "dev",
    "shop",
    "store",
    "online",
    "site",
    "tech",
    "cloud",
    "pro",
    "name",
    "sa",
    "ae",
    "kw",
    "qa",
    "bh",
    "om",
    "eg",
    "jo",
    "iq",
    "ir",
    "lb",
    "ps",
    "sy",
    "ye",
    "ma",
    "tn",
    "dz",
    "ly",
    "sd",
    "tr",
    "pk",
    "in",
    "uk",
    "us",
    "de",
    "fr",
    "eu",
    "ca",
    "au",
    "nl",
    "es",
    "it",
    "ru",
    "cn",
    "jp",
    "السعوديه",
    "امارات",
    "مصر",
    "قطر",
];

/// How Arabic writers spell endings, folded.
const SPELLED_ENDINGS: [(&str, &str); 4] = [("كوم", "com"), ("نت", "net"), ("اورج", "org"), ("اس اي", "sa")];

/// Endings that say a file name is meant.
const FILES: [&str; 18] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "css", "js", "ts", "mp", "html", "php", "json", "xml",
    "txt", "zip", "doc",
];

/// Spellings of the dot, folded, with the spaces that belong to them.
const DOTS: [&str; 15] = [
    "(dot)",
    "[dot]",
    "{dot}",
    "( dot )",
    "[ dot ]",
    "(.)",
    "[.]",
    "_dot_",
    "-dot-",
    " dot ",
    " دوت ",
    " نقطه ",
    "(نقطه)",
    "[نقطه]",
    "(دوت)",
];

/// How a domain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Without a top-level domain.
    Open,
    /// In the shape of a top-level domain.
    Shaped,
    /// In a common top-level domain.
    Known,
}

/// How the dots of a domain are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dots {
    Plain,
    /// With a space before or behind one.
    Apart,
    /// With spaces around one, as no sentence ends.
    Spaced,
    /// One is spelled out.
    Spelled,
}

/// A domain in the folded text.
pub(super) struct Domain {
    pub(super) end: usize,
    /// Labels joined by dots.
    pub(super) name: String,
    pub(super) ending: Ending,
    pub(super) dots: Dots,
    /// Whether its first label is a mail provider.
    pub(super) provider: bool,
    /// Whether spaces lie between it and the at sign.
    pub(super) apart: bool,
}

/// What separates two labels.
struct Dot {
    end: usize,
    form: Dots,
}

impl Domain {
    /// Reads the domain that starts behind `at`.
    pub(super) fn behind(text: &str, at: usize) -> Option<Self> {
        let start = at + text[at..].bytes().take(3).take_while(|byte| *byte == b' ').count();
        if start - at > 2 {
            return None;
        }
        let (mut end, first) = label(text, start)?;
        let mut domain = Self {
            end,
            provider: PROVIDERS.contains(&first.as_str()),
            name: first,
            ending: Ending::Open,
            dots: Dots::Plain,
            apart: start > at,
        };
        for _ in 1..MAX_LABELS {
            let Some(dot) = dot(text, end) else { break };
            let Some((label_end, label)) = label(text, dot.end) else { break };
            if !domain.goes_on(text, &dot, label_end, &label) {
                break;
            }
            end = label_end;
            domain.take(&label, label_end, &dot);
        }
        Some(domain)
    }

    /// Whether a label behind a dot belongs to the domain rather than to the next sentence.
    fn goes_on(&self, text: &str, dot: &Dot, label_end: usize, label: &str) -> bool {
        if ENDINGS.contains(&label) {
            return true;
        }
        match dot.form {
            Dots::Spaced if self.apart => self.ending == Ending::Open && is_ending(label),
            Dots::Apart | Dots::Spaced => self.ending == Ending::Open && leads_to_ending(text, label_end),
            Dots::Plain | Dots::Spelled => self.ending != Ending::Known,
        }
    }

    fn take(&mut self, label: &str, end: usize, dot: &Dot) {
        self.name.push('.');
        self.name.push_str(label);
        self.end = end;
        self.dots = self.dots.max(dot.form);
        self.ending = match label {
            known if ENDINGS.contains(&known) => Ending::Known,
            shaped if is_ending(shaped) => Ending::Shaped,
            _ => Ending::Open,
        };
    }
}

/// Reads one label in one script: where it ends and its name.
fn label(text: &str, start: usize) -> Option<(usize, String)> {
    let rest = &text[start..];
    let ascii = rest.bytes().next()?.is_ascii();
    let is_spelled = |(spelled, _): &&(&str, &str)| {
        rest.strip_prefix(spelled).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    };
    let mut spellings = SPELLED_PROVIDERS.iter().chain(&SPELLED_ENDINGS);
    if !ascii && let Some((spelled, name)) = spellings.find(is_spelled) {
        return Some((start + spelled.len(), (*name).to_owned()));
    }
    let len: usize = rest
        .chars()
        .take(MAX_LABEL)
        .take_while(|character| {
            let fits = if ascii { character.is_ascii_alphanumeric() } else { is_other_letter(*character) };
            fits || *character == '-'
        })
        .map(char::len_utf8)
        .sum();
    let name = rest[..len].trim_end_matches('-');
    if name.len() == 1
        && ascii
        && let Some(spaced) = spaced_label(rest)
    {
        return Some((start + spaced, rest[..spaced].replace(' ', "")));
    }
    (!name.is_empty() && !name.starts_with('-')).then(|| (start + name.len(), name.to_owned()))
}

/// The length of `e x a m p l e`: single letters with single spaces between, at least three.
fn spaced_label(rest: &str) -> Option<usize> {
    let pairs = rest
        .as_bytes()
        .chunks(2)
        .take(MAX_LABEL)
        .take_while(|pair| pair[0].is_ascii_alphanumeric() && matches!(pair.get(1), None | Some(b' ')))
        .count();
    (pairs >= 3).then(|| rest[..rest.len().min(pairs * 2)].trim_end_matches(' ').len())
}

/// Reads what separates two labels.
fn dot(text: &str, at: usize) -> Option<Dot> {
    let rest = &text[at..];
    // Nearly every dot is one, and behind a domain stands no word for one.
    match rest.as_bytes() {
        [] | [b',' | b'\n' | b'>' | b'"', ..] => return None,
        [b'.', next, ..] if next.is_ascii_alphanumeric() => {
            return Some(Dot { end: at + 1, form: Dots::Plain });
        }
        _ => {}
    }
    for spaces in 0..=usize::from(rest.starts_with(' ')) {
        if let Some(spelled) = DOTS.iter().find(|dot| rest[spaces..].starts_with(**dot)) {
            let end = at + spaces + spelled.len();
            let after = usize::from(text[end..].starts_with(' '));
            return Some(Dot { end: end + after, form: Dots::Spelled });
        }
    }
    let before = usize::from(rest.starts_with(' '));
    let rest = rest[before..].strip_prefix('.')?;
    let after = usize::from(rest.starts_with(' '));
    let form = [Dots::Plain, Dots::Apart, Dots::Spaced][before + after];
    Some(Dot { end: at + before + 1 + after, form })
}

/// Whether a dot and a known ending follow.
fn leads_to_ending(text: &str, at: usize) -> bool {
    dot(text, at)
        .and_then(|dot| label(text, dot.end))
        .is_some_and(|(_, ending)| ENDINGS.contains(&ending.as_str()))
}

fn is_other_letter(character: char) -> bool {
    !character.is_ascii() && character.is_alphabetic()
}

/// Whether a label has the shape of a top-level domain.
fn is_ending(label: &str) -> bool {
    let letters = label.chars().count() >= 2 && label.len() <= 24 && label.chars().all(char::is_alphabetic);
    (letters || label.starts_with("xn--")) && !FILES.contains(&label)
}
