//! What an HTTP error of a worker means. Decided by status, then by `param` and numbers: `type` is not stable, and messages may
//! quote the prompt, so they are read for numbers and never passed on.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::error::CallError;

/// Longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// An error answer before the stream began.
pub struct Refusal<'a> {
    /// Worker.
    pub worker: &'a str,
    /// Model of the call.
    pub model: &'a str,
    /// HTTP status.
    pub status: StatusCode,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// The body, cut where it is long.
    pub body: &'a [u8],
}

#[derive(Default, Deserialize)]
struct Body {
    error: Option<Value>,
}

impl Refusal<'_> {
    /// The failure of the call.
    pub fn to_error(&self) -> CallError {
        let error = serde_json::from_slice::<Body>(self.body).unwrap_or_default().error;
        let worker = self.worker.to_owned();
        match self.status.as_u16() {
            400 | 413 | 422 => self.malformed(error.as_ref()),
            401 | 403 => self.unavailable("it refuses our key; set api_key of this worker"),
            // A server that knows the path answers with an error object, a framework's own 404 has none.
            404 if error.is_some() => CallError::ModelGone { worker, model: self.model.to_owned() },
            404 | 405 => CallError::NoEndpoint { worker },
            429 => {
                let wait = self.retry_after.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
                CallError::RateLimited { worker, retry_after: wait }
            }
            503 => CallError::Busy { worker },
            status => self.unavailable(&format!("it answered HTTP {status}")),
        }
    }

    fn unavailable(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.worker.to_owned(), detail: detail.to_owned() }
    }

    fn malformed(&self, error: Option<&Value>) -> CallError {
        let empty = Value::Null;
        let error = error.unwrap_or(&empty);
        let param = error["param"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        let llama_cpp = (error["n_prompt_tokens"].as_u64(), error["n_ctx"].as_u64());
        let vllm = (
            number_after(message, "input_tokens, value="),
            number_after(message, "maximum context length is "),
        );
        for (needed, context) in [llama_cpp, vllm] {
            if let (Some(needed), Some(context)) = (needed, context) {
                return CallError::ContextLength { model: self.model.to_owned(), needed, context };
            }
        }
        CallError::Refused {
            worker: self.worker.to_owned(),
            param: is_field_name(param).then(|| param.to_owned()),
        }
    }
}

fn number_after(text: &str, marker: &str) -> Option<u64> {
    let (_, rest) = text.split_once(marker)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Only what looks like a field is passed on.
fn is_field_name(param: &str) -> bool {
    (1..=64).contains(&param.len())
        && param.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaleem_testkit::transcript;

    fn error_of(status: u16, body: &str) -> CallError {
        let status = StatusCode::from_u16(status).unwrap();
        Refusal { worker: "w", model: "m", status, retry_after: Some(7), body: body.as_bytes() }.to_error()
    }

    fn recorded(case: &str) -> CallError {
        let found = transcript::error(case);
        error_of(found.status, &found.body)
    }

    fn refused(param: Option<&str>) -> CallError {
        CallError::Refused { worker: "w".into(), param: param.map(str::to_owned) }
    }

    #[test]
    fn recorded_refusals_of_vllm() {
        assert_eq!(
            recorded("ctx_too_long"),
            CallError::ContextLength { model: "m".into(), needed: 2049, context: 2048 }
        );
        assert_eq!(recorded("unknown_model"), CallError::ModelGone { worker: "w".into(), model: "m".into() });
        assert_eq!(recorded("bad_temp"), refused(Some("temperature")));
        assert_eq!(recorded("max_tokens_over"), refused(Some("max_tokens")));
        assert_eq!(recorded("missing_messages"), refused(Some("body.messages")));
        assert_eq!(recorded("image_input"), refused(None));
        assert_eq!(recorded("not_found"), CallError::NoEndpoint { worker: "w".into() });
        assert_eq!(recorded("wrong_method"), CallError::NoEndpoint { worker: "w".into() });
    }

    #[test]
    fn other_servers_and_statuses() {
        let llama_cpp = r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":900,"n_ctx":512}}"#;
        assert_eq!(
            error_of(400, llama_cpp),
            CallError::ContextLength { model: "m".into(), needed: 900, context: 512 }
        );
        assert_eq!(error_of(503, "{}"), CallError::Busy { worker: "w".into() });
        assert_eq!(
            error_of(429, ""),
            CallError::RateLimited { worker: "w".into(), retry_after: Some(Duration::from_secs(7)) }
        );
        assert!(
            matches!(error_of(500, "oops"), CallError::Unavailable { detail, .. } if detail.contains("500"))
        );
        assert!(
            matches!(error_of(401, ""), CallError::Unavailable { detail, .. } if detail.contains("api_key"))
        );
    }

    #[test]
    fn what_a_worker_says_is_never_passed_on() {
        let quoting = r#"{"error":{"message":"bad: 0501234567","param":"my phone is 0501234567"}}"#;
        assert_eq!(error_of(400, quoting), refused(None));
    }
}
