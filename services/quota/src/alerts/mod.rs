//! What is done with alerts once they are committed: watchers follow the outbox, webhooks are sent from it.

mod delivery;
mod watch;
mod webhook;

pub(crate) use delivery::Delivery;
pub(crate) use watch::Watchers;
pub(crate) use webhook::Webhook;
