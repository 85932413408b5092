//! One run: who is there, what happens to them, and what the auditor says.

use std::path::Path;

use crate::{
    auditor::Auditor,
    billing::Billing,
    gateway::Gateway,
    message::{Message, Place, Question, Timer},
    net::{Event, Ms, Net, Tally},
    provider::Provider,
    quota::Quota,
    setup::{self, Mutation},
    store::Store,
};

/// A merchant's questions come this far apart, on average.
const QUESTION_MS: Ms = 8_000;
const FAULT_MS: Ms = 25_000;
/// A question is asked again so often.
const ASKED_MAX: u32 = 3;
/// By then every process that died has returned.
const ALL_BACK_MS: Ms = 3 * 60_000;
/// Longest that everything may take to come to rest: the longest life of a hold, and a few comparisons with the ledger.
const REST_MS: Ms = 40 * 60_000;

pub struct Report {
    pub violation: Option<String>,
    pub log_hash: u64,
    pub events: u64,
    pub simulated_ms: Ms,
    pub tally: Tally,
}

struct Run {
    net: Net,
    gateways: Vec<Gateway>,
    quotas: Vec<Quota>,
    store: Store,
    billing: Billing,
    provider: Provider,
    auditor: Auditor,
    questions: u64,
    /// Nobody asks anything new.
    closing: bool,
}

/// Runs `steps` events under faults, then lets everything heal and come to rest.
pub fn run(seed: u64, steps: u64, mutation: Mutation) -> Report {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new().prefix("kaleem-simulation-").to_owned();
    let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.unwrap();
    let mut run = Run {
        net: Net::new(seed, setup::START_MS),
        gateways: (0..setup::GATEWAYS)
            .map(|index| Gateway::new(index, folder.path().join(index.to_string()), mutation))
            .collect(),
        quotas: (0..setup::QUOTAS).map(|index| Quota::new(index, mutation)).collect(),
        store: Store::new(mutation),
        billing: Billing::new(mutation),
        provider: Provider::default(),
        auditor: Auditor::default(),
        questions: 0,
        closing: false,
    };
    run.begin();
    let mut events = 0;
    while events < steps && run.auditor.violation.is_none() {
        run.step();
        events += 1;
    }
    events += run.close();
    let simulated_ms = run.net.now - setup::START_MS;
    run.report(events, simulated_ms)
}

impl Run {
    fn begin(&mut self) {
        let Self { net, gateways, quotas, .. } = self;
        for gateway in gateways {
            gateway.start(net);
        }
        for quota in quotas {
            quota.skew = net.dice.between(-1_500, 1_500);
            quota.start(net);
        }
        for merchant in 0..setup::MERCHANTS {
            net.wake(Place::Clients, 0, 1, Timer::Ask(merchant));
        }
        net.wake(Place::Clients, 0, FAULT_MS, Timer::Fault);
    }

    /// Heals everything and waits for rest; how many events that took.
    fn close(&mut self) -> u64 {
        self.net.heal();
        self.closing = true;
        for quota in &mut self.quotas {
            quota.skew = 0;
        }
        for merchant in 0..setup::MERCHANTS {
            self.net.wake(Place::Clients, 0, ALL_BACK_MS, Timer::AskLast(merchant));
        }
        let (until, mut events) = (self.net.now + REST_MS, 0);
        while self.net.now < until && self.auditor.violation.is_none() {
            self.step();
            events += 1;
        }
        if self.auditor.violation.is_none() {
            self.at_rest();
        }
        events
    }

    fn at_rest(&mut self) {
        let busy = self.gateways.iter().filter(|gateway| !gateway.is_idle()).count();
        if busy > 0 {
            self.auditor.violation = Some(format!("rest: {busy} gateways still have something to tell"));
            return;
        }
        let states = (0..setup::MERCHANTS)
            .filter_map(|merchant| self.store.get(merchant).map(|held| (merchant, held.clone())))
            .collect::<Vec<_>>();
        self.auditor.at_rest(&states, &self.billing, &self.provider, self.net.now);
    }

    fn report(self, events: u64, simulated_ms: Ms) -> Report {
        let mut tally = self.net.tally.clone();
        let auditor = &self.auditor;
        for (what, count) in [
            ("granted", auditor.granted),
            ("denied", auditor.denied),
            ("settled late", auditor.late),
            ("expired", auditor.expired),
            ("healed from the ledger", auditor.healed),
            ("conflicts", self.billing.conflicts.len() as u64),
            ("rejected", self.billing.rejected.len() as u64),
            ("events", events),
            ("charges", self.billing.charges().len() as u64),
        ] {
            tally.insert(what, count);
        }
        let log_hash = self.net.log_hash();
        Report { violation: self.auditor.violation, log_hash, events, simulated_ms, tally }
    }

    fn step(&mut self) {
        match self.net.next() {
            None => self.auditor.violation = Some("rest: nothing is left to happen".into()),
            Some(Event::Deliver { from, to, message }) => self.deliver(from, to, message),
            Some(Event::Wake { place, life, timer }) => self.wake(place, life, &timer),
        }
    }

    fn deliver(&mut self, from: Place, to: Place, message: Message) {
        let Self { net, gateways, quotas, store, billing, provider, auditor, .. } = self;
        match to {
            Place::Clients => {
                if let Message::NotAdmitted(question) = message {
                    ask_again(net, question);
                }
            }
            Place::Gateway(index) if gateways[index].up => gateways[index].receive(net, auditor, message),
            Place::Quota(index) if quotas[index].up => quotas[index].receive(net, from, message),
            Place::Store => store.receive(net, auditor, from, message),
            Place::Billing if billing.up => {
                if billing.receive(net, from, message) {
                    self.billing_dies();
                }
            }
            Place::Provider => match (from, message) {
                (Place::Gateway(gateway), Message::Dispatch { key, input, output_max }) => {
                    provider.dispatch(net, gateway, (key, input, output_max));
                }
                (_, Message::Leave(key)) => provider.leave(key),
                (from, other) => unreachable!("{from:?} sent {other:?} to the provider"),
            },
            // To a process that is dead.
            Place::Gateway(_) | Place::Quota(_) | Place::Billing => {}
        }
    }

    fn wake(&mut self, place: Place, life: u32, timer: &Timer) {
        let Self { net, gateways, quotas, provider, auditor, .. } = self;
        match (place, timer) {
            (Place::Clients, Timer::Ask(merchant)) => self.ask(*merchant),
            (Place::Clients, Timer::AskLast(merchant)) => {
                self.questions += 1;
                send_question(
                    net,
                    Question { number: self.questions, merchant: *merchant, asked: ASKED_MAX },
                );
            }
            (Place::Clients, Timer::AskAgain(question)) => send_question(net, *question),
            (Place::Clients, Timer::Fault) => self.fault(),
            (Place::Provider, Timer::Produce(key)) => provider.produce(net, *key),
            (Place::Gateway(index), Timer::Return) => gateways[index].start(net),
            (Place::Quota(index), Timer::Return) => quotas[index].start(net),
            (Place::Quota(index), Timer::ClockRight) => quotas[index].skew = 0,
            (Place::Billing, _) => self.billing.up = true,
            (Place::Gateway(index), timer) if gateways[index].up && gateways[index].life == life => {
                gateways[index].wake(net, auditor, timer);
            }
            (Place::Quota(index), timer) if quotas[index].up && quotas[index].life == life => {
                quotas[index].wake(net, timer);
            }
            // Of a life that is over.
            _ => {}
        }
    }

    fn ask(&mut self, merchant: usize) {
        if self.closing {
            return;
        }
        self.questions += 1;
        send_question(&mut self.net, Question { number: self.questions, merchant, asked: 0 });
        let next = self.net.dice.between(50, 2 * QUESTION_MS);
        self.net.wake(Place::Clients, 0, next, Timer::Ask(merchant));
    }

    fn billing_dies(&mut self) {
        self.net.count("process killed");
        self.billing.up = false;
        let away = self.net.dice.between(100, 90_000);
        self.net.wake(Place::Billing, 0, away, Timer::Return);
    }

    fn fault(&mut self) {
        if self.closing {
            return;
        }
        let next = self.net.dice.between(1_000, 2 * FAULT_MS);
        self.net.wake(Place::Clients, 0, next, Timer::Fault);
        match self.net.dice.between(0, 100) {
            0..35 => self.gateway_dies(),
            35..55 => self.quota_dies(),
            55..60 => self.billing_dies(),
            60..85 => self.partition(),
            85..95 => self.clock_jumps(),
            _ => {
                self.net.count("shared store flushed");
                self.store.flush();
                self.auditor.flushed();
            }
        }
    }

    fn gateway_dies(&mut self) {
        let index = self.net.dice.index(setup::GATEWAYS);
        if !self.gateways[index].up {
            return;
        }
        let loses_power = self.net.dice.happens(1_500);
        self.net.count(if loses_power { "power lost" } else { "process killed" });
        let cut_off = self.gateways[index].die(&mut self.net, &mut self.auditor, loses_power);
        // Their callers ask anew: the first question may have been answered in vain.
        for question in cut_off {
            self.questions += 1;
            let anew = Question { number: self.questions, asked: question.asked + 1, ..question };
            ask_again(&mut self.net, anew);
        }
        let away = self.net.dice.between(200, 120_000);
        self.net.wake(Place::Gateway(index), 0, away, Timer::Return);
    }

    fn quota_dies(&mut self) {
        let index = self.net.dice.index(setup::QUOTAS);
        if !self.quotas[index].up {
            return;
        }
        self.net.count("process killed");
        self.quotas[index].die();
        let away = self.net.dice.between(200, 60_000);
        self.net.wake(Place::Quota(index), 0, away, Timer::Return);
    }

    fn partition(&mut self) {
        let gateway = Place::Gateway(self.net.dice.index(setup::GATEWAYS));
        let quota = Place::Quota(self.net.dice.index(setup::QUOTAS));
        let (one, other) = match self.net.dice.index(6) {
            0 | 1 => (gateway, quota),
            2 => (gateway, Place::Billing),
            3 => (quota, Place::Store),
            4 => (quota, Place::Billing),
            _ => (gateway, Place::Provider),
        };
        let span = self.net.dice.between(500, 90_000);
        self.net.cut(one, other, span);
    }

    fn clock_jumps(&mut self) {
        let index = self.net.dice.index(setup::QUOTAS);
        let jumps = [3_000, -3_000, 3_600_000, -3_600_000, 86_400_000, -86_400_000];
        self.quotas[index].skew = jumps[self.net.dice.index(jumps.len())];
        self.net.count("clock jumped");
        let span = self.net.dice.between(500, 60_000);
        self.net.wake(Place::Quota(index), 0, span, Timer::ClockRight);
    }
}

/// Asks any gateway; one that is dead does not answer, and its callers give up.
fn send_question(net: &mut Net, question: Question) {
    let gateway = Place::Gateway(net.dice.index(setup::GATEWAYS));
    net.stream(Place::Clients, gateway, Message::Ask(question));
}

fn ask_again(net: &mut Net, question: Question) {
    if question.asked < ASKED_MAX {
        let again = Question { asked: question.asked + 1, ..question };
        let pause = net.dice.between(100, 3_000);
        net.wake(Place::Clients, 0, pause, Timer::AskAgain(again));
    }
}
