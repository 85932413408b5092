//! News about merchants: how quota knows that the policies it remembers still count.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use kaleem_domain::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    clients::{Accounts, News},
    registry::Registry,
};

/// A feed without a message for this long counts as lost; accounts sends one every second.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// First and longest wait before a lost feed is opened again.
const REOPEN_WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// Without a feed, a policy is asked for again after this long, in milliseconds.
pub(crate) const UNWATCHED_FRESH_MS: i64 = 2_000;

/// State of the feed.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// The feed counts as alive before this instant, in milliseconds.
    alive_until: AtomicI64,
    /// Which opening of the feed this is: a policy learned under an earlier one may have missed news in between.
    generation: AtomicU64,
}

impl Feed {
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        now.as_millis() < self.alive_until.load(Ordering::Acquire)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn opened(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn heard(&self, now: Timestamp) {
        self.alive_until.store(now.plus(SILENCE_MAX).as_millis(), Ordering::Release);
    }
}

/// How fresh a remembered policy is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Freshness {
    /// When accounts was asked last; `None` since the process started.
    pub(crate) checked_at: Option<Timestamp>,
    /// Opening of the feed under which it was asked.
    pub(crate) generation: u64,
    /// News came since.
    pub(crate) stale: bool,
}

impl Freshness {
    /// Whether the policy counts without asking accounts again: it is watched, or at most [`UNWATCHED_FRESH_MS`] old.
    pub(crate) fn is_fresh(&self, feed: &Feed, now: Timestamp) -> bool {
        let Some(checked_at) = self.checked_at.filter(|_| !self.stale) else { return false };
        let watched = feed.is_alive(now) && self.generation == feed.generation();
        watched || (0..UNWATCHED_FRESH_MS).contains(&now.millis_since(checked_at))
    }
}

/// Follows the feed until the process stops, and marks every merchant in the news.
pub(crate) async fn follow(
    accounts: Accounts,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut wait = REOPEN_WAIT.0;
    while !stopping.is_cancelled() {
        let followed = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            followed = follow_once(&accounts, &registry, clock.as_ref()) => followed,
        };
        match followed {
            Ok(()) => wait = REOPEN_WAIT.0,
            Err(error) => {
                tracing::debug!(%error, "the feed of accounts is lost; policies are asked for every 2 s meanwhile");
                wait = (wait * 2).min(REOPEN_WAIT.1);
            }
        }
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

/// Follows one opening of the feed; `Ok` once it had been alive.
async fn follow_once(accounts: &Accounts, registry: &Registry, clock: &dyn Clock) -> Result<(), Error> {
    let mut news = std::pin::pin!(accounts.watch().await?);
    let mut opened = false;
    loop {
        let message = match tokio::time::timeout(SILENCE_MAX, news.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(_)) | None) | Err(_) if opened => return Ok(()),
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) => return Err(Error::AccountsUnavailable("the feed ended".to_owned())),
            Err(_) => return Err(Error::AccountsUnavailable("the feed is silent".to_owned())),
        };
        // The first message proves that the subscription stands, so what is asked from now on misses nothing.
        if !std::mem::replace(&mut opened, true) {
            registry.feed().opened();
        }
        if let News::Changed(merchant) = message {
            registry.invalidate(&merchant)?;
        }
        registry.feed().heard(clock.now());
    }
}
