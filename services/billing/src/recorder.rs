//! Group commit: concurrent callers share one durable transaction.
//!
//! The first call that finds the queue idle starts a flush task; the task ends when the queue is empty again. A flush is tracked
//! by the supervisor and outlives its callers, and calls that come while the process drains still find one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::stream::{FuturesUnordered, StreamExt as _};
use kaleem_domain::Clock;
use kaleem_runtime::Supervisor;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{
    Config, Deps, Error,
    rating::RatedEvent,
    store::{Ledger, Recorded},
};

/// Records rated events; clones share one queue.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    supervisor: Supervisor,
}

struct Shared {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    /// Told when the queue holds enough for a commit.
    full: Notify,
    commit_events: usize,
    commit_events_max: usize,
    commit_window: Duration,
    queued_events_max: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Submission>,
    events: usize,
    flushing: bool,
}

/// The events of one call and where its answer goes.
struct Submission {
    events: Vec<RatedEvent>,
    enqueued: Instant,
    answer: oneshot::Sender<Result<Vec<Recorded>, Error>>,
}

impl Recorder {
    /// A recorder with an empty queue.
    pub fn new(ledger: Arc<dyn Ledger>, config: &Config, deps: &Deps) -> Self {
        let shared = Shared {
            ledger,
            clock: Arc::clone(&deps.clock),
            queue: Mutex::default(),
            full: Notify::new(),
            commit_events: config.commit_events,
            commit_events_max: config.commit_events_max,
            commit_window: config.commit_window.get(),
            queued_events_max: config.queued_events_max,
        };
        Self { shared: Arc::new(shared), supervisor: deps.supervisor.clone() }
    }

    /// Records `events` in one transaction, perhaps with others'; ready when they are on disk. If it fails, nothing is known
    /// about what is on disk, and recording the same again is safe.
    pub async fn record(&self, events: Vec<RatedEvent>) -> Result<Vec<Recorded>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let answered = self.enqueue(events)?;
        answered.await.map_err(|_| Error::Commit)?
    }

    fn enqueue(
        &self,
        events: Vec<RatedEvent>,
    ) -> Result<oneshot::Receiver<Result<Vec<Recorded>, Error>>, Error> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.shared.queue();
        if queue.events + events.len() > self.shared.queued_events_max {
            return Err(Error::Overloaded);
        }
        queue.events += events.len();
        queue.waiting.push_back(Submission { events, enqueued: Instant::now(), answer });
        if queue.events >= self.shared.commit_events {
            self.shared.full.notify_one();
        }
        if !queue.flushing {
            queue.flushing = true;
            let flush = Flush { shared: Arc::clone(&self.shared), ended: false };
            self.supervisor.spawn_detached("billing-flush", flush.run());
        }
        Ok(answered)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until enough events wait for a commit, or, if no other is under way, the oldest has waited long enough.
    async fn ripe(&self, is_alone: bool) {
        loop {
            let (events, oldest) = {
                let queue = self.queue();
                (queue.events, queue.waiting.front().map(|submission| submission.enqueued))
            };
            let due = oldest.filter(|_| is_alone).map(|oldest| oldest + self.commit_window);
            let is_over = is_alone && oldest.is_none();
            if is_over || events >= self.commit_events || due.is_some_and(|due| Instant::now() >= due) {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => (),
                () = self.full.notified() => (),
            }
        }
    }

    /// Takes whole calls off the queue until a commit is full; empty means that the flush is over.
    fn take(&self) -> Vec<Submission> {
        let mut queue = self.queue();
        let (mut batch, mut events) = (Vec::new(), 0);
        while events < self.commit_events_max
            && let Some(submission) = queue.waiting.pop_front()
        {
            events += submission.events.len();
            batch.push(submission);
        }
        queue.events -= events;
        queue.flushing = !batch.is_empty();
        batch
    }

    async fn commit(&self, batch: Vec<Submission>) {
        let mut events = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        for submission in batch {
            answers.push((submission.events.len(), submission.answer));
            events.extend(submission.events);
        }
        // A caller that has left gets no answer; its events are recorded all the same.
        fail::fail_point!("billing::record::before");
        match self.ledger.record(events, self.clock.now()).await {
            Ok(recorded) => {
                fail::fail_point!("billing::record::committed");
                let mut recorded = recorded.into_iter();
                for (count, answer) in answers {
                    let _ = answer.send(Ok(recorded.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, cause, calls = answers.len(), "the ledger could not commit");
                for (_, answer) in answers {
                    let _ = answer.send(Err(Error::Commit));
                }
            }
        }
    }
}

/// A running flush. Dropped before its end, it fails the calls that wait and lets the next call start another.
struct Flush {
    shared: Arc<Shared>,
    /// The queue is handed over: another flush may own it already.
    ended: bool,
}

impl Flush {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let at_once = shared.ledger.recordings_at_once();
        let mut commits = FuturesUnordered::new();
        loop {
            let under_way = commits.len();
            tokio::select! {
                Some(()) = commits.next() => continue,
                () = shared.ripe(under_way == 0), if under_way < at_once => (),
            }
            let batch = shared.take();
            if batch.is_empty() {
                self.ended = true;
                return;
            }
            commits.push(shared.commit(batch));
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if !self.ended {
            *self.shared.queue() = Queue::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use kaleem_domain::Timestamp;
    use kaleem_testkit::ManualClock;

    use super::*;
    use crate::{
        event::{UsageEvent, tests::event},
        rating::{rate, tests::version},
        store::{Outcome, Pending},
    };

    /// Notes the size of each commit; fails those whose turn is listed.
    #[derive(Default)]
    struct Commits {
        sizes: Mutex<Vec<usize>>,
        failing: Vec<usize>,
        /// Recordings at once; 0 is taken for 1.
        at_once: usize,
    }

    impl Commits {
        fn sizes(&self) -> Vec<usize> {
            self.sizes.lock().unwrap().clone()
        }
    }

    impl Ledger for Commits {
        fn record(&self, events: Vec<RatedEvent>, _now: Timestamp) -> Pending<'_, Vec<Recorded>> {
            Box::pin(async move {
                // Long enough for others to queue up behind this commit.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let mut sizes = self.sizes.lock().unwrap();
                sizes.push(events.len());
                if self.failing.contains(&(sizes.len() - 1)) {
                    return Err(crate::store::Error::Statement(sqlx::Error::PoolClosed));
                }
                let recorded = |event: RatedEvent| {
                    let sell_pico = event.event.attempt.into();
                    Recorded { outcome: Outcome::Recorded, sell_pico }
                };
                Ok(events.into_iter().map(recorded).collect())
            })
        }

        fn recordings_at_once(&self) -> usize {
            self.at_once.max(1)
        }
    }

    fn events(attempts: std::ops::Range<i32>) -> Vec<RatedEvent> {
        attempts.map(|attempt| rate(UsageEvent { attempt, ..event() }, &version(1, 1)).unwrap()).collect()
    }

    fn recorder(store: &Arc<Commits>) -> Recorder {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let deps = Deps { clock, supervisor: Supervisor::new() };
        Recorder::new(Arc::clone(store) as Arc<dyn Ledger>, &Config::default(), &deps)
    }

    #[tokio::test(start_paused = true)]
    async fn callers_within_the_window_share_a_commit_and_get_their_own_answers() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let calls = (0..10).map(|call| recorder.record(events(call * 3..call * 3 + 3)));
        let answers = futures::future::join_all(calls).await;
        assert_eq!(store.sizes(), [30]);
        for (call, answer) in (0_i64..).zip(answers) {
            let sells: Vec<_> = answer.unwrap().iter().map(|recorded| recorded.sell_pico).collect();
            assert_eq!(sells, [call * 3, call * 3 + 1, call * 3 + 2]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_caller_waits_no_longer_than_the_window() {
        let store = Arc::new(Commits::default());
        let start = Instant::now();
        recorder(&store).record(events(0..1)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(25), "5 ms window and 20 ms commit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_commit_starts_at_once() {
        let store = Arc::new(Commits::default());
        let start = Instant::now();
        recorder(&store).record(events(0..256)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_behind_a_commit_goes_next_without_a_window() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let start = Instant::now();
        let late = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            recorder.record(events(1..2)).await
        };
        let (first, second) = tokio::join!(recorder.record(events(0..1)), late);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(store.sizes(), [1, 1]);
        assert_eq!(start.elapsed(), Duration::from_millis(45));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_during_a_commit_goes_together_up_to_the_bound() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let late = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            futures::future::join_all((0..7).map(|_| recorder.record(events(0..1_000)))).await
        };
        let (first, others) = tokio::join!(recorder.record(events(0..256)), late);
        assert!(first.is_ok() && others.iter().all(Result::is_ok));
        assert_eq!(store.sizes(), [256, 5_000, 2_000], "whole calls until 4,096 are reached");
    }

    #[tokio::test(start_paused = true)]
    async fn beside_a_commit_only_a_full_one_starts() {
        let store = Arc::new(Commits { at_once: 2, ..Commits::default() });
        let recorder = recorder(&store);
        let start = Instant::now();
        let at = async |millis, attempts| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            recorder.record(events(attempts)).await.unwrap();
            start.elapsed()
        };
        let ended = tokio::join!(at(0, 0..256), at(1, 0..256), at(2, 0..255), at(3, 0..300));
        let millis = [ended.0, ended.1, ended.2, ended.3].map(|ended| ended.as_millis());
        assert_eq!(millis, [20, 21, 40, 40], "the third waits for room, and takes the fourth along");
        assert_eq!(store.sizes(), [256, 256, 555]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_recovers() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let calls = (0..9).map(|_| recorder.record(events(0..1_024)));
        let answers = futures::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(Error::Overloaded))).count(), 1);
        assert_eq!(store.sizes().iter().sum::<usize>(), 8 * 1_024);
        assert!(recorder.record(events(0..1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_commit_fails_its_callers_and_not_the_next() {
        let store = Arc::new(Commits { failing: vec![0], ..Commits::default() });
        let recorder = recorder(&store);
        assert!(matches!(recorder.record(events(0..2)).await, Err(Error::Commit)));
        assert!(recorder.record(events(0..2)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn events_of_a_caller_that_left_are_recorded() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let left = tokio::time::timeout(Duration::from_millis(1), recorder.record(events(0..4))).await;
        assert!(left.is_err(), "the caller gave up first");
        assert!(recorder.supervisor.drain(Duration::from_secs(5)).await.is_clean());
        assert_eq!(store.sizes(), [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_aborted_flush_fails_its_callers_instead_of_leaving_them() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        let supervisor = recorder.supervisor.clone();
        let (answer, _) = tokio::join!(recorder.record(events(0..1)), async move {
            tokio::task::yield_now().await;
            supervisor.abort().await
        });
        assert!(matches!(answer, Err(Error::Commit)));
        assert!(!recorder.shared.queue().flushing, "the next call starts a new flush");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_come_while_the_process_drains_are_served() {
        let store = Arc::new(Commits::default());
        let recorder = recorder(&store);
        recorder.supervisor.stop();
        assert!(recorder.record(events(0..1)).await.is_ok());
        assert!(recorder.supervisor.drain(Duration::from_secs(1)).await.is_clean());
    }
}
