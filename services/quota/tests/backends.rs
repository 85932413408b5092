//! One tape of random commands on the pure state machine and on every back end: the same replies, the same state.
//!
//! A few tapes run with the other tests. `KALEEM_TAPES=100000 cargo nextest run -p kaleem-quota --test backends --release` runs as many as
//! it says on each back end, and says every thousand how far it is.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops on what it did not expect, and says how much it did"
)]

#[path = "support/steps.rs"]
mod steps;
mod support;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

use kaleem_domain::{Clock as _, MerchantId, Timestamp};
use kaleem_proto::billing::v1::GetBalanceResponse;
use kaleem_quota::{
    Error, Registry,
    machine::{
        Beat, BillingMode, Candidate, CapAction, Caps, Change, Command, Counter, Credit, Fingerprint, Limits,
        MerchantState, Mode, Origin, Policy, Profile, PutBalance, PutPolicy, Refusal, Reply, Reserve,
        Snapshot, TOMBSTONE_LIFE_MS, WindowId, apply,
    },
};
use kaleem_runtime::config::Span;
use proptest::{prelude::*, test_runner::TestRunner};
use steps::{START_MS, Step, key, profiles, steps};
use support::{
    Quota, merchant,
    stores::{Backend, Stores},
};
use tokio::runtime::Runtime;

/// Tapes on each back end unless `KALEEM_TAPES` says otherwise.
const TAPES: u32 = 24;
const STEPS_MAX: usize = 80;
/// How far back a tape may set the clock.
const FIRST_MS: i64 = START_MS - TOMBSTONE_LIFE_MS / 4;

/// The state machine, with the counters as a store has them: memory also keeps windows that nothing was posted to.
struct Model {
    state: MerchantState,
    counters: BTreeMap<WindowId, Counter>,
}

impl Model {
    fn new(profile: Profile, now: Timestamp) -> Self {
        let state = MerchantState::new(profile, 1, Limits::default(), now).unwrap();
        Self { state, counters: BTreeMap::new() }
    }

    /// Sets the balance to what the ledger says, as a process does that finds it unknown. The tapes' ledger records no call.
    fn open_balance(&mut self, account: &GetBalanceResponse, now: Timestamp) {
        let unrecorded = self.state.snapshot().tombstones;
        let unrecorded = unrecorded.iter().filter(|ended| ended.awaits_ledger());
        let unconfirmed_nano = unrecorded.map(|ended| ended.posted.cost_nano).sum();
        let paid_nano = account.paid_pico_usd / 1_000;
        let transaction = account.transaction;
        self.change(|state, changes| {
            let seen = state.balance_seen(now, changes).unwrap().unwrap();
            let put = PutBalance { paid_nano, charged_nano: 0, unconfirmed_nano, transaction, seen };
            state.put_balance(&put, now, changes).unwrap();
        });
    }

    fn change<T>(&mut self, command: impl FnOnce(&mut MerchantState, &mut Vec<Change>) -> T) -> T {
        let mut changes = Vec::new();
        let outcome = command(&mut self.state, &mut changes);
        for change in changes {
            match change {
                Change::Counter(counter) => {
                    self.counters.insert(counter.id, counter);
                }
                Change::CounterDropped(id) => {
                    self.counters.remove(&id);
                }
                _ => {}
            }
        }
        outcome
    }

    /// As a process that starts at `now` reads it back.
    fn read_back(&mut self, now: Timestamp) {
        let snapshot =
            Snapshot { counters: self.counters.values().copied().collect(), ..self.state.snapshot() };
        self.state = MerchantState::restore(snapshot, 1, Limits::default(), now).unwrap();
    }
}

/// The processes under test, and the merchant on a tape of theirs.
struct Bench {
    stores: Stores,
    quotas: Vec<Quota>,
    merchant: MerchantId,
}

impl Bench {
    /// Starts a tape: a merchant of its own on the model and on the back end.
    async fn begin(&mut self, number: u32, profile: &Profile) -> Model {
        self.merchant = merchant(&format!("shop-{number}"));
        let now = Timestamp::from_millis(START_MS);
        self.stores.set_clock(now);
        let mut model = Model::new(profile.clone(), now);
        let put = PutPolicy { profile: profile.clone(), origin: Origin::Accounts };
        self.both(&mut model, 0, &Command::PutPolicy(put)).await;
        model
    }

    /// Runs due holds out, then `command`, on model and back end, and compares what they reply.
    async fn both(&mut self, model: &mut Model, process: usize, command: &Command) {
        self.expire(model).await;
        let now = self.stores.clock.now();
        let registry = &self.quotas[process].registry;
        if let Command::PutPolicy(PutPolicy { profile, origin: Origin::Accounts }) = command {
            self.stores.accounts.put_profile(self.merchant.as_str(), profile);
        }
        // Expiry has no verb of its own; the sweep is one.
        if matches!(command, Command::Expire(_)) {
            return;
        }
        let mut expected = model.change(|state, changes| apply(state, command, now, changes));
        if expected == Err(Refusal::BalanceUnknown) {
            model.open_balance(&self.stores.billing.account(self.merchant.as_str()), now);
            expected = model.change(|state, changes| apply(state, command, now, changes));
        }
        let reply = run(registry, &self.merchant, command).await;
        assert_eq!(reply, expected, "{command:?}");
    }

    /// Runs due holds out.
    async fn expire(&self, model: &mut Model) {
        let now = self.stores.clock.now();
        if model.state.next_expiry().is_some_and(|at| at <= now) {
            model.change(|state, changes| state.expire(usize::MAX, now, changes)).unwrap();
        }
        for quota in &self.quotas {
            while quota.registry.sweep().await.unwrap() > 0 {}
        }
    }

    /// Money is paid or goes back, never more than was paid; every process has heard of it when this returns.
    async fn pay(&mut self, model: &mut Model, process: usize, nano: i64) {
        self.expire(model).await;
        let shop = self.merchant.as_str();
        let before = self.stores.billing.account(shop).paid_pico_usd / 1_000;
        let payment_id = format!("{shop}/{}", self.stores.billing.end());
        let amount = nano.max(-before) * 1_000;
        let transaction = self.stores.billing.pay_ahead(shop, &payment_id, amount);
        let heard = async {
            let mut has_run = false;
            loop {
                // Of several processes one follows, and the others see what it committed with their next command. That one shows what is
                // not committed yet too, but answers a command only after what ran before it is.
                let beat = Beat { key: key(u64::MAX >> 16), observed_output: 0 };
                self.quotas[process].registry.beat(&self.merchant, &beat).await.unwrap();
                let followed = self.quotas[process].registry.inspect(&self.merchant, MerchantState::followed);
                let is_there = followed.unwrap() == Some(transaction);
                if is_there && has_run {
                    return;
                }
                has_run = is_there;
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), heard)
            .await
            .expect("a payment is heard of within 2 min");
        let credit = Credit { paid_nano: before + amount / 1_000, transaction };
        let now = self.stores.clock.now();
        model.change(|state, changes| state.credit(&credit, now, changes)).unwrap();
    }

    async fn restart(&mut self, model: &mut Model, process: usize) {
        let now = self.stores.clock.now();
        if self.quotas.len() == 1 {
            model.read_back(now);
        }
        let old = self.quotas.remove(process);
        assert!(old.supervisor.drain(Duration::from_mins(2)).await.is_clean());
        self.quotas.insert(process, open(&self.stores).await);
        // What a process reads later, it reads at a later time.
        self.look(model, process).await;
    }

    /// A sign of life of a call that nobody knows changes nothing and sees what is stored.
    async fn look(&mut self, model: &mut Model, process: usize) {
        let beat = Beat { key: key(u64::MAX >> 16), observed_output: 0 };
        self.both(model, process, &Command::Beat(beat)).await;
    }

    /// Compares all that is kept; the process has just run a command, so its copy is as of the last commit.
    fn assert_same(&self, model: &Model, process: usize) {
        let registry = &self.quotas[process].registry;
        let mut is = registry.inspect(&self.merchant, MerchantState::snapshot).unwrap().unwrap();
        let expected = model.state.snapshot();
        if self.stores.backend.is_shared() {
            // A copy has those that were asked for; each of them is what the model has.
            assert!(
                is.tombstones.iter().all(|row| expected.tombstones.contains(row)),
                "{is:?}\n{expected:?}"
            );
            is.tombstones.clone_from(&expected.tombstones);
        }
        assert_eq!(is, expected);
    }
}

/// A process that waits long: on a busy machine a store is slow, which is no difference.
async fn open(stores: &Stores) -> Quota {
    let patience = Span::seconds(60);
    stores
        .open_as(|config| {
            (config.journal_wait, config.accounts_timeout, config.billing_timeout) =
                (patience, patience, patience);
            let shared = &mut config.shared;
            (shared.wait, shared.connect_timeout, shared.response_timeout) = (patience, patience, patience);
        })
        .await
}

/// Runs a command by its verb.
async fn run(registry: &Registry, merchant: &MerchantId, command: &Command) -> Result<Reply, Refusal> {
    let reply = match command {
        Command::Reserve(command) => registry.reserve(merchant, command).await.map(Reply::Reserved),
        Command::Settle(command) => registry.settle(merchant, command, Vec::new()).await.map(Reply::Settled),
        Command::Release(command) => registry.release(merchant, command).await.map(|()| Reply::Released),
        Command::Beat(command) => registry.beat(merchant, command).await.map(Reply::Beaten),
        Command::Adjust(command) => registry.adjust(merchant, command).await.map(Reply::Reserved),
        Command::PutPolicy(command) => registry.put_policy(merchant, command).await.map(Reply::PolicyVersion),
        Command::TopUp(command) => registry.top_up(merchant, command).await.map(Reply::PolicyVersion),
        Command::Expire(_)
        | Command::Reconcile(_)
        | Command::Confirm(_)
        | Command::Acknowledge(_)
        | Command::Credit(_)
        | Command::PutBalance(_) => panic!("these are the bench's own"),
    };
    reply.map_err(|error| match error {
        Error::Refused(refusal) => refusal,
        error => panic!("{error}"),
    })
}

/// Plays one tape; with several processes each step goes to the one that it names.
async fn play(bench: &mut Bench, number: u32, profile: &Profile, tape: &[(Step, usize)]) {
    let alone = bench.quotas.len() == 1;
    let mut model = bench.begin(number, profile).await;
    let mut last = None;
    for (step, process) in tape {
        let process = process % bench.quotas.len();
        match step {
            // How late it is a process knows by itself, so that others know nothing of a step back.
            Step::Clock(millis) if alone || *millis > 0 => {
                let moved = bench.stores.clock.now().plus_millis(*millis);
                let span = FIRST_MS..START_MS + TOMBSTONE_LIFE_MS / 2;
                if span.contains(&moved.as_millis()) {
                    bench.stores.set_clock(moved);
                }
            }
            Step::Restart => bench.restart(&mut model, process).await,
            Step::Pay(nano, _) => bench.pay(&mut model, process, *nano).await,
            // What the ledger says of calls comes from billing and not by a verb; it has tests of its own in `follow.rs` and `reconcile.rs`.
            Step::Confirm(..)
            | Step::Reconcile(..)
            | Step::Balance(..)
            | Step::Command(Command::Acknowledge(_))
            | Step::Clock(_) => {}
            Step::Command(command) => {
                bench.both(&mut model, process, command).await;
                last = Some(command.clone());
            }
            Step::Repeat => {
                if let Some(command) = last.clone() {
                    bench.both(&mut model, process, &command).await;
                }
            }
        }
    }
    bench.look(&mut model, 0).await;
    bench.assert_same(&model, 0);
    bench.restart(&mut model, 0).await;
    bench.assert_same(&model, 0);
    bench.stores.clock.advance(Duration::from_hours(1));
    while bench.quotas[0].registry.sweep().await.unwrap() > 0 {}
}

/// Returns once `quota` follows the ledger: a balance is not read before.
async fn begin_to_follow(stores: &Stores, quota: &Quota) {
    let first = merchant("first");
    let caps = Caps { day_requests: 1, month_tokens: 1, month_cost_nano: 1, concurrency: 1 };
    let policy = Policy {
        plan_id: "p".into(),
        plan_version: 1,
        caps,
        on_cap: CapAction::Suspend,
        alert_percents: Vec::new(),
        billing_mode: BillingMode::Prepaid,
    };
    stores.accounts.put_profile(first.as_str(), &Profile { policy, time_zone: "Asia/Riyadh".into() });
    let candidate = Candidate {
        price_version: "p@1".into(),
        input_tokens: 1,
        max_output_tokens: 0,
        min_output_tokens: 0,
        input_pico: 0,
        output_pico: 0,
        request_pico: 0,
    };
    let check = Reserve {
        key: key(0),
        mode: Mode::CheckOnly,
        candidates: vec![candidate],
        ttl_ms: 1_000,
        fingerprint: Fingerprint(0, 0),
    };
    let refused = quota.registry.reserve(&first, &check).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::OverCap(_)))), "nothing was paid: {refused:?}");
}

fn tapes(backend: Backend, processes: usize) {
    let runtime = Runtime::new().unwrap();
    let stores = Stores::start(backend);
    let quotas = runtime.block_on(async {
        // The ledger is followed from before everything on a tape: what settled before counts as known to the ledger.
        stores.set_clock(Timestamp::from_millis(FIRST_MS));
        let mut quotas = Vec::new();
        for _ in 0..processes {
            quotas.push(open(&stores).await);
        }
        for quota in &quotas {
            begin_to_follow(&stores, quota).await;
        }
        quotas
    });
    let bench = RefCell::new(Bench { stores, quotas, merchant: merchant("shop") });
    let cases = std::env::var("KALEEM_TAPES").ok().and_then(|count| count.parse().ok()).unwrap_or(TAPES);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases) };
    let tape = prop::collection::vec((steps(), 0..processes), 1..STEPS_MAX);
    let (number, commands) = (Cell::new(0_u32), Cell::new(0_usize));
    let outcome = TestRunner::new(config).run(&(profiles(), tape), |(profile, tape)| {
        number.set(number.get() + 1);
        if number.get() % 1_000 == 0 {
            println!("{} tapes, {} steps", number.get(), commands.get());
        }
        commands.set(commands.get() + tape.len());
        let mut bench = bench.borrow_mut();
        runtime.block_on(play(&mut bench, number.get(), &profile, &tape));
        Ok(())
    });
    outcome.unwrap();
    println!("{backend:?}, {processes} process(es): {cases} tapes, {} steps, no difference", commands.get());
    runtime.block_on(async { drop(bench.into_inner()) });
}

#[test]
fn the_embedded_store_does_as_the_state_machine() {
    tapes(Backend::Embedded, 1);
}

#[test]
fn redis_does_as_the_state_machine() {
    tapes(Backend::Redis, 1);
}

#[test]
fn two_processes_on_redis_do_as_one_state_machine() {
    tapes(Backend::Redis, 2);
}

#[test]
fn postgres_does_as_the_state_machine() {
    tapes(Backend::Postgres, 1);
}

#[test]
fn two_processes_on_postgres_do_as_one_state_machine() {
    tapes(Backend::Postgres, 2);
}

#[test]
fn two_processes_on_redis_before_postgres_do_as_one_state_machine() {
    tapes(Backend::RedisOnPostgres, 2);
}
