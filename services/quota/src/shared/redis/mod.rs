//! Redis as the shared store: one hash of rows, one of holds, and one key a reservation that ended, changed by one script.

mod awaiting;
mod rows;
mod start;
mod upstream;

use std::{sync::Arc, time::Duration};

use kaleem_domain::MerchantId;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, Script, Value, aio::ConnectionManager};
use tokio::sync::Semaphore;

use super::keep::{Commit, Committed, Found};
use crate::{Error, machine::Key};
use rows::{Answer, Keys};

/// Redis; clones share a connection.
#[derive(Clone)]
pub(crate) struct Redis {
    connection: ConnectionManager,
    script: Arc<Script>,
    /// Room for commands that wait for their answers.
    in_flight: Arc<Semaphore>,
    timeout: Duration,
}

impl Redis {
    pub(super) async fn load(&self, merchant: &MerchantId, ended: &[Key]) -> Result<Option<Found>, Error> {
        let keys = Keys::of(merchant);
        let mut call = self.script.prepare_invoke();
        call.key(keys.rows()).key(keys.holds()).key(keys.awaiting());
        for key in ended {
            call.key(keys.tombstone(*key));
        }
        // No store has this, so the answer is what it has.
        call.arg("?").arg("").arg("").arg("").arg(0).arg(ended.len());
        match Answer::read(
            self.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await?,
            ended,
        )? {
            Answer::Same => Err(Error::Damaged("the script of the shared store does not compare".to_owned())),
            Answer::Differs(found) => Ok(found.map(|found| *found)),
        }
    }

    pub(super) async fn compare(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        self.swap(commit, false).await
    }

    pub(super) async fn commit(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        self.swap(commit, true).await
    }

    async fn swap(&self, commit: &Commit<'_>, writes: bool) -> Result<Committed, Error> {
        let keys = Keys::of(commit.merchant);
        let asked: Vec<Key> = commit.opened.iter().chain(commit.ended).copied().collect();
        let mut call = self.script.prepare_invoke();
        call.key(keys.rows()).key(keys.holds()).key(keys.awaiting());
        for key in &asked {
            call.key(keys.tombstone(*key));
        }
        match commit.seen {
            Some(seen) => call.arg(&seen.epoch).arg(seen.version),
            None => call.arg("").arg(""),
        };
        call.arg(&commit.next.epoch)
            .arg(commit.next.version)
            .arg(commit.opened.len())
            .arg(commit.ended.len());
        if writes {
            rows::write(&mut call, &keys, commit)?;
        }
        let answer =
            self.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await?;
        Ok(match Answer::read(answer, &asked)? {
            Answer::Same => Committed::Done,
            Answer::Differs(found) => Committed::Differs(found),
        })
    }

    /// Merchants with live holds, at most `max`.
    pub(super) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        let (mut merchants, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut scan = Cmd::new();
            scan.arg("SCAN").arg(cursor).arg("MATCH").arg(Keys::HOLDERS).arg("COUNT").arg(1_000);
            let (next, found): (u64, Vec<String>) = self.ask_command(scan).await?;
            merchants.extend(found.iter().filter_map(|key| Keys::holder(key)));
            cursor = next;
            if cursor == 0 || merchants.len() >= max {
                merchants.truncate(max);
                return Ok(merchants);
            }
        }
    }

    async fn ask_command<T: FromRedisValue>(&self, command: Cmd) -> Result<T, Error> {
        let answer: Value =
            self.ask(|mut connection| async move { command.query_async(&mut connection).await }).await?;
        redis::from_redis_value(answer)
            .map_err(|error| Error::Damaged(format!("Redis answers something else: {error}")))
    }

    async fn ask_all<T: FromRedisValue>(&self, commands: Pipeline) -> Result<T, Error> {
        let answer: Value =
            self.ask(|mut connection| async move { commands.query_async(&mut connection).await }).await?;
        redis::from_redis_value(answer)
            .map_err(|error| Error::Damaged(format!("Redis answers something else: {error}")))
    }

    /// Asks within the bounds of time and of what may be in flight.
    async fn ask<F>(&self, asks: impl FnOnce(ConnectionManager) -> F) -> Result<Value, Error>
    where
        F: Future<Output = Result<Value, RedisError>>,
    {
        let answered = async {
            let _place =
                self.in_flight.acquire().await.map_err(|_| Error::StoreUnavailable("it is closed"))?;
            asks(self.connection.clone()).await.map_err(Error::Redis)
        };
        let timed_out =
            || Error::StoreUnavailable("Redis does not answer within quota.shared.response_timeout");
        tokio::time::timeout(self.timeout, answered).await.map_err(|_| timed_out())?
    }
}
