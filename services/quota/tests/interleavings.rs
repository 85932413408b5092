//! Every interleaving of callers that change a merchant and hand the change over to the journal.
//!
//! The hand-over is the file that the journal uses, over locks of a model that tries each order in which threads can take them.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

#[path = "../src/journal/handoff.rs"]
#[expect(dead_code, reason = "the journal asks for more than the model")]
mod handoff;
/// The model's locks, under the name by which the hand-over knows its own.
mod sync {
    pub(super) use loom::sync::{Mutex, MutexGuard};
}

use handoff::Handoff;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use sync::Mutex;

/// Entries that a flush takes at most; fewer than there are, so that a flush goes round more than once.
const BATCH: usize = 2;

/// What callers share: a merchant's changes in the order in which they were made, the hand-over, and what was committed.
struct Shared {
    merchant: Mutex<Vec<(usize, usize)>>,
    handoff: Handoff<(usize, usize)>,
    committed: Mutex<Vec<(usize, usize)>>,
    committing: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        Self {
            merchant: Mutex::new(Vec::new()),
            handoff: Handoff::new(),
            committed: Mutex::new(Vec::new()),
            committing: AtomicBool::new(false),
        }
    }

    /// A command as the registry does it: changes the merchant and hands the change over under the merchant's lock, then flushes
    /// if it is its turn.
    fn command(&self, caller: usize, operation: usize) {
        let mut merchant = self.merchant.lock().unwrap();
        merchant.push((caller, operation));
        let taken = self.handoff.take((caller, operation));
        assert_eq!(taken.number, merchant.len() as u64);
        drop(merchant);
        if taken.must_flush {
            self.flush();
        }
    }

    fn flush(&self) {
        loop {
            let batch = self.handoff.next(BATCH);
            if batch.is_empty() {
                return;
            }
            assert!(!self.committing.swap(true, Ordering::AcqRel), "two flushes commit at once");
            self.committed.lock().unwrap().extend(batch);
            self.committing.store(false, Ordering::Release);
        }
    }
}

/// Runs `callers` threads with `operations` commands each in every order with at most `preemptions` forced switches.
fn every_order(callers: usize, operations: usize, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let shared = Arc::new(Shared::new());
        let run = |caller| {
            let shared = Arc::clone(&shared);
            move || (0..operations).for_each(|operation| shared.command(caller, operation))
        };
        let others: Vec<_> = (1..callers).map(|caller| thread::spawn(run(caller))).collect();
        run(0)();
        for other in others {
            other.join().unwrap();
        }
        let made = shared.merchant.lock().unwrap().clone();
        assert_eq!(made.len(), callers * operations);
        // All of it, once, in the order of the changes, and with nobody left to ask for it.
        assert_eq!(*shared.committed.lock().unwrap(), made);
    });
}

#[test]
fn every_order_of_two_callers_commits_each_change_once_in_its_order() {
    every_order(2, 2, None);
}

#[test]
fn orders_of_three_callers_with_four_changes_commit_each_once_in_its_order() {
    every_order(3, 4, Some(2));
}
