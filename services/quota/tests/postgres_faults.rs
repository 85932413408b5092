//! Postgres is killed under load and comes back: no cap is passed, nothing that was answered is lost, and calls are refused meanwhile.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops on what it did not expect"
)]

mod support;

use std::{sync::Arc, time::Duration};

use kaleem_domain::MerchantId;
use kaleem_quota::{
    Error, Registry,
    machine::{Fingerprint, Key, MerchantState, Refusal, Settle, Usage},
};
use support::{
    CALL, call, merchant, plan,
    stores::{Backend, Stores},
};
use tokio::task::JoinSet;

const CAP: i64 = 300;
const PLENTY: i64 = 1_000_000_000;
/// How long an outage may last, start of the server included.
const OUTAGE_MAX: Duration = Duration::from_secs(30);

/// Whether the answer says that the store is away, which callers may try again.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::StoreUnavailable(_) | Error::Store(_))
}

/// Asks until the store is there.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let answered = async {
        loop {
            match ask().await {
                Err(error) if is_away(&error) => tokio::time::sleep(Duration::from_millis(10)).await,
                answer => return answer,
            }
        }
    };
    tokio::time::timeout(OUTAGE_MAX, answered).await.expect("the store comes back")
}

/// Reserves and settles under one id each until the cap is reached; returns the calls that were admitted.
async fn calls_until_the_cap(
    registry: Arc<Registry>,
    merchant: MerchantId,
    now: kaleem_domain::Timestamp,
) -> Vec<Key> {
    let mut admitted = Vec::new();
    loop {
        let command = call(now);
        match patiently(|| registry.reserve(&merchant, &command)).await {
            Ok(_) => admitted.push(command.key),
            Err(Error::Refused(Refusal::OverCap(_))) => return admitted,
            Err(error) => panic!("{error}"),
        }
        let settle = Settle { key: command.key, actual: CALL, fingerprint: Fingerprint(2, 2), lost: None };
        patiently(|| registry.settle(&merchant, &settle, Vec::new())).await.unwrap();
    }
}

async fn usage(registry: &Registry, merchant: &MerchantId) -> Usage {
    patiently(|| registry.usage(merchant)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cap_is_passed_and_nothing_lost_while_postgres_is_killed_and_comes_back() {
    let mut stores = Stores::start(Backend::Postgres);
    stores.accounts.put("dukkan", plan(CAP, PLENTY, PLENTY, PLENTY));
    let (quotas, merchant) = ([stores.open().await, stores.open().await], merchant("dukkan"));
    let mut callers = JoinSet::new();
    for quota in quotas.iter().cycle().take(8) {
        callers.spawn(calls_until_the_cap(Arc::clone(&quota.registry), merchant.clone(), quota.now()));
    }
    for enough in [CAP / 4, CAP / 2] {
        // Between any two kills the callers get somewhere.
        while usage(&quotas[0].registry, &merchant).await.dimensions[0].posted < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stores.postgres().restart();
    }
    let admitted = callers.join_all().await.concat();
    assert_eq!(
        admitted.len(),
        usize::try_from(CAP).unwrap(),
        "each call was admitted or refused, and knows which"
    );
    for quota in &quotas {
        let usage = usage(&quota.registry, &merchant).await;
        assert_eq!(
            usage.dimensions.map(|of| (of.posted, of.held)),
            [(CAP, 0), (CAP * 3, 0), (CAP * 7, 0), (0, 0)]
        );
        quota.registry.inspect(&merchant, MerchantState::audit).unwrap().unwrap().unwrap();
        assert!(quota.readiness.is_ready());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_does_not_start_without_its_postgres_and_says_which_setting_names_it() {
    let mut stores = Stores::start(Backend::Postgres);
    stores.postgres().kill_hard();
    let refused = support::Quota::try_open(stores.config(), &stores.accounts).await;
    let why = refused.err().expect("nothing is there").to_string();
    assert!(why.starts_with("quota.postgres_url cannot be used"), "{why}");
}
