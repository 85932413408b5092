//! The operations surface of every listener: liveness, readiness, metrics and version.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kaleem_runtime::{Readiness, telemetry::Guard};
use serde_json::json;

/// What each target of a process keeps its state in, by the target's name.
pub(crate) type StoreKinds = std::collections::BTreeMap<&'static str, &'static str>;

#[derive(Clone)]
struct Operations {
    readiness: Readiness,
    telemetry: Option<Guard>,
    stores: StoreKinds,
}

/// `/healthz`, `/readyz`, `/metrics` and `/version`.
pub(crate) fn router(readiness: Readiness, telemetry: Option<Guard>, stores: StoreKinds) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route(
            "/version",
            get(|| async { Json(json!({"name": "kaleem", "version": env!("CARGO_PKG_VERSION")})) }),
        )
        .with_state(Operations { readiness, telemetry, stores })
}

async fn ready(State(operations): State<Operations>) -> Response {
    let failing = operations.readiness.failing();
    let status =
        if operations.readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let failing: serde_json::Map<_, _> = failing.into_iter().map(|(name, why)| (name, why.into())).collect();
    let ready = status == StatusCode::OK;
    (status, Json(json!({"ready": ready, "failing": failing, "stores": operations.stores}))).into_response()
}

async fn metrics(State(operations): State<Operations>) -> Response {
    match operations.telemetry {
        Some(telemetry) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry.render_metrics())
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
