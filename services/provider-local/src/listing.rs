//! The pool as callers see it: models with what they can do, and workers with their load.

use kaleem_proto::pool::v1::{Worker, WorkerState};
use kaleem_proto::provider::v1::{Model, ModelHealth};
use kaleem_rpc::convert;
use tokio::time::Instant;

use crate::config::Capability;
use crate::pool::{Member, Pool};

/// All models; one that several workers serve appears once, with what all of them that serve now can do.
pub fn models(pool: &Pool, region: &str) -> Vec<Model> {
    pool.models().into_iter().map(|id| model(pool, id, region)).collect()
}

fn model(pool: &Pool, id: String, region: &str) -> Model {
    let serving: Vec<_> = pool.members().iter().filter(|member| member.serves(&id) == Some(true)).collect();
    let health = serving.iter().map(|member| health_of(member.state())).min_by_key(|health| rank(*health));
    let health = health.unwrap_or(ModelHealth::Down);
    // A worker that is down does not take a promise away from those that serve.
    let counted: Vec<_> = serving.iter().filter(|member| health_of(member.state()) == health).collect();
    let context = counted.iter().filter_map(|member| member.context(&id)).min().map_or(0, i64::from);
    let all = |capability| !counted.is_empty() && counted.iter().all(|member| member.can(capability));
    Model {
        context_token_count: context,
        max_output_token_count: context,
        tools: all(Capability::Tools),
        json_schema: all(Capability::JsonSchema),
        vision: all(Capability::Vision),
        reasoning: all(Capability::Reasoning),
        region: region.to_owned(),
        health: health.into(),
        ready_time: None,
        id,
    }
}

fn health_of(state: WorkerState) -> ModelHealth {
    match state {
        WorkerState::Ready => ModelHealth::Ready,
        WorkerState::Degraded => ModelHealth::Degraded,
        WorkerState::Sleeping | WorkerState::Waking => ModelHealth::Asleep,
        _ => ModelHealth::Down,
    }
}

/// The best first.
fn rank(health: ModelHealth) -> u8 {
    match health {
        ModelHealth::Ready => 0,
        ModelHealth::Degraded => 1,
        ModelHealth::Asleep => 2,
        ModelHealth::Down | ModelHealth::Unspecified => 3,
    }
}

/// All workers.
pub fn workers(pool: &Pool) -> Vec<Worker> {
    pool.members().iter().map(|member| worker(member)).collect()
}

fn worker(member: &Member) -> Worker {
    let health = member.health();
    let (in_flight, window) = member.load();
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    Worker {
        name: member.name().to_owned(),
        address: member.address().to_owned(),
        state: health.state(Instant::now()).into(),
        models: member.models(),
        in_flight_count: count(in_flight),
        window_count: count(window),
        last_seen_time: health.last_seen.map(convert::timestamp),
        detail: health.detail,
    }
}
