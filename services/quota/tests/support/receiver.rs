//! A receiver of webhooks that checks signatures.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kaleem_quota::Config;
use kaleem_runtime::{
    Supervisor,
    config::{Secret, Span},
};
use kaleem_testkit::bound_listener;
use sha2::Sha256;

const KEY: &[u8] = b"a key that only quota and its receiver know";

/// A receiver that checks signatures and answers as the test says.
#[derive(Clone)]
pub struct Receiver {
    answer: Arc<Mutex<StatusCode>>,
    /// Every message that came with a right signature, with its id.
    pub got: Arc<Mutex<Vec<(String, serde_json::Value)>>>,
    pub url: String,
}

impl Receiver {
    pub fn start(supervisor: &Supervisor) -> Self {
        let (listener, address) = bound_listener();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let url = format!("http://{address}/alerts");
        let receiver = Self { answer: Arc::new(Mutex::new(StatusCode::OK)), got: Arc::default(), url };
        let router = Router::new().route("/alerts", post(receive)).with_state(receiver.clone());
        let stopping = supervisor.stopping();
        supervisor.spawn_detached("receiver", async move {
            let stopped = async move { stopping.cancelled().await };
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
        });
        receiver
    }

    pub fn set_answer(&self, answer: StatusCode) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn ids(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|(id, _)| id.clone()).collect()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap();
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(&body);
    let expected = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    if header("webhook-signature") != expected {
        return StatusCode::UNAUTHORIZED;
    }
    assert_eq!(header("content-type"), "application/json");
    receiver.got.lock().unwrap().push((id.to_owned(), serde_json::from_slice(&body).unwrap()));
    *receiver.answer.lock().unwrap()
}

/// Has quota post its alerts to `url`, as soon as they are due.
pub fn to(url: &str, config: &mut Config) {
    url.clone_into(&mut config.alerts.webhook_url);
    config.alerts.webhook_secret = Secret::from(format!("whsec_{}", BASE64.encode(KEY)));
    config.alerts.poll_interval = Span::millis(1);
}
