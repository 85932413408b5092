//! Checks an answer while it is streamed: what may be wrong is held until its sentence is complete.

use std::sync::Arc;

use crate::{
    Finding, Policy, Verdict,
    check::{Checker, Places, Statement},
    lexicon::{Class, LEXICON},
    note::Notes,
    quantity::Reader,
    segment::sentence_end,
    text::{Kind, Tokens},
};

/// Characters of a sentence that are held at most.
pub const HELD_CHARS_MAX: usize = 160;
/// Bytes before a word that are looked at to tell whether it begins a value.
const WINDOW_BYTES: usize = 160;
/// Tokens of the longest value or phrase that is kept in one piece where held text is cut.
const OPEN_TOKENS_MAX: usize = 12;
/// Characters of a word that may still grow and is not looked at yet.
const WORD_CHARS_MAX: usize = 64;

/// What a [`Gate`] lets out, in the order of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that states nothing.
    Clear(String),
    /// Text that was held, and what it states: at least one finding, or none if it turned out harmless.
    Checked {
        /// The text.
        text: String,
        /// Bytes of the answer before it.
        start: usize,
        /// Its findings in order; their places count from the beginning of the answer.
        findings: Vec<Finding>,
    },
}

impl Piece {
    /// The text of the piece. All pieces together are the answer, whatever was found.
    pub fn text(&self) -> &str {
        match self {
            Self::Clear(text) | Self::Checked { text, .. } => text,
        }
    }

    /// The findings of the piece.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Clear(_) => &[],
            Self::Checked { findings, .. } => findings,
        }
    }

    /// The text with [`Finding::correction`] in the place of every violation.
    ///
    /// None if a violation has none, if two overlap, or if too much of one was let out before.
    pub fn corrected(&self) -> Option<String> {
        let Self::Checked { text, start, findings } = self else { return Some(self.text().to_owned()) };
        let mut written = String::with_capacity(text.len());
        let mut at = 0;
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Violate) {
            let mut correction = finding.correction.as_deref()?;
            if let Some(passed) = start.checked_sub(finding.bytes.start) {
                // «الشحن» is out already, «مجاني» is not.
                correction = correction.strip_prefix(finding.found.get(..passed)?)?;
            }
            let from = finding.bytes.start.saturating_sub(*start);
            written.push_str(text.get(at..from)?);
            written.push_str(correction);
            at = finding.bytes.end.checked_sub(*start)?;
        }
        written.push_str(text.get(at..)?);
        Some(written)
    }
}

/// One streamed answer on its way to the customer.
///
/// Words pass as soon as they are complete, until one begins a number with a unit, a code or a promise that something is
/// free: from there on the sentence is held, at most [`HELD_CHARS_MAX`] characters, then judged as
/// [`check`](crate::check) would and let out together with its findings. How the answer is cut into deltas changes
/// neither text nor findings. What is remembered is bounded by the longest sentence that [`check`](crate::check) takes.
#[derive(Debug)]
pub struct Gate {
    policy: Arc<Policy>,
    checker: Checker,
    places: Places,
    tokens: Tokens,
    notes: Notes,
    /// The sentence so far.
    sentence: String,
    /// Where the sentence begins in the answer, in bytes.
    from: usize,
    /// Bytes of the sentence that were let out.
    passed: usize,
    /// Bytes of the sentence that were looked at.
    seen: usize,
    /// Bytes of the sentence whose findings were given.
    judged: usize,
    /// Whether what is behind `passed` is held.
    held: bool,
}

/// What the words at the end of a sentence so far ask for.
enum Tail {
    /// All may pass.
    Harmless,
    /// From this byte on it depends on the next word.
    Waits(usize),
    /// From this byte on it must be held.
    Holds(usize),
}

impl Gate {
    /// Begins an answer.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            checker: Checker::default(),
            places: Places::default(),
            tokens: Tokens::default(),
            notes: Notes::default(),
            sentence: String::new(),
            from: 0,
            passed: 0,
            seen: 0,
            judged: 0,
            held: false,
        }
    }

    /// Takes the next piece of the answer and lets out what may pass.
    pub fn push(&mut self, delta: &str, out: &mut Vec<Piece>) {
        self.sentence.push_str(delta);
        while let Some((end, question)) = sentence_end(&self.sentence, false) {
            self.look(end, out);
            self.close(end, question, out);
        }
        self.look(self.sentence.len(), out);
    }

    /// Whether text is held; the caller may wait for more, up to its own time limit, and then [`release`](Self::release).
    pub fn is_holding(&self) -> bool {
        self.held
    }

    /// Judges and lets out what is held although its sentence is not complete.
    pub fn release(&mut self, out: &mut Vec<Piece>) {
        if self.held {
            self.cut(self.sentence.len(), out);
        }
    }

    /// Ends the answer and lets out the rest.
    pub fn finish(mut self, out: &mut Vec<Piece>) {
        while let Some((end, question)) = sentence_end(&self.sentence, true) {
            self.look(end, out);
            self.close(end, question, out);
        }
    }

    /// Goes over the complete words up to `end`.
    fn look(&mut self, end: usize, out: &mut Vec<Piece>) {
        while self.seen < end {
            if self.held {
                let Some(limit) = self.limit(end) else {
                    self.seen = end;
                    return;
                };
                self.cut(limit, out);
                continue;
            }
            let Some(word) = word_end(&self.sentence[self.seen..end]) else { return };
            self.seen += word;
            match self.tail() {
                Tail::Harmless => self.pass(self.seen, out),
                Tail::Waits(at) => self.pass(at, out),
                Tail::Holds(at) => {
                    self.pass(at, out);
                    self.held = true;
                }
            }
        }
    }

    /// Where the held text has reached its limit: behind its last complete word that is no part of a value or a phrase.
    fn limit(&mut self, end: usize) -> Option<usize> {
        let held = &self.sentence[self.passed..end];
        let (most, _) = held.char_indices().nth(HELD_CHARS_MAX)?;
        let word =
            held[..most].char_indices().rev().find(|(at, character)| *at > 0 && character.is_whitespace());
        let limit = self.passed + word.map_or(most, |(at, character)| at + character.len_utf8());
        Some(self.unfinished(limit).filter(|at| *at > self.passed).unwrap_or(limit))
    }

    /// Where a value or a phrase begins that may go on behind `end`.
    fn unfinished(&mut self, end: usize) -> Option<usize> {
        let held = &self.sentence[self.passed..end];
        self.tokens.refill(held);
        // Whether it is Persian its end may tell.
        self.tokens.persian = true;
        self.notes.refill(&self.tokens);
        let all = self.tokens.all.len();
        let open = |index: &usize| {
            self.notes.begins(*index, &CUES)
                || (self.begins_value(*index) && (*index + 1..all).all(|next| self.goes_on(next)))
        };
        let first = (all.saturating_sub(OPEN_TOKENS_MAX)..all).find(open)?;
        Some(self.passed + self.tokens.all[first].start)
    }

    /// Judges the sentence up to `at` and lets it out.
    fn cut(&mut self, at: usize, out: &mut Vec<Piece>) {
        let statements = self.checker.beginning(&self.policy, &self.sentence[..at]);
        // Up to the last statement and not up to the cut, which may lie within a value: that is judged with the rest.
        let judged = statements.iter().map(|statement| statement.bytes.end).max();
        self.give(at, statements, out);
        self.judged = judged.map_or(self.judged, |end| end.max(self.judged));
        (self.seen, self.held) = (at, false);
    }

    /// Judges the sentence that ends at `end` and lets out its rest.
    fn close(&mut self, end: usize, question: bool, out: &mut Vec<Piece>) {
        let statements = self.checker.sentence(&self.policy, &self.sentence[..end], question);
        self.give(end, statements, out);
        self.places.pass(&self.sentence[..end]);
        self.sentence.drain(..end);
        self.from += end;
        (self.passed, self.seen, self.judged, self.held) = (0, 0, 0, false);
    }

    fn give(&mut self, end: usize, statements: Vec<Statement>, out: &mut Vec<Piece>) {
        let sentence = &self.sentence[..end];
        let fresh = statements.into_iter().filter(|statement| statement.bytes.start >= self.judged);
        let findings: Vec<Finding> =
            fresh.map(|statement| self.places.finding(sentence, self.from, statement)).collect();
        let start = self.from + self.passed.min(end);
        let text = sentence[self.passed.min(end)..].to_owned();
        self.passed = end;
        if self.held || !findings.is_empty() {
            out.push(Piece::Checked { text, start, findings });
        } else if !text.is_empty() {
            out.push(Piece::Clear(text));
        }
    }

    fn pass(&mut self, at: usize, out: &mut Vec<Piece>) {
        if at > self.passed {
            out.push(Piece::Clear(self.sentence[self.passed..at].to_owned()));
            self.passed = at;
        }
    }

    /// What the words before `seen` that have not passed ask for.
    fn tail(&mut self) -> Tail {
        let from = self.window();
        self.tokens.refill(&self.sentence[from..self.seen]);
        self.tokens.persian = true;
        self.notes.refill(&self.tokens);
        let reader = Reader { tokens: &self.tokens, notes: &self.notes };
        let fresh = self.tokens.all.partition_point(|token| from + token.start < self.passed);
        let place = |index: usize| from + self.tokens.all[index].start;
        for index in fresh..self.tokens.all.len() {
            if self.notes.any(index..index + 1, &CUES) || self.is_code(index) || reader.value(index).is_some()
            {
                return Tail::Holds(place(index));
            }
            if self.notes.begins(index, &CUES) {
                return Tail::Waits(place(index));
            }
            if self.begins_value(index) {
                if (index + 1..self.tokens.all.len()).all(|next| self.goes_on(next)) {
                    return Tail::Waits(place(index));
                }
                // A bare number behind a word for a price is one, or in a cell of a table.
                let cell = index > 0 && self.tokens.word(index - 1) == "|";
                if cell
                    || self
                        .notes
                        .any(index.saturating_sub(8)..index, &[Class::Price, Class::Fee, Class::Total])
                {
                    return Tail::Holds(place(index));
                }
            }
        }
        Tail::Harmless
    }

    /// The beginning of a word some bytes before what has not passed.
    fn window(&self) -> usize {
        let from = self.sentence.floor_char_boundary(self.passed.saturating_sub(WINDOW_BYTES));
        let word =
            self.sentence[from..self.passed].char_indices().find(|(_, character)| character.is_whitespace());
        if from == 0 {
            0
        } else {
            word.map_or(self.passed, |(at, character)| from + at + character.len_utf8())
        }
    }

    /// A number, a currency before its number, or a span of time that is one word.
    fn begins_value(&self, index: usize) -> bool {
        let sense = self.notes.at(index).sense;
        let number =
            matches!(self.tokens.all[index].kind, Kind::Number | Kind::Opaque) || sense.number.is_some();
        number
            || sense.unit.is_some()
            || sense.any(&[Class::Half, Class::Quarter, Class::Pair])
            || matches!(self.tokens.word(index), "a" | "an" | "another")
    }

    /// What may stand between a number and its unit.
    fn goes_on(&self, index: usize) -> bool {
        let mark =
            self.tokens.all[index].kind == Kind::Mark && !matches!(self.tokens.word(index), "," | ";" | ":");
        self.begins_value(index)
            || mark
            || self.notes.any(index..index + 1, &[Class::To, Class::And, Class::Piece])
    }

    /// Letters and digits that may be a coupon.
    fn is_code(&self, index: usize) -> bool {
        let word = self.tokens.word(index);
        let (id, _) = LEXICON.word(word);
        let mixed = word.bytes().any(|byte| byte.is_ascii_digit())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic());
        mixed
            || self.policy.coupon(word).is_some()
            || (id == 0
                && self.tokens.all[index].kind == Kind::Number
                && self.tokens.all.get(index + 1).is_some_and(|next| !next.gap && next.kind == Kind::Word))
    }
}

/// What makes a sentence worth holding without any number.
const CUES: [Class; 8] = [
    Class::Coupon,
    Class::Code,
    Class::Free,
    Class::NoFee,
    Class::Nothing,
    Class::SameDay,
    Class::NextDay,
    Class::Lifetime,
];
/// Where the first word of `text` ends, if it has come so far: behind the next space, or, of what is too long for a word, such as JSON in
/// one line, behind the last mark within it that no number and no name has inside.
fn word_end(text: &str) -> Option<usize> {
    let mut mark = None;
    for (count, (at, character)) in text.char_indices().enumerate() {
        if count == WORD_CHARS_MAX {
            return Some(mark.unwrap_or(at));
        }
        let end = at + character.len_utf8();
        if character.is_whitespace() {
            return Some(end);
        }
        if matches!(
            character,
            '"' | ':' | ';' | '{' | '}' | '[' | ']' | '(' | ')' | '|' | '<' | '>' | '=' | '،' | '؛'
        ) {
            mark = Some(end);
        }
    }
    None
}
