//! Quota processes over one shared store: a command runs on a copy of the merchant's state, and the copy is committed if nobody else
//! has committed one since. The state machine is quota's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use kaleem_domain::Timestamp;
use kaleem_quota::machine::{
    Amount, Command, Limits, Lost, MerchantState, Reconcile, Refusal, Reply, WindowId, apply,
};

use crate::{
    auditor::Deed,
    message::{Failure, Held, Merchant, Message, Place, Sum, Timer},
    net::{Ms, Net},
    setup::{self, Mutation},
};

/// How often a job tries to commit before it gives up.
const TRIES_MAX: u32 = 10;
const JOB_MS: Ms = 1_500;
const SWEEP_MS: Ms = 1_000;
const RECONCILE_MS: Ms = 60_000;

/// What a job wants done.
#[derive(Debug, Clone)]
enum Work {
    /// A verb of a gateway, with what its reservation says in case the hold was lost.
    Verb(Command, Option<Lost>),
    /// A window that differed from the ledger twice in the same way.
    Heal(Reconcile),
    Sweep,
    /// Reads the ledger's sums for a comparison.
    Compare(Vec<(WindowId, Amount)>),
}

struct Job {
    merchant: Merchant,
    work: Work,
    /// Who waits: a gateway and its call.
    caller: Option<(usize, u64)>,
    tries: u32,
    outcome: Option<Result<Reply, Failure>>,
}

/// Both sides of a window in which they differed, and the round that saw it.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Seen {
    posted: Amount,
    ledger: Sum,
    round: u64,
}

pub struct Quota {
    pub index: usize,
    pub life: u32,
    pub up: bool,
    /// What its clock is wrong by.
    pub skew: Ms,
    cache: BTreeMap<Merchant, Held>,
    jobs: BTreeMap<u64, Job>,
    sweeping: BTreeSet<Merchant>,
    seen: BTreeMap<(Merchant, WindowId), Seen>,
    round: u64,
    mutation: Mutation,
}

impl Quota {
    pub fn new(index: usize, mutation: Mutation) -> Self {
        Self {
            index,
            life: 0,
            up: false,
            skew: 0,
            cache: BTreeMap::new(),
            jobs: BTreeMap::new(),
            sweeping: BTreeSet::new(),
            seen: BTreeMap::new(),
            round: 0,
            mutation,
        }
    }

    const fn place(&self) -> Place {
        Place::Quota(self.index)
    }

    fn clock(&self, net: &Net) -> Timestamp {
        Timestamp::from_millis(net.now + self.skew)
    }

    pub fn start(&mut self, net: &mut Net) {
        self.up = true;
        net.wake(self.place(), self.life, SWEEP_MS, Timer::Sweep);
        net.wake(self.place(), self.life, RECONCILE_MS, Timer::Reconcile);
    }

    /// Dies; it keeps nothing.
    pub fn die(&mut self) {
        let (index, life, skew, mutation) = (self.index, self.life + 1, self.skew, self.mutation);
        *self = Self { life, skew, ..Self::new(index, mutation) };
    }

    pub fn wake(&mut self, net: &mut Net, timer: &Timer) {
        match timer {
            Timer::JobOver(job) => {
                if let Some(job) = self.jobs.remove(job) {
                    self.end(net, &job, Err(Failure::Unavailable));
                }
            }
            Timer::Sweep => self.sweep(net),
            Timer::Reconcile => self.compare(net),
            other => unreachable!("{other:?} is no timer of quota"),
        }
    }

    pub fn receive(&mut self, net: &mut Net, from: Place, message: Message) {
        match (from, message) {
            (Place::Gateway(gateway), Message::Verb { call, merchant, command, lost }) => {
                self.open(net, merchant, Work::Verb(command, lost), Some((gateway, call)));
            }
            (_, Message::Stored { job, merchant, held, done }) => {
                self.stored(net, (job, merchant), held, done);
            }
            (_, Message::Summary { job, sums }) => self.summed(net, job, &sums),
            (from, other) => unreachable!("{from:?} sent {other:?} to quota"),
        }
    }

    fn open(&mut self, net: &mut Net, merchant: Merchant, work: Work, caller: Option<(usize, u64)>) {
        let id = net.call();
        let compares = if let Work::Compare(windows) = &work { Some(windows.clone()) } else { None };
        self.jobs.insert(id, Job { merchant, work, caller, tries: 0, outcome: None });
        net.wake(self.place(), self.life, JOB_MS, Timer::JobOver(id));
        match compares {
            None => self.attempt(net, id),
            Some(windows) => {
                let windows = windows.iter().map(|(window, _)| *window).collect();
                net.send(self.place(), Place::Billing, Message::Summarise { job: id, merchant, windows });
            }
        }
    }

    /// Runs a job on a copy of what is known of its merchant, and asks the store to take the copy.
    fn attempt(&mut self, net: &mut Net, id: u64) {
        let (now, place) = (self.clock(net), self.place());
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let merchant = job.merchant;
        let Some(held) = self.cache.get(&merchant) else {
            return net.send(place, Place::Store, Message::Load { job: id, merchant });
        };
        job.tries += 1;
        let mut state = (*held.state).clone();
        if self.mutation == Mutation::ForgetEndings {
            state = setup::without_endings(&state, held.generation, now);
        }
        let (outcome, changes) = run(&mut state, &job.work, now);
        job.outcome = Some(outcome.clone());
        let command = if let Work::Verb(command, _) = &job.work { Some(command.clone()) } else { None };
        let deed = Deed { command, outcome, changes, now };
        let seen = Some((held.generation, held.version));
        let next = Held { version: held.version + 1, state: Rc::new(state), ..held.clone() };
        let (attempt, deed) = (job.tries, Rc::new(deed));
        net.send(place, Place::Store, Message::Commit { job: id, attempt, merchant, seen, next, deed });
    }

    fn stored(
        &mut self,
        net: &mut Net,
        (id, merchant): (u64, Merchant),
        held: Option<Held>,
        done: Option<u32>,
    ) {
        // Answers overtake each other; an older state is only a commit that fails.
        match held {
            Some(held) => {
                self.cache.insert(merchant, held);
            }
            None => {
                self.cache.remove(&merchant);
            }
        }
        let Some(job) = self.jobs.get(&id) else { return };
        // An answer about another try says nothing about this one's outcome.
        if job.tries > 0 && done == Some(job.tries) {
            let Some(mut job) = self.jobs.remove(&id) else { return };
            let outcome = job.outcome.take().unwrap_or(Err(Failure::Unavailable));
            return self.end(net, &job, outcome);
        }
        if job.tries >= TRIES_MAX {
            return;
        }
        if self.cache.contains_key(&merchant) {
            self.attempt(net, id);
        } else {
            // Nobody knows the merchant: its first call, or the store has lost everything. The ledger knows.
            let windows = self.fresh(net, 0).reconcilable(self.clock(net)).unwrap();
            let windows = windows.into_iter().map(|(window, _)| window).collect();
            net.send(self.place(), Place::Billing, Message::Summarise { job: id, merchant, windows });
        }
    }

    /// A merchant of whom nothing is known; its generation fences off reservations of the one before.
    fn fresh(&self, net: &Net, generation: i64) -> MerchantState {
        MerchantState::new(setup::profile(), generation, Limits::default(), self.clock(net)).unwrap()
    }

    fn summed(&mut self, net: &mut Net, id: u64, sums: &[Sum]) {
        let Some(job) = self.jobs.get(&id) else { return };
        let merchant = job.merchant;
        if let Work::Compare(windows) = job.work.clone() {
            self.jobs.remove(&id);
            return self.compared(net, merchant, &windows, sums);
        }
        if self.cache.contains_key(&merchant) {
            return self.attempt(net, id);
        }
        let generation = i64::try_from(net.call()).unwrap();
        let (mut state, now, mut changes) = (self.fresh(net, generation), self.clock(net), Vec::new());
        for sum in sums {
            let rebuild = Reconcile {
                window: sum.window,
                ledger: sum.amount,
                unconfirmed: Amount::ZERO,
                transaction: 0,
                seen: Amount::ZERO,
            };
            // A window that closed while the sums came is of no use any more.
            let _ = apply(&mut state, &Command::Reconcile(rebuild), now, &mut changes);
        }
        let next = Held { generation, version: 1, state: Rc::new(state) };
        let deed = Rc::new(Deed { command: None, outcome: Err(Failure::Unavailable), changes, now });
        let commit = Message::Commit { job: id, attempt: 0, merchant, seen: None, next, deed };
        net.send(self.place(), Place::Store, commit);
    }

    fn end(&mut self, net: &mut Net, job: &Job, outcome: Result<Reply, Failure>) {
        if matches!(job.work, Work::Sweep) {
            self.sweeping.remove(&job.merchant);
        }
        if let Some((gateway, call)) = job.caller {
            net.send(self.place(), Place::Gateway(gateway), Message::Answer { call, outcome });
        }
    }

    fn sweep(&mut self, net: &mut Net) {
        net.wake(self.place(), self.life, SWEEP_MS, Timer::Sweep);
        let now = self.clock(net);
        let due = |held: &Held| held.state.next_expiry().is_some_and(|at| at <= now);
        let due: Vec<_> =
            self.cache.iter().filter(|(_, held)| due(held)).map(|(merchant, _)| *merchant).collect();
        for merchant in due {
            if self.sweeping.insert(merchant) {
                self.open(net, merchant, Work::Sweep, None);
            }
        }
    }

    fn compare(&mut self, net: &mut Net) {
        net.wake(self.place(), self.life, RECONCILE_MS, Timer::Reconcile);
        self.round += 1;
        let now = self.clock(net);
        let quiet: Vec<_> = self
            .cache
            .iter()
            .filter(|(_, held)| held.state.hold_count() == 0)
            .map(|(merchant, held)| (*merchant, held.state.reconcilable(now).unwrap()))
            .collect();
        for (merchant, windows) in quiet {
            self.open(net, merchant, Work::Compare(windows), None);
        }
    }

    fn compared(&mut self, net: &mut Net, merchant: Merchant, windows: &[(WindowId, Amount)], sums: &[Sum]) {
        for ((window, posted), sum) in windows.iter().zip(sums) {
            let heal = Reconcile {
                window: *window,
                ledger: sum.amount,
                unconfirmed: Amount::ZERO,
                transaction: 0,
                seen: *posted,
            };
            if heal.difference() == Amount::ZERO {
                continue;
            }
            let before = Seen { posted: *posted, ledger: *sum, round: self.round - 1 };
            if self.seen.remove(&(merchant, *window)) == Some(before) {
                self.open(net, merchant, Work::Heal(heal), None);
            } else {
                self.seen.insert((merchant, *window), Seen { round: self.round, ..before });
            }
        }
    }
}

/// Runs work on a state as the registry does; a hold that nobody knows is taken on its holder's word.
fn run(
    state: &mut MerchantState,
    work: &Work,
    now: Timestamp,
) -> (Result<Reply, Failure>, Vec<kaleem_quota::machine::Change>) {
    let mut changes = Vec::new();
    let outcome = match work {
        Work::Verb(command, lost) => match apply(state, command, now, &mut changes) {
            Err(Refusal::Unknown) => apply(state, &with_word(command, *lost), now, &mut changes),
            outcome => outcome,
        },
        Work::Heal(_) if state.hold_count() > 0 => Err(Refusal::NotQuiet),
        Work::Heal(heal) => apply(state, &Command::Reconcile(*heal), now, &mut changes),
        Work::Sweep => apply(state, &Command::Expire(64), now, &mut changes),
        Work::Compare(_) => Err(Refusal::NotQuiet),
    };
    (outcome.map_err(Failure::Refused), changes)
}

fn with_word(command: &Command, lost: Option<Lost>) -> Command {
    match command.clone() {
        Command::Settle(settle) => Command::Settle(kaleem_quota::machine::Settle { lost, ..settle }),
        Command::Release(release) => Command::Release(kaleem_quota::machine::Release { lost, ..release }),
        other => other,
    }
}
