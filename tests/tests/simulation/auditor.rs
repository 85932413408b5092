//! Who sees everything and says which invariant broke first. After each commit of quota: I1, I2, I3, I4, I5 and I11; at rest, once
//! everything is healed: I3, I5, I7, I8, I10 and the provider's bill.

use std::collections::{BTreeMap, BTreeSet};

use kaleem_domain::{Timestamp, window::Zone};
use kaleem_proto::billing::v1::{UsageEvent, UsageStatus};
use kaleem_quota::machine::{
    Alert, Amount, Change, Command, Dimension, Ending, Key, MerchantState, Refusal, Reply, WindowId,
};
use kaleem_rpc::convert;

use crate::{
    billing::{self, Billing, Charge},
    message::{Failure, Held, Merchant},
    net::Ms,
    provider::Provider,
    setup,
};

/// What a process did to a merchant's state, as it is committed.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The verb of a gateway, if it was one.
    pub command: Option<Command>,
    pub outcome: Result<Reply, Failure>,
    pub changes: Vec<Change>,
    /// The clock of the process.
    pub now: Timestamp,
}

/// An alert's name: told once for ever.
type AlertName = (Merchant, Dimension, WindowId, i32, i64);

#[derive(Default)]
pub struct Auditor {
    /// The first invariant that broke.
    pub violation: Option<String>,
    /// Live holds as the deeds made them, apart from the machine.
    live: BTreeMap<Merchant, BTreeMap<Key, Amount>>,
    /// How often the shared store has lost everything. It may be given the same state again by a message that was doubled.
    losses: u32,
    /// Since which loss an attempt was settled, and how often.
    settled: BTreeMap<(u32, Key), u32>,
    admitted: BTreeSet<Key>,
    alerts: BTreeMap<(u32, AlertName), u32>,
    /// What callers were told, by event.
    told: BTreeMap<String, u64>,
    /// Attempts that a gateway took for never run when their connection broke.
    gaps: BTreeSet<Key>,
    /// Attempts of which a journal lost something with the power.
    torn: BTreeSet<Key>,
    pub granted: u64,
    pub denied: u64,
    pub late: u64,
    pub expired: u64,
    pub healed: u64,
}

impl Auditor {
    fn broken(&mut self, invariant: &str, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(format!("{invariant}: {}", what()));
        }
    }

    fn require(&mut self, holds: bool, invariant: &str, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(invariant, what);
        }
    }

    pub fn told(&mut self, event: &UsageEvent) {
        let event_id = event.reservation.as_ref().unwrap().event_id.clone();
        self.told.insert(event_id, billing::hash(event));
    }

    pub fn gap(&mut self, key: Key) {
        self.gaps.insert(key);
    }

    pub fn torn(&mut self, keys: BTreeSet<Key>) {
        self.torn.extend(keys);
    }

    /// The shared store has lost everything.
    pub fn flushed(&mut self) {
        self.live.clear();
        self.losses += 1;
    }

    /// Looks at a commit of quota.
    pub fn committed(
        &mut self,
        now: Ms,
        merchant: Merchant,
        before: Option<&Held>,
        after: &Held,
        deed: &Deed,
    ) {
        let state = &after.state;
        if let Err(damage) = state.audit() {
            self.broken("I2", || format!("{merchant} at {now}: {damage}"));
        }
        for change in &deed.changes {
            self.change(merchant, change);
        }
        let held = self.live.get(&merchant).map_or(0, BTreeMap::len);
        self.require(held == state.hold_count(), "I2", || {
            format!("merchant {merchant} holds {} and {held} holds are live", state.hold_count())
        });
        self.verb(merchant, before, state, deed);
    }

    fn change(&mut self, merchant: Merchant, change: &Change) {
        match change {
            Change::HoldOpened(hold) => {
                self.live.entry(merchant).or_default().insert(hold.key, hold.amount);
                self.admitted.insert(hold.key);
            }
            Change::HoldEnded(key) => {
                let ended = self.live.entry(merchant).or_default().remove(key);
                self.require(ended.is_some(), "I2", || format!("{key:?} ended and was not live"));
            }
            Change::Tombstone(tombstone) => {
                let is_known = self.admitted.contains(&tombstone.key);
                self.require(is_known, "I3", || format!("{:?} ended and was never admitted", tombstone.key));
                match tombstone.ending {
                    Ending::Settled | Ending::LateSettled => {
                        self.late += u64::from(tombstone.ending == Ending::LateSettled);
                        let times = self.settled.entry((self.losses, tombstone.key)).or_default();
                        *times += 1;
                        let times = *times;
                        self.require(times == 1, "I3", || {
                            format!("{:?} was posted {times} times", tombstone.key)
                        });
                    }
                    Ending::Expired => self.expired += 1,
                    Ending::Released => {}
                }
            }
            Change::Alert(alert) => self.alert(merchant, alert),
            _ => {}
        }
    }

    fn alert(&mut self, merchant: Merchant, alert: &Alert) {
        let name = (merchant, alert.dimension, alert.window, alert.percent, alert.cap_version);
        let times = self.alerts.entry((self.losses, name)).or_default();
        *times += 1;
        let times = *times;
        self.require(times == 1, "I5", || format!("{name:?} was raised {times} times"));
    }

    fn verb(&mut self, merchant: Merchant, before: Option<&Held>, state: &MerchantState, deed: &Deed) {
        match (&deed.command, &deed.outcome) {
            (Some(Command::Reserve(reserve)), Ok(Reply::Reserved(reserved))) => {
                self.granted += 1;
                let usage = state.clone().usage(deed.now, &mut Vec::new()).unwrap();
                for dimension in usage.dimensions {
                    let fits = dimension.posted + dimension.held <= dimension.cap;
                    // A repeated Reserve is answered with the hold that it has.
                    let is_new = deed.changes.iter().any(|change| matches!(change, Change::HoldOpened(_)));
                    self.require(fits || !is_new, "I1", || format!("merchant {merchant}: {dimension:?}"));
                }
                let ticket = reserved.ticket.as_ref().unwrap();
                let admitted = (ticket.admitted_at, ticket.day, ticket.month);
                self.require(is_partition(admitted), "I11", || format!("{:?} has {ticket:?}", reserve.key));
            }
            (Some(Command::Reserve(_)), Err(Failure::Refused(Refusal::OverCap(_)))) => {
                self.denied += 1;
                let counted = |state: &MerchantState| {
                    let mut state = state.clone();
                    let mut changes = Vec::new();
                    // What is due may be expired by any verb.
                    let _ = state.expire(0, deed.now, &mut changes);
                    state.snapshot().counters
                };
                let same = before.is_none_or(|before| counted(&before.state) == counted(state));
                self.require(same, "I4", || format!("a refusal changed merchant {merchant}"));
            }
            (None, Ok(Reply::Reconciled(difference))) if *difference != Amount::ZERO => self.healed += 1,
            _ => {}
        }
    }

    /// Looks at everything once nothing moves any more.
    pub fn at_rest(&mut self, states: &[(Merchant, Held)], billing: &Billing, provider: &Provider, now: Ms) {
        self.books(billing);
        for (merchant, held) in states {
            self.agree(*merchant, held, billing, now);
        }
        self.bill(billing, provider);
    }

    fn books(&mut self, billing: &Billing) {
        self.require(billing.balance() == 0, "I8", || "the accounts do not sum to zero".into());
        for merchant in 0..setup::MERCHANTS {
            let of = |charge: &&Charge| charge.merchant == merchant;
            let sold = billing.charges().values().filter(of).map(|charge| i128::from(charge.sell_pico)).sum();
            self.require(billing.receivable(merchant) == sold, "I8", || {
                format!("{merchant} owes another sum")
            });
        }
        for name in billing.charges().keys() {
            self.require(!name.ends_with('+'), "I7", || format!("{name} is in the ledger twice"));
        }
        for (event_id, hash) in &billing.acknowledged {
            let is_there = billing.charges().get(event_id).is_some_and(|charge| charge.hash == *hash);
            self.require(is_there, "I7", || format!("{event_id} was acknowledged and is not in the ledger"));
        }
        for event_id in &billing.conflicts {
            let excused = self.torn.contains(&setup::key_of(event_id));
            self.require(excused, "I7", || format!("{event_id} came with two payloads"));
        }
        for (event_id, hash) in std::mem::take(&mut self.told) {
            let charge = billing.charges().get(&event_id);
            let is_there = charge.is_some_and(|charge| charge.hash == hash);
            let excused =
                self.torn.contains(&setup::key_of(&event_id)) || billing.rejected.contains(&event_id);
            self.require(is_there || excused, "I7", || {
                format!("{event_id} was answered and is charged {charge:?}")
            });
        }
    }

    /// Quota and ledger, in the windows that quota has open.
    fn agree(&mut self, merchant: Merchant, held: &Held, billing: &Billing, now: Ms) {
        let windows = held.state.reconcilable(Timestamp::from_millis(now)).unwrap();
        self.require(held.state.hold_count() == 0, "I2", || {
            format!("merchant {merchant} holds something for ever")
        });
        for (window, posted) in windows {
            let sum = billing.sum(merchant, window);
            let reconcile = kaleem_quota::machine::Reconcile {
                window,
                ledger: sum.amount,
                unconfirmed: Amount::ZERO,
                transaction: 0,
                seen: posted,
            };
            self.require(reconcile.difference() == Amount::ZERO, "I10", || {
                format!("merchant {merchant} in {window}: quota {posted:?}, ledger {:?}", sum.amount)
            });
        }
        // What is past a percentage was told, since the last loss or before.
        let usage = (*held.state).clone().usage(Timestamp::from_millis(now), &mut Vec::new()).unwrap();
        for used in usage.dimensions {
            let Some(window) = used.window.map(|window| window.id) else { continue };
            for percent in [60, 80, 90, 95] {
                let is_past = i128::from(used.posted) * 100 >= i128::from(used.cap) * i128::from(percent);
                let names = |name: &AlertName| {
                    (name.0, name.1, name.2, name.3) == (merchant, used.dimension, window, percent)
                };
                let was_told = self.alerts.keys().any(|(_, name)| names(name));
                self.require(!is_past || was_told, "I5", || {
                    format!("nobody was told that merchant {merchant} is past {percent} % of {used:?}")
                });
            }
        }
    }

    /// The provider's bill against the ledger, attempt by attempt.
    fn bill(&mut self, billing: &Billing, provider: &Provider) {
        self.require(provider.twice.is_empty(), "I3", || {
            format!("{:?} were dispatched twice", provider.twice)
        });
        let charges: BTreeMap<Key, &Charge> = billing
            .charges()
            .iter()
            .map(|(event_id, charge)| (setup::key_of(event_id.trim_end_matches('+')), charge))
            .collect();
        for (key, billed) in &provider.bill {
            let Some(charge) = charges.get(key) else {
                let rejected = billing.rejected.iter().any(|event_id| setup::key_of(event_id) == *key);
                let excused = self.torn.contains(key) || rejected || self.gaps.contains(key);
                self.require(excused, "bill", || {
                    format!("the provider bills {key:?}, the ledger does not know it")
                });
                continue;
            };
            let usage = charge.event.usage.as_ref().map(convert::from_usage).unwrap();
            let fits = match charge.event.status() {
                _ if self.torn.contains(key) => true,
                UsageStatus::Ok => (usage.input(), usage.output()) == (billed.input, billed.output),
                // Counted to the last second, with the input estimated.
                UsageStatus::Partial => usage.output() <= billed.output && usage.input() >= billed.input,
                _ => usage.output() == 0 && charge.sell_pico == 0,
            };
            self.require(fits, "bill", || format!("{key:?}: billed {billed:?}, charged {usage:?}"));
        }
        for (key, charge) in charges {
            let is_billed = provider.bill.contains_key(&key);
            let excused = matches!(charge.event.status(), UsageStatus::Unconfirmed | UsageStatus::Partial);
            self.require(is_billed || excused, "bill", || format!("{key:?} is charged and was never served"));
        }
    }
}

/// Whether an admission lies in the day and the month that it is booked to.
fn is_partition((admitted_at, day, month): (Timestamp, WindowId, WindowId)) -> bool {
    let zone = Zone::parse(setup::ZONE).unwrap();
    let in_day = zone.day(admitted_at).unwrap();
    let in_month = zone.month(admitted_at).unwrap();
    in_day.contains(admitted_at)
        && in_month.contains(admitted_at)
        && WindowId::parse(&in_day.id) == Some(day)
        && WindowId::parse(&in_month.id) == Some(month)
}
