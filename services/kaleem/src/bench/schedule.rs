//! When requests are due.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

/// When requests are due: at fixed times, or as soon as a caller is free.
pub(super) struct Schedule {
    begin: Instant,
    end: Instant,
    /// Requests a second; none is a closed loop.
    rate: Option<f64>,
    taken: AtomicU64,
    /// One permit a request that is due; closed at the end.
    due: Semaphore,
}

impl Schedule {
    pub(super) fn new(rate: Option<f64>, begin: Instant, length: Duration) -> Self {
        Self { begin, end: begin + length, rate, taken: AtomicU64::new(0), due: Semaphore::new(0) }
    }

    fn due_at(&self, index: u64, rate: f64) -> Instant {
        self.begin + Duration::from_secs_f64(index as f64 / rate)
    }

    /// Waits for the next request that is due and gives the moment it was due at; none at the end.
    pub(super) async fn next(&self) -> Option<Instant> {
        let Some(rate) = self.rate else {
            let now = Instant::now();
            return (now < self.end).then_some(now);
        };
        self.due.acquire().await.ok()?.forget();
        let at = self.due_at(self.taken.fetch_add(1, Ordering::Relaxed), rate);
        Some(at)
    }

    /// Lets requests go at their times until the end. Runs on a thread of its own: timers of the runtime have whole milliseconds
    /// only, and a busy runtime would delay the very schedule that is to show how busy it is.
    pub(super) fn pace(&self) {
        let Some(rate) = self.rate else { return };
        for index in 0.. {
            let at = self.due_at(index, rate);
            if at >= self.end {
                break;
            }
            wait_until(at);
            self.due.add_permits(1);
        }
        wait_until(self.end);
        self.due.close();
    }

    /// When each request was due that was never sent, as every caller was still busy.
    pub(super) fn unsent(&self) -> impl Iterator<Item = Instant> {
        let first = self.taken.load(Ordering::Relaxed);
        let due =
            self.rate.into_iter().flat_map(move |rate| (first..).map(move |index| self.due_at(index, rate)));
        due.take_while(|at| *at < self.end)
    }
}

fn wait_until(at: Instant) {
    while let Some(left) = at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_are_due_at_their_times_however_late_they_are_taken() {
        let begin = Instant::now();
        let schedule = Schedule::new(Some(1_000.0), begin, Duration::from_millis(50));
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| schedule.pace());
        });
        // The pacer has ended: what it released and nobody took is unsent.
        assert_eq!(schedule.unsent().count(), 50);
        while let Some(at) = schedule.next().await {
            seen.push(at);
        }
        assert!(seen.is_empty(), "nothing is sent after the end");

        let schedule = Schedule::new(Some(1_000.0), begin, Duration::from_hours(1));
        schedule.due.add_permits(3);
        for index in 0..3 {
            assert_eq!(schedule.next().await, Some(begin + Duration::from_millis(index)));
        }
    }

    #[tokio::test]
    async fn a_closed_loop_ends_at_its_end() {
        let schedule = Schedule::new(None, Instant::now(), Duration::from_hours(1));
        assert!(schedule.next().await.is_some());
        let over = Schedule::new(None, Instant::now(), Duration::ZERO);
        assert!(over.next().await.is_none());
        assert_eq!(over.unsent().count(), 0);
    }
}
