//! Configuration of the router.

use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::Policy;

/// Configuration of the router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often models and prices are read from their services.
    pub refresh_interval: Span,
    /// A target that has not answered for this long counts as down.
    pub stale_after: Span,
    /// The routing policy.
    pub policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self { refresh_interval: Span::seconds(1), stale_after: Span::seconds(10), policy: Policy::default() }
    }
}
