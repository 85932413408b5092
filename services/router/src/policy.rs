//! Routing rules as data: first matching rule wins, top to bottom; its first permitted candidate serves, the rest fail over.

use std::{collections::BTreeMap, fmt};

use kaleem_proto::router::v1::RouteFeatures;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Rules in order, ending with one that always matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version that decisions carry.
    pub version: i64,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name in explanations.
    pub name: String,
    /// When it matches; an empty condition always does.
    #[serde(default)]
    pub when: Condition,
    /// Candidates, best first.
    pub candidates: Vec<Candidate>,
}

/// What a request must look like; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// One of these virtual models was asked for.
    pub models: Vec<String>,
    /// One of these task tags.
    pub tasks: Vec<String>,
    /// One of these merchants.
    pub merchants: Vec<String>,
    /// One of these languages (BCP 47).
    pub languages: Vec<String>,
    /// All of these pairs in the caller's metadata.
    pub metadata: BTreeMap<String, String>,
    /// At least this many estimated input tokens.
    pub input_tokens_min: Option<i64>,
    /// At most this many estimated input tokens.
    pub input_tokens_max: Option<i64>,
}

/// A model at a target, written `target/model`; `target/*` is every model there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Candidate {
    /// Provider target.
    pub target: String,
    /// Model, or `*`.
    pub model: String,
}

impl Candidate {
    /// Whether `model` at `target` is meant.
    pub fn covers(&self, target: &str, model: &str) -> bool {
        self.target == target && (self.model == "*" || self.model == model)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.model)
    }
}

impl TryFrom<String> for Candidate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            Some((target, model)) if !target.is_empty() && !model.is_empty() => {
                Ok(Self { target: target.to_owned(), model: model.to_owned() })
            }
            _ => Err(format!("{text:?} is not a candidate such as provider-local/*")),
        }
    }
}

impl From<Candidate> for String {
    fn from(candidate: Candidate) -> Self {
        candidate.to_string()
    }
}

impl Condition {
    /// Whether `features` look like this.
    pub fn matches(&self, features: &RouteFeatures) -> bool {
        let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        one_of(&self.models, &features.model)
            && one_of(&self.tasks, &features.task)
            && one_of(&self.merchants, &features.merchant_id)
            && one_of(&self.languages, &features.language)
            && self.metadata.iter().all(|(key, value)| features.metadata.get(key) == Some(value))
            && self.input_tokens_min.is_none_or(|min| features.input_token_count >= min)
            && self.input_tokens_max.is_none_or(|max| features.input_token_count <= max)
    }

    fn is_always(&self) -> bool {
        *self == Self::default()
    }
}

impl Policy {
    /// The rule for `features`; a checked policy always has one.
    pub fn rule(&self, features: &RouteFeatures) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.when.matches(features))
    }

    /// Whether `model` is a virtual model of some rule.
    pub fn is_virtual(&self, model: &str) -> bool {
        self.rules.iter().any(|rule| rule.when.models.iter().any(|name| name == model))
    }

    /// Checks the whole policy; the error lists every fault.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.candidates.is_empty() {
                faults.push(format!("rules[{index}] ({}) has no candidates", rule.name));
            }
            if rule.when.is_always() && index + 1 < self.rules.len() {
                faults.push(format!(
                    "rules[{index}] ({}) always matches, so the rules after it never do",
                    rule.name
                ));
            }
            if self.rules[..index].iter().any(|earlier| earlier.name == rule.name) {
                faults.push(format!("rules[{index}]: the name {:?} is taken", rule.name));
            }
        }
        if !self.rules.last().is_some_and(|rule| rule.when.is_always()) {
            faults.push("the last rule must match always (no `when`)".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Policy(faults)) }
    }
}

impl Default for Policy {
    /// FAQ, short answers and summaries go to the local pool, all else to Gemini; each falls over to the other.
    fn default() -> Self {
        let candidate = |target: &str| Candidate { target: target.to_owned(), model: "*".to_owned() };
        let (local, gemini) = (candidate("provider-local"), candidate("provider-gemini"));
        let tasks = ["faq", "short", "summarize", "classify"].map(str::to_owned).to_vec();
        Self {
            version: 1,
            rules: vec![
                Rule {
                    name: "worker tasks are cheap".to_owned(),
                    when: Condition { tasks, ..Condition::default() },
                    candidates: vec![local.clone(), gemini.clone()],
                },
                Rule {
                    name: "default".to_owned(),
                    when: Condition::default(),
                    candidates: vec![gemini, local],
                },
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_sound() {
        Policy::default().check().unwrap();
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let rule = |name: &str, when: Condition| Rule { name: name.into(), when, candidates: Vec::new() };
        let some = Condition { tasks: vec!["faq".into()], ..Condition::default() };
        let policy = Policy { version: 1, rules: vec![rule("a", Condition::default()), rule("a", some)] };
        let Err(Error::Policy(faults)) = policy.check() else { panic!("must be refused") };
        assert_eq!(faults.len(), 5, "{faults:?}");
    }

    #[test]
    fn conditions_need_every_part() {
        let when: Condition =
            toml::from_str("tasks = ['faq']\ninput_tokens_max = 100\nmetadata = { vip = 'yes' }").unwrap();
        let mut features =
            RouteFeatures { task: "faq".into(), input_token_count: 100, ..RouteFeatures::default() };
        assert!(!when.matches(&features));
        features.metadata.insert("vip".into(), "yes".into());
        assert!(when.matches(&features));
        features.input_token_count = 101;
        assert!(!when.matches(&features));
    }
}
