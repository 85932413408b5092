//! The pure state machine of one merchant: the specification of a reservation that every store is held to.
//!
//! ```text
//!            Reserve                Settle
//!   (none) ──────────► HELD ──────────────────► SETTLED ──────────────────── Confirm ► SETTLED, confirmed
//!      │                │ Release ────────────► RELEASED ◄─────────┐ Release (true-up to nothing)
//!      │ refusal:       │ Heartbeat: longer, observed := max       │
//!      │ nothing kept   │ Adjust: another candidate, still HELD    │
//!                       └ time runs out ──────► EXPIRED ───────────┤
//!                         (posts input + output seen)              └ Settle ► LATE_SETTLED (posts the difference)
//! ```
//!
//! Confirm is the ledger speaking: from any state it makes the call's contribution what the ledger counts, see [`Confirm`]. A
//! confirmed call stays SETTLED or LATE_SETTLED on the wire.
//!
//! `available = cap − posted − held`, where held is always the sum of the live holds. A hold belongs to the day and month of its
//! admission, whenever it settles. No IO, no clock: the instant is an argument and every change of stored state is returned.

mod administer;
mod alert;
mod amount;
mod balance;
mod calendar;
mod confirm;
mod counters;
mod expiry;
mod hold;
mod ladder;
mod policy;
mod reconcile;
mod reserve;
mod settle;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

use kaleem_domain::{Timestamp, window::WindowError};

pub use administer::{Origin, PutPolicy, TopUp, TopUpRecord};
pub use alert::{ALERT_PERCENTS, Alert, CAP_REACHED_PERCENT, Marks, Percents};
pub use amount::{Amount, COST_PER_CALL_MAX, COUNT_MAX, Dimension};
pub use balance::{BalanceSeen, Credit, PutBalance};
pub use calendar::{Calendar, Era, Span, WindowId, Windows};
pub use confirm::{Acknowledge, Confirm, Confirmed};
pub use counters::Counter;
pub use hold::{Candidate, Decision, Ending, Fingerprint, Hold, Key, Mode, Tombstone};
pub use policy::{
    BillingMode, CapAction, CapOutOfRange, Caps, DEGRADE_PERCENT, NEAR_CAP_PERCENT, Policy, Posture, Profile,
    Used,
};
pub use reconcile::Reconcile;
pub(crate) use reserve::event_id;
pub use reserve::{Adjust, Beat, Reserve, Reserved, Ticket};
pub use settle::{Lost, Release, Settle, Settled};
pub use snapshot::{Damage, MerchantRecord, Snapshot};
pub use state::{DimensionUsage, Limits, MerchantState, Remaining, Usage};

/// Life of a hold without heartbeats where the caller names none, in milliseconds.
pub const TTL_DEFAULT_MS: i64 = 30_000;
/// No hold lives longer, in milliseconds.
pub const LIFE_MAX_MS: i64 = 15 * 60_000;
/// How long a reservation that ended is remembered, in milliseconds; older ones are unknown for good.
pub const TOMBSTONE_LIFE_MS: i64 = 48 * 3_600_000;
/// How long one is remembered once it is confirmed, in milliseconds: the ledger knows the call for ever.
pub const CONFIRMED_LIFE_MS: i64 = 10 * 60_000;
/// A clock of another machine may be this far ahead, in milliseconds.
const SKEW_MAX_MS: i64 = 5_000;
/// Due holds that one command expires at most; the sweeper does the rest.
pub const EXPIRIES_PER_COMMAND_MAX: usize = 8;

/// A command to one merchant's quota.
#[derive(Debug, Clone)]
pub enum Command {
    /// Holds quota for a call.
    Reserve(Reserve),
    /// Turns a hold into real usage.
    Settle(Settle),
    /// Gives a hold back.
    Release(Release),
    /// Notes a sign of life.
    Beat(Beat),
    /// Swaps a hold for another candidate.
    Adjust(Adjust),
    /// Expires due holds, at most this many.
    Expire(usize),
    /// Puts a policy in force.
    PutPolicy(PutPolicy),
    /// Adds to the caps of the month.
    TopUp(TopUp),
    /// Sets posted usage to what the ledger says.
    Reconcile(Reconcile),
    /// Makes a call's contribution what the ledger counts of it.
    Confirm(Confirm),
    /// Notes that billing has had a call for long.
    Acknowledge(Acknowledge),
    /// Counts a payment.
    Credit(Credit),
    /// Sets the balance to what the ledger says.
    PutBalance(PutBalance),
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To Reserve and Adjust.
    Reserved(Reserved),
    /// To Settle.
    Settled(Settled),
    /// To Release.
    Released,
    /// To a sign of life: whether there is a live hold.
    Beaten(bool),
    /// How many holds expired.
    Expired(usize),
    /// Version of the policy in force.
    PolicyVersion(i64),
    /// What posted usage changed by.
    Reconciled(Amount),
    /// What a confirmation came to.
    Confirmed(Confirmed),
    /// To Acknowledge.
    Acknowledged,
    /// To Credit: whether it was news.
    Credited(bool),
    /// What is left of the balance changed by this.
    BalancePut(i64),
}

/// A change of stored state; absolute, so that applying it twice is applying it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A hold was made.
    HoldOpened(Hold),
    /// A hold changed.
    HoldMoved(Hold),
    /// A hold ended.
    HoldEnded(Key),
    /// A counter changed.
    Counter(Counter),
    /// A counter is no longer kept.
    CounterDropped(WindowId),
    /// A reservation ended, or ended in another way.
    Tombstone(Tombstone),
    /// What expired holds posted to a dimension of a window is taken out.
    ProvisionalDropped(WindowId, Dimension),
    /// Policy, zone or version changed.
    Merchant(Box<MerchantRecord>),
    /// A top-up was granted.
    TopUp(TopUpRecord),
    /// What was told of a cap changed.
    Marks(Marks),
    /// Marks of a window are no longer kept.
    MarksDropped(WindowId),
    /// A percentage of a cap was crossed.
    Alert(Alert),
    /// The ledger is counted up to this transaction.
    Followed(i64),
}

/// Why a command changed nothing but expired holds and what was told of the cap in its way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id was used for something else, or its reservation ended; `ended` says how.
    #[error("the request id and attempt were used before")]
    Reused {
        /// How the earlier reservation ended; `None` while it is held.
        ended: Option<Ending>,
    },
    /// A cap is in the way.
    #[error("{} is at its cap", .0.dimension.name())]
    OverCap(OverCap),
    /// There is no such reservation.
    #[error("the reservation is unknown")]
    Unknown,
    /// The reservation ended in another way, or with other figures.
    #[error("the reservation ended as {}", .0.name())]
    Conflict(Ending),
    /// A top-up with this id granted something else.
    #[error("the operation id was used for another top-up")]
    TopUpReused,
    /// A cap would leave the range of exact numbers.
    #[error("a cap would exceed {COUNT_MAX}")]
    CapTooLarge,
    /// The merchant pays ahead, and what it has paid and used so far is to be asked of the ledger.
    #[error("the balance is not known yet")]
    BalanceUnknown,
    /// Too many top-ups in the months kept.
    #[error("the month has too many top-ups")]
    TooManyTopUps,
    /// A window is compared with the ledger only while nothing moves in it.
    #[error("the merchant has calls in flight, or its usage changed meanwhile")]
    NotQuiet,
    /// The zone is unknown or the instant has no calendar.
    #[error(transparent)]
    Calendar(#[from] WindowError),
}

/// The cap that is in the way of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverCap {
    /// Dimension.
    pub dimension: Dimension,
    /// Posted usage.
    pub posted: i64,
    /// Held for calls in flight.
    pub held: i64,
    /// Cap in force.
    pub cap: i64,
    /// What the first candidate needs.
    pub needed: i64,
    /// Window; `None` for concurrency and for a balance, whose window never ends.
    pub window: Option<Span>,
    /// When to try again, in milliseconds from now: at the window's end, or at the first expiry where only held tokens or money are
    /// in the way; a second later for concurrency. `None` where only a payment helps.
    pub retry_after_ms: Option<i64>,
}

/// Applies `command` at `now` and appends what changed to `changes`; a refusal may have expired holds and
/// raised an alert.
pub fn apply(
    state: &mut MerchantState,
    command: &Command,
    now: Timestamp,
    changes: &mut Vec<Change>,
) -> Result<Reply, Refusal> {
    match command {
        Command::Reserve(reserve) => state.reserve(reserve, now, changes).map(Reply::Reserved),
        Command::Settle(settle) => state.settle(settle, now, changes).map(Reply::Settled),
        Command::Release(release) => state.release(release, now, changes).map(|()| Reply::Released),
        Command::Beat(beat) => state.beat(beat, now, changes).map(Reply::Beaten),
        Command::Adjust(adjust) => state.adjust(adjust, now, changes).map(Reply::Reserved),
        Command::Expire(max) => state.expire(*max, now, changes).map(Reply::Expired),
        Command::PutPolicy(put) => state.put_policy(put, now, changes).map(Reply::PolicyVersion),
        Command::TopUp(top_up) => state.top_up(top_up, now, changes).map(Reply::PolicyVersion),
        Command::Reconcile(reconcile) => state.reconcile(reconcile, now, changes).map(Reply::Reconciled),
        Command::Confirm(confirm) => state.confirm(confirm, now, changes).map(Reply::Confirmed),
        Command::Acknowledge(known) => state.acknowledge(*known, now, changes).map(|()| Reply::Acknowledged),
        Command::Credit(credit) => state.credit(credit, now, changes).map(Reply::Credited),
        Command::PutBalance(put) => state.put_balance(put, now, changes).map(Reply::BalancePut),
    }
}
