//! Models of upstream projects in Redis: one hash each, changed by the script that changes merchants.

use redis::Value;

use super::Redis;
use crate::{Error, upstream::Snapshot};

/// Epoch of every model: what is lost is written anew from what processes remember, under a version that only rises.
const EPOCH: &str = "1";

/// What was granted so long ago is of no use to any day, in milliseconds.
const LIFE_MS: i64 = 48 * 3_600_000;

/// The braces make the keys of one model one slot of a cluster.
fn keys(quota_domain: &str, model: &str) -> [String; 3] {
    ["w", "r", "u"].map(|part| format!("q:{{p:{quota_domain}:{model}}}:{part}"))
}

impl Redis {
    pub(in crate::shared) async fn upstream(
        &self,
        quota_domain: &str,
        model: &str,
    ) -> Result<Option<Snapshot>, Error> {
        let mut get = redis::cmd("HGET");
        get.arg(&keys(quota_domain, model)[0]).arg("b");
        let body: Option<String> = self.ask_command(get).await?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    pub(in crate::shared) async fn swap_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        seen: Option<i64>,
        snapshot: &Snapshot,
    ) -> Result<bool, Error> {
        let mut call = self.script.prepare_invoke();
        for key in keys(quota_domain, model) {
            call.key(key);
        }
        match seen {
            Some(version) => call.arg(EPOCH).arg(version),
            None => call.arg("").arg(""),
        };
        call.arg(EPOCH).arg(snapshot.version).arg(0).arg(0);
        call.arg("W").arg("b").arg(serde_json::to_string(snapshot)?);
        call.arg("L").arg(LIFE_MS);
        let answer =
            self.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await?;
        let is_kept = matches!(&answer, Value::Array(parts) if matches!(parts.as_slice(), [Value::Int(1)]));
        Ok(is_kept)
    }
}
