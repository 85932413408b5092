//! Reads the document of a policy and names everything that is wrong with it.

use std::sync::Arc;

use kaleem_guard::Policy as Facts;
use kaleem_pii::{Detector, Kind, Points, REPORTED};
use kaleem_proto::redaction::v1::AnswerAction;
use serde_json::{Map, Value};

use super::{
    Action, Answer, POLICY_BYTES_MAX, Policy,
    allow::AllowList,
    answer,
    literals::{self, Literals},
    patterns::{self, Patterns},
};
use crate::Violation;

/// Values of the allow-list, and literals of the deny-list.
const LISTED_MAX: usize = 1_000;
/// Characters of one of them.
const LISTED_CHARS_MAX: usize = 200;
/// Bytes of all literals of the deny-list together, folded.
const DENIED_BYTES_MAX: usize = 16 * 1024;
/// Patterns.
const PATTERNS_MAX: usize = 16;
/// Characters of a pattern.
const PATTERN_CHARS_MAX: usize = 256;
/// Most faults that are listed.
const FAULTS_MAX: usize = 100;

/// Reads a document. Errors: every fault at once.
pub(super) fn read(document: &str, detector: &Detector) -> Result<Policy, Vec<Violation>> {
    let mut reader = Reader { detector, faults: Vec::new() };
    let policy = reader.document(document);
    if reader.faults.is_empty() { Ok(policy) } else { Err(reader.faults) }
}

struct Reader<'d> {
    detector: &'d Detector,
    faults: Vec<Violation>,
}

impl Reader<'_> {
    fn fault(&mut self, path: impl Into<String>, description: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Violation { field: path.into(), description: description.into() });
        }
    }

    fn document(&mut self, document: &str) -> Policy {
        if document.len() > POLICY_BYTES_MAX {
            self.fault("", format!("must have at most {POLICY_BYTES_MAX} bytes"));
            return Policy::default();
        }
        let value = match serde_json::from_str::<Value>(document) {
            Ok(value) => value,
            Err(error) => {
                self.fault("", format!("must be JSON ({error})"));
                return Policy::default();
            }
        };
        let Some(fields) = value.as_object() else {
            self.fault("", "must be an object");
            return Policy::default();
        };
        self.only(fields, "", &["actions", "thresholds", "allow", "deny", "patterns", "answer"]);
        let mut policy = Policy::default();
        self.actions(fields, &mut policy);
        self.thresholds(fields, &mut policy);
        policy.allow = Arc::new(self.allow(fields));
        policy.deny = Arc::new(self.deny(fields));
        policy.patterns = Arc::new(self.patterns(fields));
        policy.answer = self.answer(fields).map(Arc::new);
        policy
    }

    /// Names every key that is none of `known`: a misspelled rule must not look as if it were in force.
    fn only(&mut self, object: &Map<String, Value>, path: &str, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fault(join(path, key), format!("is not known; there are {}", known.join(", ")));
        }
    }

    fn actions(&mut self, fields: &Map<String, Value>, policy: &mut Policy) {
        for (name, value) in self.object(fields, "actions") {
            let path = join("actions", name);
            let Some(kind) = self.kind(&path, name) else { continue };
            let named = |action: &&Action| Some(action.name()) == value.as_str();
            match Action::ALL.iter().find(named) {
                Some(Action::Allow) if !kind.restorable() || kind == Kind::Custom => {
                    self.fault(path, "must be redact, mask or block: this type never leaves");
                }
                Some(action) => policy.actions[kind as usize] = Some(*action),
                None => self.fault(path, "must be allow, redact, mask or block"),
            }
        }
    }

    fn thresholds(&mut self, fields: &Map<String, Value>, policy: &mut Policy) {
        for (name, value) in self.object(fields, "thresholds") {
            let path = join("thresholds", name);
            let Some(kind) = self.kind(&path, name) else { continue };
            match points(value) {
                _ if kind == Kind::Custom => self.fault(path, "has no score: what is listed is certain"),
                Some(points) => policy.thresholds.set(kind, points),
                None => {
                    let least = f64::from(REPORTED) / 100.0;
                    self.fault(path, format!("must be a number from {least} to 1"));
                }
            }
        }
    }

    fn allow(&mut self, fields: &Map<String, Value>) -> AllowList {
        let mut list = AllowList::default();
        for (path, value) in self.texts(fields, "allow", LISTED_MAX, LISTED_CHARS_MAX) {
            if !list.add(value, self.detector) {
                self.fault(path, "must hold letters or digits");
            }
        }
        list
    }

    fn deny(&mut self, fields: &Map<String, Value>) -> Literals {
        let mut forms = Vec::new();
        for (path, literal) in self.texts(fields, "deny", LISTED_MAX, LISTED_CHARS_MAX) {
            match literals::form(literal) {
                Some(form) => forms.push(form),
                None => self.fault(path, "must have at least two letters or digits"),
            }
        }
        if forms.iter().map(String::len).sum::<usize>() > DENIED_BYTES_MAX {
            self.fault("deny", format!("must have at most {DENIED_BYTES_MAX} bytes in all"));
            return Literals::default();
        }
        Literals::new(&forms).unwrap_or_else(|error| {
            self.fault("deny", format!("cannot be compiled ({error})"));
            Literals::default()
        })
    }

    fn patterns(&mut self, fields: &Map<String, Value>) -> Patterns {
        let mut patterns = Patterns::default();
        for (path, expression) in self.texts(fields, "patterns", PATTERNS_MAX, PATTERN_CHARS_MAX) {
            match patterns::compile(expression) {
                Ok(pattern) => patterns.push(pattern),
                Err(rule) => self.fault(path, rule),
            }
        }
        patterns
    }

    fn answer(&mut self, fields: &Map<String, Value>) -> Option<Answer> {
        present(fields, "answer")?;
        let answer: Map<String, Value> = self
            .object(fields, "answer")
            .into_iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        self.only(&answer, "answer", &["facts", "on_violation", "on_unsure"]);
        let on_violation = self.answer_action(&answer, "on_violation", AnswerAction::Correct);
        let on_unsure = self.answer_action(&answer, "on_unsure", AnswerAction::Pass);
        let Some(facts) = present(&answer, "facts") else {
            self.fault("answer.facts", "must be there: the facts that answers are checked against");
            return None;
        };
        match Facts::from_value(facts) {
            Ok(read) => {
                Some(Answer { facts_json: facts.to_string(), facts: Arc::new(read), on_violation, on_unsure })
            }
            Err(error) => {
                for fault in error.faults() {
                    self.fault(join("answer.facts", &fault.path), fault.description.as_str());
                }
                None
            }
        }
    }

    fn answer_action(
        &mut self,
        answer: &Map<String, Value>,
        key: &str,
        default: AnswerAction,
    ) -> AnswerAction {
        let Some(value) = present(answer, key) else { return default };
        let action = answer::ACTIONS.iter().find(|(name, _)| Some(*name) == value.as_str());
        if action.is_none() {
            let names: Vec<&str> = answer::ACTIONS.iter().map(|(name, _)| *name).collect();
            self.fault(join("answer", key), format!("must be one of {}", names.join(", ")));
        }
        action.map_or(default, |(_, action)| *action)
    }

    fn kind(&mut self, path: &str, name: &str) -> Option<Kind> {
        let kind = name.parse().ok();
        if kind.is_none() {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            self.fault(path, format!("is no type; there are {}", names.join(", ")));
        }
        kind
    }

    /// The entries of an object that may be left out.
    fn object<'v>(&mut self, fields: &'v Map<String, Value>, key: &str) -> Vec<(&'v String, &'v Value)> {
        match present(fields, key) {
            None => Vec::new(),
            Some(Value::Object(object)) => object.iter().collect(),
            Some(_) => {
                self.fault(key, "must be an object");
                Vec::new()
            }
        }
    }

    /// The texts of a list that may be left out, each with its path; those that are none or too long are faults.
    fn texts<'v>(
        &mut self,
        fields: &'v Map<String, Value>,
        key: &str,
        count_max: usize,
        chars_max: usize,
    ) -> Vec<(String, &'v str)> {
        let values = match present(fields, key) {
            None => return Vec::new(),
            Some(Value::Array(values)) if values.len() <= count_max => values,
            Some(_) => {
                self.fault(key, format!("must be a list of at most {count_max} texts"));
                return Vec::new();
            }
        };
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let path = format!("{key}[{index}]");
            match value.as_str().filter(|text| text.chars().count() <= chars_max) {
                Some(text) => texts.push((path, text)),
                None => self.fault(path, format!("must be a text of at most {chars_max} characters")),
            }
        }
        texts
    }
}

/// `null` is the same as leaving a key out.
fn present<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn join(path: &str, key: &str) -> String {
    // A key may be a text of any length.
    let key: String = key.chars().take(LISTED_CHARS_MAX).collect();
    match (path, key.as_str()) {
        ("", _) => key,
        (_, "") => path.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

fn points(value: &Value) -> Option<Points> {
    let least = f64::from(REPORTED) / 100.0;
    let score = value.as_f64().filter(|score| (least..=1.0).contains(score))?;
    #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
    Some((score * 100.0).round() as Points)
}

#[cfg(test)]
mod tests;
