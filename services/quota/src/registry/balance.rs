//! Balances of merchants that pay ahead: read from the ledger when a call needs one that is not known, and compared with it.

use kaleem_domain::MerchantId;

use super::{Lookup, Registry, TRIES_MAX};
use crate::{
    Error,
    clients::Account,
    machine::{BalanceSeen, MerchantState, PutBalance, Refusal, WindowId},
    shared::About,
    store::Position,
};

impl Registry {
    /// Runs `command`; where it finds no balance, once more after the ledger was asked for it.
    pub(super) async fn with_balance<T, F>(
        &self,
        merchant: &MerchantId,
        command: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        match command().await {
            Err(Error::Refused(Refusal::BalanceUnknown)) => {
                self.open_balance(merchant).await?;
                command().await
            }
            outcome => outcome,
        }
    }

    /// Sets a balance that is not known to what the ledger says. Several may do so at once: what they set is absolute, and refused
    /// where anything came between.
    pub(super) async fn open_balance(&self, merchant: &MerchantId) -> Result<(), Error> {
        for _ in 0..TRIES_MAX {
            let account = self.billing.account(merchant).await?;
            let position = self.caught_up(&account).await?;
            let seen = self.balance_seen(merchant).await?;
            let Some(seen) = seen.filter(|seen| seen.paid_nano.is_none()) else { return Ok(()) };
            let command = self.put_balance_of(merchant, account, position, seen).await?;
            if self.put_balance(merchant, command).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::StoreUnavailable("the balance changes faster than it can be read; try again"))
    }

    /// What is to be healed of a balance that is known; `None` where nothing is, or quota has not followed the ledger as far.
    pub(super) async fn balance_difference(
        &self,
        merchant: &MerchantId,
    ) -> Result<Option<(PutBalance, Account)>, Error> {
        let Some(seen) = self.balance_seen(merchant).await?.filter(|seen| seen.paid_nano.is_some()) else {
            return Ok(None);
        };
        let account = self.billing.account(merchant).await?;
        let position = self.following.position().filter(|at| at.transaction >= account.transaction);
        let Some(position) = position else { return Ok(None) };
        let agreed = PutBalance {
            paid_nano: account.paid_nano,
            charged_nano: account.charged_nano,
            unconfirmed_nano: 0,
            transaction: account.transaction,
            seen,
        };
        if agreed.agrees() {
            return Ok(None);
        }
        let command = self.put_balance_of(merchant, account, position, seen).await?;
        Ok(Some((command, account)).filter(|(command, _)| !command.agrees()))
    }

    /// Sets a balance, and says by how much that changed what is left; `None` where something came between.
    pub(super) async fn put_balance(
        &self,
        merchant: &MerchantId,
        command: PutBalance,
    ) -> Result<Option<i64>, Error> {
        let put =
            move |state: &mut MerchantState, now, changes: &mut _| state.put_balance(&command, now, changes);
        match self.run(merchant, &About::default(), put).await? {
            Lookup::Done(Ok(difference)) => Ok(Some(difference)),
            Lookup::Done(Err(Refusal::NotQuiet)) | Lookup::Missing => Ok(None),
            Lookup::Done(Err(refusal)) => Err(refusal.into()),
        }
    }

    /// Heals a balance that the round before saw differ by the same; `None` where there was nothing to heal or something came between.
    pub(super) async fn heal_balance(
        &self,
        merchant: &MerchantId,
        command: PutBalance,
        account: Account,
    ) -> Result<bool, Error> {
        let Some(difference) = self.put_balance(merchant, command).await? else { return Ok(false) };
        // Each call is rounded up here, and their sum in the ledger.
        if (0..=account.requests).contains(&difference) {
            tracing::debug!(%merchant, difference, "what rounding took of a balance is given back");
            return Ok(true);
        }
        metrics::counter!("kaleem_quota_reconcile_heals_total").increment(1);
        tracing::warn!(%merchant, cost_nano = difference, "a balance was set to what the ledger says");
        Ok(true)
    }

    async fn put_balance_of(
        &self,
        merchant: &MerchantId,
        account: Account,
        position: Position,
        seen: BalanceSeen,
    ) -> Result<PutBalance, Error> {
        self.keeper.flushed().await?;
        // Whatever settled before the ledger was followed is in its sums or never will be.
        let since = position.baseline_at;
        let unconfirmed = self.keeper.unconfirmed(&self.store, merchant, WindowId::EVER, since).await?;
        let Account { paid_nano, charged_nano, transaction, .. } = account;
        let unconfirmed_nano = unconfirmed.cost_nano;
        Ok(PutBalance { paid_nano, charged_nano, unconfirmed_nano, transaction, seen })
    }

    async fn balance_seen(&self, merchant: &MerchantId) -> Result<Option<BalanceSeen>, Error> {
        self.change(merchant, About::default(), MerchantState::balance_seen).await
    }

    /// Waits until all that the sums count was followed, so that it is known which settled calls they count.
    async fn caught_up(&self, account: &Account) -> Result<Position, Error> {
        let reached = self.following.reached(account.transaction);
        let reached = tokio::time::timeout(self.config.billing_timeout.get(), reached).await;
        let position = reached.ok().and_then(|()| self.following.position());
        position.ok_or(Error::StoreUnavailable("the ledger is not followed as far as the balance; try again"))
    }
}
