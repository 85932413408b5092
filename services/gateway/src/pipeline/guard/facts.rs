//! What an answer must respect: facts that came with the request, or those that the merchant stored.

use std::sync::Arc;

use kaleem_guard::{Policy, PolicyError, Verdict};
use kaleem_proto::redaction::v1::{AnswerAction, AnswerPolicy};
use kaleem_rpc::Fault;
use kaleem_runtime::config::Size;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::fault;

/// Facts long enough to hold up their thread are read on another one.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// What happens to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Action {
    Pass,
    Annotate,
    Append,
    Correct,
    /// Ask the model once more; where that cannot be, as [`Action::Correct`].
    Retry,
    Block,
}

impl Action {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Annotate => "annotate",
            Self::Append => "append",
            Self::Correct => "correct",
            Self::Retry => "retry",
            Self::Block => "block",
        }
    }

    /// The action that Redaction names, or `default` where it names none.
    fn of(named: AnswerAction, default: Self) -> Self {
        match named {
            AnswerAction::Unspecified => default,
            AnswerAction::Pass => Self::Pass,
            AnswerAction::Annotate => Self::Annotate,
            AnswerAction::Append => Self::Append,
            AnswerAction::Correct => Self::Correct,
            AnswerAction::Retry => Self::Retry,
            AnswerAction::Block => Self::Block,
        }
    }
}

/// Facts and what happens to statements that they do not back.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Guardrails {
    policy: Arc<Policy>,
    on_violation: Action,
    on_unsure: Action,
}

impl Guardrails {
    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }

    /// What happens to a statement of this verdict.
    pub(super) const fn action(&self, verdict: Verdict) -> Action {
        match verdict {
            Verdict::Pass => Action::Pass,
            Verdict::Unsure => self.on_unsure,
            Verdict::Violate => self.on_violation,
        }
    }
}

/// Facts that this gateway has read.
pub(in crate::pipeline) struct Policies {
    /// Those that merchants stored, in the version that was read last.
    stored: Cache<Arc<str>, Arc<Stored>>,
    /// Those that came with requests, by a digest of their text: a shop sends the same ones again and again.
    supplied: Cache<[u8; 32], Arc<Supplied>>,
}

/// Facts that came with a request.
struct Supplied {
    policy: Arc<Policy>,
    json_bytes: u32,
}

/// One version of a merchant's facts.
pub(in crate::pipeline) struct Stored {
    version: i64,
    policy: Arc<Policy>,
    json_bytes: u32,
}

impl Stored {
    pub(in crate::pipeline) fn version(&self) -> i64 {
        self.version
    }

    /// These facts as Redaction names them to whom holds them.
    pub(in crate::pipeline) fn named(&self) -> AnswerPolicy {
        AnswerPolicy { version: self.version, ..AnswerPolicy::default() }
    }
}

impl Policies {
    /// Keeps at most `bytes_max` of stored facts, as JSON, and as much of supplied ones; the least used give way.
    pub(in crate::pipeline) fn new(bytes_max: Size) -> Self {
        let of_merchant = |merchant: &Arc<str>, stored: &Arc<Stored>| {
            stored.json_bytes.saturating_add(u32::try_from(merchant.len()).unwrap_or(u32::MAX))
        };
        let of_request = |digest: &[u8; 32], supplied: &Arc<Supplied>| {
            supplied.json_bytes.saturating_add(u32::try_from(digest.len()).unwrap_or(u32::MAX))
        };
        Self {
            stored: Cache::builder().max_capacity(bytes_max.get()).weigher(of_merchant).build(),
            supplied: Cache::builder().max_capacity(bytes_max.get()).weigher(of_request).build(),
        }
    }

    /// The facts of a merchant that this gateway holds.
    pub(in crate::pipeline) fn of(&self, merchant: &str) -> Option<Arc<Stored>> {
        self.stored.get(merchant)
    }

    /// Reads the facts that came with a request; empty is none.
    pub(in crate::pipeline) async fn supplied(
        &self,
        json: String,
    ) -> Result<Result<Option<Arc<Policy>>, PolicyError>, Fault> {
        if json.is_empty() {
            return Ok(Ok(None));
        }
        let bytes = json.len();
        let digest = move || (<[u8; 32]>::from(Sha256::digest(&json)), json);
        let (digest, json) = run(is_long(bytes), digest).await?;
        if let Some(known) = self.supplied.get(&digest) {
            return Ok(Ok(Some(Arc::clone(&known.policy))));
        }
        let json_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let read = read(json).await?;
        if let Ok(policy) = &read {
            let policy = Arc::clone(policy);
            self.supplied.insert(digest, Arc::new(Supplied { policy, json_bytes }));
        }
        Ok(read.map(Some))
    }

    /// What the answers of a merchant must respect: `supplied` facts before the stored ones, and the stored actions for both.
    /// `known` is what Redaction was told that this gateway holds.
    pub(in crate::pipeline) async fn guardrails(
        &self,
        merchant: &str,
        supplied: Option<Arc<Policy>>,
        known: Option<Arc<Stored>>,
        answered: Option<AnswerPolicy>,
    ) -> Result<Option<Guardrails>, Fault> {
        let actions =
            answered.as_ref().map_or((AnswerAction::Unspecified, AnswerAction::Unspecified), |said| {
                (said.on_violation(), said.on_unsure())
            });
        let stored = match answered {
            Some(answered) => Some(self.stored(merchant, known, answered).await?),
            None => None,
        };
        let policy = supplied.or(stored);
        Ok(policy.map(|policy| Guardrails {
            policy,
            on_violation: Action::of(actions.0, Action::Correct),
            on_unsure: Action::of(actions.1, Action::Pass),
        }))
    }

    async fn stored(
        &self,
        merchant: &str,
        known: Option<Arc<Stored>>,
        answered: AnswerPolicy,
    ) -> Result<Arc<Policy>, Fault> {
        let AnswerPolicy { version, facts_json, .. } = answered;
        if facts_json.is_empty() {
            let held = known.filter(|known| known.version == version);
            let held =
                held.ok_or_else(|| fault::redaction_failed("it left out facts that are not held here"))?;
            return Ok(Arc::clone(&held.policy));
        }
        let json_bytes = u32::try_from(facts_json.len()).unwrap_or(u32::MAX);
        let read = read(facts_json).await?;
        let policy = read.map_err(|_| fault::redaction_failed("it sent facts that cannot be read"))?;
        let stored = Stored { version, policy: Arc::clone(&policy), json_bytes };
        self.stored.insert(merchant.into(), Arc::new(stored));
        Ok(policy)
    }
}

async fn read(json: String) -> Result<Result<Arc<Policy>, PolicyError>, Fault> {
    run(is_long(json.len()), move || Policy::parse(&json).map(Arc::new)).await
}

const fn is_long(bytes: usize) -> bool {
    bytes > INLINE_BYTES_MAX
}

/// Does `work`, on another thread if it is `long`.
async fn run<T: Send + 'static>(long: bool, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    if !long {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| fault::redaction_failed("reading the facts was stopped before its end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = r#"{"currency":"SAR","return_days":14}"#;

    fn answered(version: i64, facts_json: &str) -> AnswerPolicy {
        AnswerPolicy { version, facts_json: facts_json.into(), ..AnswerPolicy::default() }
    }

    async fn rails(
        policies: &Policies,
        known: Option<Arc<Stored>>,
        answered: AnswerPolicy,
    ) -> Result<Guardrails, Fault> {
        let rails = policies.guardrails("dukkan", None, known, Some(answered)).await?;
        Ok(rails.expect("stored facts guard the answer"))
    }

    #[tokio::test]
    async fn facts_travel_once_a_version() {
        let policies = Policies::new(Size::mib(1));
        assert!(policies.of("dukkan").is_none());
        let first = rails(&policies, None, answered(3, FACTS)).await.unwrap();
        let known = policies.of("dukkan");
        assert_eq!(known.as_ref().map(|known| known.version()), Some(3));
        let again = rails(&policies, known.clone(), answered(3, "")).await.unwrap();
        assert!(Arc::ptr_eq(&first.policy, &again.policy));
        let newer = rails(&policies, known, answered(4, r#"{"return_days":30}"#)).await.unwrap();
        assert!(!Arc::ptr_eq(&first.policy, &newer.policy));
        assert_eq!(policies.of("dukkan").map(|known| known.version()), Some(4));
    }

    #[tokio::test]
    async fn facts_that_are_missing_or_unreadable_are_no_licence() {
        let policies = Policies::new(Size::mib(1));
        rails(&policies, None, answered(3, FACTS)).await.unwrap();
        let known = policies.of("dukkan");
        for (known, answered) in
            [(None, answered(3, "")), (known, answered(4, "")), (None, answered(5, r#"{"return_days":-1}"#))]
        {
            let fault = rails(&policies, known, answered).await.unwrap_err();
            assert_eq!(fault.reason, "REDACTION_FAILED", "{fault}");
        }
    }

    #[tokio::test]
    async fn what_is_held_is_bounded() {
        let policies = Policies::new(Size::bytes(100));
        for merchant in 0..50 {
            let said = Some(answered(1, FACTS));
            policies.guardrails(&merchant.to_string(), None, None, said).await.unwrap();
        }
        for days in 0..50 {
            policies.supplied(format!(r#"{{"return_days":{days}}}"#)).await.unwrap().unwrap();
        }
        policies.stored.run_pending_tasks();
        policies.supplied.run_pending_tasks();
        let held = (policies.stored.weighted_size(), policies.supplied.weighted_size());
        assert!((1..=100).contains(&held.0) && (1..=100).contains(&held.1), "{held:?}");
    }

    #[tokio::test]
    async fn supplied_facts_are_read_once_and_wrong_ones_are_not_held() {
        let policies = Policies::new(Size::mib(1));
        let mut read = Vec::new();
        for json in [FACTS, FACTS, r#"{"return_days":30}"#] {
            read.push(policies.supplied(json.to_owned()).await.unwrap().unwrap().expect("facts"));
        }
        assert!(Arc::ptr_eq(&read[0], &read[1]) && !Arc::ptr_eq(&read[0], &read[2]));
        assert!(policies.supplied(String::new()).await.unwrap().unwrap().is_none());
        for _ in 0..2 {
            policies.supplied(r#"{"return_days":-1}"#.to_owned()).await.unwrap().unwrap_err();
        }
    }

    #[tokio::test]
    async fn facts_that_are_held_can_be_named_and_correct() {
        let policies = Policies::new(Size::mib(1));
        policies.guardrails("dukkan", None, None, Some(answered(7, FACTS))).await.unwrap().unwrap();
        let held = policies.of("dukkan").expect("facts");
        let named = Some(held.named());
        let rails =
            policies.guardrails("dukkan", None, Some(Arc::clone(&held)), named).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&rails.policy, &held.policy));
        assert_eq!(rails.action(Verdict::Violate), Action::Correct);
    }

    #[tokio::test]
    async fn supplied_facts_come_before_stored_ones_and_keep_their_actions() {
        let policies = Policies::new(Size::mib(1));
        let policy = Arc::new(Policy::default());
        let own = Some(Arc::clone(&policy));
        let alone = policies.guardrails("dukkan", own.clone(), None, None).await.unwrap().unwrap();
        assert_eq!(
            (alone.action(Verdict::Violate), alone.action(Verdict::Unsure)),
            (Action::Correct, Action::Pass)
        );
        let stored = AnswerPolicy {
            on_violation: AnswerAction::Annotate.into(),
            on_unsure: AnswerAction::Block.into(),
            ..answered(1, FACTS)
        };
        let both = policies.guardrails("dukkan", own, None, Some(stored)).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&both.policy, &policy));
        assert_eq!(
            (both.action(Verdict::Violate), both.action(Verdict::Unsure)),
            (Action::Annotate, Action::Block)
        );
        assert_eq!(both.action(Verdict::Pass), Action::Pass);
        assert!(policies.guardrails("dukkan", None, None, None).await.unwrap().is_none());
    }
}
