//! The audit of the chains: every link is made again.

use std::collections::BTreeMap;

use super::Verdict;
use crate::{
    chain::{self, Link, START},
    ledger::Entry,
    store::{BookedTransaction, ChainHead},
};

/// Where each chain stands: its newest transaction and link.
pub type Chains = BTreeMap<String, (i64, Vec<u8>)>;

/// Checks the link of a transaction against its row and the link before it, and moves its chain on.
pub fn fault(booked: &BookedTransaction, chains: &mut Chains) -> Option<String> {
    let BookedTransaction { transaction, merchant, chain_sha256, .. } = booked;
    let before = chains.get(merchant).map_or(START.as_slice(), |(_, link)| link);
    let entries: Vec<Entry> = booked.entries.iter().map(|booked| booked.entry.clone()).collect();
    let made = Link::try_from(before).map(|before| chain::link(&before, &booked.content(&entries)));
    let fits = made.is_ok_and(|made| made.as_slice() == chain_sha256.as_slice());
    // Going on from the stored link shows each break once and not everything after it.
    chains.insert(merchant.clone(), (*transaction, chain_sha256.clone()));
    (!fits).then(|| format!("it does not follow from the transaction of {merchant} before it"))
}

/// Checks that each chain ends where its head says.
pub fn audit_heads(heads: Vec<ChainHead>, mut chains: Chains, verdict: &mut Verdict) {
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
