//! Keeps the values behind the placeholders of one request.

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::Placeholder;

/// Values that a vault holds unless told otherwise: 10,000.
pub const DEFAULT_VAULT_LIMIT: usize = 10_000;

/// A value could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The vault is at its limit.
    #[error("the request holds more than {limit} pieces of personal data: split it")]
    Full {
        /// Most values that the vault holds.
        limit: usize,
    },
    /// Another value has this placeholder.
    #[error("the placeholder already stands for another value")]
    Collision,
}

/// What a vault knows about a placeholder that is about to be issued.
pub(crate) enum Slot {
    Vacant,
    Same,
    OtherSpelling,
    OtherValue,
}

struct Entry {
    placeholder: Placeholder,
    /// Keyed hash of the normal form; absent when the entry came from outside.
    digest: Option<[u8; 32]>,
    /// Absent when the value may never be restored: what is not kept cannot leak.
    value: Option<Zeroizing<String>>,
}

/// The values of one request by placeholder. Bounded, zeroised on drop, without `Display`.
pub struct Vault {
    entries: Vec<Entry>,
    positions: HashMap<Placeholder, usize>,
    limit: usize,
}

impl Vault {
    /// Makes an empty vault of [`DEFAULT_VAULT_LIMIT`] values.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_VAULT_LIMIT)
    }

    /// Makes an empty vault of at most `limit` values.
    pub fn with_limit(limit: usize) -> Self {
        Self { entries: Vec::new(), positions: HashMap::new(), limit }
    }

    /// Number of placeholders.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no placeholder.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this request issued the placeholder.
    pub fn contains(&self, placeholder: &Placeholder) -> bool {
        self.positions.contains_key(placeholder)
    }

    /// The spelling that the placeholder replaced; `None` when unknown or never to be restored.
    pub fn get(&self, placeholder: &Placeholder) -> Option<&str> {
        self.entries[*self.positions.get(placeholder)?].value.as_ref().map(|value| value.as_str())
    }

    /// Placeholders that may be restored, with their values, in the order of issue.
    pub fn restorable(&self) -> impl Iterator<Item = (Placeholder, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.placeholder, entry.value.as_ref().map(|value| value.as_str())?)))
    }

    /// Keeps a value whose placeholder was issued elsewhere.
    ///
    /// Errors: [`Error::Full`] at the limit, [`Error::Collision`] when the placeholder stands for another value.
    pub fn insert(&mut self, placeholder: Placeholder, original: &str) -> Result<(), Error> {
        match self.positions.get(&placeholder) {
            Some(position) if self.entries[*position].spelled(original) => Ok(()),
            Some(_) => Err(Error::Collision),
            None => self.push(placeholder, None, Some(original)),
        }
    }

    /// Drops the value of a placeholder, which then is never restored.
    pub(crate) fn forget(&mut self, placeholder: &Placeholder) {
        if let Some(position) = self.positions.get(placeholder) {
            self.entries[*position].value = None;
        }
    }

    pub(crate) fn slot(&self, placeholder: &Placeholder, digest: &[u8; 32], original: &str) -> Slot {
        let Some(position) = self.positions.get(placeholder) else { return Slot::Vacant };
        let entry = &self.entries[*position];
        match &entry.digest {
            Some(known) if known != digest => Slot::OtherValue,
            _ if entry.spelled(original) => Slot::Same,
            Some(_) => Slot::OtherSpelling,
            None => Slot::OtherValue,
        }
    }

    pub(crate) fn put(
        &mut self,
        placeholder: Placeholder,
        digest: [u8; 32],
        original: Option<&str>,
    ) -> Result<Placeholder, Error> {
        self.push(placeholder, Some(digest), original)?;
        Ok(placeholder)
    }

    fn push(
        &mut self,
        placeholder: Placeholder,
        digest: Option<[u8; 32]>,
        original: Option<&str>,
    ) -> Result<(), Error> {
        if self.entries.len() >= self.limit {
            return Err(Error::Full { limit: self.limit });
        }
        let value = original
            .filter(|_| placeholder.kind().restorable())
            .map(|original| Zeroizing::new(original.to_owned()));
        self.positions.insert(placeholder, self.entries.len());
        self.entries.push(Entry { placeholder, digest, value });
        Ok(())
    }
}

impl Entry {
    /// Whether restoring would give exactly this text; any spelling does when there is nothing to restore.
    fn spelled(&self, original: &str) -> bool {
        self.value.as_ref().is_none_or(|value| value.as_str() == original)
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} placeholders)", self.entries.len())
    }
}
