//! All models of all upstream projects, a bounded number.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kaleem_domain::Timestamp;

use super::{Ask, Grant, Limits, Load, Project, Refusal, Snapshot, UNLIMITED};

/// Limits by project and model, and bounds of what is remembered.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Limits of a quota domain and model; without a model, of each of its models on its own.
    pub rows: HashMap<(String, Option<String>), Limits>,
    /// Limits of each model of a domain that has no row; `None` is no limit.
    pub default: Option<Limits>,
    /// Domains with a spend cap, whose leases are of one call.
    pub capped: HashSet<String>,
    /// Life of a lease, in seconds.
    pub lease_seconds: i64,
    /// Models that are remembered at once.
    pub models_max: usize,
    /// Gateways of one model that are remembered at once.
    pub gateways_max: usize,
}

/// The models in use.
#[derive(Debug, Clone)]
pub struct Upstreams {
    settings: Arc<Settings>,
    models: HashMap<(String, String), Project>,
}

impl Upstreams {
    /// Nothing is granted yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), models: HashMap::new() }
    }

    /// A copy that knows one model alone.
    #[must_use]
    pub fn copy_of(&self, quota_domain: &str, model: &str) -> Self {
        let key = (quota_domain.to_owned(), model.to_owned());
        let known = self.models.get(&key).map(|project| (key, project.clone()));
        Self { settings: Arc::clone(&self.settings), models: known.into_iter().collect() }
    }

    /// Takes over what `copy` knows that is newer, as far as there is room: a shared store remembers the rest.
    pub fn take_over(&mut self, copy: Self, now: Timestamp) {
        for (key, project) in copy.models {
            let known = self.models.get(&key).map(Project::version);
            let has_room = known.is_some() || self.make_room(now).is_ok();
            if has_room && known.is_none_or(|known| known < project.version()) {
                self.models.insert(key, project);
            }
        }
    }

    /// Leases at least what is wanted, or nothing.
    pub fn acquire(&mut self, ask: &Ask<'_>, now: Timestamp) -> Result<Grant, Refusal> {
        let key = (ask.quota_domain.to_owned(), ask.model.to_owned());
        // A domain without limits is remembered only while it is throttled.
        if !self.models.contains_key(&key) && self.settings.limits(&key).is_none() {
            let granted = Load { requests: UNLIMITED, input_tokens: UNLIMITED };
            return Ok(Grant { granted, ttl_ms: self.settings.lease_seconds.saturating_mul(1_000) });
        }
        self.model(&key, now)?.acquire(ask.gateway_id, ask.wanted, now)
    }

    /// Learns from a 429 of an upstream.
    pub fn refused(
        &mut self,
        quota_domain: &str,
        model: &str,
        retry_after_ms: i64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = (quota_domain.to_owned(), model.to_owned());
        self.model(&key, now)?.refused(retry_after_ms, now)
    }

    /// What a store must keep of a model before its last grant is told to anybody.
    pub fn unwritten(&mut self, quota_domain: &str, model: &str) -> Option<Snapshot> {
        self.models.get_mut(&(quota_domain.to_owned(), model.to_owned()))?.unwritten()
    }

    /// Notes that the store keeps `snapshot` of a model.
    pub fn note_written(&mut self, quota_domain: &str, model: &str, snapshot: &Snapshot) {
        if let Some(project) = self.models.get_mut(&(quota_domain.to_owned(), model.to_owned())) {
            project.note_written(snapshot);
        }
    }

    /// Takes a model back that a store kept.
    pub fn restore(&mut self, quota_domain: &str, model: &str, snapshot: &Snapshot) -> Result<(), Refusal> {
        let key = (quota_domain.to_owned(), model.to_owned());
        let (lease_seconds, gateways_max) = (self.settings.lease_seconds, self.settings.gateways_max);
        let project = Project::restore(self.settings.effective(&key), lease_seconds, gateways_max, snapshot)?;
        self.models.insert(key, project);
        Ok(())
    }

    /// Goes on from what all processes granted of a model, see [`Project::adopt`].
    pub fn adopt(
        &mut self,
        quota_domain: &str,
        model: &str,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = (quota_domain.to_owned(), model.to_owned());
        self.model(&key, now)?.adopt(snapshot)
    }

    /// What was granted of a model as it is, see [`Project::exact`]; `None` where nothing is remembered of it.
    pub fn exact(&self, quota_domain: &str, model: &str) -> Option<Snapshot> {
        self.models.get(&(quota_domain.to_owned(), model.to_owned())).map(Project::exact)
    }

    /// Notes that the shared store keeps `snapshot` of a model.
    pub fn note_shared(&mut self, quota_domain: &str, model: &str, snapshot: &Snapshot) {
        if let Some(project) = self.models.get_mut(&(quota_domain.to_owned(), model.to_owned())) {
            project.note_shared(snapshot);
        }
    }

    /// Models that are remembered.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether no model is remembered.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    fn model(&mut self, key: &(String, String), now: Timestamp) -> Result<&mut Project, Refusal> {
        if !self.models.contains_key(key) {
            self.make_room(now)?;
            let limits = self.settings.effective(key);
            let (lease_seconds, gateways_max) = (self.settings.lease_seconds, self.settings.gateways_max);
            let project = Project::new(limits, lease_seconds, gateways_max, now)?;
            self.models.insert(key.clone(), project);
        }
        self.models.get_mut(key).ok_or(Refusal::Full)
    }

    /// Forgets models that nothing is remembered of, once there are as many as may be.
    fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.models.len() < self.settings.models_max {
            return Ok(());
        }
        self.models.retain(|_, project| !project.is_idle(now).unwrap_or(false));
        if self.models.len() < self.settings.models_max { Ok(()) } else { Err(Refusal::Full) }
    }
}

impl Settings {
    fn limits(&self, (domain, model): &(String, String)) -> Option<&Limits> {
        let of_model = self.rows.get(&(domain.clone(), Some(model.clone())));
        of_model.or_else(|| self.rows.get(&(domain.clone(), None))).or(self.default.as_ref())
    }

    /// The limits of a model, which may be none.
    fn effective(&self, key: &(String, String)) -> Limits {
        let unlimited = || Limits {
            minute_requests: None,
            minute_input_tokens: None,
            day_requests: None,
            day_zone: "UTC".to_owned(),
            exact: false,
        };
        let exact = self.capped.contains(&key.0);
        Limits { exact, ..self.limits(key).cloned().unwrap_or_else(unlimited) }
    }
}
