//! A command that waits for its merchant: run on the copy, answered once the copy is committed.

use kaleem_domain::Timestamp;
use tokio::sync::oneshot;

use crate::{
    Error,
    machine::{Change, Key, MerchantState, Refusal},
    store::UsageEvent,
};

/// What a command names besides the merchant.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// A reservation that is new unless the copy knows it: had it ended before, the copy must be told and the command run again.
    pub(crate) opens: Option<Key>,
    /// A reservation that may have ended: how it did must be known before the command runs.
    pub(crate) ended: Option<Key>,
    /// Kept with the end of a reservation that the command settles.
    pub(crate) event: Option<UsageEvent>,
}

impl About {
    /// The reservation `key`, which may have ended.
    pub(crate) const fn ended(key: Key) -> Self {
        Self { opens: None, ended: Some(key), event: None }
    }

    /// The reservation `key`, which is probably new.
    pub(crate) const fn opens(key: Key) -> Self {
        Self { opens: Some(key), ended: None, event: None }
    }
}

/// A command of whatever reply. It may be run again on another copy; the last run counts.
pub(super) trait Job: Send {
    fn about(&self) -> &About;
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Runs the command; says whether it was accepted.
    fn run(&mut self, state: &mut MerchantState, now: Timestamp, changes: &mut Vec<Change>) -> bool;
    /// Tells what the last run came to.
    fn answer(self: Box<Self>);
    /// Tells that nothing is known to have happened.
    fn fail(self: Box<Self>, error: Error);
}

/// What a job comes to.
pub(super) type Outcome<T> = Result<Result<T, Refusal>, Error>;

pub(super) struct Task<T, F> {
    about: About,
    command: F,
    outcome: Option<Result<T, Refusal>>,
    answer: oneshot::Sender<Outcome<T>>,
}

impl<T, F> Task<T, F> {
    pub(super) fn new(about: About, command: F) -> (Self, oneshot::Receiver<Outcome<T>>) {
        let (answer, answered) = oneshot::channel();
        (Self { about, command, outcome: None, answer }, answered)
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal> + Send,
{
    fn about(&self) -> &About {
        &self.about
    }

    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, state: &mut MerchantState, now: Timestamp, changes: &mut Vec<Change>) -> bool {
        let outcome = (self.command)(state, now, changes);
        let is_accepted = outcome.is_ok();
        self.outcome = Some(outcome);
        is_accepted
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A caller that left in between repeats its command, which then gets the same answer.
            let _ = self.answer.send(Ok(outcome));
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.answer.send(Err(error));
    }
}
