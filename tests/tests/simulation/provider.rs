//! A provider that streams answers and keeps a bill of its own.

use std::collections::BTreeMap;

use kaleem_quota::machine::Key;

use crate::{
    message::{Message, Place, Timer},
    net::Net,
};

/// What the provider wants to be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billed {
    pub input: i64,
    pub output: i64,
}

struct Running {
    gateway: usize,
    input: i64,
    planned: i64,
    produced: i64,
    /// Pause between two pieces.
    pace: i64,
}

#[derive(Default)]
pub struct Provider {
    running: BTreeMap<Key, Running>,
    /// Of every attempt that produced anything.
    pub bill: BTreeMap<Key, Billed>,
    /// Attempts that came twice: two charges with one name.
    pub twice: Vec<Key>,
}

impl Provider {
    pub fn dispatch(&mut self, net: &mut Net, gateway: usize, (key, input, output_max): (Key, i64, i64)) {
        if net.faulty && net.dice.happens(300) {
            net.count("provider refuses");
            net.stream(Place::Provider, Place::Gateway(gateway), Message::Refuse(key));
            return;
        }
        if self.running.contains_key(&key) || self.bill.contains_key(&key) {
            self.twice.push(key);
        }
        // Most answers are short; some stream for minutes.
        let (planned, pace) = if net.dice.happens(500) {
            (net.dice.between(200, 600), 2_000)
        } else {
            (net.dice.between(8, 250), 150)
        };
        // The gateway's estimate is a ceiling.
        let input = input - net.dice.between(0, input / 4);
        let running = Running { gateway, input, planned: planned.min(output_max), produced: 0, pace };
        self.running.insert(key, running);
        let first = net.dice.between(50, 900);
        net.wake(Place::Provider, 0, first, Timer::Produce(key));
    }

    /// Produces the next piece, whoever still listens.
    pub fn produce(&mut self, net: &mut Net, key: Key) {
        let Some(running) = self.running.get_mut(&key) else { return };
        let gateway = Place::Gateway(running.gateway);
        running.produced = (running.produced + net.dice.between(4, 30)).min(running.planned);
        let (input, output) = (running.input, running.produced);
        self.bill.insert(key, Billed { input, output });
        let over = output == running.planned;
        let message = if over { Message::Done { key, input, output } } else { Message::Text { key, output } };
        if !net.stream(Place::Provider, gateway, message) {
            self.running.remove(&key);
            net.notice(gateway, Message::Broken(key));
        } else if over {
            self.running.remove(&key);
        } else {
            let pause = running.pace + net.dice.between(0, running.pace);
            net.wake(Place::Provider, 0, pause, Timer::Produce(key));
        }
    }

    /// Stops an answer that nobody wants any more.
    pub fn leave(&mut self, key: Key) {
        self.running.remove(&key);
    }
}
