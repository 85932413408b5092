//! Recorded vLLM streams, and what else servers send.

use super::*;
use kaleem_testkit::transcript::{self, Transcript};
use serde_json::json;

fn assembler() -> Assembler {
    let expected = Expectation {
        worker: "w1".into(),
        model: "m".into(),
        request_id: "r".into(),
        max_output: 9,
        estimated_input: 11,
    };
    Assembler::new(expected, Vec::new())
}

fn run<S: AsRef<str>>(events: impl IntoIterator<Item = S>) -> Result<Vec<Event>, CallError> {
    let mut assembler = assembler();
    let mut out = VecDeque::new();
    for event in events {
        if assembler.accept(event.as_ref(), &mut out)? == Step::Done {
            break;
        }
    }
    assembler.finish(&mut out)?;
    Ok(out.into())
}

fn recorded(recording: &str, number: usize) -> Vec<String> {
    let streams = Transcript::parse_all(recording).into_iter().filter(|found| !found.events().is_empty());
    streams
        .map(|found| found.events().into_iter().map(str::to_owned).collect::<Vec<_>>())
        .nth(number)
        .unwrap()
}

fn text_of(events: &[Event]) -> String {
    events
        .iter()
        .filter_map(|event| if let Event::Text(delta) = event { Some(delta.text.as_str()) } else { None })
        .collect()
}

fn finished(events: &[Event]) -> (FinishReason, TokenUsage) {
    let Some(Event::Finished(end)) = events.last() else { panic!("no end: {events:?}") };
    (end.reason(), end.usage.unwrap())
}

fn chunk(delta: &serde_json::Value, finish: Option<&str>) -> String {
    json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).to_string()
}

#[test]
fn a_recorded_stream_with_final_usage() {
    let events = run(recorded(transcript::CHAT_STREAM, 0)).unwrap();
    let Event::Started(started) = &events[0] else { panic!("{events:?}") };
    assert_eq!(
        (started.provider_request_id.as_str(), started.upstream.as_str()),
        ("chatcmpl-req-abc-1", "w1")
    );
    assert_eq!(text_of(&events), "\n".repeat(12));
    let (reason, usage) = finished(&events);
    assert_eq!((reason, usage.input_fresh_count, usage.output_text_count), (FinishReason::Length, 32, 12));
    assert_eq!(usage.source(), UsageSource::Provider);
}

#[test]
fn a_recorded_stream_with_running_usage() {
    let mut assembler = assembler();
    let (mut out, mut running) = (VecDeque::new(), Vec::new());
    for data in recorded(transcript::CHAT_STREAM_CONTINUOUS_USAGE, 0) {
        assembler.accept(&data, &mut out).unwrap();
        running.extend(out.drain(..).filter_map(|event| match event {
            Event::Usage(usage) => Some(usage.output_text_count),
            _ => None,
        }));
    }
    assert_eq!(running, [0, 1, 2, 3, 4]);
    assembler.finish(&mut out).unwrap();
    assert_eq!(finished(out.make_contiguous()).1.output_text_count, 4);
}

#[test]
fn what_arrives_together_goes_on_together() {
    let events = run(recorded(transcript::CHAT_STREAM_CONTINUOUS_USAGE, 0)).unwrap();
    assert!(
        matches!(events.as_slice(), [Event::Started(_), Event::Text(_), Event::Finished(_)]),
        "one text, and no count that a later one replaces: {events:?}"
    );
    let chunks = [
        json!({"content": "a"}),
        json!({"reasoning": "b"}),
        json!({"content": "c"}),
        json!({"content": "d"}),
    ];
    let mut chunks: Vec<String> = chunks.iter().map(|delta| chunk(delta, None)).collect();
    chunks.push(chunk(&json!({}), Some("stop")));
    let events = run(chunks).unwrap();
    let texts: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Text(delta) => Some(delta.text.as_str()),
            Event::Reasoning(delta) => Some(delta.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["a", "b", "cd"], "the order stays");
}

#[test]
fn recorded_reasoning_is_apart_from_text() {
    let events = run(recorded(transcript::REASONING, 0)).unwrap();
    let reasoning = events.iter().filter(|event| matches!(event, Event::Reasoning(_))).count();
    assert_eq!((reasoning, text_of(&events).as_str()), (4, ""));
    let (reason, usage) = finished(&events);
    assert_eq!((reason, usage.output_text_count, usage.output_reasoning_count), (FinishReason::Length, 1, 4));
    let old =
        run([chunk(&json!({"reasoning_content": "hm"}), None), chunk(&json!({}), Some("stop"))]).unwrap();
    assert!(matches!(&old[1], Event::Reasoning(delta) if delta.text == "hm"));
}

#[test]
fn recorded_strict_tool_calls_end_as_calls() {
    let events = run(recorded(transcript::TOOL_CALLS_STRICT, 0)).unwrap();
    let calls: Vec<&ToolCallDelta> = events
        .iter()
        .filter_map(|event| if let Event::ToolCall(call) = event { Some(call) } else { None })
        .collect();
    assert_eq!(
        (calls[0].name.as_str(), calls[0].id.as_str()),
        ("get_order", "chatcmpl-tool-aef4fb2f9da06292")
    );
    assert!(calls[1..].iter().all(|call| call.id.is_empty() && call.name.is_empty() && call.index == 0));
    let arguments: String = calls.iter().map(|call| call.arguments_json_delta.as_str()).collect();
    assert!(serde_json::from_str::<serde_json::Value>(&arguments).unwrap().is_object(), "{arguments}");
    assert_eq!(finished(&events).0, FinishReason::ToolCalls, "although the worker says \"stop\"");
    assert_eq!(
        finished(&events).1.source(),
        UsageSource::Counted,
        "the recording was made without include_usage"
    );
}

#[test]
fn recorded_tool_calls_cut_by_length_are_an_error() {
    let error = run(recorded(transcript::TOOL_CALLS, 0)).unwrap_err();
    assert_eq!(error, CallError::ToolCallCut { limit: 9 });
}

#[test]
fn a_recorded_failure_inside_the_stream_is_a_failure_although_done_follows() {
    let tail =
        transcript::ENGINE_KILLED.lines().find_map(|line| line.strip_prefix("data: {\"error\"")).unwrap();
    let failure = format!("{{\"error\"{tail}");
    let error = run([chunk(&json!({"content": "a"}), None), failure, "[DONE]".to_owned()]).unwrap_err();
    assert_eq!(
        error,
        CallError::Unavailable {
            worker: "w1".into(),
            detail: "it reported a failure inside the stream".into()
        }
    );
}

#[test]
fn done_alone_is_no_success() {
    let error = run([chunk(&json!({"content": "a"}), None), "[DONE]".to_owned()]).unwrap_err();
    assert!(matches!(error, CallError::Protocol { .. }), "{error}");
    let error = run([chunk(&json!({}), Some("abort"))]).unwrap_err();
    assert!(matches!(error, CallError::Unavailable { .. }), "{error}");
}

#[test]
fn calls_without_index_id_or_arguments_are_completed() {
    let call = |id: &str, arguments: &str| json!({"tool_calls": [{"id": id, "function": {"name": "f", "arguments": arguments}}]});
    let events = run([
        chunk(&call("a", "{}"), None),
        chunk(&call("b", ""), None),
        chunk(&json!({}), Some("tool_calls")),
    ])
    .unwrap();
    let calls: Vec<(i32, &str, &str)> = events
        .iter()
        .filter_map(|event| {
            if let Event::ToolCall(call) = event {
                Some((call.index, call.id.as_str(), call.arguments_json_delta.as_str()))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(calls, [(0, "a", "{}"), (1, "b", ""), (1, "", "{}")]);
}

#[test]
fn arguments_that_are_no_object_and_odd_indexes_are_refused() {
    let arguments =
        json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "false"}}]});
    assert!(run([chunk(&arguments, None), chunk(&json!({}), Some("tool_calls"))]).is_err());
    let gap = json!({"tool_calls": [{"index": 3, "id": "a", "function": {"name": "f"}}]});
    assert!(run([chunk(&gap, None)]).is_err());
    assert!(run(["{\"choices\": 5}"]).is_err());
    assert!(run(["not json"]).is_err());
}

#[test]
fn without_usage_the_answer_is_counted() {
    let events =
        run([chunk(&json!({"content": "Jeddah"}), None), chunk(&json!({"content": "جدة"}), Some("stop"))])
            .unwrap();
    let usage = finished(&events).1;
    assert_eq!(
        (usage.input_fresh_count, usage.output_text_count, usage.source()),
        (11, 6, UsageSource::Counted)
    );
}

#[test]
fn a_worker_that_counts_at_the_start_alone_or_ends_with_zeros_is_not_believed() {
    let with_usage = |usage: serde_json::Value| {
        let mut chunk: serde_json::Value = serde_json::from_str(&chunk(&json!({}), None)).unwrap();
        chunk["usage"] = usage;
        chunk.to_string()
    };
    let text = chunk(&json!({"content": "جدة"}), Some("stop"));
    let early = with_usage(json!({"prompt_tokens": 7, "completion_tokens": 1}));
    let zeros = with_usage(json!({"prompt_tokens": 0, "completion_tokens": 0}));
    let cases = [
        (vec![early.clone(), text.clone()], (7, 4)),
        (vec![text.clone(), zeros.clone()], (11, 3)),
        (vec![early, text.clone(), zeros], (7, 4)),
        (vec![text, with_usage(json!({"prompt_tokens": 7, "completion_tokens": 2}))], (7, 2)),
    ];
    for (chunks, expected) in cases {
        let usage = finished(&run(chunks).unwrap()).1;
        assert_eq!((usage.input_fresh_count, usage.output_text_count), expected);
    }
}

#[test]
fn what_broke_off_is_partial() {
    let mut assembler = assembler();
    let mut events = VecDeque::new();
    assembler.accept(&chunk(&json!({"content": "abc"}), None), &mut events).unwrap();
    let usage = assembler.partial_usage();
    assert_eq!((usage.output_text_count, usage.source()), (2, UsageSource::Partial));
}
