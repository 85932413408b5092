//! A merchant's privacy policy: what happens to each type of personal data, and what answers must respect.
//!
//! The document that a merchant writes is described in `docs/guides/privacy-policy.md`. It is read once
//! ([`Policy::parse`]) into lookups and automata whose size is bounded, so that no merchant slows down the others.

mod allow;
mod answer;
mod literals;
mod patterns;
mod reader;

use std::{ops::Range, sync::Arc};

use kaleem_pii::{Detector, Kind, Span, THRESHOLD, Thresholds, fold::Folded};
use kaleem_proto::redaction::v1 as wire;
use zeroize::Zeroizing;

use allow::AllowList;
pub(crate) use answer::Answer;
use literals::Literals;
use patterns::Patterns;

use crate::Error;

/// Bytes of the longest document, facts included: 4 MiB.
pub const POLICY_BYTES_MAX: usize = 4 << 20;
/// Score of what a merchant lists itself: it is certain.
const LISTED_POINTS: kaleem_pii::Points = 100;

/// What happens to a value of a type. From least to most strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It stays, and the text with it stays with models that may see personal data.
    Allow,
    /// A placeholder stands for it, which the answer restores.
    Redact,
    /// A placeholder stands for it, which is never restored.
    Mask,
    /// The request is refused.
    Block,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Redact, Self::Mask, Self::Block];

    /// Its name in a document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Redact => "redact",
            Self::Mask => "mask",
            Self::Block => "block",
        }
    }

    /// Its name on the wire.
    pub(crate) const fn wire(self) -> wire::RedactionAction {
        match self {
            Self::Allow => wire::RedactionAction::Allow,
            Self::Redact => wire::RedactionAction::Redact,
            Self::Mask => wire::RedactionAction::Mask,
            Self::Block => wire::RedactionAction::Block,
        }
    }
}

/// Which rule decided what happens to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The policy says nothing about the type.
    Default,
    /// `actions` names the type.
    Action,
    /// The value is on the allow-list.
    AllowList,
    /// A literal of the deny-list or a pattern.
    Listed,
    /// The score does not reach the threshold.
    BelowThreshold,
    /// A better reading covers it.
    Overlapped,
}

/// A privacy policy, ready to use. [`Policy::default`] redacts everything from the usual threshold on.
#[derive(Debug, Clone)]
pub struct Policy {
    actions: [Option<Action>; Kind::ALL.len()],
    thresholds: Thresholds,
    allow: Arc<AllowList>,
    deny: Arc<Literals>,
    patterns: Arc<Patterns>,
    answer: Option<Arc<Answer>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            actions: [None; Kind::ALL.len()],
            thresholds: Thresholds::default(),
            allow: Arc::default(),
            deny: Arc::default(),
            patterns: Arc::default(),
            answer: None,
        }
    }
}

impl Policy {
    /// Reads a document, which takes up to some tens of milliseconds: patterns are compiled.
    ///
    /// Errors: [`Error::PolicyInvalid`] with every fault and its path, at most 100.
    pub fn parse(document: &str, detector: &Detector) -> Result<Self, Error> {
        reader::read(document, detector).map_err(Error::PolicyInvalid)
    }

    /// The same policy for times when nobody knows whether it is still in force: what it leaves in a text is redacted, what it
    /// takes out goes on being taken out, and no threshold is above the usual one.
    #[must_use]
    pub(crate) fn tightened(&self) -> Self {
        let strict = |action: Option<Action>| action.filter(|action| *action > Action::Allow);
        Self {
            actions: self.actions.map(strict),
            thresholds: self.thresholds.clone().at_most(THRESHOLD),
            allow: Arc::default(),
            ..self.clone()
        }
    }

    /// From which score on something counts.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// What answers must respect.
    pub(crate) fn answer(&self) -> Option<&Arc<Answer>> {
        self.answer.as_ref()
    }

    /// What happens to a value as it is written and in its normal form, and why.
    pub(crate) fn decide(&self, kind: Kind, written: &str, normal: &str) -> (Action, Rule) {
        let action = self.actions[kind as usize];
        if kind == Kind::Custom {
            return (action.unwrap_or(Action::Redact), Rule::Listed);
        }
        if self.allow.has(written, normal) {
            return (Action::Allow, Rule::AllowList);
        }
        action.map_or((Action::Redact, Rule::Default), |action| (action, Rule::Action))
    }

    /// Adds what the merchant lists itself to the findings of a text; both stay disjoint and ascending.
    ///
    /// Where a literal or a pattern overlaps a finding, both become one span of the stricter type.
    pub(crate) fn add_listed(&self, folded: &Folded, spans: &mut Vec<Span>) {
        let mut listed: Vec<Range<usize>> = Vec::new();
        self.deny.find(folded, &mut listed);
        self.patterns.find(folded, &mut listed);
        if listed.is_empty() {
            return;
        }
        spans.extend(listed.into_iter().map(|range| Span {
            kind: Kind::Custom,
            normal: Zeroizing::new(folded.text()[range.clone()].to_owned()),
            range: folded.original(&range),
            points: LISTED_POINTS,
        }));
        spans.sort_by_key(|span| (span.range.start, span.range.end));
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans.drain(..) {
            match joined.last_mut().filter(|last| last.range.end > span.range.start) {
                Some(last) => self.join(last, &span),
                None => joined.push(span),
            }
        }
        *spans = joined;
    }

    /// Takes `span` into `last`, which it overlaps.
    fn join(&self, last: &mut Span, span: &Span) {
        let strictness = |kind: Kind| {
            let action = self.actions[kind as usize].unwrap_or(Action::Redact);
            (action.max(Action::Redact), !kind.restorable(), kind == Kind::Custom)
        };
        let whole = last.range.start..last.range.end.max(span.range.end);
        // A value that is a part of the other one says nothing new about how that is written.
        if whole != last.range {
            last.normal.push(' ');
            last.normal.push_str(&span.normal);
        }
        if strictness(span.kind) > strictness(last.kind) {
            last.kind = span.kind;
        }
        last.points = last.points.max(span.points);
        last.range = whole;
    }
}

/// Whether a value of the type tells something about a person, so that a text with it must stay where personal data may be.
///
/// A registration and a tax number are a business's.
pub(crate) const fn is_personal(kind: Kind) -> bool {
    !matches!(kind, Kind::SaCr | Kind::SaVat | Kind::AeTrn)
}
