//! Recall and false alarms on a generated corpus of shop chat, per class and type.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a report of a test; a failure to redact fails it"
)]

mod disguise;
mod random;
mod sentences;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use kaleem_placeholder::{Encoding, IssuerKey, Kind, restore};
use kaleem_redaction::{Redactor, Session};
use random::Random;

const CASES_PER_KIND: usize = 500;
const NEGATIVES_PER_SENTENCE: usize = 60;

struct Case {
    text: String,
    kind: Kind,
    value: String,
}

#[derive(Default)]
struct Score {
    cases: usize,
    covered: usize,
    typed: usize,
    exact: usize,
    missed: Vec<String>,
}

impl Score {
    fn share(&self, count: usize) -> f64 {
        count as f64 / self.cases.max(1) as f64
    }
}

/// Redacts one case in a session of its own and checks that restoring gives the text back.
fn check(redactor: &Redactor, case: &Case, score: &mut Score) {
    let mut session = Session::new(&IssuerKey::new([1; 32]));
    let redacted = redactor.redact(&case.text, &mut session).unwrap().text.into_owned();
    assert_eq!(restore(&Arc::new(session.restore_map()), Encoding::Text, &redacted), case.text);
    let covering = session.vault().restorable().find(|(_, value)| value.contains(&case.value));
    score.cases += 1;
    score.covered += usize::from(covering.is_some());
    score.typed += usize::from(covering.is_some_and(|(placeholder, _)| placeholder.kind() == case.kind));
    score.exact += usize::from(covering.is_some_and(|(_, value)| value == case.value));
    if covering.is_none_or(|(placeholder, _)| placeholder.kind() != case.kind) {
        score.missed.push(format!("{} «{}» -> «{redacted}»", case.kind, case.text));
    }
}

fn measure(name: &str, make: impl Fn(Kind, &mut Random) -> Case) -> BTreeMap<Kind, Score> {
    let redactor = Redactor::new().unwrap();
    let mut random = Random::new(20_240_512);
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    for kind in values::KINDS {
        for _ in 0..CASES_PER_KIND {
            check(&redactor, &make(kind, &mut random), scores.entry(kind).or_default());
        }
    }
    println!("{name:<12} type              cases  covered  typed   exact");
    for (kind, score) in &scores {
        println!(
            "{:<12} {:<16} {:>6}   {:.4}  {:.4}  {:.4}",
            "",
            kind.name(),
            score.cases,
            score.share(score.covered),
            score.share(score.typed),
            score.share(score.exact)
        );
        score.missed.iter().take(12).for_each(|missed| println!("    {missed}"));
    }
    scores
}

fn assert_bounds(scores: &BTreeMap<Kind, Score>, recall: f64) {
    for (kind, score) in scores {
        assert!(score.share(score.covered) >= recall, "{kind}: {} of {} covered", score.covered, score.cases);
        assert!(score.share(score.typed) >= 0.93, "{kind}: {} of {} typed", score.typed, score.cases);
    }
}

#[test]
fn structured_values_are_found() {
    let scores = measure("structured", |kind, random| {
        let value = values::value(kind, random);
        let text = sentences::sentence(kind, random, true).replacen("{}", &value, 1);
        Case { text, kind, value }
    });
    assert_bounds(&scores, 0.97);
}

#[test]
fn neutral_words_around_change_nothing() {
    let scores = measure("surrounded", |kind, random| {
        let value = values::value(kind, random);
        let sentence = sentences::sentence(kind, random, true).replacen("{}", &value, 1);
        let text =
            format!("مساء الخير يا جماعة، يعطيكم العافية. {sentence} ، الله يسعدكم ونتعامل معكم دايم!");
        Case { text, kind, value }
    });
    assert_bounds(&scores, 0.97);
}

#[test]
fn obfuscated_values_are_found() {
    let scores = measure("obfuscated", |kind, random| {
        let plain = values::value(kind, random);
        let (before, value, after) = disguise::disguise(kind, &plain, random);
        let sentence = sentences::sentence(kind, random, true);
        let text = sentence.replacen("{}", &format!("{before}{value}{after}"), 1);
        Case { text, kind, value }
    });
    assert_bounds(&scores, 0.93);
}

#[test]
fn mistyped_values_with_a_cue_are_found() {
    let scores = measure("mistyped", |kind, random| {
        let mut value = values::value(kind, random);
        if !matches!(kind, Kind::Email | Kind::Phone) {
            let last = value.pop().and_then(|digit| digit.to_digit(10)).unwrap_or(0);
            value.push(char::from_digit((last + 1) % 10, 10).unwrap());
        }
        let text = sentences::sentence(kind, random, false).replacen("{}", &value, 1);
        Case { text, kind, value }
    });
    assert_bounds(&scores, 0.93);
}

#[test]
fn shop_talk_is_left_alone() {
    let redactor = Redactor::new().unwrap();
    let mut random = Random::new(77);
    let (mut cases, mut flagged) = (0_usize, 0_usize);
    for sentence in sentences::NEGATIVES {
        for _ in 0..NEGATIVES_PER_SENTENCE {
            let body = format!("1{}", random.digits(8));
            let text: String = sentence.replace('L', &values::with_luhn(body));
            let text: String = text
                .chars()
                .map(|character| {
                    if character == '#' && text.matches('#').count() > 1 {
                        random.digits(1).remove(0)
                    } else {
                        character
                    }
                })
                .collect();
            let mut session = Session::new(&IssuerKey::new([1; 32]));
            let redaction = redactor.redact(&text, &mut session).unwrap();
            cases += 1;
            if redaction.counts.total() > 0 {
                flagged += 1;
                println!("    flagged «{text}» -> «{}»", redaction.text);
            }
        }
    }
    let share = flagged as f64 / cases as f64;
    println!("negatives: {flagged} of {cases} flagged ({share:.4})");
    assert!(share <= 0.02, "{flagged} of {cases} flagged");
}
