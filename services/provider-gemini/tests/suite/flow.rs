//! Streams that break, stall, are given up or read slowly.

use std::time::Duration;

use futures::StreamExt as _;
use kaleem_proto::provider::v1::ModelHealth;
use kaleem_proto::provider::v1::stream_generate_response::Event;
use kaleem_rpc::Code;
use kaleem_runtime::config::Span;
use kaleem_testkit::Gate;
use kaleem_testkit::gemini_upstream::{ApiError, Reply};

use crate::mesh::{mesh, mesh_with, question, reason};

/// Pitfall 10: an answer that broke off is never a stop.
#[tokio::test]
async fn failures_inside_a_stream_are_the_status() {
    let broken = || Reply::text(["Our "]);
    let cases = [
        (broken().fail(ApiError::overloaded()), "UPSTREAM_UNAVAILABLE"),
        (broken().fail_bare(ApiError::overloaded()), "UPSTREAM_UNAVAILABLE"),
        (broken().unfinished(), "UPSTREAM_PROTOCOL_ERROR"),
        (broken().finish("MALFORMED_FUNCTION_CALL"), "UPSTREAM_PROTOCOL_ERROR"),
        (broken().finish("OTHER"), "UPSTREAM_PROTOCOL_ERROR"),
        (broken().raw("data: {\"candidates\"\r\n\r\n"), "UPSTREAM_PROTOCOL_ERROR"),
    ];
    for (at, (reply, name)) in cases.into_iter().enumerate() {
        let mesh = mesh().await;
        mesh.upstream.push(reply);
        let heard = mesh.hear(question()).await;
        assert_eq!(heard.text, "Our ", "case {at}: what came is passed on");
        assert_eq!(reason(&heard.end.unwrap_err()), (Code::Unavailable, name), "case {at}");
    }
}

#[tokio::test]
async fn a_cut_connection_is_the_status() {
    let mesh = mesh().await;
    let gate = Gate::new();
    mesh.upstream.push(Reply::text(["Our "]).wait(&gate).cut());
    let mut stream = mesh.open(mesh.admitted(question())).await.unwrap();
    while !matches!(stream.next().await.unwrap().unwrap().event, Some(Event::Text(_))) {}
    gate.open();
    let status = loop {
        match stream.next().await.unwrap() {
            Ok(event) => assert!(matches!(event.event, Some(Event::Usage(_)))),
            Err(status) => break status,
        }
    };
    let fault = kaleem_rpc::Fault::from_status(&status);
    assert_eq!(reason(&fault), (Code::Unavailable, "UPSTREAM_CONNECTION_LOST"));
    assert!(fault.message.contains("the connection broke"), "{fault}");
}

/// Cancel travels: the connection to Google ends when the caller goes away, before and after the first token.
#[tokio::test]
async fn a_caller_who_goes_away_ends_the_call_to_google() {
    let mesh = mesh().await;
    let gate = Gate::new();
    mesh.upstream.push(Reply::text(["one "]).wait(&gate).then_text(["two"]));
    let mut stream = mesh.open(mesh.admitted(question())).await.unwrap();
    stream.next().await.unwrap().unwrap();
    gate.arrived(1).await;
    drop(stream);
    mesh.upstream.received().nth(0).await.exchange.disconnected().await;

    let silent = Gate::new();
    mesh.upstream.push(Reply::empty().wait(&silent).then_text(["never"]));
    let mut client = mesh.client.clone();
    let mut waiting = Box::pin(client.stream_generate(mesh.admitted(question())));
    tokio::select! {
        _ = &mut waiting => panic!("the gate is closed"),
        () = silent.arrived(1) => {}
    }
    drop(waiting);
    mesh.upstream.received().nth(1).await.exchange.disconnected().await;
}

/// A reader that stops reading stops the reading of the upstream: nothing piles up in between.
#[tokio::test]
async fn a_slow_reader_holds_the_upstream_back() {
    let mesh = mesh().await;
    let sent = Gate::new();
    sent.open();
    // Comments, so that the test does not wait for them to be parsed.
    let filler = format!(": {}\r\n\r\n", "x".repeat(256 * 1024));
    let reply = (0..96).fold(Reply::text(["first "]), |reply, _| reply.raw(filler.clone()));
    mesh.upstream.push(reply.wait(&sent).then_text(["last"]));
    let mut stream = mesh.open(mesh.admitted(question())).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let all_sent = tokio::time::timeout(Duration::from_millis(300), sent.arrived(1)).await;
    assert!(all_sent.is_err(), "24 MiB do not fit into the buffers of two sockets");
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        if let Some(Event::Text(delta)) = event.unwrap().event {
            text.push_str(&delta.text);
        }
    }
    assert_eq!(text, "first last", "and nothing is lost");
}

#[tokio::test]
async fn silence_is_bounded_before_and_after_the_first_token() {
    let mesh = mesh_with(|config| {
        config.timeouts.first_token = Span::millis(150);
        config.timeouts.idle = Span::millis(150);
    })
    .await;
    for (reply, text) in [(Reply::empty().stall(), ""), (Reply::text(["Our "]).stall(), "Our ")] {
        mesh.upstream.push(reply);
        let heard = mesh.hear(question()).await;
        assert_eq!(heard.text, text);
        assert_eq!(reason(&heard.end.unwrap_err()), (Code::Unavailable, "UPSTREAM_CONNECTION_LOST"));
    }
    for number in 0..2 {
        mesh.upstream.received().nth(number).await.exchange.disconnected().await;
    }
}

#[tokio::test]
async fn a_dead_upstream_degrades_then_comes_back() {
    let mut mesh = mesh().await;
    mesh.upstream.kill().await;
    for _ in 0..3 {
        let fault = mesh.hear(question()).await.end.unwrap_err();
        assert_eq!(reason(&fault), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
        assert!(fault.message.contains("cannot connect"), "{fault}");
    }
    assert_eq!(mesh.health().await[0].1, ModelHealth::Degraded);
    mesh.upstream.revive();
    mesh.hear(question()).await.end.unwrap();
    assert_eq!(mesh.health().await[0].1, ModelHealth::Ready);
}

/// The double speaks no TLS, so the handshake must fail: nothing is sent in the clear, and nothing panics.
#[tokio::test]
async fn https_is_not_talked_down() {
    let mesh = mesh_with(|config| config.base_url = config.base_url.replace("http://", "https://")).await;
    let fault = mesh.hear(question()).await.end.unwrap_err();
    // A machine without CA certificates cannot even try, and says so.
    let no_certificates = fault.message.contains("install the system's CA certificates");
    assert!(no_certificates || reason(&fault) == (Code::Unavailable, "UPSTREAM_UNAVAILABLE"), "{fault}");
    assert_eq!(mesh.upstream.received().count(), 0);
}

#[tokio::test]
async fn calls_in_flight_are_bounded_and_places_come_back() {
    let mesh = mesh_with(|config| config.in_flight_max = 1).await;
    let gate = Gate::new();
    mesh.upstream.push(Reply::text(["one "]).wait(&gate).then_text(["two"]));
    let stream = mesh.open(mesh.admitted(question())).await.unwrap();
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::Unavailable, "OVERLOADED"));
    assert!(fault.retry_after.is_some());
    drop(stream);
    mesh.hear(question()).await.end.unwrap();
}
