//! One look at a worker: does it serve, and which models.

use std::sync::atomic::Ordering;

use http::StatusCode;
use serde::Deserialize;

use super::{BODY_BYTES_MAX, HttpWorker};

/// Most models that a worker may list.
const MODELS_MAX: usize = 1024;

/// A model that a worker lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedModel {
    /// Id.
    pub id: String,
    /// Longest prompt plus answer, where the worker says.
    pub context: Option<u32>,
}

/// What a look at a worker showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It serves these models.
    Serving(Vec<ServedModel>),
    /// Its engine sleeps: `/health` is fine and requests would hang.
    Asleep,
    /// It answers that it is not ready yet.
    Loading,
    /// It does not answer, or not as a worker does; says what happened.
    Failed(String),
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
    max_model_len: Option<u32>,
    /// llama.cpp keeps the context here.
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    n_ctx: Option<u32>,
    n_ctx_train: Option<u32>,
}

#[derive(Deserialize)]
struct Sleeping {
    is_sleeping: bool,
}

impl HttpWorker {
    /// Looks at the worker; takes at most as long as three probe limits.
    pub async fn probe(&self) -> Probe {
        match self.look("/health").await {
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) => return Probe::Loading,
            // Not every server has this path; the model list decides then.
            Ok((status, _)) if status.is_success() || matches!(status.as_u16(), 404 | 405) => {}
            Ok((status, _)) => return Probe::Failed(format!("/health answers HTTP {}", status.as_u16())),
            Err(failure) => return Probe::Failed(failure),
        }
        if self.is_asleep().await {
            return Probe::Asleep;
        }
        match self.look("/v1/models").await {
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) => Probe::Loading,
            Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)) => {
                Probe::Failed("it refuses our key; set api_key of this worker".to_owned())
            }
            Ok((status, body)) if status.is_success() => match serde_json::from_slice::<ModelList>(&body) {
                Ok(list) => {
                    Probe::Serving(list.data.into_iter().take(MODELS_MAX).map(ServedModel::from).collect())
                }
                Err(_) => {
                    Probe::Failed("/v1/models is not a model list; check base_url of this worker".to_owned())
                }
            },
            Ok((status, _)) => Probe::Failed(format!(
                "/v1/models answers HTTP {}; check base_url of this worker",
                status.as_u16()
            )),
            Err(failure) => Probe::Failed(failure),
        }
    }

    /// Servers without this path, the usual case, do not sleep.
    async fn is_asleep(&self) -> bool {
        if self.never_sleeps.load(Ordering::Relaxed) {
            return false;
        }
        match self.look("/is_sleeping").await {
            Ok((StatusCode::OK, body)) => {
                serde_json::from_slice::<Sleeping>(&body).is_ok_and(|answer| answer.is_sleeping)
            }
            Ok((StatusCode::NOT_FOUND, _)) => {
                self.never_sleeps.store(true, Ordering::Relaxed);
                false
            }
            _ => false,
        }
    }

    async fn look(&self, path: &str) -> Result<(StatusCode, Vec<u8>), String> {
        let exchange = async {
            let reply = self.connections.get(path).await.map_err(|error| error.to_string())?;
            let status = reply.status;
            let body = reply.bounded(BODY_BYTES_MAX).await.ok_or_else(|| format!("{path} breaks off"))?;
            Ok((status, body))
        };
        let limit = self.timeouts.probe.get();
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("{path} gives no answer within {limit:?}")))
    }
}

impl From<ListedModel> for ServedModel {
    fn from(listed: ListedModel) -> Self {
        let meta = listed.meta.and_then(|meta| meta.n_ctx.or(meta.n_ctx_train));
        Self { id: listed.id, context: listed.max_model_len.or(meta) }
    }
}
