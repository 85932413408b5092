//! The money of upstream projects. A project with a spend cap is an account like a merchant's of which money alone is limited, and the
//! money is what the provider charges us: the same machine holds what a call may cost at most and posts what it did cost, the same
//! stores keep it, and the ledger has the last word. Its profile is configuration.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use kaleem_domain::{MerchantId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Registry;
use crate::{
    Error,
    clients::Served,
    machine::{
        Amount, Beat, Candidate, Change, Confirm, Fingerprint, Key, MerchantState, Mode, Profile, Refusal,
        Release, Reserve, Settle, TTL_DEFAULT_MS,
    },
    shared::About,
    upstream::{Ask, Grant},
};

/// A call has one hold at its project, so nothing tells two of them apart but their key.
const ANY: Fingerprint = Fingerprint(0, 0);

/// Upstream projects with a spend cap, by quota domain.
#[derive(Default)]
pub(super) struct Projects(BTreeMap<String, Project>);

struct Project {
    account: MerchantId,
    profile: Profile,
    /// The account counts what the ledger had before quota knew the project.
    has_begun: AtomicBool,
}

/// A merchant's call at an upstream project, as its reservation names it.
#[derive(Debug, Clone)]
pub struct Spending {
    /// Project.
    pub quota_domain: String,
    /// Merchant.
    pub merchant: MerchantId,
    /// Identity of the merchant's hold.
    pub key: Key,
    /// Identity of the charge.
    pub event_id: String,
    /// Admission.
    pub admitted_at: Timestamp,
}

impl Projects {
    pub(super) fn new(caps: BTreeMap<String, Profile>) -> Result<Self, Error> {
        let project = |(quota_domain, profile): (String, Profile)| {
            let account = MerchantId::of_upstream(&quota_domain).map_err(|error| Error::Config {
                key: "quota.upstream.spend".to_owned(),
                why: error.to_string(),
            })?;
            Ok((quota_domain, Project { account, profile, has_begun: AtomicBool::new(false) }))
        };
        caps.into_iter().map(project).collect::<Result<_, _>>().map(Self)
    }

    /// What the configuration says of the project whose account it is.
    pub(super) fn profile(&self, account: &MerchantId) -> Option<Profile> {
        Some(self.0.get(account.upstream()?)?.profile.clone())
    }

    /// The project that served a call by the ledger: a target without a project of its own is one by its name.
    fn that_served(&self, served: &Served) -> Option<&Project> {
        self.0.get(&served.upstream).or_else(|| self.0.get(&served.target))
    }
}

impl Spending {
    /// Identity at the project, where merchants meet who may use the same request id.
    fn key(&self) -> Key {
        key_at_project(&self.merchant, self.key)
    }
}

fn key_at_project(merchant: &MerchantId, key: Key) -> Key {
    let digest = Sha256::digest(format!("{merchant}/{}", key.request_id));
    let mut bits = [0; 10];
    bits.copy_from_slice(&digest[..10]);
    Key { request_id: key.request_id.with_bits(&bits), ..key }
}

impl Registry {
    /// Whether what `quota_domain` costs us is capped.
    pub(crate) fn has_spend_cap(&self, quota_domain: &str) -> bool {
        self.projects.0.contains_key(quota_domain)
    }

    /// As [`Registry::acquire_upstream`]; where the project has a spend cap, also holds what `call` may cost there at most, and the grant
    /// is for that call alone. The same call again has the same hold.
    pub async fn acquire_upstream_for(
        &self,
        ask: &Ask<'_>,
        call: Option<(&Spending, Candidate)>,
    ) -> Result<Grant, Error> {
        let grant = self.acquire_upstream(ask).await?;
        let Some(project) = self.projects.0.get(ask.quota_domain) else { return Ok(grant) };
        let (spending, candidate) = call.ok_or(Error::SpendUnnamed)?;
        let held = self.hold_spend(project, spending, candidate).await;
        let outcome = match &held {
            Ok(()) => "held",
            Err(Error::Refused(Refusal::OverCap(_))) => "exhausted",
            Err(_) => "unknown",
        };
        metrics::counter!("kaleem_quota_upstream_spend_total", "outcome" => outcome).increment(1);
        held.map_err(|error| Error::Spend(Box::new(error)))?;
        Ok(Grant { ttl_ms: 0, ..grant })
    }

    async fn hold_spend(
        &self,
        project: &Project,
        spending: &Spending,
        candidate: Candidate,
    ) -> Result<(), Error> {
        self.begin_project(project).await?;
        let command = Reserve {
            key: spending.key(),
            mode: Mode::Normal,
            candidates: vec![candidate],
            ttl_ms: TTL_DEFAULT_MS,
            fingerprint: ANY,
        };
        self.reserve(&project.account, &command).await.map(drop)
    }

    /// Posts what the provider charges for a call in place of its hold. What cannot be posted is said and left to the ledger.
    pub(crate) async fn settle_spend(&self, spending: &Spending, actual: Amount) -> Result<(), Error> {
        let Some(project) = self.projects.0.get(&spending.quota_domain) else { return Ok(()) };
        let (key, admitted_at) = (spending.key(), spending.admitted_at);
        let settle = move |is_lost: bool| {
            move |state: &mut MerchantState, now, changes: &mut Vec<Change>| {
                let lost = is_lost.then(|| state.lost_at(admitted_at)).transpose()?;
                state.settle(&Settle { key, actual, fingerprint: ANY, lost }, now, changes)
            }
        };
        let settled = match self.remembered(&project.account, key, settle(false)).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                let charge = self.billing.charge(&spending.merchant, spending.event_id.clone()).await;
                if matches!(charge, Ok(Some(_))) {
                    return Ok(());
                }
                self.change(&project.account, About::ended(key), settle(true)).await
            }
            settled => settled,
        };
        left_to_the_ledger(&project.account, settled.map(drop))
    }

    /// Gives back what a call that was not dispatched held; one that held nothing there has nothing to give back.
    pub(crate) async fn release_spend(&self, spending: &Spending) -> Result<(), Error> {
        let Some(project) = self.projects.0.get(&spending.quota_domain) else { return Ok(()) };
        let key = spending.key();
        let release = move |state: &mut MerchantState, now, changes: &mut Vec<Change>| {
            state.release(&Release { key, lost: None }, now, changes)
        };
        match self.remembered(&project.account, key, release).await {
            Err(Error::Refused(Refusal::Unknown)) => Ok(()),
            released => left_to_the_ledger(&project.account, released),
        }
    }

    /// Prolongs the hold of a call that lives.
    pub(crate) async fn beat_spend(&self, spending: &Spending, observed_output: i64) -> Result<(), Error> {
        let Some(project) = self.projects.0.get(&spending.quota_domain) else { return Ok(()) };
        self.beat(&project.account, &Beat { key: spending.key(), observed_output }).await.map(drop)
    }

    /// What the ledger counts of a call, at the project that served it.
    pub(super) async fn confirm_spend(
        &self,
        merchant: &MerchantId,
        call: &Confirm,
        served: &Served,
    ) -> Result<(), Error> {
        let Some(project) = self.projects.that_served(served) else { return Ok(()) };
        self.begin_project(project).await?;
        let key = key_at_project(merchant, call.key);
        let admitted_at = call.lost.map(|lost| lost.admitted_at);
        let (counted, before) = (
            Amount { cost_nano: served.cost_nano, ..call.counted },
            Amount { cost_nano: served.cost_nano_before, ..call.before },
        );
        let transaction = call.transaction;
        let confirm = move |is_lost: bool| {
            move |state: &mut MerchantState, now, changes: &mut Vec<Change>| {
                let lost = admitted_at.filter(|_| is_lost).map(|at| state.lost_at(at)).transpose()?;
                state.confirm(&Confirm { key, transaction, counted, before, lost }, now, changes)
            }
        };
        match self.remembered(&project.account, key, confirm(false)).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.change(&project.account, About::ended(key), confirm(true)).await.map(drop)
            }
            confirmed => confirmed.map(drop),
        }
    }

    /// Makes the account of a project count what the ledger had when quota came to know it. Without that a cap would begin anew
    /// with a new store, so nothing is held before.
    async fn begin_project(&self, project: &Project) -> Result<(), Error> {
        if project.has_begun.load(Ordering::Acquire) {
            return Ok(());
        }
        let account = &project.account;
        self.refresh(account).await?;
        if self.billing.is_known() {
            let followed = |state: &mut MerchantState, _, _: &mut Vec<Change>| Ok(state.followed());
            // Who counted a transaction began before it.
            if self.change(account, About::default(), followed).await? == 0 {
                self.count_the_past(account).await?;
            }
        }
        project.has_begun.store(true, Ordering::Release);
        Ok(())
    }

    /// Sets posted cost to the ledger's sums as far as it was followed; what comes after that is followed.
    async fn count_the_past(&self, account: &MerchantId) -> Result<(), Error> {
        let unknown =
            || Error::StoreUnavailable("the ledger has not said yet what the project cost; try again");
        let position = self.following.position().ok_or_else(unknown)?.transaction;
        // Calls in flight were held by a process that had begun.
        for (window, posted) in self.quiet(account).await?.unwrap_or_default() {
            if position == 0 {
                break;
            }
            let ledger = self.billing.ledger_up_to(account, window, position).await?;
            let command = self.comparison(account, window, posted, ledger).await?;
            if let Some(command) = command
                && !self.heal(account, &command).await?
            {
                return Err(unknown());
            }
        }
        Ok(())
    }

    /// Runs `command` about a call, and again once its end was looked up where it is kept.
    async fn remembered<T: Send + 'static>(
        &self,
        account: &MerchantId,
        key: Key,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal>
        + Clone
        + Send
        + 'static,
    ) -> Result<T, Error> {
        match self.change(account, About::ended(key), command.clone()).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(account, key).await?;
                self.change(account, About::ended(key), command).await
            }
            done => done,
        }
    }
}

/// A refusal of the machine is no reason to fail a call that the merchant's account took: the ledger says what it cost.
fn left_to_the_ledger(account: &MerchantId, done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::Refused(refusal)) => {
            tracing::warn!(%account, %refusal, "what a call cost an upstream project is left to the ledger");
            Ok(())
        }
        done => done,
    }
}
