//! One webhook: the message, its signature and the request, after the Standard Webhooks convention
//! (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp` and `webhook-signature`.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kaleem_domain::Timestamp;
use reqwest::{Client, Url, redirect};
use serde::Serialize;
use sha2::Sha256;

use crate::{Error, config::Alerts, store::StoredAlert};

/// Prefix of a secret that is written in base64.
const ENCODED_SECRET: &str = "whsec_";

/// Where alerts are sent, and the key that signs them.
pub(crate) struct Webhook {
    client: Client,
    url: Url,
    key: Hmac<Sha256>,
}

/// The message.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    alert_id: &'a str,
    merchant_id: &'a str,
    dimension: &'a str,
    window_id: String,
    percent: i32,
    cap_version: i64,
    posted: i64,
    cap: i64,
}

impl Webhook {
    /// The webhook of the configuration; `None` where it names none.
    pub(crate) fn from_config(config: &Alerts) -> Result<Option<Self>, Error> {
        let wrong = |key: &str, why: String| Error::Config { key: key.to_owned(), why };
        if config.webhook_url.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(&config.webhook_url).ok().filter(Url::has_host);
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(|| {
            wrong("quota.alerts.webhook_url", "must be an address such as https://example.com/alerts".into())
        })?;
        let secret = config.webhook_secret.expose();
        let key = match secret.strip_prefix(ENCODED_SECRET) {
            Some(encoded) => BASE64.decode(encoded).map_err(|_| {
                let why = "starts with whsec_ but does not go on in base64; copy it again from the receiver";
                wrong("quota.alerts.webhook_secret", why.into())
            })?,
            None => secret.as_bytes().to_vec(),
        };
        if key.is_empty() {
            let why = "must be set where webhook_url is: receivers check the signature that it makes";
            return Err(wrong("quota.alerts.webhook_secret", why.into()));
        }
        let key = Hmac::new_from_slice(&key)
            .map_err(|_| wrong("quota.alerts.webhook_secret", "cannot be a key".into()))?;
        let client = client(config, &url)
            .map_err(|error| wrong("quota.alerts.webhook_url", format!("cannot be called: {error}")))?;
        Ok(Some(Self { client, url, key }))
    }

    /// Sends `alert` once; `Err` says why it counts as not delivered.
    pub(crate) async fn send(&self, alert: &StoredAlert, now: Timestamp) -> Result<(), String> {
        let body = message(alert)?;
        let seconds = now.to_seconds_nanos().0;
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &alert.alert_id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signature(&alert.alert_id, seconds, &body))
            .body(body);
        // The address may carry a token, so errors go without it.
        let response = request.send().await.map_err(|error| root_cause(&error.without_url()))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("the receiver answers {status}")) }
    }

    /// `v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64.
    fn signature(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = self.key.clone();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

/// The same bytes at every try, so that a receiver can compare.
fn message(alert: &StoredAlert) -> Result<Vec<u8>, String> {
    let message = Message {
        kind: "quota.alert",
        timestamp: alert.created_at.to_string(),
        data: Data {
            alert_id: &alert.alert_id,
            merchant_id: &alert.merchant_id,
            dimension: &alert.dimension,
            window_id: alert.window.to_string(),
            percent: alert.percent,
            cap_version: alert.cap_version,
            posted: alert.posted,
            cap: alert.cap,
        },
    };
    serde_json::to_vec(&message).map_err(|error| error.to_string())
}

fn client(config: &Alerts, url: &Url) -> reqwest::Result<Client> {
    // Without a provider the builder panics. A second installation answers Err with the one that is there, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("kaleem/", env!("CARGO_PKG_VERSION")))
        .timeout(config.webhook_timeout.get())
        // What is signed for one receiver is not for another.
        .redirect(redirect::Policy::none())
        .no_proxy();
    if url.scheme() == "http" {
        tracing::warn!(host = url.host_str(), "alerts are sent without TLS and can be read on their way");
        // Plain HTTP needs no CA certificates, and reading the system's costs time and memory.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use kaleem_runtime::config::Secret;

    use super::*;

    fn webhook(url: &str, secret: &str) -> Result<Option<Webhook>, Error> {
        let (webhook_url, webhook_secret) = (url.to_owned(), Secret::from(secret.to_owned()));
        Webhook::from_config(&Alerts { webhook_url, webhook_secret, ..Alerts::default() })
    }

    /// The example of the convention's own libraries.
    #[test]
    fn the_signature_is_that_of_the_convention() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let webhook = webhook("http://localhost/", secret).unwrap().unwrap();
        let signature =
            webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_wrong_with_the_configuration_is_said_by_its_key() {
        let wrong = |url, secret| match webhook(url, secret) {
            Err(Error::Config { key, .. }) => key,
            other => panic!("{:?}", other.map(|found| found.is_some())),
        };
        assert_eq!(wrong("example.com", "secret"), "quota.alerts.webhook_url");
        assert_eq!(wrong("ftp://example.com", "secret"), "quota.alerts.webhook_url");
        assert_eq!(wrong("http://localhost/", ""), "quota.alerts.webhook_secret");
        assert_eq!(wrong("http://localhost/", "whsec_%%"), "quota.alerts.webhook_secret");
        assert!(webhook("", "").unwrap().is_none());
    }
}
