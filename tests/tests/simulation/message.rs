//! What the processes of a simulation say to each other.

use std::{fmt, rc::Rc};

use kaleem_proto::billing::v1::UsageEvent;
use kaleem_quota::machine::{Amount, Command, Key, Lost, MerchantState, Refusal, Reply, WindowId};

use crate::auditor::Deed;

/// A merchant, by number.
pub type Merchant = usize;

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Clients,
    Gateway(usize),
    Quota(usize),
    /// The shared store of the quota processes.
    Store,
    Billing,
    Provider,
}

/// A request of a client; asked again, it keeps its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub number: u64,
    pub merchant: Merchant,
    /// Times it was asked before.
    pub asked: u32,
}

/// What wakes a process.
#[derive(Debug, Clone)]
pub enum Timer {
    /// Clients: a merchant's next question.
    Ask(Merchant),
    /// Clients: a merchant's last question, so that quota has heard of it since its last death.
    AskLast(Merchant),
    /// Clients: a question again, at another gateway.
    AskAgain(Question),
    /// The next fault.
    Fault,
    /// A process that died comes back.
    Return,
    /// A clock that jumped is right again.
    ClockRight,
    /// Gateway: a call has taken too long.
    CallOver(u64),
    /// Gateway: a caller leaves.
    Left(Key),
    /// Gateway: tell billing.
    Tell,
    /// Gateway: note how far the streams have come.
    Progress,
    /// Gateway: keep the holds of long streams.
    Heartbeat,
    /// Gateway: the journal is on the disk.
    Synced,
    /// Quota: a job has taken too long.
    JobOver(u64),
    /// Quota: expire what is due.
    Sweep,
    /// Quota: compare with the ledger.
    Reconcile,
    /// Provider: the next piece of an answer.
    Produce(Key),
}

/// A merchant's state in the shared store. A version is never given twice, not even after the store has lost everything.
#[derive(Clone)]
pub struct Held {
    pub generation: i64,
    pub version: u64,
    pub state: Rc<MerchantState>,
}

/// Of a state only what names it: the log is hashed event by event.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.version)
    }
}

/// Why a verb was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Not now.
    Unavailable,
    Refused(Refusal),
}

/// What billing says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Recorded,
    Duplicate,
    Conflict,
    Rejected,
}

/// What the ledger says of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub window: WindowId,
    pub amount: Amount,
    pub newest: u64,
}

#[derive(Debug, Clone)]
pub enum Message {
    /// Clients ask a gateway.
    Ask(Question),
    /// A gateway could not even hold quota for a question.
    NotAdmitted(Question),
    /// A gateway asks quota.
    Verb { call: u64, merchant: Merchant, command: Command, lost: Option<Lost> },
    /// Quota answers.
    Answer { call: u64, outcome: Result<Reply, Failure> },
    /// Quota reads a merchant.
    Load { job: u64, merchant: Merchant },
    /// Quota writes a merchant whose state it has seen at `seen`; `None` where there was none. Try 0 only makes the merchant.
    Commit {
        job: u64,
        attempt: u32,
        merchant: Merchant,
        seen: Option<(i64, u64)>,
        next: Held,
        deed: Rc<Deed>,
    },
    /// What the store has now; `done` names the try whose commit was taken.
    Stored { job: u64, merchant: Merchant, held: Option<Held>, done: Option<u32> },
    /// A gateway tells billing.
    Record { call: u64, events: Rc<Vec<UsageEvent>> },
    /// Billing answers, in order.
    Recorded { call: u64, outcomes: Vec<Verdict> },
    /// Quota asks for the sums of windows.
    Summarise { job: u64, merchant: Merchant, windows: Vec<WindowId> },
    /// Billing answers.
    Summary { job: u64, sums: Vec<Sum> },
    /// A gateway asks the provider.
    Dispatch { key: Key, input: i64, output_max: i64 },
    /// The provider takes no more.
    Refuse(Key),
    /// A gateway leaves an answer.
    Leave(Key),
    /// The provider has produced so many tokens in all.
    Text { key: Key, output: i64 },
    /// The answer is over, with the provider's own count.
    Done { key: Key, input: i64, output: i64 },
    /// The connection of an answer is gone.
    Broken(Key),
}
