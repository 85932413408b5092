//! Readiness: which components of the process can serve, and why not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tokio::sync::watch;

/// Name under which a drain reports itself.
const DRAIN: &str = "drain";

/// Whether the process can serve; clones share the same state.
///
/// Ready means that at least one component has reported and none is failing, so a process that has not started its
/// targets yet is not ready.
#[derive(Debug, Clone)]
pub struct Readiness {
    components: watch::Sender<Components>,
}

/// The last report of every component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Components(BTreeMap<Cow<'static, str>, Option<String>>);

impl Components {
    /// Whether a component has reported and none is failing.
    pub fn is_ready(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(Option::is_none)
    }

    /// Whether this component reported that it can serve; unknown components cannot.
    pub fn is_component_ready(&self, component: &str) -> bool {
        matches!(self.0.get(component), Some(None))
    }

    /// The components that cannot serve, with the reason, by name.
    pub fn failing(&self) -> Vec<(String, String)> {
        let failing = self.0.iter().filter_map(|(name, why)| Some((name, why.as_ref()?)));
        failing.map(|(name, why)| (name.clone().into_owned(), why.clone())).collect()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// A state in which no component has reported.
    pub fn new() -> Self {
        Self { components: watch::Sender::new(Components::default()) }
    }

    /// Records that `component` can serve, or why it cannot. The reason is shown to operators: no secrets in it.
    pub fn set(&self, component: impl Into<Cow<'static, str>>, state: Result<(), String>) {
        let (name, why) = (component.into(), state.err());
        self.components.send_if_modified(|components| {
            let known = components.0.get(&name);
            let changed = known != Some(&why);
            if changed {
                // Only a loss needs somebody's eye: every start begins with what is not ready yet, every stop ends with it.
                let lost = name != DRAIN && known == Some(&None);
                match &why {
                    None => tracing::info!(component = %name, "component is ready"),
                    Some(reason) if lost => {
                        tracing::warn!(component = %name, reason, "component is not ready");
                    }
                    Some(reason) => tracing::info!(component = %name, reason, "component is not ready"),
                }
                let ready = i32::from(why.is_none());
                metrics::gauge!("kaleem_runtime_component_ready", "component" => name.clone()).set(ready);
                components.0.insert(name, why);
            }
            changed
        });
    }

    /// Makes the process not ready for good, as the first step of a drain.
    pub fn begin_drain(&self) {
        self.set(DRAIN, Err("the process is stopping".to_owned()));
    }

    /// Whether the process can serve.
    pub fn is_ready(&self) -> bool {
        self.components.borrow().is_ready()
    }

    /// The components that cannot serve, with the reason, by name.
    pub fn failing(&self) -> Vec<(String, String)> {
        self.components.borrow().failing()
    }

    /// A receiver that sees every change, for instance to feed gRPC health.
    pub fn subscribe(&self) -> watch::Receiver<Components> {
        self.components.subscribe()
    }

    /// Waits until the process can serve.
    pub async fn ready(&self) {
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = self.subscribe().wait_for(Components::is_ready).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reported_is_not_ready() {
        let readiness = Readiness::new();
        assert!(!readiness.is_ready());
        assert!(readiness.failing().is_empty());
    }

    #[test]
    fn one_failing_component_is_enough_and_is_named() {
        let readiness = Readiness::new();
        readiness.set("quota", Ok(()));
        readiness.set("billing", Err("store is locked".to_owned()));
        assert!(!readiness.is_ready());
        assert_eq!(readiness.failing(), [("billing".to_owned(), "store is locked".to_owned())]);

        readiness.set("billing", Ok(()));
        assert!(readiness.is_ready());
        assert!(readiness.subscribe().borrow().is_component_ready("quota"));
        assert!(!readiness.subscribe().borrow().is_component_ready("router"));
    }

    #[test]
    fn a_drain_cannot_be_undone_by_a_component() {
        let readiness = Readiness::new();
        readiness.set("quota", Ok(()));
        readiness.begin_drain();
        readiness.set("quota", Ok(()));
        assert!(!readiness.is_ready());
    }

    #[tokio::test]
    async fn only_changes_wake_subscribers() {
        let readiness = Readiness::new();
        let mut changes = readiness.subscribe();
        readiness.set("quota", Ok(()));
        changes.changed().await.unwrap();
        readiness.set("quota", Ok(()));
        assert!(!changes.has_changed().unwrap());
        readiness.ready().await;
    }
}
