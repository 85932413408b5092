//! Gateways: hold, intent, dispatch, stream, outcome, settle and record, over the gateway's own journal on a folder in memory.

mod telling;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    path::PathBuf,
    sync::Arc,
};

use kaleem_domain::{TokenUsage, UsageSource};
use kaleem_gateway::journal::{Journal, Ticket};
use kaleem_proto::{
    billing::v1::{UsageEvent, UsageStatus},
    quota::v1::Reservation,
};
use kaleem_quota::machine::{Beat, Candidate, Command, Key, Lost, Mode, Release, Reply, Reserve, Reserved};
use kaleem_rpc::convert;

use crate::{
    auditor::Auditor,
    message::{Failure, Merchant, Message, Place, Question, Timer},
    net::{Ms, Net},
    setup::{self, Mutation},
};

/// Bound on a Reserve, after which the caller is told.
const RESERVE_MS: Ms = 2_000;
const PEER_MS: Ms = 5_000;
const GATHER_MS: Ms = 20;
const SYNC_MS: Ms = 20;
const PROGRESS_MS: Ms = 1_000;
const HEARTBEAT_MS: Ms = 5_000;
const FIRST_BEAT_MS: Ms = 10_000;
const RETRY_MS: (Ms, Ms) = (50, 5_000);
/// Attempts of one question.
const ATTEMPTS_MAX: i32 = 3;

/// What waits for an answer.
#[derive(Debug)]
enum Waiting {
    Reserve {
        question: Question,
        key: Key,
        input: i64,
    },
    Settle(Key),
    Record(Vec<Key>),
    /// Nobody minds.
    Nothing,
}

/// A dispatched attempt.
struct Running {
    question: Question,
    event: UsageEvent,
    input: i64,
    output: i64,
    since: Ms,
}

/// An outcome on its way to both peers.
struct Entry {
    ticket: Ticket,
    event: UsageEvent,
    settled: bool,
    recorded: bool,
    /// Its first Settle has been answered or given up.
    queued: bool,
}

pub struct Gateway {
    index: usize,
    pub life: u32,
    pub up: bool,
    folder: PathBuf,
    journal: Option<Journal>,
    /// Bytes of the newest segment that would outlive a loss of power.
    synced: u64,
    /// Attempts that were written of since the disk was last known to have everything.
    unsynced: BTreeSet<Key>,
    waiting: BTreeMap<u64, Waiting>,
    running: BTreeMap<Key, Running>,
    entries: BTreeMap<Key, Entry>,
    telling: bool,
    retry: Ms,
    mutation: Mutation,
}

impl Gateway {
    pub fn new(index: usize, folder: PathBuf, mutation: Mutation) -> Self {
        Self {
            index,
            life: 0,
            up: false,
            folder,
            journal: None,
            synced: 0,
            unsynced: BTreeSet::new(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            entries: BTreeMap::new(),
            telling: false,
            retry: RETRY_MS.0,
            mutation,
        }
    }

    const fn place(&self) -> Place {
        Place::Gateway(self.index)
    }

    /// Opens the journal and tells what a dead process left in it.
    pub fn start(&mut self, net: &mut Net) {
        let (journal, left) = Journal::open(&self.folder).unwrap();
        (self.journal, self.up, self.synced) = (Some(journal), true, 0);
        net.wake(self.place(), self.life, PROGRESS_MS, Timer::Progress);
        net.wake(self.place(), self.life, HEARTBEAT_MS, Timer::Heartbeat);
        if self.mutation == Mutation::DropReplay {
            return;
        }
        for (ticket, event) in left {
            let key = setup::key_of(&event.reservation.as_ref().unwrap().event_id);
            self.entries.insert(key, Entry { ticket, event, settled: false, recorded: false, queued: true });
        }
        self.tell_soon(net, GATHER_MS);
    }

    /// Dies of a kill, or of a loss of power that takes the end of the journal with it. Returns what was running.
    pub fn die(&mut self, net: &mut Net, auditor: &mut Auditor, loses_power: bool) -> Vec<Question> {
        self.journal = None;
        if loses_power {
            self.tear(net);
            auditor.torn(std::mem::take(&mut self.unsynced));
        }
        for key in self.running.keys() {
            net.notice(Place::Provider, Message::Leave(*key));
        }
        let cut_off = std::mem::take(&mut self.running).into_values().map(|running| running.question);
        let cut_off = cut_off.collect();
        let (index, life, folder, mutation) = (self.index, self.life + 1, self.folder.clone(), self.mutation);
        *self = Self { life, ..Self::new(index, folder, mutation) };
        cut_off
    }

    fn newest(&self) -> Option<PathBuf> {
        fs::read_dir(&self.folder).ok()?.map(|entry| entry.unwrap().path()).max()
    }

    fn tear(&self, net: &mut Net) {
        let Some(path) = self.newest() else { return };
        let len = fs::metadata(&path).unwrap().len();
        if len > self.synced {
            net.count("journal torn");
            let kept = net.dice.between(i64::try_from(self.synced).unwrap(), i64::try_from(len).unwrap());
            OpenOptions::new().write(true).open(path).unwrap().set_len(kept.unsigned_abs()).unwrap();
        }
    }

    /// The journal, to write of `key`.
    fn journal(&mut self, net: &mut Net, key: Key) -> &mut Journal {
        if self.unsynced.is_empty() {
            net.wake(self.place(), self.life, SYNC_MS, Timer::Synced);
        }
        self.unsynced.insert(key);
        self.journal.as_mut().unwrap()
    }

    pub fn ask(&mut self, net: &mut Net, question: Question) {
        // What a question is does not change when it is asked again.
        let input = 40 + i64::try_from(question.number * 37 % 260).unwrap();
        let key = Key { request_id: setup::request_id(question.number), attempt: 0 };
        self.reserve(net, question, key, input);
    }

    fn reserve(&mut self, net: &mut Net, question: Question, key: Key, input: i64) {
        let price = setup::price();
        let candidate = Candidate {
            price_version: Arc::from(setup::PRICE),
            input_tokens: input,
            max_output_tokens: setup::OUTPUT_MAX,
            min_output_tokens: 16,
            input_pico: price.rates[0].pico_usd_per_unit,
            output_pico: price.rates[1].pico_usd_per_unit,
            request_pico: 0,
        };
        let reserve = Reserve {
            key,
            mode: Mode::Shrink,
            candidates: vec![candidate],
            ttl_ms: setup::TTL_MS,
            // A question that is asked again is another admission, while one that a message brings twice is not.
            fingerprint: setup::fingerprint(&(key, input, question.asked, self.index)),
        };
        let waiting = Waiting::Reserve { question, key, input };
        self.call(net, question.merchant, (Command::Reserve(reserve), None), (waiting, RESERVE_MS));
    }

    fn call(
        &mut self,
        net: &mut Net,
        merchant: Merchant,
        (command, lost): (Command, Option<Lost>),
        (waiting, bound): (Waiting, Ms),
    ) {
        let (call, quota) = (net.call(), net.dice.index(setup::QUOTAS));
        self.waiting.insert(call, waiting);
        net.wake(self.place(), self.life, bound, Timer::CallOver(call));
        net.send(self.place(), Place::Quota(quota), Message::Verb { call, merchant, command, lost });
    }

    pub fn wake(&mut self, net: &mut Net, auditor: &mut Auditor, timer: &Timer) {
        match timer {
            Timer::CallOver(call) => self.answered(net, auditor, *call, Err(Failure::Unavailable)),
            Timer::Left(key) => {
                if self.running.contains_key(key) {
                    net.count("caller leaves");
                    net.stream(self.place(), Place::Provider, Message::Leave(*key));
                    self.finish(net, auditor, *key, (UsageStatus::Partial, None));
                }
            }
            Timer::Tell => self.tell(net),
            Timer::Synced => {
                self.unsynced.clear();
                self.synced = self.newest().map_or(0, |path| fs::metadata(path).unwrap().len());
            }
            Timer::Progress => {
                net.wake(self.place(), self.life, PROGRESS_MS, Timer::Progress);
                let streams = self.running.iter().filter(|(_, running)| running.output > 0);
                let seen: Vec<_> =
                    streams.map(|(key, running)| (*key, event_id(&running.event), running.output)).collect();
                for (key, event_id, output) in seen {
                    self.journal(net, key).progress(&event_id, output).unwrap();
                }
            }
            Timer::Heartbeat => self.beat(net),
            other => unreachable!("{other:?} is no timer of a gateway"),
        }
    }

    fn beat(&mut self, net: &mut Net) {
        net.wake(self.place(), self.life, HEARTBEAT_MS, Timer::Heartbeat);
        let long = self.running.iter().filter(|(_, running)| net.now - running.since >= FIRST_BEAT_MS);
        let beats: Vec<_> =
            long.map(|(key, running)| (running.question.merchant, *key, running.output)).collect();
        for (merchant, key, observed_output) in beats {
            let beat = Command::Beat(Beat { key, observed_output });
            self.call(net, merchant, (beat, None), (Waiting::Nothing, PEER_MS));
        }
    }

    pub fn receive(&mut self, net: &mut Net, auditor: &mut Auditor, message: Message) {
        match message {
            Message::Ask(question) => self.ask(net, question),
            Message::Answer { call, outcome } => self.answered(net, auditor, call, outcome),
            Message::Recorded { call, outcomes } => self.recorded(net, call, &outcomes),
            Message::Text { key, output } => {
                if let Some(running) = self.running.get_mut(&key) {
                    running.output = output;
                } else {
                    net.notice(Place::Provider, Message::Leave(key));
                }
            }
            Message::Done { key, input, output } => {
                let reported = TokenUsage {
                    input_fresh: input,
                    output_text: output + i64::from(self.mutation == Mutation::CountWrong),
                    source: UsageSource::Provider,
                    ..TokenUsage::default()
                };
                self.finish(net, auditor, key, (UsageStatus::Ok, Some(reported)));
            }
            Message::Refuse(key) => self.give_back(net, key),
            Message::Broken(key) => match self.running.get(&key).map(|running| running.output) {
                None => {}
                Some(0) => {
                    // Nothing was heard, so it is taken for a call that never ran; the provider may see it otherwise.
                    auditor.gap(key);
                    self.give_back(net, key);
                }
                Some(_) => self.finish(net, auditor, key, (UsageStatus::Partial, None)),
            },
            other => unreachable!("{other:?} is nothing for a gateway"),
        }
    }

    fn answered(&mut self, net: &mut Net, auditor: &mut Auditor, call: u64, outcome: Result<Reply, Failure>) {
        match self.waiting.remove(&call) {
            None | Some(Waiting::Nothing) => {}
            Some(Waiting::Reserve { question, key, input }) => match outcome {
                Ok(Reply::Reserved(reserved)) => self.dispatch(net, (question, key, input), &reserved),
                Ok(other) => unreachable!("{other:?} to a Reserve"),
                Err(Failure::Unavailable) if key.attempt == 0 => {
                    net.stream(self.place(), Place::Clients, Message::NotAdmitted(question));
                }
                Err(_) => {}
            },
            Some(Waiting::Settle(key)) => {
                let is_over = !matches!(outcome, Err(Failure::Unavailable));
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.settled |= is_over;
                    entry.queued = true;
                    auditor.told(&entry.event);
                }
                self.clear(&[key]);
                self.tell_soon(net, GATHER_MS);
            }
            Some(Waiting::Record(_)) => {
                self.telling = false;
                self.retry = (self.retry * 2).min(RETRY_MS.1);
                self.tell_soon(net, self.retry);
            }
        }
    }

    fn dispatch(&mut self, net: &mut Net, (question, key, input): (Question, Key, i64), reserved: &Reserved) {
        let ticket = reserved.ticket.as_ref().unwrap();
        let estimate =
            TokenUsage { input_fresh: input, source: UsageSource::Partial, ..TokenUsage::default() };
        let event = UsageEvent {
            reservation: Some(Reservation {
                request_id: key.request_id.to_string(),
                attempt: key.attempt,
                merchant_id: setup::merchant_id(question.merchant),
                admit_time: Some(convert::timestamp(ticket.admitted_at)),
                day_window_id: ticket.day.to_string(),
                month_window_id: ticket.month.to_string(),
                event_id: ticket.event_id(),
                price_version: ticket.price_version.to_string(),
                epoch: ticket.epoch,
                ..Reservation::default()
            }),
            usage: Some(convert::usage(&estimate)),
            status: UsageStatus::Unconfirmed.into(),
            ..UsageEvent::default()
        };
        if self.mutation != Mutation::DropIntent {
            self.journal(net, key).intend(&event).unwrap();
        }
        self.running.insert(key, Running { question, event, input, output: 0, since: net.now });
        let output_max = reserved.granted_output;
        if !net.stream(self.place(), Place::Provider, Message::Dispatch { key, input, output_max }) {
            return self.give_back(net, key);
        }
        if net.dice.happens(300) {
            let after = net.dice.between(10, 3_000);
            net.wake(self.place(), self.life, after, Timer::Left(key));
        }
    }

    /// Releases an attempt that the provider did not serve, and tries the next.
    fn give_back(&mut self, net: &mut Net, key: Key) {
        let Some(running) = self.running.remove(&key) else { return };
        let event_id = event_id(&running.event);
        self.journal(net, key).release(&event_id).unwrap();
        let lost = telling::lost(&running.event);
        let release = Command::Release(Release { key, lost: None });
        self.call(net, running.question.merchant, (release, Some(lost)), (Waiting::Nothing, PEER_MS));
        let next = Key { attempt: key.attempt + 1, ..key };
        if next.attempt < ATTEMPTS_MAX {
            self.reserve(net, running.question, next, running.input);
        }
    }

    /// Notes how an attempt ended, then tells quota; billing hears of it with the next batch.
    fn finish(
        &mut self,
        net: &mut Net,
        auditor: &mut Auditor,
        key: Key,
        (status, reported): (UsageStatus, Option<TokenUsage>),
    ) {
        let Some(running) = self.running.remove(&key) else { return };
        let counted = TokenUsage {
            input_fresh: running.input,
            output_text: running.output,
            source: UsageSource::Partial,
            ..TokenUsage::default()
        };
        let usage = convert::usage(&reported.unwrap_or(counted));
        let event = UsageEvent { usage: Some(usage), status: status.into(), ..running.event };
        if self.mutation == Mutation::DropOutcome && net.dice.happens(5_000) {
            return auditor.told(&event);
        }
        let ticket = self.journal(net, key).finish(&event).unwrap();
        self.settle(net, &event);
        self.entries.insert(key, Entry { ticket, event, settled: false, recorded: false, queued: false });
    }

    /// Whether it has nothing left to tell.
    pub fn is_idle(&self) -> bool {
        self.up && self.entries.is_empty() && self.running.is_empty()
    }
}

fn event_id(event: &UsageEvent) -> String {
    event.reservation.as_ref().unwrap().event_id.clone()
}
