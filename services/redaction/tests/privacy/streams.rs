//! A thousand answers restored at once, their placeholders cut at every place.

use kaleem_proto::redaction::v1::{
    Placeholder, StreamRestoreRequest,
    stream_restore_request::{Open, Piece, Step},
};
use tokio::task::JoinSet;

use crate::harness::{Client, Service, Store};

const STREAMS: usize = 1_000;
const TOKENS: [(&str, &str); 2] =
    [("[[PHONE:7QX2MA]]", "0551234567"), ("[[EMAIL:0A1B2C]]", "sara@example.com")];

fn step(step: Step) -> StreamRestoreRequest {
    StreamRestoreRequest { step: Some(step) }
}

/// Restores the pieces of one lane.
async fn restored(mut client: Client, pieces: Vec<String>) -> String {
    let placeholders = TOKENS.map(|(token, value)| Placeholder { token: token.into(), value: value.into() });
    let last = pieces.len() - 1;
    let pieces = pieces
        .into_iter()
        .enumerate()
        .map(move |(index, text)| step(Step::Piece(Piece { lane: 0, text, last: index == last })));
    let open = step(Step::Open(Open { placeholders: placeholders.into() }));
    let steps = futures::stream::iter(std::iter::once(open).chain(pieces));
    let mut answer = client.stream_restore(steps).await.unwrap().into_inner();
    let mut out = String::new();
    while let Some(piece) = answer.message().await.unwrap() {
        out.push_str(&piece.text);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_restore_exactly_wherever_they_are_cut() {
    let service = Service::start(Store::Sqlite).await;
    let [(phone, number), (email, address)] = TOKENS;
    let answer = format!("سنتصل بك على {phone} أو {email}، شكراً. {phone}{email}");
    let expected = format!("سنتصل بك على {number} أو {address}، شكراً. {number}{address}");
    let cuts: Vec<usize> = (1..answer.len()).filter(|at| answer.is_char_boundary(*at)).collect();
    let mut streams = JoinSet::new();
    for stream in 0..STREAMS {
        // Two cuts each: the first at every place in turn, the second a few behind it, and some character by character.
        let pieces: Vec<String> = if stream % 10 == 0 {
            answer.chars().map(String::from).collect()
        } else {
            let first = cuts[stream % cuts.len()];
            let second = cuts[(stream % cuts.len() + 1 + stream / cuts.len()).min(cuts.len() - 1)];
            [&answer[..first], &answer[first..second], &answer[second..]].map(str::to_owned).into()
        };
        streams.spawn(restored(service.client.clone(), pieces));
    }
    let mut restored = 0;
    while let Some(text) = streams.join_next().await {
        assert_eq!(text.unwrap(), expected);
        restored += 1;
    }
    assert_eq!(restored, STREAMS);
}
