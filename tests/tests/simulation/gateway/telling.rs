//! Telling quota and billing of outcomes until both know, as the recorder of the gateway does.

use std::{fs, rc::Rc};

use kaleem_domain::Pico;
use kaleem_proto::billing::v1::{UsageEvent, UsageStatus};
use kaleem_quota::machine::{Amount, Command, Key, Lost, Settle, WindowId};
use kaleem_rpc::convert;

use super::{GATHER_MS, Gateway, PEER_MS, RETRY_MS, Waiting};
use crate::{
    message::{Message, Place, Timer, Verdict},
    net::{Ms, Net},
    setup,
};

impl Gateway {
    pub(super) fn settle(&mut self, net: &mut Net, event: &UsageEvent) {
        let reservation = event.reservation.as_ref().unwrap();
        let key = setup::key_of(&reservation.event_id);
        let usage = event.usage.as_ref().map(convert::from_usage).unwrap();
        let sold = matches!(event.status(), UsageStatus::Ok | UsageStatus::Partial);
        let pico = if sold { setup::sell_pico(&usage) } else { 0 };
        let cost_nano = Pico::new(i128::from(pico)).ceil_nano().unwrap().0;
        let actual = Amount { requests: 1, tokens: usage.total(), cost_nano };
        let print = setup::fingerprint(&(key, actual.tokens, cost_nano));
        let settle = Command::Settle(Settle { key, actual, fingerprint: print, lost: None });
        let merchant = setup::merchant_of(&reservation.merchant_id);
        self.call(net, merchant, (settle, Some(lost(event))), (Waiting::Settle(key), PEER_MS));
    }

    pub(super) fn tell_soon(&mut self, net: &mut Net, after: Ms) {
        if !self.telling && self.entries.values().any(|entry| entry.queued) {
            self.telling = true;
            net.wake(self.place(), self.life, after, Timer::Tell);
        }
    }

    pub(super) fn tell(&mut self, net: &mut Net) {
        let queued = self.entries.iter().filter(|(_, entry)| entry.queued);
        let batch: Vec<_> = queued.map(|(key, entry)| (*key, entry.event.clone(), entry.settled)).collect();
        if batch.is_empty() {
            self.telling = false;
            return;
        }
        for (_, event, _) in batch.iter().filter(|(_, _, settled)| !settled) {
            self.settle(net, event);
        }
        let (call, events) = (net.call(), batch.iter().map(|(_, event, _)| event.clone()).collect());
        self.waiting.insert(call, Waiting::Record(batch.into_iter().map(|(key, ..)| key).collect()));
        net.wake(self.place(), self.life, PEER_MS, Timer::CallOver(call));
        net.send(self.place(), Place::Billing, Message::Record { call, events: Rc::new(events) });
    }

    pub(super) fn recorded(&mut self, net: &mut Net, call: u64, outcomes: &[Verdict]) {
        let Some(Waiting::Record(keys)) = self.waiting.remove(&call) else { return };
        assert_eq!(keys.len(), outcomes.len());
        for key in &keys {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.recorded = true;
            }
        }
        self.clear(&keys);
        self.telling = false;
        let is_done = keys.iter().all(|key| !self.entries.contains_key(key));
        self.retry = if is_done { RETRY_MS.0 } else { (self.retry * 2).min(RETRY_MS.1) };
        self.tell_soon(net, if is_done { GATHER_MS } else { self.retry });
    }

    /// Acknowledges in the journal what both peers know.
    pub(super) fn clear(&mut self, keys: &[Key]) {
        for key in keys {
            if self.entries.get(key).is_some_and(|entry| entry.settled && entry.recorded) {
                let entry = self.entries.remove(key).unwrap();
                self.journal.as_mut().unwrap().acknowledge(entry.ticket);
                self.synced =
                    self.synced.min(self.newest().map_or(0, |path| fs::metadata(path).unwrap().len()));
            }
        }
    }
}

/// What a reservation says of itself.
pub(super) fn lost(event: &UsageEvent) -> Lost {
    let reservation = event.reservation.as_ref().unwrap();
    Lost {
        admitted_at: convert::from_timestamp(reservation.admit_time.as_ref().unwrap()),
        day: WindowId::parse(&reservation.day_window_id).unwrap(),
        month: WindowId::parse(&reservation.month_window_id).unwrap(),
        epoch: reservation.epoch,
    }
}
