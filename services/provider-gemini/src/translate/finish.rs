//! Why the model stopped.

use kaleem_proto::chat::v1::FinishReason;

/// What a finish reason of Gemini means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// The answer is complete.
    Answer(FinishReason),
    /// There is no usable answer, and to call it a stop would hide that.
    Failure(&'static str),
}

/// Maps Gemini's reason. Calls end with `STOP` there, so whether one was seen decides; a cut answer stays cut.
pub(super) fn of(reason: &str, has_calls: bool) -> Finish {
    match reason {
        "STOP" if has_calls => Finish::Answer(FinishReason::ToolCalls),
        "STOP" => Finish::Answer(FinishReason::Stop),
        "MAX_TOKENS" => Finish::Answer(FinishReason::Length),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR" => {
            Finish::Answer(FinishReason::ContentFiltered)
        }
        image if image.starts_with("IMAGE_") => Finish::Answer(FinishReason::ContentFiltered),
        "MALFORMED_FUNCTION_CALL" => Finish::Failure("the model wrote a tool call that cannot be read"),
        "UNEXPECTED_TOOL_CALL" => Finish::Failure("the model called a tool that was not declared"),
        "TOO_MANY_TOOL_CALLS" => Finish::Failure("the model made too many tool calls in a row"),
        "MALFORMED_RESPONSE" => Finish::Failure("the model wrote an answer that cannot be read"),
        "MISSING_THOUGHT_SIGNATURE" => Finish::Failure("a thought signature was missing in the history"),
        "LANGUAGE" => Finish::Failure("the model does not support the language"),
        "CONTINUATION" => Finish::Failure("the answer was left to be continued, which is not supported"),
        _ => Finish::Failure("the model stopped for another reason"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stop_becomes_tool_calls() {
        assert_eq!(of("STOP", true), Finish::Answer(FinishReason::ToolCalls));
        assert_eq!(of("STOP", false), Finish::Answer(FinishReason::Stop));
        assert_eq!(of("MAX_TOKENS", true), Finish::Answer(FinishReason::Length));
    }

    #[test]
    fn filters_are_answers_and_the_rest_are_failures() {
        for reason in
            ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"]
        {
            assert_eq!(of(reason, false), Finish::Answer(FinishReason::ContentFiltered), "{reason}");
        }
        let failures = [
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MALFORMED_RESPONSE",
            "MISSING_THOUGHT_SIGNATURE",
            "OTHER",
            "LANGUAGE",
            "ESCALATION",
            "CONTINUATION",
            "NO_IMAGE",
            "FINISH_REASON_UNSPECIFIED",
            "SOMETHING_NEW",
        ];
        for reason in failures {
            assert!(matches!(of(reason, true), Finish::Failure(_)), "{reason}");
        }
    }
}
