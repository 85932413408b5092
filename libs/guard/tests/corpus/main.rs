//! Answers of shops' assistants in three languages, generated with what must be found in them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at its first surprise and prints its figures"
)]

mod generate;
mod render;

use std::collections::BTreeMap;

use generate::{Case, SHOPS, Truth, cases};
use kaleem_guard::{Policy, Report, Verdict, check};

/// Times each template is written in each shop.
const ROUNDS: u64 = 3;

/// What was found of what must be.
#[derive(Debug, Default)]
struct Score {
    violations: usize,
    found: usize,
    field: usize,
    span: usize,
    clean: usize,
    alarms: usize,
    unsure: usize,
    unsure_right: usize,
    misses: BTreeMap<&'static str, usize>,
}

impl Score {
    fn add(&mut self, case: &Case, report: &Report) {
        match &case.truth {
            Truth::Violate(field, range) => {
                self.violations += 1;
                let hit = report
                    .violations()
                    .find(|found| found.bytes.start < range.end && range.start < found.bytes.end);
                let Some(hit) = hit else {
                    *self.misses.entry(case.template).or_default() += 1;
                    return;
                };
                self.found += 1;
                self.field += usize::from(hit.field.name() == *field);
                self.span += usize::from(hit.bytes == *range);
                if hit.field.name() != *field && std::env::var_os("SHOW").is_some() {
                    println!("field {} for {field}: {}", hit.field.name(), case.text);
                }
            }
            truth => {
                self.clean += 1;
                self.alarms += usize::from(report.verdict == Verdict::Violate);
                if report.verdict == Verdict::Violate {
                    *self.misses.entry(case.template).or_default() += 1;
                }
                if *truth == Truth::Unsure {
                    self.unsure += 1;
                    self.unsure_right += usize::from(report.verdict == Verdict::Unsure);
                }
            }
        }
    }

    fn share(part: usize, of: usize) -> f64 {
        part as f64 / of.max(1) as f64
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: violations found {:.3} of {}, false alarms {:.3} of {}, field {:.3}, exact span {:.3}, unsure {:.3} of {}",
            Self::share(self.found, self.violations),
            self.violations,
            Self::share(self.alarms, self.clean),
            self.clean,
            Self::share(self.field, self.found),
            Self::share(self.span, self.found),
            Self::share(self.unsure_right, self.unsure),
            self.unsure,
        );
    }
}

fn scores() -> [Score; 2] {
    let policies: Vec<Policy> = SHOPS.iter().map(|shop| Policy::parse(&shop.policy()).unwrap()).collect();
    let mut scores = [Score::default(), Score::default()];
    for case in cases(ROUNDS) {
        let report = check(&policies[case.shop], &case.text);
        if std::env::var_os("SHOW").is_some() {
            show(&case, &report);
        }
        scores[usize::from(case.held_out)].add(&case, &report);
    }
    scores
}

/// Prints a case that went wrong, if it is one to learn from.
fn show(case: &Case, report: &Report) {
    let wrong = match &case.truth {
        Truth::Violate(_, range) => {
            !report.violations().any(|found| found.bytes.start < range.end && range.start < found.bytes.end)
        }
        Truth::Pass => report.verdict != Verdict::Pass,
        Truth::Unsure => report.verdict != Verdict::Unsure,
    };
    if wrong && !case.held_out {
        let said: Vec<String> = report
            .findings
            .iter()
            .map(|found| format!("{} {} «{}»", found.field.name(), found.verdict.name(), found.found))
            .collect();
        println!("{:?} {}\n     {}", case.truth, case.text, said.join("; "));
    }
}

/// `SHOW=1 cargo test -p kaleem-guard --test corpus -- --nocapture` prints what went wrong in the part that is not held out.
#[test]
fn violations_are_found_and_true_statements_left_alone() {
    let scores = scores();
    let named = || ["worked on", "held out"].into_iter().zip(&scores);
    named().for_each(|(name, score)| score.print(name));
    for (name, score) in named() {
        assert!(Score::share(score.found, score.violations) >= 0.95, "{name}: {:#?}", score.misses);
        assert!(Score::share(score.alarms, score.clean) <= 0.05, "{name}: {:#?}", score.misses);
        assert!(Score::share(score.field, score.found) >= 0.95, "{name}");
        assert!(Score::share(score.span, score.found) >= 0.9, "{name}");
        assert!(Score::share(score.unsure_right, score.unsure) >= 0.9, "{name}");
    }
}

/// What is written in the place of a wrong value is right, and there is something to write for most.
#[test]
fn corrected_answers_are_right() {
    let policies: Vec<Policy> = SHOPS.iter().map(|shop| Policy::parse(&shop.policy()).unwrap()).collect();
    let (mut violations, mut corrections) = (0, 0);
    for case in cases(ROUNDS) {
        let policy = &policies[case.shop];
        for wrong in check(policy, &case.text).violations() {
            violations += 1;
            let Some(correction) = &wrong.correction else { continue };
            corrections += 1;
            let mut text = case.text.clone();
            text.replace_range(wrong.bytes.clone(), correction);
            let end = wrong.bytes.start + correction.len();
            let again = check(policy, &text);
            let still = again
                .violations()
                .find(|other| other.bytes.start < end && wrong.bytes.start < other.bytes.end);
            assert!(still.is_none(), "«{}» for «{}» in {}", correction, wrong.found, case.text);
        }
    }
    println!("corrected: {corrections} of {violations}");
    assert!(corrections * 100 >= violations * 85, "{corrections} of {violations}");
}

/// Answers written by hand in the manner of shops from Riyadh to Kuwait; all were looked at while the rules were written.
#[test]
fn answers_written_by_hand_get_their_verdicts() {
    let mut policy = Policy::default();
    let (mut right, mut all) = (0, 0);
    for line in include_str!("written.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('{') {
            policy = Policy::parse(line).unwrap();
            continue;
        }
        let (wanted, answer) = line.split_once('\t').unwrap();
        let report = check(&policy, &answer.replace("\\n", "\n"));
        let fields: Vec<&str> = report.violations().map(|found| found.field.name()).collect();
        let said = if fields.is_empty() { report.verdict.name().to_owned() } else { fields.join(",") };
        all += 1;
        right += usize::from(said == wanted);
        if said != wanted {
            println!("{said} for {wanted}: {answer}");
        }
    }
    println!("written by hand: {right} of {all}");
    assert!(right * 100 >= all * 98, "{right} of {all}");
}
