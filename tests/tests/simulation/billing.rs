//! The ledger: every event once for ever, rated with its pinned price, in double entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use kaleem_domain::Pico;
use kaleem_proto::billing::v1::{UsageEvent, UsageStatus};
use kaleem_quota::machine::{Amount, WindowId};
use kaleem_rpc::convert;

use crate::{
    message::{Merchant, Message, Place, Sum, Verdict},
    net::{Ms, Net},
    setup::{self, Mutation},
};

/// An event whose admission is further ahead than this is refused.
const SKEW_MAX_MS: Ms = 5 * 60_000;

/// A charge in the ledger.
#[derive(Debug, Clone)]
pub struct Charge {
    pub hash: u64,
    pub merchant: Merchant,
    pub day: WindowId,
    pub month: WindowId,
    pub event: UsageEvent,
    pub tokens: i64,
    pub sell_pico: i64,
    sequence: u64,
}

#[derive(Default)]
struct Books {
    charges: BTreeMap<String, Charge>,
    /// Signed sums of the accounts.
    accounts: BTreeMap<String, i128>,
}

pub struct Billing {
    pub up: bool,
    pub skew: Ms,
    /// What is committed; a death takes nothing of it.
    books: Books,
    pub acknowledged: BTreeMap<String, u64>,
    pub rejected: BTreeSet<String>,
    /// Events that came with another payload than the ledger has.
    pub conflicts: BTreeSet<String>,
    mutation: Mutation,
}

impl Billing {
    pub fn new(mutation: Mutation) -> Self {
        Self {
            up: true,
            skew: 0,
            books: Books::default(),
            acknowledged: BTreeMap::new(),
            rejected: BTreeSet::new(),
            conflicts: BTreeSet::new(),
            mutation,
        }
    }

    pub fn charges(&self) -> &BTreeMap<String, Charge> {
        &self.books.charges
    }

    pub fn balance(&self) -> i128 {
        self.books.accounts.values().sum()
    }

    pub fn receivable(&self, merchant: Merchant) -> i128 {
        self.books.accounts.get(&setup::merchant_id(merchant)).copied().unwrap_or_default()
    }

    /// Handles a message; `true` where the process died of it.
    pub fn receive(&mut self, net: &mut Net, from: Place, message: Message) -> bool {
        match message {
            Message::Record { call, events } => {
                // Inside the transaction, or after its commit and before the answer.
                let (inside, after) =
                    (net.faulty && net.dice.happens(40), net.faulty && net.dice.happens(40));
                let outcomes: Vec<_> = if inside && self.mutation != Mutation::AnswerEarly {
                    Vec::new()
                } else {
                    events.iter().map(|event| self.record(net.now, event, inside)).collect()
                };
                if inside && self.mutation == Mutation::AnswerEarly || !(inside || after) {
                    self.acknowledge(&events, &outcomes);
                    net.send(Place::Billing, from, Message::Recorded { call, outcomes });
                }
                inside || after
            }
            Message::Summarise { job, merchant, windows } => {
                let sums = windows.into_iter().map(|window| self.sum(merchant, window)).collect();
                net.send(Place::Billing, from, Message::Summary { job, sums });
                false
            }
            other => unreachable!("{other:?} is nothing for billing"),
        }
    }

    fn acknowledge(&mut self, events: &[UsageEvent], outcomes: &[Verdict]) {
        for (event, outcome) in events.iter().zip(outcomes) {
            let event_id = event.reservation.as_ref().unwrap().event_id.clone();
            match outcome {
                Verdict::Recorded | Verdict::Duplicate => {
                    self.acknowledged.insert(event_id, hash(event));
                }
                Verdict::Conflict => {
                    self.conflicts.insert(event_id);
                }
                Verdict::Rejected => {
                    self.rejected.insert(event_id);
                }
            }
        }
    }

    fn record(&mut self, now: Ms, event: &UsageEvent, is_lost: bool) -> Verdict {
        let reservation = event.reservation.as_ref().unwrap();
        let admitted = convert::from_timestamp(reservation.admit_time.as_ref().unwrap());
        if admitted.as_millis() > now + self.skew + SKEW_MAX_MS {
            return Verdict::Rejected;
        }
        if is_lost {
            return Verdict::Recorded;
        }
        let mut name = reservation.event_id.clone();
        if let Some(charge) = self.books.charges.get(&name) {
            if self.mutation != Mutation::RecordTwice {
                return if charge.hash == hash(event) { Verdict::Duplicate } else { Verdict::Conflict };
            }
            name.push('+');
        }
        let usage = event.usage.as_ref().map(convert::from_usage).unwrap();
        let sold = matches!(event.status(), UsageStatus::Ok | UsageStatus::Partial);
        let sell_pico = if sold { setup::sell_pico(&usage) } else { 0 };
        let merchant = setup::merchant_of(&reservation.merchant_id);
        let charge = Charge {
            hash: hash(event),
            merchant,
            day: WindowId::parse(&reservation.day_window_id).unwrap(),
            month: WindowId::parse(&reservation.month_window_id).unwrap(),
            event: event.clone(),
            tokens: usage.total(),
            sell_pico,
            sequence: self.books.charges.len() as u64 + 1,
        };
        self.books.charges.insert(name, charge);
        *self.books.accounts.entry(reservation.merchant_id.clone()).or_default() += i128::from(sell_pico);
        *self.books.accounts.entry("revenue".into()).or_default() -= i128::from(sell_pico);
        Verdict::Recorded
    }

    /// What a window has, as quota asks for it.
    pub fn sum(&self, merchant: Merchant, window: WindowId) -> Sum {
        let of = |charge: &&Charge| {
            charge.merchant == merchant && (charge.day == window || charge.month == window)
        };
        let charges: Vec<_> = self.books.charges.values().filter(of).collect();
        let pico: i128 = charges.iter().map(|charge| i128::from(charge.sell_pico)).sum();
        let amount = Amount {
            requests: i64::try_from(charges.len()).unwrap(),
            tokens: charges.iter().map(|charge| charge.tokens).sum(),
            cost_nano: Pico::new(pico).ceil_nano().unwrap().0,
        };
        Sum { window, amount, newest: charges.iter().map(|charge| charge.sequence).max().unwrap_or_default() }
    }
}

/// Of what an event charges.
pub fn hash(event: &UsageEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    prost::Message::encode_to_vec(event).hash(&mut hasher);
    hasher.finish()
}
