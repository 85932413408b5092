//! What a call carries beside its message. It crosses only in metadata, so that it is the same in process and over TCP.

use std::time::{Duration, Instant};

use tonic::metadata::{MetadataMap, MetadataValue};

/// Metadata key of the request id.
pub const REQUEST_ID: &str = "x-kaleem-request-id";
/// Metadata key of the merchant.
pub const MERCHANT: &str = "x-kaleem-merchant";
/// Metadata key of the caller's API key id.
pub const KEY_ID: &str = "x-kaleem-key-id";
const TIMEOUT: &str = "grpc-timeout";

/// Request id, merchant, key and deadline of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallContext {
    /// Id of the request everywhere.
    pub request_id: Option<String>,
    /// Merchant that the call is for.
    pub merchant_id: Option<String>,
    /// API key that asked; safe to log.
    pub key_id: Option<String>,
    /// When the answer is no longer wanted.
    pub deadline: Option<Instant>,
}

impl CallContext {
    /// Reads the context of a received call.
    pub fn from_metadata(metadata: &MetadataMap) -> Self {
        let text = |key| metadata.get(key).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let timeout = metadata.get(TIMEOUT).and_then(|value| value.to_str().ok()).and_then(parse_timeout);
        Self {
            request_id: text(REQUEST_ID),
            merchant_id: text(MERCHANT),
            key_id: text(KEY_ID),
            deadline: timeout.map(|left| Instant::now() + left),
        }
    }

    /// Writes the context, the time left and the trace into a call that is about to be sent.
    pub fn apply<T>(&self, request: &mut tonic::Request<T>) {
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        let metadata = request.metadata_mut();
        let mut put = |key: &'static str, value: &Option<String>| {
            if let Some(value) = value.as_ref().and_then(|text| MetadataValue::try_from(text.as_str()).ok()) {
                metadata.insert(key, value);
            }
        };
        put(REQUEST_ID, &self.request_id);
        put(MERCHANT, &self.merchant_id);
        put(KEY_ID, &self.key_id);
        put("traceparent", &crate::trace::inject_traceparent());
    }

    /// A call with this context.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        self.apply(&mut request);
        request
    }
}

/// The time that a call brings, if it brings one.
pub(crate) fn timeout_of(headers: &http::HeaderMap) -> Option<Duration> {
    headers.get(TIMEOUT).and_then(|value| value.to_str().ok()).and_then(parse_timeout)
}

/// Parses `grpc-timeout`: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_parse_as_the_protocol_says() {
        assert_eq!(parse_timeout("150m"), Some(Duration::from_millis(150)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for bad in ["", "S", "123456789m", "-1S", "5x", "٥S"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn context_crosses_in_metadata() {
        let sent = CallContext {
            request_id: Some("r".into()),
            merchant_id: Some("dukkan".into()),
            key_id: None,
            deadline: Some(Instant::now() + Duration::from_secs(9)),
        };
        let request = sent.request(());
        let received = CallContext::from_metadata(request.metadata());
        assert_eq!(
            (received.request_id, received.merchant_id, received.key_id),
            (sent.request_id, sent.merchant_id, None)
        );
        assert!(
            received.deadline.is_some_and(|deadline| deadline <= Instant::now() + Duration::from_secs(9))
        );
    }
}
