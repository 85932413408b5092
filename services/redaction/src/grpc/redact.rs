//! Requests through the redactor.

use std::{collections::HashMap, sync::Arc};

use kaleem_placeholder::{IssuerKey, Kind};
use kaleem_proto::{
    redaction::v1::{
        self as wire, RedactRequest, RedactResponse, RedactTextRequest, RedactTextResponse, TextSpan,
    },
    router::v1::PersonalDataClass,
};

use crate::{
    Config, Error, Place, Redactor, Residual, Session, conversation::instruction, names::Names,
    policies::InForce,
};

/// What every request is redacted with.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) redactor: Arc<Redactor>,
    pub(super) master_key: Arc<[u8; 32]>,
    pub(super) config: Arc<Config>,
}

impl Engine {
    pub(super) fn session(&self, merchant_id: &str, conversation_id: &str, policy: &InForce) -> Session {
        let key = IssuerKey::derive(&self.master_key, merchant_id, conversation_id);
        Session::new(&key).under(Arc::clone(&policy.policy))
    }

    /// Redacts a whole request.
    pub(super) fn messages(
        &self,
        request: RedactRequest,
        policy: &InForce,
        names: Names,
    ) -> Result<RedactResponse, Error> {
        let session = self.session(&request.merchant_id, &request.conversation_id, policy);
        let mut session = session.with_names(names);
        let (mut messages, mut tools) = (request.messages, request.tools);
        self.redactor.redact_messages(&mut messages, &mut session)?;
        self.redactor.redact_tools(&mut tools, &mut session)?;
        if !session.vault().is_empty() {
            messages.insert(0, instruction(&self.config.instruction));
        }
        Ok(RedactResponse {
            messages,
            tools,
            placeholders: placeholders(&session),
            residual: class(&session, policy).into(),
            type_counts: counts(&session),
            policy_version: policy.version,
            answer_policy: answer_policy(policy, request.known_policy_version),
            policy_unknown: !policy.known,
        })
    }

    /// Redacts one text.
    pub(super) fn text(
        &self,
        request: &RedactTextRequest,
        policy: &InForce,
        names: Names,
    ) -> Result<RedactTextResponse, Error> {
        let session = self.session(&request.merchant_id, &request.conversation_id, policy);
        let mut session = session.with_names(names);
        let redaction = self.redactor.redact_after(&request.question, &request.text, &mut session)?;
        Ok(RedactTextResponse {
            spans: spans(&request.text, &redaction.places),
            text: redaction.text.into_owned(),
            placeholders: placeholders(&session),
            residual: class(&session, policy).into(),
            policy_version: policy.version,
        })
    }
}

/// What may be left. Under a policy that may no longer be in force nobody knows.
pub(super) fn class(session: &Session, policy: &InForce) -> PersonalDataClass {
    match session.residual() {
        _ if !policy.known => PersonalDataClass::Sensitive,
        Residual::None => PersonalDataClass::None,
        Residual::Redacted => PersonalDataClass::Redacted,
        Residual::Sensitive => PersonalDataClass::Sensitive,
    }
}

fn placeholders(session: &Session) -> Vec<wire::Placeholder> {
    let placeholders = session.vault().restorable();
    placeholders
        .map(|(token, value)| wire::Placeholder { token: token.to_string(), value: value.to_owned() })
        .collect()
}

fn counts(session: &Session) -> HashMap<String, i32> {
    let count = |(kind, count): (Kind, u32)| (kind.to_string(), i32::try_from(count).unwrap_or(i32::MAX));
    session.counts().iter().map(count).collect()
}

/// What the answer must respect; without the facts if the caller has those of this version.
fn answer_policy(policy: &InForce, known_version: i64) -> Option<wire::AnswerPolicy> {
    let answer = policy.policy.answer()?;
    let known = known_version == policy.version;
    Some(wire::AnswerPolicy {
        version: policy.version,
        facts_json: if known { String::new() } else { answer.facts_json.clone() },
        on_violation: answer.on_violation.into(),
        on_unsure: answer.on_unsure.into(),
    })
}

/// Places in code points.
fn spans(text: &str, places: &[Place]) -> Vec<TextSpan> {
    let (mut byte, mut point) = (0, 0);
    let mut point_at = |at: usize| {
        point += text[byte..at].chars().count();
        byte = at;
        i32::try_from(point).unwrap_or(i32::MAX)
    };
    let span = |place: &Place| TextSpan {
        r#type: place.kind.name().to_owned(),
        start: point_at(place.range.start),
        end: point_at(place.range.end),
        score: f64::from(place.points) / 100.0,
        action: place.action.wire().into(),
        placeholder: place.placeholder.map(|token| token.to_string()).unwrap_or_default(),
    };
    places.iter().map(span).collect()
}
