//! Names of people: behind a word that announces one, as far as the words are names. A name without such a word is not
//! found, because most Arabic names are words as well.

mod open;
mod token;
mod words;

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::context::Mention;
use super::cue::Cues;
use super::lexicon::is_arabic;
use super::names::{Names, Part};
use super::reading::Reading;
use super::{Finding, Points};
use token::{Token, next_token};
use words::{INTRODUCING, PLAIN, is_filler, is_given_by_god};

const ANNOUNCED: Points = 80;
const TITLED: Points = 70;
/// A word for a name before words that no list has.
const UNKNOWN: Points = 55;
/// Words of the longest name.
const MAX_TOKENS: usize = 6;
/// Separators between a cue and a name.
const MAX_SEPARATORS: usize = 6;
/// Words that may stand between a cue and a name.
const MAX_FILLERS: usize = 3;

/// Adds the names behind words that announce one, and before words that follow one.
pub(super) fn find(reading: &Reading<'_>, names: &Names, findings: &mut Vec<Finding>) {
    let announced = Cues::from(Kind::Person);
    let first = findings.len();
    for mention in reading.cues(announced.with(Cues::TITLE)) {
        let strong = mention.cues.meets(announced);
        findings.extend(Search { reading, names, mention, strong }.run());
    }
    open::find(reading, names, first, findings);
    for mention in reading.cues(Cues::SIGNED) {
        findings.extend(before(reading, names, mention.range.start));
    }
    if reading.marks.have([b'-']) && reading.marks.have([b'\n']) {
        for mention in signatures(reading.text) {
            findings.extend(Search { reading, names, mention: &mention, strong: false }.run());
        }
    }
}

/// The lines of two hyphens that separate a signature from a message.
fn signatures(text: &str) -> impl Iterator<Item = Mention> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'-', bytes)
        .filter(|at| {
            let begins = *at == 0 || bytes[at - 1] == b'\n';
            begins && matches!(&bytes[at + 1..], [b'-', b'\n', ..] | [b'-', b' ', b'\n', ..])
        })
        .map(|at| Mention { cues: Cues::TITLE, range: at..at + 2 })
}

struct Search<'r, 't> {
    reading: &'r Reading<'t>,
    names: &'r Names,
    mention: &'r Mention,
    /// Whether the cue announces a name and nothing else.
    strong: bool,
}

impl Search<'_, '_> {
    fn run(&self) -> Option<Finding> {
        let text = self.reading.text;
        let mut token = next_token(text, self.mention.range.end, MAX_SEPARATORS)?;
        for _ in 0..MAX_FILLERS {
            if !is_filler(token.text) {
                break;
            }
            token = next_token(text, token.range.end, MAX_SEPARATORS)?;
        }
        let outside = token.range.start < self.reading.folded.body();
        if outside || self.is_preposition(&token) || is_placeholder(text, &token.range) {
            return None;
        }
        let cue = &text[self.mention.range.clone()];
        if !self.strong && (self.is_brand(&token) || Names::is_eponym(cue) && self.is_called()) {
            return None;
        }
        // `signed for by K. Alotaibi`
        let initial =
            !self.is_loose(&token) && token.text.len() == 1 && text[token.range.end..].starts_with('.');
        let behind = if initial { next_token(text, token.range.end, 2) } else { None };
        let (end, known) = self.extend(behind.as_ref().unwrap_or(&token));
        let name = token.range.start..end;
        if self.is_street(&name) || Names::is_eponym(cue) && self.is_before_shop(end) {
            return None;
        }
        let loose = self.is_loose(&token);
        if loose && matches!(token.text, "بن" | "ابن") {
            // `من بن داود`: a shop, as a person has a name of their own before it.
            return None;
        }
        let points = match (known, self.strong) {
            // What stands in the column of a table has no cue beside it.
            (0, true) => return self.unknown(&token, cue.is_empty() || PLAIN.contains(&cue)),
            (0, false) if INTRODUCING.contains(&cue) => return self.introduced(&token),
            (0, false) => return None,
            // Behind `I am` and `the driver` a name that is a word as well is more often the word.
            (1, _) if end == token.range.end && self.names.is_word(token.text) && loose => return None,
            (1, false) if loose && !self.names.part(token.text).is_given() => return None,
            (_, true) => ANNOUNCED,
            (_, false) => TITLED,
        };
        Some(Finding::folded(Kind::Person, token.range.start..end, points))
    }

    /// Whether a brand starts with the word, or another phrase that only looks like a name.
    fn is_brand(&self, word: &Token<'_>) -> bool {
        let mention = self.reading.mentions_in(&word.range).first();
        mention.is_some_and(|mention| mention.range.start == word.range.start && mention.cues == Cues::NONE)
    }

    /// Whether something that is no person is called by the title and the name behind it.
    fn is_called(&self) -> bool {
        open::is_called(self.reading, self.names, self.mention.range.start)
    }

    /// Whether the cue stands before other words as often, and nothing says that a name follows.
    fn is_loose(&self, first: &Token<'_>) -> bool {
        let text = self.reading.text;
        let between = &text[self.mention.range.end..first.range.start];
        let line_of_its_own =
            between.contains('\n') && matches!(text.as_bytes().get(first.range.end), None | Some(b'\n'));
        // `Thanks, May`
        let signed = between.starts_with(',')
            && self.reading.is_capital(first.range.start)
            && matches!(
                text[first.range.end..].trim_end_matches(['.', ' ']).as_bytes().first(),
                None | Some(b'\n')
            );
        self.mention.cues.meets(Cues::LOOSE) && !between.contains([':', '/']) && !line_of_its_own && !signed
    }

    /// Whether the word behind a name says that a shop or a hospital is called by it.
    fn is_before_shop(&self, end: usize) -> bool {
        let text = self.reading.text;
        next_token(text, end, 1)
            .is_some_and(|next| &text[end..next.range.start] == " " && self.names.is_shop(next.text))
    }

    /// Whether a name is that of a street: `deliver to King Fahd Road`.
    fn is_street(&self, name: &Range<usize>) -> bool {
        let behind = name.start..name.end + self.reading.ahead(name.end, 2).len();
        // In Arabic the word for the place comes first, so that what follows a name is where its bearer lives.
        let is_place = |mention: &Mention| {
            mention.cues.meets(Cues::PLACE)
                && mention.range.start > name.start
                && self.reading.text.as_bytes()[mention.range.start].is_ascii()
        };
        name.end > name.start && self.reading.mentions_in(&behind).iter().any(is_place)
    }

    /// Whether a word is `على` or `عليه`, which fold to the names `علي` and `علية`.
    fn is_preposition(&self, token: &Token<'_>) -> bool {
        let written = || &self.reading.original[self.reading.folded.original(&token.range)];
        match token.text {
            "علي" => written().ends_with('ى'),
            "عليه" => !written().ends_with('ة'),
            _ => false,
        }
    }

    /// Whether a Latin word that is a name as well is written as a word.
    fn is_plain_word(&self, token: &Token<'_>) -> bool {
        let latin = token.text.is_ascii() && self.names.is_word(token.text);
        latin && !self.reading.is_capital(token.range.start)
    }

    /// Where the name ends that starts with `first`, and how many of its words are known.
    fn extend(&self, first: &Token<'_>) -> (usize, usize) {
        let (mut end, mut known) = (first.range.end, 0);
        let mut part = self.names.part(first.text);
        if part == Part::None {
            return (end, 0);
        }
        let mut token = Token { range: first.range.clone(), text: first.text };
        let mut after_particle = false;
        for index in 0..MAX_TOKENS {
            match part {
                Part::Given | Part::Family => {
                    known += usize::from(!self.is_plain_word(&token));
                    end = token.range.end;
                    after_particle = false;
                }
                Part::Particle => after_particle = true,
                Part::Attribute if after_particle || index > 0 => {
                    known += usize::from(after_particle);
                    end = token.range.end;
                    after_particle = false;
                }
                Part::Attribute | Part::None => break,
            }
            let Some(next) = next_token(self.reading.text, token.range.end, 2) else { break };
            let between = &self.reading.text[token.range.end..next.range.start];
            // `M. Ali`, `Mohd. Faisal`
            let initial = between.starts_with('.') && token.text.len() <= 4 && token.text.is_ascii();
            if !(between == " " || between == "  " || initial || between == "-" || between == "_") {
                break;
            }
            part = if self.is_preposition(&next) { Part::None } else { self.names.part(next.text) };
            if next.text == "الله" && !is_given_by_god(token.text) {
                break;
            }
            let attribute = self.names.is_attribute(next.text, after_particle)
                || known > 0 && self.is_capitalised(&token) && self.is_capitalised(&next);
            if part == Part::None && attribute
                || part == Part::None && after_particle && token.text != "ابي" && next.text.len() > 3
            {
                part = Part::Attribute;
            }
            // `Yousef M Alajmi`, `Abdul Kareem P.K.`
            if part == Part::None && known > 0 && self.is_initial(&next) {
                part = Part::Attribute;
            }
            if part == Part::None && known > 0 && self.bridges(&next) {
                part = Part::Attribute;
            }
            token = next;
        }
        (end, known)
    }

    /// Whether a word is a single capital that stands for a name.
    fn is_initial(&self, word: &Token<'_>) -> bool {
        word.text.len() == 1 && word.text != "i" && self.reading.is_capital(word.range.start)
    }

    /// Whether a word that no list has goes on a name that was announced: before a family's, or as the last one of a field.
    fn bridges(&self, word: &Token<'_>) -> bool {
        let text = self.reading.text;
        let unknown = is_arabic(text[word.range.start..].chars().next().unwrap_or(' '))
            && word.text.chars().count() >= 3
            && !self.names.is_word(word.text)
            && self.reading.mentions_in(&word.range).is_empty();
        let family = |next: Token<'_>| {
            let joined = &text[word.range.end..next.range.start] == " " && !next.text.is_ascii();
            joined && self.names.part(next.text) == Part::Family
        };
        let goes_on = || next_token(text, word.range.end, 1).is_some_and(family);
        self.strong && unknown && (self.is_field() && self.closes(word.range.end) || goes_on())
    }

    /// Whether the cue is written as the name of a field, or says that nothing but a name follows.
    fn is_field(&self) -> bool {
        let text = self.reading.text;
        text[self.mention.range.end..].trim_start_matches(['"', ' ']).starts_with(':')
            || PLAIN.contains(&&text[self.mention.range.clone()])
    }

    /// Whether a clause ends at `at`.
    fn closes(&self, at: usize) -> bool {
        let rest = self.reading.text[at..].trim_start_matches(' ');
        let next = rest.chars().next();
        next.is_none_or(|next| matches!(next, '\n' | '.' | ',' | '!' | '"' | '?' | ';'))
            || ["هستم", "است"].iter().any(|verb| rest.starts_with(verb))
    }

    /// Whether a Latin word begins with a capital and goes on with small letters.
    fn is_capitalised(&self, token: &Token<'_>) -> bool {
        let range = &token.range;
        token.text.starts_with(|first: char| first.is_ascii_alphabetic())
            && range.len() > 1
            && self.reading.is_capital(range.start)
            && !self.reading.is_capital(range.start + 1)
    }

    /// A name that no list has: behind a plain cue, one word that ends its clause, or words with capitals.
    fn unknown(&self, first: &Token<'_>, plain: bool) -> Option<Finding> {
        let text = self.reading.text;
        let capital = |token: &Token<'_>| {
            token.text.is_ascii() && token.text.len() >= 2 && self.reading.is_capital(token.range.start)
        };
        let mut end = first.range.end;
        let mut count = 1;
        let mut known = false;
        while count < 4
            && let Some(next) = next_token(text, end, 1)
        {
            let name = self.names.part(next.text) != Part::None && !self.is_plain_word(&next)
                || self.names.is_attribute(next.text, false);
            if &text[end..next.range.start] != " " || !(name || capital(first) && capital(&next)) {
                break;
            }
            known |= name;
            end = next.range.end;
            count += 1;
        }
        let closed = self.closes(end);
        let written = first.text.chars().count() >= 3 && !self.names.is_word(first.text);
        // Who did something is a person whatever the name is: `received by: …`.
        let acted = text[self.mention.range.clone()].ends_with(" by")
            && text[self.mention.range.end..].starts_with(':')
            && count > 1;
        let likely = known
            || (plain || acted && capital(first))
                && written
                && (capital(first) || closed && count == 1 && !first.text.is_ascii());
        (likely && written).then(|| Finding::folded(Kind::Person, first.range.start..end, UNKNOWN))
    }

    /// A name in capitals behind `I am` and before what people say next, such as `from` or `speaking`.
    fn introduced(&self, first: &Token<'_>) -> Option<Finding> {
        const SPEAKING: [&str; 6] = ["speaking", "calling", "here", "writing", "texting", "contacting"];
        let text = self.reading.text;
        let named = |token: &Token<'_>| self.is_capitalised(token) && !self.names.is_word(token.text);
        if !named(first) {
            return None;
        }
        let (mut end, mut count) = (first.range.end, 1);
        let next = loop {
            match next_token(text, end, 1) {
                Some(next) if count < 4 && &text[end..next.range.start] == " " && named(&next) => {
                    (end, count) = (next.range.end, count + 1);
                }
                next => break next,
            }
        };
        let closed = text[end..].chars().next().is_none_or(|next| matches!(next, ',' | '.' | '\n' | '!'));
        let goes_on = |words: &[&str]| next.as_ref().is_some_and(|next| words.contains(&next.text));
        let likely = goes_on(&SPEAKING) || count > 1 && (closed || goes_on(&["from", "with", "and"]));
        likely.then(|| Finding::folded(Kind::Person, first.range.start..end, UNKNOWN))
    }
}

/// Whether a word is the kind of a placeholder, such as `[[PERSON:7QX2MA]]` that nobody here has issued, or `[NAME]`.
fn is_placeholder(text: &str, word: &Range<usize>) -> bool {
    let kind = text[word.end..].starts_with([':', ']', '_']);
    kind && text.as_bytes()[word.start].is_ascii() && text[..word.start].ends_with('[')
}

/// The name that ends right before `at`, as in `من سارا احمدی هستم`.
fn before(reading: &Reading<'_>, names: &Names, at: usize) -> Option<Finding> {
    if at < reading.folded.body() {
        return None;
    }
    let mut start = at;
    let mut known = 0;
    let mut end = 0;
    for _ in 0..4 {
        let head = reading.text[reading.folded.body()..start].trim_end_matches(' ');
        let len: usize = head
            .chars()
            .rev()
            .take(24)
            .take_while(|character| is_arabic(*character))
            .map(char::len_utf8)
            .sum();
        let word = &head[head.len() - len..];
        if word.is_empty() || !(names.part(word).is_given() || names.part(word) == Part::Family) {
            break;
        }
        let word_start = reading.folded.body() + head.len() - len;
        end = end.max(word_start + len);
        start = word_start;
        known += 1;
    }
    let introduced = reading.text[..start.min(reading.text.len())].trim_end().ends_with("من");
    (known > 0 && start >= reading.folded.body() && (introduced || known > 1))
        .then(|| Finding::folded(Kind::Person, start..end, TITLED))
}
