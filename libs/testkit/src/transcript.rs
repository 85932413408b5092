//! Recorded HTTP exchanges of a real vLLM 0.32.0 server, read from `tests/fixtures/vllm`.

/// One recorded response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values, in wire order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: String,
}

impl Transcript {
    /// Reads the responses of a recording, each from its status line to the end of its body.
    pub fn parse_all(recording: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = recording;
        while let Some(start) = rest.find("HTTP/1.1 ") {
            let text = &rest[start..];
            let next = text[1..].find("HTTP/1.1 ").map_or(text.len(), |at| at + 1);
            found.push(Self::parse(&text[..next]));
            rest = &text[next..];
        }
        found
    }

    fn parse(text: &str) -> Self {
        let (head, body) =
            text.split_once("\r\n\r\n").expect("a recorded response has an empty line after its headers");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .and_then(|(_, value)| value.parse().ok());
        let body = match length {
            // The model list was recorded with a longer path than it shows, so its length is too large.
            Some(length) => body.get(..length).unwrap_or(body.trim_end_matches('\n')),
            None => body.find("data: [DONE]\n\n").map_or(body, |at| &body[..at + "data: [DONE]\n\n".len()]),
        };
        Self {
            status: status.expect("a recorded response starts with its status"),
            headers,
            body: body.to_owned(),
        }
    }

    /// Returns the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the JSON text of every `data:` line but `[DONE]`.
    pub fn events(&self) -> Vec<&str> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|event| *event != "[DONE]").collect()
    }
}

/// Embeds a recording by its file name.
macro_rules! recording {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/vllm/", $name, ".txt"))
    };
}

/// A stream with `include_usage`.
pub const CHAT_STREAM: &str = recording!("10_chat_stream_include_usage");
/// A stream with `continuous_usage_stats`.
pub const CHAT_STREAM_CONTINUOUS_USAGE: &str = recording!("11_chat_stream_continuous_usage");
/// A unary answer.
pub const CHAT_UNARY: &str = recording!("12_chat_unary");
/// Tool calls without `strict`: arguments that break the schema, calls that are cut by length.
pub const TOOL_CALLS: &str = recording!("13_tool_calls");
/// Answers of a server with a reasoning parser.
pub const REASONING: &str = recording!("15_reasoning");
/// Tool calls with `strict`.
pub const TOOL_CALLS_STRICT: &str = recording!("17_tool_calls_strict");
/// Stream and unary request in flight when the engine was killed.
pub const ENGINE_KILLED: &str = recording!("36_engine_killed");
/// Refusals of a full queue.
pub const QUEUE_FULL: &str = recording!("37_queue_full_stream");
/// A whole scrape of an idle server, 59 kB.
pub const METRICS_IDLE: &str = recording!("02_metrics_idle");
/// The model list.
pub const MODELS: &str = recording!("01_get_v1_models");
/// The version answer.
pub const VERSION: &str = recording!("01_get_version");
/// Errors of malformed and impossible requests, by the name of the case.
pub const ERRORS: [(&str, &str); 13] = [
    ("bad_json", recording!("20_err_bad_json")),
    ("bad_schema", recording!("20_err_bad_schema")),
    ("bad_temp", recording!("20_err_bad_temp")),
    ("ctx_too_long", recording!("20_err_ctx_too_long")),
    ("empty_messages", recording!("20_err_empty_messages")),
    ("image_input", recording!("20_err_image_input")),
    ("max_tokens_over", recording!("20_err_max_tokens_over")),
    ("missing_messages", recording!("20_err_missing_messages")),
    ("not_found", recording!("20_err_not_found")),
    ("stream_opts_without_stream", recording!("20_err_stream_opts_without_stream")),
    ("unknown_model", recording!("20_err_unknown_model")),
    ("wrong_ctype", recording!("20_err_wrong_ctype")),
    ("wrong_method", recording!("20_err_wrong_method")),
];

/// Returns the recorded error `case` of [`ERRORS`].
///
/// # Panics
/// When there is no such case.
pub fn error(case: &str) -> Transcript {
    let recording = ERRORS.iter().find(|(name, _)| *name == case);
    let (_, text) = recording.unwrap_or_else(|| panic!("no recorded error {case:?}"));
    Transcript::parse_all(text).remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_parses_and_keeps_its_length() {
        for (case, _) in ERRORS {
            let response = error(case);
            assert!(response.status >= 400, "{case}");
            assert_eq!(
                response.header("content-length"),
                Some(response.body.len().to_string().as_str()),
                "{case}"
            );
        }
    }

    #[test]
    fn a_stream_ends_with_done() {
        let stream = Transcript::parse_all(CHAT_STREAM).remove(0);
        assert_eq!(stream.status, 200);
        assert!(stream.body.ends_with("data: [DONE]\n\n"));
        assert_eq!(stream.events().len(), 14);
    }
}
