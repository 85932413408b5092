//! The audit of the chains: every link is made again.

use std::collections::BTreeMap;

use super::{PAGE, Verdict};
use crate::{
    Error,
    chain::{self, Link, START},
    store::{BookedTransaction, Books, ChainHead},
};

/// Checks every link against the row and the link before it, and that each chain ends where its head says.
pub async fn audit(books: &mut dyn Books, verdict: &mut Verdict) -> Result<(), Error> {
    let start = books.chain_start().await?;
    let mut chains = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = books.transactions(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.transaction;
        for booked in &page {
            if let Some(fault) = fault(booked, start, &mut chains) {
                verdict.fault(format!("transaction {}: {fault}", booked.transaction));
            }
        }
    }
    audit_heads(books.chain_heads().await?, chains, verdict);
    Ok(())
}

/// Where a chain stands: its newest transaction and link.
type Chains = BTreeMap<String, (i64, Vec<u8>)>;

fn fault(booked: &BookedTransaction, start: i64, chains: &mut Chains) -> Option<String> {
    let (Some(merchant), Some(stored)) = (&booked.merchant, &booked.chain_sha256) else {
        let is_older =
            booked.transaction <= start && booked.merchant.is_none() && booked.chain_sha256.is_none();
        return (!is_older).then(|| "it is in no chain".to_owned());
    };
    let before = chains.get(merchant).map_or(START.as_slice(), |(_, link)| link);
    let before = Link::try_from(before).ok();
    let entries = booked.entries.iter().map(|(sequence, entry)| (*sequence, entry));
    let made = before.map(|before| chain::link(&before, &booked.content(merchant), entries));
    let fits = made.is_some_and(|made| made.as_slice() == stored.as_slice()) && booked.transaction > start;
    // Going on from the stored link shows each break once and not everything after it.
    chains.insert(merchant.clone(), (booked.transaction, stored.clone()));
    (!fits).then(|| format!("it does not follow from the transaction of {merchant} before it"))
}

fn audit_heads(heads: Vec<ChainHead>, mut chains: Chains, verdict: &mut Verdict) {
    for ChainHead { merchant, transaction, chain_sha256 } in heads {
        let newest = chains.remove(&merchant);
        if newest.as_ref().is_none_or(|newest| *newest != (transaction, chain_sha256)) {
            let found =
                newest.map_or_else(|| "nothing".to_owned(), |(newest, _)| format!("transaction {newest}"));
            verdict.fault(format!(
                "chain of {merchant}: it should end with transaction {transaction}, not {found}"
            ));
        }
    }
    for merchant in chains.into_keys() {
        verdict.fault(format!("chain of {merchant}: its end is missing"));
    }
}
