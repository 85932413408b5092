//! Golden streams of the API → events: each fixture is read whole, with CRLF, and cut at every byte.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

use kaleem_proto::chat::v1::{FinishReason, TokenUsage, UsageSource};
use kaleem_proto::provider::v1::stream_generate_response::Event;
use kaleem_provider_gemini::sse::Decoder;
use kaleem_provider_gemini::translate::response::{Answer, Context, Failure};

fn translate(chunks: &[&[u8]]) -> String {
    let context =
        Context { model: "asked".into(), upstream: "shop".into(), input_estimate: 11, ..Context::default() };
    translate_with(chunks, context)
}

/// Plays the bytes and writes one line an event; the last line is the end or the failure.
fn translate_with(chunks: &[&[u8]], context: Context) -> String {
    let (mut decoder, mut answer, mut events) = (Decoder::default(), Answer::new(context), VecDeque::new());
    let failure = play(chunks, &mut decoder, &mut answer, &mut events);
    let mut lines = String::new();
    for event in &events {
        writeln!(lines, "{}", line(event)).unwrap();
    }
    let end = match failure {
        Some(failure) => failure,
        None => answer.end().map_or_else(|error| format!("failure: {error}"), |event| line(&event)),
    };
    lines + &end
}

fn play(
    chunks: &[&[u8]],
    decoder: &mut Decoder,
    answer: &mut Answer,
    events: &mut VecDeque<Event>,
) -> Option<String> {
    for chunk in chunks.iter().map(Some).chain([None]) {
        match chunk {
            Some(chunk) => decoder.push(chunk).unwrap(),
            None => decoder.finish().unwrap(),
        }
        while let Some(payload) = decoder.next_payload() {
            match answer.accept(&payload, events) {
                Ok(()) => {}
                Err(Failure::Reported(error)) => {
                    return Some(format!("reported: {} {}", error.code, error.status));
                }
                Err(Failure::Broken(error)) => return Some(format!("broken: {error}")),
            }
        }
    }
    None
}

fn line(event: &Event) -> String {
    match event {
        Event::Started(e) => format!("started {} {:?} {}", e.served_model, e.provider_request_id, e.upstream),
        Event::Text(e) => format!("text {:?}", e.text),
        Event::Reasoning(e) => format!("reasoning {:?} {:?}", e.text, e.provider_signature),
        Event::ToolCall(e) => {
            // Ids that were made up differ from run to run.
            let made_up = e.id.len() == 37 && e.id.starts_with("call_");
            let id = if made_up { "made up" } else { &e.id };
            format!(
                "call {} ({id}) {} {} {:?}",
                e.index, e.name, e.arguments_json_delta, e.provider_signature
            )
        }
        Event::Usage(usage) => format!("usage {}", counts(usage)),
        Event::Finished(e) => {
            let counts = counts(e.usage.as_ref().unwrap());
            format!("finished {:?} {counts} {:?}", FinishReason::try_from(e.reason).unwrap(), e.warnings)
        }
    }
}

fn counts(usage: &TokenUsage) -> String {
    format!(
        "fresh={} cached={} tool={} text={} reasoning={} {:?}",
        usage.input_fresh_count,
        usage.input_cache_read_count,
        usage.input_tool_count,
        usage.output_text_count,
        usage.output_reasoning_count,
        UsageSource::try_from(usage.source).unwrap()
    )
}

fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/response");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<_> = files
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    fixtures.sort();
    assert!(fixtures.len() >= 30, "the folder is there");
    fixtures
}

#[test]
fn every_fixture_gives_its_golden_events() {
    for (name, text) in fixtures() {
        insta::assert_snapshot!(name, translate(&[text.as_bytes()]));
    }
}

#[test]
fn line_ends_and_cuts_do_not_matter() {
    for (name, text) in fixtures() {
        let whole = translate(&[text.as_bytes()]);
        let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(translate(&[crlf.as_bytes()]), whole, "{name} with CRLF");
        for cut in 0..=text.len() {
            let (before, after) = text.as_bytes().split_at(cut);
            assert_eq!(translate(&[before, after]), whole, "{name} cut at {cut}");
        }
    }
}

#[test]
fn only_one_call_passes_where_parallel_calls_are_off() {
    let text = include_str!("../fixtures/response/parallel_calls_one_a_chunk_without_ids.sse");
    let context = Context { single_call: true, ..Context::default() };
    let events = translate_with(&[text.as_bytes()], context);
    assert_eq!(events.lines().filter(|line| line.starts_with("call ")).count(), 1);
    assert!(events.ends_with(r#"["further parallel tool calls were left out, as asked for"]"#), "{events}");
}
