//! The cases, each for any transport.

use std::time::{Duration, Instant};

use futures::future::{Either, select};
use kaleem_proto::chat::v1::Message;
use kaleem_rpc::{CallContext, Code, Fault, StackConfig};

use crate::{
    peer::{CANCEL_MAX, PATIENCE, Peer, Wire, count, failure, generate, next, soon},
    scripted::{
        FAULT, HANG, LONG_FAULT, Leaked, OK, PANIC, TRICKLE, TRICKLE_LEN, fault, finished, started, text,
    },
};

/// Long enough for a handler to begin over TLS on a busy machine.
const SHORT: Duration = Duration::from_millis(250);

fn named(fault: &Fault) -> (Code, &str, &str) {
    (fault.code, fault.domain.as_str(), fault.reason.as_str())
}

const DEADLINE: (Code, &str, &str) = (Code::DeadlineExceeded, "rpc.kaleem", "DEADLINE_EXCEEDED");
const PANICKED: (Code, &str, &str) = (Code::Internal, "rpc.kaleem", "PANIC");

async fn peer(wire: Wire) -> Peer {
    Peer::start(wire, &StackConfig::default()).await
}

pub async fn a_unary_call_is_answered(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut request = count(OK);
    request.get_mut().messages = vec![Message::default(); 3];
    assert_eq!(peer.count(request).await, Ok(3));
}

pub async fn a_stream_arrives_whole_and_in_order(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut events = peer.open(generate(OK)).await.expect("a stream");
    for expected in [started(), text("مر"), text("حبا"), finished()] {
        assert_eq!(next(&mut events).await, expected);
    }
    assert_eq!(soon("the end", events.message()).await.expect("a clean end"), None);
}

/// Callers of a mesh share one connection, and a caller that reads slowly must not end the streams of the others: every small
/// frame that waits unread counts against a budget of the connection, whose end is a GOAWAY.
pub async fn many_streams_wait_unread_on_one_connection(wire: Wire) {
    const STREAMS: usize = 32;
    let mut peer = peer(wire).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(peer.open(generate(TRICKLE)).await.expect("a stream"));
    }
    if !matches!(wire, Wire::InProcess) {
        // Nothing is read before all was sent; in one process a stream advances only while it is read.
        peer.service.all_dropped(STREAMS).await;
    }
    for mut events in streams {
        assert_eq!(next(&mut events).await, started());
        for n in 0..TRICKLE_LEN {
            assert_eq!(next(&mut events).await, text(&n.to_string()));
        }
        assert_eq!(soon("the end", events.message()).await.expect("a clean end"), None);
    }
}

pub async fn a_fault_keeps_every_detail(wire: Wire) {
    let mut peer = peer(wire).await;
    assert_eq!(peer.count(count(FAULT)).await, Err(fault()));
}

pub async fn a_fault_after_a_message_keeps_every_detail(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut events = peer.open(generate(FAULT)).await.expect("a stream");
    assert_eq!(next(&mut events).await, started());
    assert_eq!(Fault::from_status(&failure(&mut events).await), fault());
}

/// Details travel in a header, and headers are bounded on the wire: code, reason and message must survive.
pub async fn a_fault_with_many_violations_keeps_its_reason(wire: Wire) {
    let mut peer = peer(wire).await;
    let refused = peer.count(count(LONG_FAULT)).await.expect_err("a fault");
    assert_eq!(named(&refused), (Code::InvalidArgument, "provider.kaleem", "REQUEST_INVALID"), "{refused}");
    assert_eq!(
        refused.field_violations.first().map(|first| first.field.as_str()),
        Some("messages[0].content")
    );
}

pub async fn a_panic_is_an_answer_and_the_service_lives(wire: Wire) {
    let mut peer = peer(wire).await;
    let answer = peer.count(count(PANIC)).await.expect_err("a fault");
    assert_eq!(named(&answer), PANICKED);
    assert!(!answer.message.contains("scripted"), "what the panic said stays inside: {answer}");
    assert_eq!(peer.count(count(OK)).await, Ok(0));
}

pub async fn a_panic_after_a_message_ends_the_stream(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut events = peer.open(generate(PANIC)).await.expect("a stream");
    assert_eq!(next(&mut events).await, started());
    let end = Fault::from_status(&failure(&mut events).await);
    assert_eq!(named(&end), PANICKED);
    peer.service.called().await;
    peer.service.dropped().await;
    assert_eq!(peer.count(count(OK)).await, Ok(0));
}

pub async fn a_unary_deadline_is_named_as_such(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut request = count(HANG);
    request.set_timeout(SHORT);
    let asked = Instant::now();
    let end = peer.count(request).await.expect_err("a fault");
    assert_eq!(named(&end), DEADLINE, "{end}");
    assert!(asked.elapsed() >= SHORT, "{:?}", asked.elapsed());
    peer.service.called().await;
    peer.service.dropped().await;
}

pub async fn a_stream_deadline_counts_after_the_headers(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut request = generate(HANG);
    request.set_timeout(SHORT);
    let mut events = peer.open(request).await.expect("a stream");
    assert_eq!(next(&mut events).await, started());
    let end = Fault::from_status(&failure(&mut events).await);
    assert_eq!(named(&end), DEADLINE, "{end}");
    peer.service.called().await;
    peer.service.dropped().await;
}

pub async fn the_default_deadline_bounds_calls_that_bring_none(wire: Wire) {
    let stack = StackConfig { default_deadline: SHORT, ..StackConfig::default() };
    let mut peer = Peer::start(wire, &stack).await;
    let end = peer.count(count(HANG)).await.expect_err("a fault");
    assert_eq!(named(&end), DEADLINE, "{end}");
}

pub async fn a_longer_deadline_than_allowed_is_cut(wire: Wire) {
    let stack = StackConfig { deadline_max: SHORT, ..StackConfig::default() };
    let mut peer = Peer::start(wire, &stack).await;
    let mut request = count(HANG);
    request.set_timeout(PATIENCE * 2);
    let end = peer.count(request).await.expect_err("a fault");
    assert_eq!(named(&end), DEADLINE, "{end}");
}

pub async fn a_dropped_stream_stops_the_handler(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut events = peer.open(generate(HANG)).await.expect("a stream");
    assert_eq!(next(&mut events).await, started());
    peer.service.called().await;
    let left = Instant::now();
    drop(events);
    peer.service.dropped().await;
    assert!(left.elapsed() <= CANCEL_MAX, "{:?}", left.elapsed());
}

pub async fn a_dropped_call_stops_the_handler(wire: Wire) {
    let mut peer = peer(wire).await;
    let call = Box::pin(peer.client.count_tokens(count(HANG)));
    let call = match select(call, Box::pin(peer.service.called())).await {
        Either::Right((_, call)) => call,
        Either::Left((ended, _)) => panic!("the call ended by itself: {ended:?}"),
    };
    let left = Instant::now();
    drop(call);
    peer.service.dropped().await;
    assert!(left.elapsed() <= CANCEL_MAX, "{:?}", left.elapsed());
}

pub async fn a_call_over_the_limit_is_shed(wire: Wire) {
    let mut peer =
        Peer::start(wire, &StackConfig { concurrent_calls_max: 1, ..StackConfig::default() }).await;
    // A stream keeps its place until it ends, not only until its headers.
    let mut events = peer.open(generate(HANG)).await.expect("a stream");
    assert_eq!(next(&mut events).await, started());
    peer.service.called().await;
    let shed = peer.count(count(OK)).await.expect_err("a fault");
    assert_eq!(named(&shed), (Code::Unavailable, "rpc.kaleem", "OVERLOADED"));
    assert!(shed.retry_after.is_some_and(|wait| wait > Duration::ZERO), "{shed:?}");
    drop(events);
    peer.service.dropped().await;
    // The place is given back right after the work is dropped, which is when the test hears of it.
    let served = async {
        while let Err(still) = peer.count(count(OK)).await {
            assert_eq!(still.reason, "OVERLOADED");
            tokio::task::yield_now().await;
        }
    };
    soon("the place of the stream that left", served).await;
}

pub async fn a_message_over_the_limit_is_refused(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut request = count(OK);
    request.get_mut().model = "x".repeat(9 << 20);
    let refused = peer.count(request).await.expect_err("a fault");
    assert_eq!(named(&refused), (Code::InvalidArgument, "rpc.kaleem", "REQUEST_TOO_LARGE"), "{refused}");
    assert_eq!(peer.count(count(OK)).await, Ok(0));
}

/// A gRPC message of field 1, a text, whose byte is no UTF-8.
const MALFORMED: &[u8] = &[0, 0, 0, 0, 3, 0x0a, 1, 0xff];

pub async fn a_message_that_cannot_be_read_is_the_callers_fault(wire: Wire) {
    let mut peer = peer(wire).await;
    let refused = peer.raw("CountTokens", MALFORMED).await;
    assert_eq!(named(&refused), (Code::InvalidArgument, "rpc.kaleem", "REQUEST_MALFORMED"), "{refused}");
    assert!(refused.message.contains("model"), "names the field: {refused}");
    let refused = peer.raw("CountStars", MALFORMED).await;
    assert_eq!(named(&refused), (Code::Unimplemented, "rpc.kaleem", "METHOD_UNKNOWN"), "{refused}");
}

pub async fn extensions_of_the_caller_stay_outside(wire: Wire) {
    let mut peer = peer(wire).await;
    let mut request = count(OK);
    request.extensions_mut().insert(Leaked);
    assert_eq!(peer.count(request).await, Ok(0));
    let (_, leaked) = peer.service.called().await;
    assert!(!leaked, "context crosses only in metadata");
}

pub async fn the_context_arrives(wire: Wire) {
    let mut peer = peer(wire).await;
    let deadline = Instant::now() + PATIENCE;
    let sent = CallContext {
        request_id: Some("0198c5a0-0000-7000-8000-000000000001".into()),
        merchant_id: Some("dukkan".into()),
        key_id: Some("key-1".into()),
        deadline: Some(deadline),
    };
    let message = count(OK).into_inner();
    assert_eq!(peer.count(sent.request(message)).await, Ok(0));
    let (received, _) = peer.service.called().await;
    let left = received.deadline.expect("a deadline").saturating_duration_since(Instant::now());
    assert!(left > Duration::ZERO && left <= PATIENCE, "{left:?}");
    assert_eq!(CallContext { deadline: sent.deadline, ..received }, sent);
}
