//! Posted usage against the ledger: what following it left apart becomes one, and what expired holds posted in vain goes.

use std::collections::HashMap;

use kaleem_domain::MerchantId;

use super::{Lookup, Registry};
use crate::{
    Error,
    clients::Ledger,
    machine::{Amount, MerchantState, PutBalance, Reconcile, Refusal, WindowId},
    shared::About,
};

/// Merchants that may fail in a round before it is given up, so that a billing that is away costs a few timeouts and not thousands.
const FAILURES_PER_ROUND_MAX: usize = 4;

/// The differences that the last round saw; at most four windows and a balance of each merchant in memory.
#[derive(Debug, Default)]
pub struct Rounds {
    seen: HashMap<(MerchantId, WindowId), Seen>,
    balances: HashMap<MerchantId, PutBalance>,
}

/// Both sides of a window in which they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    posted: Amount,
    ledger: Ledger,
    unconfirmed: Amount,
}

impl Registry {
    /// Compares the merchants in memory that have no call in flight with the ledger; returns how many windows it healed. A difference
    /// is healed when the round before saw the same on both sides: then nothing is on its way, and the difference is real. A
    /// merchant whose ledger cannot be read starts over, and the first failure is returned.
    pub async fn reconcile(&self, rounds: &mut Rounds) -> Result<usize, Error> {
        // Taken out, so that a round that is cut short leaves nothing that a later one would take for the round before it.
        let last = std::mem::take(rounds);
        let mut this = Rounds::default();
        let (mut healed, mut failures) = (0, Vec::new());
        // A project's sums are those of all merchants' calls, and it is never quiet: it follows the ledger, and that is all.
        let merchants = self.shards.merchants()?.into_iter().filter(|account| account.upstream().is_none());
        for merchant in merchants {
            match self.reconcile_one(&merchant, &last, &mut this).await {
                Ok(windows) => healed += windows,
                Err(error) => failures.push(error),
            }
            if failures.len() >= FAILURES_PER_ROUND_MAX {
                break;
            }
        }
        *rounds = this;
        failures.into_iter().next().map_or(Ok(healed), Err)
    }

    /// Sets posted usage of one merchant, or of all in memory, to what the ledger says now; committed when it returns. Returns how
    /// many were rebuilt: one with calls in flight, or whose usage changes meanwhile, is left as it is.
    pub async fn rebuild(&self, merchant: Option<&MerchantId>) -> Result<usize, Error> {
        let merchants = match merchant {
            Some(merchant) => {
                self.ensure(merchant).await?;
                vec![merchant.clone()]
            }
            None => self.shards.merchants()?,
        };
        let mut rebuilt = 0;
        for merchant in &merchants {
            rebuilt += usize::from(self.rebuild_one(merchant).await?);
        }
        self.keeper.flushed().await?;
        Ok(rebuilt)
    }

    async fn reconcile_one(
        &self,
        merchant: &MerchantId,
        last: &Rounds,
        this: &mut Rounds,
    ) -> Result<usize, Error> {
        let mut healed = 0;
        let Some(windows) = self.quiet(merchant).await? else { return Ok(healed) };
        for (window, posted) in windows {
            let ledger = self.billing.ledger(merchant, window).await?;
            let Some(command) = self.comparison(merchant, window, posted, ledger).await? else { continue };
            let unconfirmed = command.unconfirmed;
            let (key, seen) = ((merchant.clone(), window), Seen { posted, ledger, unconfirmed });
            if last.seen.get(&key) == Some(&seen) && self.heal(merchant, &command).await? {
                healed += 1;
            } else {
                this.seen.insert(key, seen);
            }
        }
        if let Some((command, account)) = self.balance_difference(merchant).await? {
            if last.balances.get(merchant) == Some(&command) {
                healed += usize::from(self.heal_balance(merchant, command, account).await?);
            } else {
                this.balances.insert(merchant.clone(), command);
            }
        }
        Ok(healed)
    }

    async fn rebuild_one(&self, merchant: &MerchantId) -> Result<bool, Error> {
        let Some(windows) = self.quiet(merchant).await? else { return Ok(false) };
        for (window, posted) in windows {
            let ledger = self.billing.ledger(merchant, window).await?;
            let followed = self.following.reached(ledger.transaction);
            if tokio::time::timeout(self.config.billing_timeout.get(), followed).await.is_err() {
                return Ok(false);
            }
            let command = self.comparison(merchant, window, posted, ledger).await?;
            if let Some(command) = command
                && !self.heal(merchant, &command).await?
            {
                return Ok(false);
            }
        }
        match self.balance_difference(merchant).await? {
            Some((command, account)) => self.heal_balance(merchant, command, account).await,
            None => Ok(true),
        }
    }

    /// What is to be healed of a window; `None` where nothing is, or quota has not followed the ledger as far as its sums count, so
    /// that it is not known which settled calls they count.
    pub(super) async fn comparison(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        posted: Amount,
        ledger: Ledger,
    ) -> Result<Option<Reconcile>, Error> {
        let Ledger { amount, transaction } = ledger;
        let agreed =
            Reconcile { window, ledger: amount, unconfirmed: Amount::ZERO, transaction, seen: posted };
        let moves = transaction == 0 && amount != Amount::ZERO;
        let position = self.following.position().filter(|position| position.transaction >= transaction);
        let Some(position) = position.filter(|_| !moves && agreed.difference() != Amount::ZERO) else {
            return Ok(None);
        };
        self.keeper.flushed().await?;
        // Whatever settled before the ledger was followed is in its sums or never will be.
        let since = position.baseline_at;
        let unconfirmed = self.keeper.unconfirmed(&self.store, merchant, window, since).await?;
        let command = Reconcile { unconfirmed, ..agreed };
        Ok(Some(command).filter(|command| command.difference() != Amount::ZERO))
    }

    /// Runs `command` if the merchant is still quiet; `false` where it is not.
    pub(super) async fn heal(&self, merchant: &MerchantId, command: &Reconcile) -> Result<bool, Error> {
        let (window, command) = (command.window, *command);
        // Looked at again with the command: a call may have come while the ledger was read.
        let heal = move |state: &mut MerchantState, now, changes: &mut _| {
            if state.hold_count() > 0 {
                Err(Refusal::NotQuiet)
            } else {
                state.reconcile(&command, now, changes)
            }
        };
        let difference = match self.run(merchant, &About::default(), heal).await? {
            Lookup::Done(Ok(difference)) => difference,
            Lookup::Done(Err(Refusal::NotQuiet)) | Lookup::Missing => return Ok(false),
            Lookup::Done(Err(refusal)) => return Err(refusal.into()),
        };
        if difference != Amount::ZERO {
            fail::fail_point!("quota::reconcile::healed");
            metrics::counter!("kaleem_quota_reconcile_heals_total").increment(1);
            let Amount { requests, tokens, cost_nano } = difference;
            tracing::warn!(%merchant, %window, requests, tokens, cost_nano, "posted usage was set to what the ledger says");
        }
        Ok(true)
    }

    /// The windows to compare with their posted usage; `None` where a call is in flight or the merchant is not in memory.
    pub(super) async fn quiet(
        &self,
        merchant: &MerchantId,
    ) -> Result<Option<Vec<(WindowId, Amount)>>, Error> {
        let look = |state: &mut MerchantState, now, _: &mut _| {
            let quiet = (state.hold_count() == 0).then(|| state.reconcilable(now));
            quiet.transpose().map_err(Refusal::from)
        };
        match self.look(merchant, look).await? {
            Lookup::Done(windows) => Ok(windows?),
            Lookup::Missing => Ok(None),
        }
    }
}
