//! Time, chance and the network of a simulation: one queue of events, one seeded source of numbers, and messages that are lost,
//! doubled, delayed and cut off.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::message::{Message, Place, Timer};

/// Simulated milliseconds since the epoch.
pub type Ms = i64;

/// SplitMix64: numbers that follow from the seed alone, on every machine and in every version.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x6b61_6c65_656d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `from..to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.next() % to.abs_diff(from).max(1)).unwrap()
    }

    /// An index below `count`.
    pub fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.between(0, i64::try_from(count).unwrap())).unwrap()
    }

    /// Whether something happens that happens `of_ten_thousand` times in ten thousand.
    pub fn happens(&mut self, of_ten_thousand: i64) -> bool {
        self.between(0, 10_000) < of_ten_thousand
    }
}

/// What is to come.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "most events are messages")]
pub enum Event {
    /// A message arrives.
    Deliver { from: Place, to: Place, message: Message },
    /// A process wanted to be woken; not if it has died since.
    Wake { place: Place, life: u32, timer: Timer },
}

struct Scheduled {
    at: Ms,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// How often each kind of fault was injected.
pub type Tally = BTreeMap<&'static str, u64>;

pub struct Net {
    pub now: Ms,
    pub dice: Dice,
    /// Whether faults happen; the end of a run has none.
    pub faulty: bool,
    pub tally: Tally,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    calls: u64,
    /// Pairs that do not hear each other, with the end of that.
    cuts: BTreeMap<(Place, Place), Ms>,
    log: DefaultHasher,
}

impl Net {
    pub fn new(seed: u64, now: Ms) -> Self {
        Self {
            now,
            dice: Dice::new(seed),
            faulty: true,
            tally: Tally::new(),
            queue: BinaryHeap::new(),
            order: 0,
            calls: 0,
            cuts: BTreeMap::new(),
            // With fixed keys, so that the same log has the same hash in every process.
            log: DefaultHasher::new(),
        }
    }

    pub fn count(&mut self, fault: &'static str) {
        *self.tally.entry(fault).or_default() += 1;
    }

    /// A number that names a call.
    pub fn call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// The next event, once time has come to it.
    pub fn next(&mut self) -> Option<Event> {
        let Reverse(next) = self.queue.pop()?;
        self.now = self.now.max(next.at);
        (self.now, next.order, format!("{:?}", next.event)).hash(&mut self.log);
        Some(next.event)
    }

    /// Of everything that has happened, in order.
    pub fn log_hash(&self) -> u64 {
        self.log.finish()
    }

    fn schedule(&mut self, after: Ms, event: Event) {
        self.order += 1;
        let scheduled = Scheduled { at: self.now + after, order: self.order, event };
        self.queue.push(Reverse(scheduled));
    }

    pub fn wake(&mut self, place: Place, life: u32, after: Ms, timer: Timer) {
        self.schedule(after, Event::Wake { place, life, timer });
    }

    /// Sends a message that may be lost, doubled or late, and overtake others.
    pub fn send(&mut self, from: Place, to: Place, message: Message) {
        if self.is_cut(from, to) {
            return self.count("message cut off");
        }
        if self.faulty && self.dice.happens(80) {
            return self.count("message lost");
        }
        if self.faulty && self.dice.happens(80) {
            self.count("message doubled");
            let late = self.dice.between(1, 20_000);
            self.schedule(late, Event::Deliver { from, to, message: message.clone() });
        }
        let mut delay = self.dice.between(1, 15);
        if self.faulty && self.dice.happens(100) {
            self.count("message late");
            delay += self.dice.between(100, 12_000);
        }
        self.schedule(delay, Event::Deliver { from, to, message });
    }

    /// Sends over a connection, which keeps the order; `false` where it is broken.
    pub fn stream(&mut self, from: Place, to: Place, message: Message) -> bool {
        if self.is_cut(from, to) {
            self.count("connection broken");
            return false;
        }
        self.schedule(5, Event::Deliver { from, to, message });
        true
    }

    /// Tells `place` something about itself, such as that its connection is gone.
    pub fn notice(&mut self, place: Place, message: Message) {
        self.schedule(5, Event::Deliver { from: place, to: place, message });
    }

    pub fn cut(&mut self, one: Place, other: Place, span: Ms) {
        self.count("partition");
        self.cuts.insert((one, other), self.now + span);
        self.cuts.insert((other, one), self.now + span);
    }

    pub fn heal(&mut self) {
        self.cuts.clear();
        self.faulty = false;
    }

    fn is_cut(&self, from: Place, to: Place) -> bool {
        self.cuts.get(&(from, to)).is_some_and(|until| self.now < *until)
    }
}
