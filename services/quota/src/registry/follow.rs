//! The ledger as quota follows it: each of its transactions is applied once, whatever is told twice.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kaleem_domain::MerchantId;
use tokio::{sync::watch, time::Instant};

use super::Registry;
use crate::{
    Error,
    clients::{LedgerNews as News, Matter, Payment},
    machine::{Confirm, Confirmed, Credit, MerchantState, Refusal, Settle, Settled, TopUp, event_id},
    shared::About,
    store::{Claim, Position},
};

/// A position is written down this long after the last one: to apply again what came since costs little.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Transactions that are asked for at once.
const PAGE: i32 = 512;

/// What one of several processes does for all of them: it follows the ledger, and tells it of what it seems to have missed. It is a
/// matter of economy alone: each transaction is applied once, whoever and however many apply it.
const TASK: &str = "ledger";

/// A process that does not renew its claim for so long is taken for dead.
const CLAIM_LIFE: Duration = Duration::from_secs(5);

/// Longest wait for news between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How often the other processes look how far the ledger was followed, and whether they are to follow it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How far the ledger was followed.
pub(super) struct Following {
    /// Names this process among those that could follow.
    holder: String,
    /// This process follows for all of them.
    leads: AtomicBool,
    /// `None` until billing has said where the ledger ends.
    at: watch::Sender<Option<Position>>,
    /// What was written down last, and when.
    written: Mutex<(Option<Position>, Instant)>,
}

impl Following {
    /// Goes on from a position that is written down, or from nowhere.
    pub(super) fn new(position: Option<Position>) -> Self {
        Self {
            holder: format!("{:016x}", rand::random::<u64>()),
            leads: AtomicBool::new(false),
            at: watch::Sender::new(position),
            written: Mutex::new((position, Instant::now())),
        }
    }

    /// Whether this process follows the ledger for all of them.
    pub(super) fn leads(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    /// Goes on from a position that is written down.
    fn go_on(&self, position: Option<Position>) {
        if let Some(position) = position {
            self.at.send_replace(Some(position));
            self.wrote(position);
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        *self.at.borrow()
    }

    /// Waits until `transaction` was applied.
    pub(super) async fn reached(&self, transaction: i64) {
        let reached = |at: &Option<Position>| at.is_some_and(|at| at.transaction >= transaction);
        // The sender is part of what waits, so it cannot be gone.
        let _ = self.at.subscribe().wait_for(reached).await;
    }

    fn applied(&self, transaction: i64) {
        self.at.send_modify(|at| {
            if let Some(at) = at {
                at.transaction = at.transaction.max(transaction);
            }
        });
    }

    /// The position, if it is not written down, with how long ago another was.
    fn unwritten(&self) -> Option<(Position, Duration)> {
        let (written, at) = *self.written.lock().ok()?;
        let position = self.position().filter(|position| written != Some(*position))?;
        Some((position, at.elapsed()))
    }

    fn wrote(&self, position: Position) {
        if let Ok(mut written) = self.written.lock() {
            *written = (Some(position), Instant::now());
        }
    }
}

impl Registry {
    /// Applies the next page of the ledger, or waits for it, if this process `leads`. Whatever of it an error or a drop cut off is applied
    /// the next time.
    pub(crate) async fn follow(&self, leads: bool) -> Result<(), Error> {
        if !leads {
            self.following.go_on(self.store.position().await?);
            tokio::time::sleep(LOOK_EVERY).await;
            return Ok(());
        }
        let Some(position) = self.following.position() else { return self.begin_to_follow().await };
        let wait = self.config.follow.wait.get();
        let wait = if self.keeper.is_shared() { wait.min(RENEW_EVERY) } else { wait };
        // What was applied is written down soon, also when nothing follows.
        let wait = if self.following.unwritten().is_none() { wait } else { wait.min(WRITE_EVERY) };
        let page = self.billing.changes(position.transaction, PAGE, wait).await?;
        for news in page.changes {
            self.apply(&news).await?;
            self.following.applied(news.transaction);
        }
        self.following.applied(page.transaction);
        metrics::gauge!("kaleem_quota_follow_position_transactions").set(page.transaction as f64);
        match self.following.unwritten() {
            Some((_, age)) if age >= WRITE_EVERY => self.write_position().await,
            Some(_) | None => Ok(()),
        }
    }

    /// Takes or keeps the claim to follow; says whether this process has it. Who gets it goes on from what others wrote down.
    pub(crate) async fn lead(&self) -> Result<bool, Error> {
        let following = &self.following;
        let now = self.clock.now();
        let claim = Claim { task: TASK, holder: &following.holder, until: now.plus(CLAIM_LIFE) };
        let leads = self
            .store
            .claim(&claim, now)
            .await
            .inspect_err(|_| following.leads.store(false, Ordering::Release))?;
        if leads && !following.leads() {
            following.go_on(self.store.position().await?);
            tracing::info!("this process follows the ledger");
        }
        following.leads.store(leads, Ordering::Release);
        Ok(leads)
    }

    /// Lets another process follow, once how far this one came is written down.
    pub(crate) async fn stop_following(&self) -> Result<(), Error> {
        if !self.following.leads() {
            return Ok(());
        }
        self.write_position().await?;
        self.store.release_claim(TASK, &self.following.holder).await
    }

    /// Writes down how far the ledger was applied, once that is committed.
    async fn write_position(&self) -> Result<(), Error> {
        if let Some((position, _)) = self.following.unwritten() {
            self.keeper.flushed().await?;
            self.store.put_position(&position).await?;
            self.following.wrote(position);
        }
        Ok(())
    }

    /// From where the ledger ends: what it has by now is a matter of sums, and of the reconciliation.
    async fn begin_to_follow(&self) -> Result<(), Error> {
        let end = self.billing.end().await?;
        let position = Position { baseline: end, baseline_at: self.clock.now(), transaction: end };
        self.store.put_position(&position).await?;
        self.following.go_on(self.store.position().await?);
        tracing::info!(transaction = end, "quota follows the ledger from its end");
        Ok(())
    }

    /// Applies one change. What can never be applied is counted, said and passed over, so that it holds up nothing else.
    async fn apply(&self, news: &News) -> Result<(), Error> {
        let Some((merchant, matter)) = &news.of else { return Ok(()) };
        let outcome = match matter {
            Matter::Call(call, served) => match self.confirm_spend(merchant, call, served).await {
                Ok(()) => self.confirm(merchant, call).await.map(|outcome| outcome.map(Confirmed::name)),
                Err(error) => Err(error),
            },
            Matter::Payment(payment) => self.pay(merchant, payment).await.map(|()| Some("paid")),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome.unwrap_or("stranger"),
            Err(error @ (Error::Refused(_) | Error::MerchantNotFound(_) | Error::PolicyInvalid(_))) => {
                let transaction = news.transaction;
                tracing::error!(%merchant, transaction, %error, "quota cannot take over what the ledger says");
                "impossible"
            }
            Err(error) => return Err(error),
        };
        metrics::counter!("kaleem_quota_followed_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    /// What the ledger counts of a call, see [`crate::machine::MerchantState::confirm`]; `None` for a merchant whom quota has not met,
    /// whose counters the reconciliation fills when it does.
    async fn confirm(&self, merchant: &MerchantId, call: &Confirm) -> Result<Option<Confirmed>, Error> {
        if !self.is_known(merchant).await? {
            return Ok(None);
        }
        let confirm = |command: Confirm| {
            let about = About::ended(command.key);
            self.change(merchant, about, move |state, now, changes| state.confirm(&command, now, changes))
        };
        let confirmed = match confirm(Confirm { lost: None, ..call.clone() }).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(merchant, call.key).await?;
                confirm(call.clone()).await?
            }
            confirmed => confirmed?,
        };
        if let (Confirmed::Released | Confirmed::Corrected, Some(lost)) = (confirmed, call.lost) {
            let (event_id, outcome) = (event_id(lost.month, call.key), confirmed.name());
            tracing::warn!(%merchant, event_id, outcome, "the ledger says other than quota, which follows it");
        }
        Ok(Some(confirmed))
    }

    /// Settles a call that was looked up in the journal. One that neither the journal nor the ledger knows is taken as late, and so
    /// is one of which billing does not say in time: should the ledger have it, that comes out when it is told of it.
    pub(super) async fn settle_forgotten(
        &self,
        merchant: &MerchantId,
        command: &Settle,
        about: &About,
    ) -> Result<Settled, Error> {
        let known = Settle { lost: None, ..command.clone() };
        match (self.settle_as(merchant, about, known).await, command.lost) {
            (Err(Error::Refused(Refusal::Unknown)), Some(lost)) => {
                let charge = self.billing.charge(merchant, event_id(lost.month, command.key)).await;
                if matches!(charge, Ok(Some(_))) {
                    return self.change(merchant, About::default(), MerchantState::settled_in_ledger).await;
                }
                self.settle_as(merchant, about, command.clone()).await
            }
            (settled, _) => settled,
        }
    }

    /// Settles a call with no more than what `command` says.
    pub(super) async fn settle_as(
        &self,
        merchant: &MerchantId,
        about: &About,
        command: Settle,
    ) -> Result<Settled, Error> {
        let settle =
            move |state: &mut MerchantState, now, changes: &mut _| state.settle(&command, now, changes);
        self.change(merchant, about.clone(), settle).await
    }

    /// Counts a payment in the balance, and adds one that raises the cap of the month to it, once by its id. Neither depends on whether
    /// the other is possible.
    async fn pay(&self, merchant: &MerchantId, payment: &Payment) -> Result<(), Error> {
        let credited = self.credit(merchant, payment.credit).await;
        let raised = match &payment.top_up {
            Some(top_up) => self.raise(merchant, top_up).await,
            None => Ok(()),
        };
        credited.and(raised)
    }

    /// A merchant whom quota has not met has no balance here; the ledger says it when the merchant comes.
    async fn credit(&self, merchant: &MerchantId, credit: Option<Credit>) -> Result<(), Error> {
        let Some(credit) = credit else { return Ok(()) };
        if !self.is_known(merchant).await? {
            return Ok(());
        }
        let credit =
            move |state: &mut MerchantState, now, changes: &mut _| state.credit(&credit, now, changes);
        self.change(merchant, About::default(), credit).await.map(|_| ())
    }

    async fn raise(&self, merchant: &MerchantId, top_up: &TopUp) -> Result<(), Error> {
        let policy_version = self.top_up(merchant, top_up).await?;
        let op_id = &top_up.op_id;
        tracing::info!(%merchant, op_id, policy_version, "a payment raised the cap of the month");
        Ok(())
    }
}
