//! Checks an answer sentence by sentence.

use std::ops::Range;

use crate::{
    Field, Finding, Policy, Report, Verdict,
    correct::Writer,
    judge::{Context, Judge},
    lexicon::Class,
    note::Notes,
    product::Mention,
    quantity::{Bare, Reader, Value},
    report::{Judgement, Truth},
    segment::sentence_end,
    sentence::Sentence,
    text::Tokens,
    topic::{self, Anchor},
};

/// The buffers that sentences are read into, and what was said before.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    context: Context,
    tokens: Tokens,
    notes: Notes,
    values: Vec<Value>,
    bare: Vec<Bare>,
    mentions: Vec<Mention>,
    anchors: Vec<Anchor>,
}

/// A statement and its bytes in the sentence.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) field: Field,
    pub(crate) verdict: Verdict,
    pub(crate) bytes: Range<usize>,
    truth: Option<Truth>,
    correction: Option<String>,
}

impl Checker {
    /// Judges one sentence after all that were before it.
    pub(crate) fn sentence(&mut self, policy: &Policy, text: &str, question: bool) -> Vec<Statement> {
        self.tokens.refill(text);
        self.notes.refill(&self.tokens);
        Reader { tokens: &self.tokens, notes: &self.notes }.read(&mut self.values, &mut self.bare);
        policy.catalogue.mentions(text, &self.tokens, &mut self.mentions);
        // "Gift wrapping" is a service, and "gift" may be a box.
        self.mentions.retain(|mention| {
            let note = self.notes.at(mention.start);
            !note.sense.is(Class::Service) || note.len <= mention.end - mention.start
        });
        let sentence = Sentence {
            text,
            tokens: &self.tokens,
            notes: &self.notes,
            values: &self.values,
            bare: &self.bare,
            mentions: &self.mentions,
            question,
        };
        topic::anchors(&sentence, &mut self.anchors);
        let judged = Judge::run(policy, &mut self.context, sentence, &self.anchors);
        judged.into_iter().map(|judgement| locate(policy, sentence, judgement)).collect()
    }

    /// Judges the beginning of a sentence whose end is not there yet; nothing of it is remembered.
    pub(crate) fn beginning(&mut self, policy: &Policy, text: &str) -> Vec<Statement> {
        let context = self.context.clone();
        let statements = self.sentence(policy, text, false);
        self.context = context;
        statements
    }
}

/// A judgement with its bytes, and what would be right.
fn locate(policy: &Policy, sentence: Sentence<'_>, judgement: Judgement) -> Statement {
    let Judgement { field, verdict, tokens, truth } = judgement;
    let all = &sentence.tokens.all;
    let start = sentence.beginning(tokens.start);
    let end = tokens.end.checked_sub(1).and_then(|last| all.get(last)).map_or(start, |token| token.end);
    let write = |truth| Writer::new(sentence, policy.currency.as_deref()).correct(&tokens, truth);
    Statement { field, verdict, bytes: start..end, truth, correction: truth.and_then(write) }
}

/// Checks `answer` against the facts of `policy`.
///
/// Statements that a fact or a derivation backs pass; those that contradict the facts violate; those that no fact speaks
/// of are unsure. The time is linear in the length of the answer, the memory is bounded by its longest sentence and by
/// its findings.
pub fn check(policy: &Policy, answer: &str) -> Report {
    let mut checker = Checker::default();
    let mut places = Places::default();
    let mut report = Report::default();
    let mut from = 0;
    while let Some((len, question)) = sentence_end(&answer[from..], true) {
        let text = &answer[from..from + len];
        for statement in checker.sentence(policy, text, question) {
            let finding = places.finding(text, from, statement);
            report.verdict = report.verdict.max(finding.verdict);
            report.findings.push(finding);
        }
        places.pass(text);
        from += len;
    }
    report
}

/// Counts code points along an answer.
#[derive(Debug, Default)]
pub(crate) struct Places {
    chars: usize,
}

impl Places {
    /// Moves behind a sentence.
    pub(crate) fn pass(&mut self, sentence: &str) {
        self.chars += sentence.chars().count();
    }

    /// The finding of a statement of the sentence that begins at byte `from`, where counting stands.
    pub(crate) fn finding(&self, sentence: &str, from: usize, statement: Statement) -> Finding {
        let Statement { field, verdict, bytes, truth, correction } = statement;
        let start = self.chars + sentence[..bytes.start].chars().count();
        let found = &sentence[bytes.clone()];
        Finding {
            field,
            verdict,
            chars: start..start + found.chars().count(),
            bytes: from + bytes.start..from + bytes.end,
            found: found.to_owned(),
            expected: truth.map(|truth| truth.to_string()),
            correction,
            truth,
        }
    }
}
