//! What a request knows while its texts are redacted one after the other: its policy, its placeholders, what is left so far.

use std::{fmt, sync::Arc};

use kaleem_pii::{Scratch, fold::Folded};
use kaleem_placeholder::{Issuer, IssuerKey, Kind, RestoreMap, Vault};

use crate::{names::Names, policy::Policy, redact::Redaction};

/// What may still be in a text after redaction, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Residual {
    /// Nothing was found.
    #[default]
    None,
    /// Everything that was found is redacted.
    Redacted,
    /// Something looks like personal data and was not certain enough to redact, or the policy leaves it in the text.
    Sensitive,
}

/// Number of redacted places per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([u32; Kind::ALL.len()]);

impl Counts {
    /// Places of one kind.
    pub fn get(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// Kinds that occur, with their number of places.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u32)> {
        Kind::ALL.iter().map(|kind| (*kind, self.get(*kind))).filter(|(_, count)| *count > 0)
    }

    /// Places of all kinds.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_add(1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self([0; Kind::ALL.len()])
    }
}

/// The state of one request: its policy, and the placeholders issued so far with their values, over all its texts.
pub struct Session {
    pub(crate) policy: Arc<Policy>,
    pub(crate) issuer: Issuer,
    pub(crate) vault: Vault,
    /// What a model took for names.
    pub(crate) names: Names,
    counts: Counts,
    residual: Residual,
    pub(crate) folded: Folded,
    pub(crate) scratch: Scratch,
}

impl Session {
    /// Starts a request of the conversation whose key is given.
    pub fn new(key: &IssuerKey) -> Self {
        Self::with_vault(key, Vault::new())
    }

    /// Starts a request with a vault of its own limit, or with values of earlier turns.
    pub fn with_vault(key: &IssuerKey, vault: Vault) -> Self {
        Self {
            policy: Arc::default(),
            names: Names::default(),
            issuer: Issuer::new(key),
            vault,
            counts: Counts::default(),
            residual: Residual::None,
            folded: Folded::default(),
            scratch: Scratch::default(),
        }
    }

    /// The same request under a merchant's policy, in place of the one that redacts everything.
    #[must_use]
    pub fn under(self, policy: Arc<Policy>) -> Self {
        Self { policy, ..self }
    }

    /// The same request with what a model takes for names in its texts.
    #[must_use]
    pub(crate) fn with_names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// The placeholders of the request with their values.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Ends the request and gives its values.
    pub fn into_vault(self) -> Vault {
        self.vault
    }

    /// The values of the request, ready to restore the answer.
    pub fn restore_map(&self) -> RestoreMap {
        RestoreMap::from(&self.vault)
    }

    /// What was replaced in all texts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The highest class of all texts.
    pub fn residual(&self) -> Residual {
        self.residual
    }

    /// Notes that a text of the request may hold at least so much.
    pub(crate) fn raise(&mut self, residual: Residual) {
        self.residual = self.residual.max(residual);
    }

    /// Notes one more place that is redacted.
    pub(crate) fn count(&mut self, kind: Kind) {
        self.counts.add(kind);
    }

    pub(crate) fn record(&mut self, redaction: &Redaction<'_>) {
        self.counts.merge(&redaction.counts);
        self.raise(redaction.residual);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {:?})", self.vault, self.residual)
    }
}
