//! A token classifier behind HTTP, as Hugging Face's servers and GLiNER's speak it.
//!
//! `{"inputs":["…"],"parameters":{"aggregation_strategy":"simple","labels":["person"]}}` in; for each input a list of
//! `{"entity_group":"PER","start":0,"end":5,"score":0.98,"text":"…"}` out, with places in code points. `label` and `entity` are
//! understood for `entity_group`. With `text` a model that counts bytes or UTF-16 units is found out.

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};
use reqwest::{Client, redirect};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Candidate, Failure, NameModel};

/// When an answer that nobody waits for any more is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(1);
/// Bytes of an answer that are read: thousands of names.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;
/// What models call people.
const PERSON: [&str; 4] = ["per", "person", "b-per", "name"];

/// The model at an address.
pub(super) struct Endpoint {
    client: Client,
    url: Url,
}

#[derive(Serialize)]
struct Asked {
    inputs: Vec<String>,
    parameters: Parameters,
}

#[derive(Serialize)]
struct Parameters {
    aggregation_strategy: &'static str,
    labels: [&'static str; 1],
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "entity_group", alias = "label", alias = "entity")]
    label: String,
    start: usize,
    end: usize,
    score: f64,
    text: Option<String>,
}

impl Endpoint {
    pub(super) fn new(url: Url) -> reqwest::Result<Self> {
        // Without a provider the builder panics. A second installation answers Err with the one that is there, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("kaleem/", env!("CARGO_PKG_VERSION")))
            .timeout(GIVEN_UP_AFTER)
            // Texts as they were written go to this address and nowhere else.
            .redirect(redirect::Policy::none())
            .no_proxy();
        if url.scheme() == "http" {
            // Plain HTTP needs no CA certificates, and reading the system's costs time and memory.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self { client: builder.build()?, url })
    }
}

impl NameModel for Endpoint {
    fn names(&self, inputs: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<Candidate>>, Failure>> {
        let parameters = Parameters { aggregation_strategy: "simple", labels: ["person"] };
        let request = self.client.post(self.url.clone()).json(&Asked { inputs, parameters });
        async move {
            let mut response = request.send().await.map_err(|_| Failure::Unreachable)?;
            if !response.status().is_success() {
                return Err(Failure::Refused(response.status().as_u16()));
            }
            let mut answer = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|_| Failure::Unreachable)? {
                if answer.len() + piece.len() > ANSWER_BYTES_MAX {
                    return Err(Failure::TooLong);
                }
                answer.extend_from_slice(&piece);
            }
            read(&answer)
        }
        .boxed()
    }
}

fn read(answer: &[u8]) -> Result<Vec<Vec<Candidate>>, Failure> {
    let answer: Vec<Vec<Entity>> = serde_json::from_slice(answer).map_err(|_| Failure::Malformed)?;
    let person = |entity: &Entity| PERSON.iter().any(|name| entity.label.eq_ignore_ascii_case(name));
    let candidate = |Entity { start, end, score, text, .. }| Candidate { start, end, text, score };
    Ok(answer
        .into_iter()
        .map(|entities| entities.into_iter().filter(person).map(candidate).collect())
        .collect())
}
