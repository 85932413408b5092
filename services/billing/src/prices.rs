//! The price book: versions that never change, read once and kept.

pub(crate) mod rates;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use kaleem_domain::{
    Timestamp,
    price::{PriceVersion, in_force},
};

use crate::{
    Error, Violation,
    store::{Added, Store},
};

const TEXT_BYTES_MAX: usize = 128;
const SOURCE_BYTES_MAX: usize = 1_024;

/// The price book over its store.
pub struct Prices {
    store: Arc<dyn Store>,
    /// Versions never change, so what was read once stays right.
    known: RwLock<HashMap<String, Arc<PriceVersion>>>,
    versions_max: usize,
}

impl Prices {
    /// Reads the book.
    pub async fn open(store: Arc<dyn Store>, versions_max: usize) -> Result<Self, Error> {
        let versions = store.prices().await?;
        let known =
            versions.into_iter().map(|version| (version.price_version.clone(), Arc::new(version))).collect();
        Ok(Self { store, known: RwLock::new(known), versions_max })
    }

    /// Finds a version; asks the store for one that another process may have added.
    pub async fn get(&self, id: &str) -> Result<Option<Arc<PriceVersion>>, Error> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(found) = self.store.price(id.to_owned()).await? else { return Ok(None) };
        let found = Arc::new(found);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // The store bounds how many there are.
        known.insert(id.to_owned(), Arc::clone(&found));
        Ok(Some(found))
    }

    /// Adds a version, with the rates that it leaves out; the same again changes nothing.
    pub async fn put(&self, mut version: PriceVersion, now: Timestamp) -> Result<(), Error> {
        check(&version)?;
        rates::complete(&mut version.rates);
        let id = version.price_version.clone();
        match self.store.add_price(version, now, self.versions_max).await? {
            Added::New | Added::Same => Ok(()),
            Added::Different => Err(Error::PriceVersionExists(id)),
            Added::TimeTaken(other) => {
                let rule = format!("another instant: {other} begins then for this target and model");
                Err(Error::RequestInvalid(vec![Violation::new("version.effective_time", rule)]))
            }
            Added::Full => {
                let rule = format!("one that exists: the book holds {}, the most allowed", self.versions_max);
                Err(Error::RequestInvalid(vec![Violation::new("version.price_version", rule)]))
            }
        }
    }

    /// Lists versions in order of target, model and time; without `superseded` only those in force now or later.
    pub async fn list(&self, superseded: bool, now: Timestamp) -> Result<Vec<PriceVersion>, Error> {
        let mut versions = self.store.prices().await?;
        if !superseded {
            let current: Vec<_> =
                versions.iter().map(|version| is_current(&versions, version, now)).collect();
            let mut current = current.into_iter();
            versions.retain(|_| current.next().unwrap_or(false));
        }
        versions.sort_by(|a, b| {
            (&a.target, &a.model, a.effective_time).cmp(&(&b.target, &b.model, b.effective_time))
        });
        Ok(versions)
    }
}

/// Whether two versions say the same; the order of rates says nothing.
pub fn same(stored: &PriceVersion, asked: &PriceVersion) -> bool {
    let sorted = |version: &PriceVersion| {
        let mut version = version.clone();
        version.rates.sort_by_key(rates::place);
        version
    };
    sorted(stored) == sorted(asked)
}

/// Whether `version` is in force now or will be.
fn is_current(versions: &[PriceVersion], version: &PriceVersion, now: Timestamp) -> bool {
    if version.effective_time > now {
        return true;
    }
    let same: Vec<_> = versions
        .iter()
        .filter(|other| other.target == version.target && other.model == version.model)
        .cloned()
        .collect();
    in_force(&same, &version.target, &version.model, now)
        .is_some_and(|newest| newest.price_version == version.price_version)
}

/// Checks every rule and names each field that breaks one.
fn check(version: &PriceVersion) -> Result<(), Error> {
    let mut violations = Vec::new();
    let is_word =
        |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let words = [
        ("version.price_version", is_word(&version.price_version)),
        ("version.target", is_word(&version.target)),
    ];
    for (field, _) in words.into_iter().filter(|(_, valid)| !valid) {
        violations.push(Violation::new(field, "1 to 128 visible ASCII characters"));
    }
    let model = version.model.strip_suffix('*').unwrap_or(&version.model);
    if !is_word(&version.model) || model.contains('*') {
        let rule = "1 to 128 visible ASCII characters, with * only at the end";
        violations.push(Violation::new("version.model", rule));
    }
    if version.source.len() > SOURCE_BYTES_MAX || version.source.chars().any(char::is_control) {
        violations.push(Violation::new("version.source", "at most 1024 bytes without control characters"));
    }
    violations.extend(rates::check(&version.rates));
    if violations.is_empty() { Ok(()) } else { Err(Error::RequestInvalid(violations)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating::tests::version;

    fn fields(version: &PriceVersion) -> Vec<String> {
        match check(version) {
            Err(Error::RequestInvalid(violations)) => violations.into_iter().map(|v| v.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_version_passes() {
        check(&version(1, 2)).unwrap();
        check(&PriceVersion { model: "gemini-*".into(), ..version(1, 2) }).unwrap();
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut wrong = version(-1, 2);
        wrong.price_version.clear();
        wrong.target = "two words".into();
        wrong.model = "a*b".into();
        wrong.rates[1].min_input_token_count = -1;
        wrong.rates[3] = wrong.rates[2].clone();
        let expected = [
            "version.price_version",
            "version.target",
            "version.model",
            "version.rates[0].pico_usd_per_unit",
            "version.rates[1].min_input_token_count",
            "version.rates[2].pico_usd_per_unit",
            "version.rates[3].pico_usd_per_unit",
            "version.rates[3].component",
        ];
        assert_eq!(fields(&wrong), expected);
        assert_eq!(fields(&PriceVersion { rates: Vec::new(), ..version(1, 2) }), ["version.rates"]);
    }

    #[test]
    fn superseded_is_what_a_later_version_replaced() {
        let at = |id: &str, millis| PriceVersion {
            price_version: id.into(),
            effective_time: Timestamp::from_millis(millis),
            ..version(1, 2)
        };
        let versions = [at("old", 1), at("now", 5), at("next", 20)];
        let current: Vec<_> = versions
            .iter()
            .map(|version| is_current(&versions, version, Timestamp::from_millis(10)))
            .collect();
        assert_eq!(current, [false, true, true]);
    }
}
