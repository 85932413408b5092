//! Which policy is in force for a merchant: remembered, kept in step with the store, and strict where nobody knows.

mod follow;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use kaleem_domain::Clock;
use kaleem_runtime::{OnError, Supervisor};
use moka::future::Cache;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    Config, Error,
    policy::Policy,
    redact::Redactor,
    store::{self, Store, Written},
};

/// The merchant whose policy holds for all that have none.
const DEFAULT: &str = "";
/// Bytes that a remembered policy takes for each byte of its document, and those that it takes in any case.
const WEIGHT: (usize, usize) = (4, 2_048);

/// The policy of a request.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// The policy.
    pub(crate) policy: Arc<Policy>,
    /// Its version; 0 for the built-in one.
    pub(crate) version: i64,
    /// Whether it is known to be in force. If not, it is stricter than what was last known, and the text must stay with models
    /// that may see personal data.
    pub(crate) known: bool,
}

/// What is remembered of a merchant; the version is 0 if it has no policy of its own.
#[derive(Debug)]
struct Remembered {
    policy: Arc<Policy>,
    version: i64,
    bytes: usize,
}

/// The policies of all merchants; clones share one store and one memory.
#[derive(Clone)]
pub(crate) struct Policies {
    shared: Arc<Shared>,
    supervisor: Supervisor,
}

struct Shared {
    store: Arc<dyn Store>,
    redactor: Arc<Redactor>,
    remembered: Cache<Arc<str>, Arc<Remembered>>,
    /// What was read last, whether it is still in force or not; only for times when the store does not answer.
    last_read: Cache<Arc<str>, Arc<Remembered>>,
    /// Grows before anything is forgotten: what was read from the store under another mark may be old.
    mark: AtomicU64,
    /// All changes of other processes until then are heard; `None` where only this process writes.
    heard: Mutex<Option<Instant>>,
    clock: Arc<dyn Clock>,
    config: Config,
}

impl Policies {
    /// Follows what other processes write to a shared store.
    pub(crate) async fn open(
        config: Config,
        store: Arc<dyn Store>,
        redactor: Arc<Redactor>,
        clock: Arc<dyn Clock>,
        supervisor: Supervisor,
    ) -> Result<Self, Error> {
        let (asked, version) = (Instant::now(), store.newest().await?);
        // Mostly both hold the same.
        let [remembered, last_read] = [(); 2].map(|()| {
            Cache::builder()
                .max_capacity(config.policy_cache.get())
                .weigher(|_, known: &Arc<Remembered>| {
                    u32::try_from(known.bytes * WEIGHT.0 + WEIGHT.1).unwrap_or(u32::MAX)
                })
                .build()
        });
        let heard = Mutex::new(store.is_shared().then_some(asked));
        let mark = AtomicU64::new(0);
        let shared = Arc::new(Shared { store, redactor, remembered, last_read, mark, heard, clock, config });
        let policies = Self { shared, supervisor };
        if policies.shared.store.is_shared() {
            policies.follow(version);
        }
        Ok(policies)
    }

    fn follow(&self, version: i64) {
        let (shared, stopping) = (Arc::clone(&self.shared), self.supervisor.stopping());
        let following = async move {
            stopping.run_until_cancelled(follow::run(&shared, version)).await;
            Ok::<(), Infallible>(())
        };
        self.supervisor.spawn("redaction-follow", OnError::Shutdown, following);
    }

    /// The policy that a request of a merchant is redacted by: its own, else the default of all, else the built-in one.
    ///
    /// Never fails and waits at most `policy_timeout`: if the store does not answer, everything is redacted.
    pub(crate) async fn in_force(&self, merchant_id: &str) -> InForce {
        if !self.shared.is_current() {
            return self.shared.strict(merchant_id).await;
        }
        match timeout(self.shared.config.policy_timeout.get(), self.shared.policy(merchant_id)).await {
            Ok(Ok(known)) => {
                InForce { policy: Arc::clone(&known.policy), version: known.version, known: true }
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a privacy policy cannot be read; everything is redacted");
                self.shared.strict(merchant_id).await
            }
            Err(_) => {
                tracing::error!("a privacy policy was not read in time; everything is redacted");
                self.shared.strict(merchant_id).await
            }
        }
    }

    /// The document in force for a merchant, with its version and whose it is; `None` if only the built-in policy is.
    pub(crate) async fn document(&self, merchant_id: &str) -> Result<Option<(String, store::Stored)>, Error> {
        for owner in [merchant_id, DEFAULT] {
            let stored = self.shared.store.policy(owner.to_owned()).await?;
            if let Some(stored) = stored.filter(|stored| !stored.document.is_empty()) {
                return Ok(Some((owner.to_owned(), stored)));
            }
        }
        Ok(None)
    }

    /// Checks a document and puts it in force; an empty one takes the policy of the merchant away. Returns its version.
    ///
    /// Errors: [`Error::PolicyInvalid`], [`Error::PolicyChanged`], [`Error::Store`].
    pub(crate) async fn put(
        &self,
        merchant_id: String,
        document: String,
        expected: Option<i64>,
    ) -> Result<i64, Error> {
        let document = self.checked(document).await?;
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        // To its end even if the caller leaves: a write that is stored and not heard of would go on being missed.
        self.supervisor.spawn_detached("redaction-put", async move {
            let now = shared.clock.now();
            let written = shared.store.put(merchant_id.clone(), document, expected, now).await;
            shared.forget(&merchant_id).await;
            // The caller may have left; the write counts all the same.
            let _ = answer.send(written);
        });
        match answered.await.map_err(|_| Error::Stopped)?? {
            Written::InForce(version) => Ok(version),
            Written::Changed(current) => Err(Error::PolicyChanged { current }),
        }
    }

    /// Reads a document to its end on a thread that may take its time.
    async fn checked(&self, document: String) -> Result<String, Error> {
        if document.is_empty() {
            return Ok(document);
        }
        let redactor = Arc::clone(&self.shared.redactor);
        let parse = move || redactor.policy(&document).map(|_| document);
        tokio::task::spawn_blocking(parse).await.map_err(|_| Error::Stopped)?
    }
}

impl Shared {
    /// Whether changes of other processes are heard in time.
    fn is_current(&self) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_none_or(|heard| heard.elapsed() <= self.config.staleness_max.get())
    }

    /// Notes that every change until `until` was taken up.
    fn heard(&self, until: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// The policy of a merchant, else that of all.
    async fn policy(&self, merchant_id: &str) -> Result<Arc<Remembered>, Arc<Error>> {
        let own = self.own(merchant_id).await?;
        if own.version > 0 || merchant_id == DEFAULT { Ok(own) } else { self.own(DEFAULT).await }
    }

    /// What a merchant itself has, remembered or read once for all that ask at the same time.
    async fn own(&self, merchant_id: &str) -> Result<Arc<Remembered>, Arc<Error>> {
        if let Some(known) = self.remembered.get(merchant_id).await {
            return Ok(known);
        }
        let mark = self.mark.load(Ordering::Acquire);
        let known = self.remembered.try_get_with(merchant_id.into(), self.read(merchant_id)).await?;
        self.last_read.insert(merchant_id.into(), Arc::clone(&known)).await;
        // Changed while it was read: this request has what was in force when it came, later ones read again.
        if self.mark.load(Ordering::Acquire) != mark {
            self.remembered.invalidate(merchant_id).await;
        }
        Ok(known)
    }

    async fn read(&self, merchant_id: &str) -> Result<Arc<Remembered>, Error> {
        let stored = self.store.policy(merchant_id.to_owned()).await?;
        let Some(stored) = stored.filter(|stored| !stored.document.is_empty()) else {
            return Ok(Arc::new(Remembered { policy: Arc::default(), version: 0, bytes: 0 }));
        };
        let (redactor, bytes) = (Arc::clone(&self.redactor), stored.document.len());
        let parse = move || redactor.policy(&stored.document);
        let policy = tokio::task::spawn_blocking(parse).await.map_err(|_| Error::Stopped)??;
        Ok(Arc::new(Remembered { policy: Arc::new(policy), version: stored.version, bytes }))
    }

    /// The last that was read of a merchant's policy, without anything that it leaves in a text.
    async fn strict(&self, merchant_id: &str) -> InForce {
        metrics::counter!("kaleem_redaction_strict_requests_total").increment(1);
        let own = self.last_read.get(merchant_id).await.filter(|known| known.version > 0);
        let last = match own {
            Some(own) => Some(own),
            None => self.last_read.get(DEFAULT).await,
        };
        let (policy, version) =
            last.map_or_else(|| (Policy::default(), 0), |last| (last.policy.tightened(), last.version));
        InForce { policy: Arc::new(policy), version, known: false }
    }

    /// Leaves a merchant to the store.
    async fn forget(&self, merchant_id: &str) {
        self.mark.fetch_add(1, Ordering::AcqRel);
        self.remembered.invalidate(merchant_id).await;
    }

    /// Leaves everything to the store, when changes may have been missed.
    fn forget_all(&self) {
        self.mark.fetch_add(1, Ordering::AcqRel);
        self.remembered.invalidate_all();
    }
}
