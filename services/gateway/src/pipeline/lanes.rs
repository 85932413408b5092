//! One restorer a lane of an answer, so that interleaved pieces do not mix.

use std::{collections::HashMap, sync::Arc};

use kaleem_placeholder::{Encoding, RestoreMap, Restorer};
use kaleem_proto::chat::v1::ToolCallDelta;
use kaleem_rpc::Fault;

use crate::fault;

/// Tool calls whose arguments are restored at once.
const TOOL_LANES_MAX: usize = 128;

/// The lanes of one answer.
pub(super) struct Lanes {
    values: Arc<RestoreMap>,
    text: Restorer,
    reasoning: Restorer,
    tools: HashMap<i32, Restorer>,
}

impl Lanes {
    /// The lanes of an answer whose text `is_json` if the request asked for that.
    pub(super) fn new(values: &Arc<RestoreMap>, is_json: bool) -> Self {
        let restorer = |encoding| Restorer::new(Arc::clone(values), encoding);
        Self {
            // A value may hold what ends a string of JSON.
            text: restorer(if is_json { Encoding::JsonString } else { Encoding::Text }),
            reasoning: restorer(Encoding::Text),
            tools: HashMap::new(),
            values: Arc::clone(values),
        }
    }

    pub(super) fn text(&mut self, delta: &str) -> Option<String> {
        push(&mut self.text, delta)
    }

    pub(super) fn reasoning(&mut self, delta: &str) -> Option<String> {
        push(&mut self.reasoning, delta)
    }

    pub(super) fn arguments(&mut self, index: i32, delta: &str) -> Result<Option<String>, Fault> {
        if !self.tools.contains_key(&index) && self.tools.len() >= TOOL_LANES_MAX {
            return Err(fault::upstream_protocol("the model made more tool calls than are allowed"));
        }
        let values = &self.values;
        let lane = self
            .tools
            .entry(index)
            .or_insert_with(|| Restorer::new(Arc::clone(values), Encoding::JsonString));
        Ok(push(lane, delta))
    }

    /// Ends every lane.
    pub(super) fn finish(&mut self) -> Tails {
        let mut tools: Vec<_> = self.tools.iter_mut().collect();
        tools.sort_by_key(|(index, _)| **index);
        let tail = |(index, lane): (&i32, &mut Restorer)| {
            let arguments_json_delta = drain(lane)?;
            Some(ToolCallDelta { index: *index, arguments_json_delta, ..ToolCallDelta::default() })
        };
        let calls = tools.into_iter().filter_map(tail).collect();
        Tails { text: drain(&mut self.text), reasoning: drain(&mut self.reasoning), calls }
    }
}

/// What the lanes still held back at the end of an answer.
pub(super) struct Tails {
    pub(super) text: Option<String>,
    pub(super) reasoning: Option<String>,
    /// By the index of the call.
    pub(super) calls: Vec<ToolCallDelta>,
}

fn push(lane: &mut Restorer, delta: &str) -> Option<String> {
    let mut out = String::with_capacity(delta.len());
    lane.push(delta, &mut out);
    (!out.is_empty()).then_some(out)
}

fn drain(lane: &mut Restorer) -> Option<String> {
    let mut out = String::new();
    let dropped = lane.finish(&mut out);
    if dropped > 0 {
        tracing::warn!(dropped, "an answer ended inside a placeholder");
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use kaleem_placeholder::Placeholder;
    use tokio::task::JoinSet;

    use super::*;

    const STREAMS: usize = 1_000;

    /// What one stream is about: its own number, behind a placeholder of its own.
    struct Stream {
        token: String,
        number: String,
    }

    impl Stream {
        fn new(index: usize) -> Self {
            let letters = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
            let code: String =
                (0..6).map(|place| char::from(letters[(index * 7_919 + 31) >> (place * 5) & 31])).collect();
            Self { token: format!("[[PHONE:{code}]]"), number: format!("+9665{index:08}") }
        }

        fn values(&self) -> Arc<RestoreMap> {
            let token: Placeholder = self.token.parse().unwrap();
            Arc::new(RestoreMap::new([(token, self.number.as_str())]))
        }
    }

    fn text(value: &str) -> String {
        format!("نتصل بك على {value} [[غدًا]]، أو على {value}.")
    }

    fn arguments(value: &str) -> String {
        format!(r#"{{"phone":"{value}","again":["{value}"]}}"#)
    }

    /// `text` in two pieces, cut at byte `at` or the border of a character before it.
    fn cut(text: &str, at: usize) -> [&str; 2] {
        let (before, after) = text.split_at(text.floor_char_boundary(at));
        [before, after]
    }

    /// Lets an answer through in three lanes at once, each cut at `at`; what came out of text, reasoning and arguments.
    async fn relay(stream: Stream, at: usize) -> (Stream, [String; 3]) {
        let mut lanes = Lanes::new(&stream.values(), false);
        let (whole, called) = (text(&stream.token), arguments(&stream.token));
        let mut shown = [const { String::new() }; 3];
        for (said, called) in cut(&whole, at).into_iter().zip(cut(&called, at)) {
            let pieces = [lanes.text(said), lanes.reasoning(said), lanes.arguments(3, called).unwrap()];
            shown.iter_mut().zip(pieces).for_each(|(lane, piece)| lane.extend(piece));
            tokio::task::yield_now().await;
        }
        let Tails { text, reasoning, calls } = lanes.finish();
        let call = calls.into_iter().next().map(|call| call.arguments_json_delta);
        shown.iter_mut().zip([text, reasoning, call]).for_each(|(lane, tail)| lane.extend(tail));
        (stream, shown)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_streams_at_once_restore_their_own_values_wherever_they_are_cut() {
        let mut streams = JoinSet::new();
        for index in 0..STREAMS {
            let stream = Stream::new(index);
            // 61 is prime to the length, so that every offset has its turn.
            let offsets = text(&stream.token).len() + 1;
            streams.spawn(relay(stream, index * 61 % offsets));
        }
        let mut seen = 0;
        while let Some(relayed) = streams.join_next().await {
            let (stream, shown) = relayed.unwrap();
            let wanted = text(&stream.number);
            assert_eq!(shown, [wanted.clone(), wanted, arguments(&stream.number)]);
            seen += 1;
        }
        assert_eq!(seen, STREAMS);
        let offsets = text(&Stream::new(0).token).len() + 1;
        let cuts: std::collections::BTreeSet<usize> =
            (0..STREAMS).map(|index| index * 61 % offsets).collect();
        assert_eq!(cuts.len(), offsets, "every offset was a cut");
    }

    #[test]
    fn values_in_a_text_that_is_json_leave_it_json() {
        let token: Placeholder = "[[ADDRESS:7QX2MA]]".parse().unwrap();
        let value = "حي \"النرجس\"\nشارع 5";
        let values = Arc::new(RestoreMap::new([(token, value)]));
        let said = format!(r#"{{"address":"{token}","note":"at {token}"}}"#);
        let restored = |is_json| {
            let mut lanes = Lanes::new(&values, is_json);
            let shown = cut(&said, 20).map(|piece| lanes.text(piece).unwrap_or_default()).concat();
            shown + &lanes.finish().text.unwrap_or_default()
        };
        let json: serde_json::Value = serde_json::from_str(&restored(true)).unwrap();
        assert_eq!(json, serde_json::json!({ "address": value, "note": format!("at {value}") }));
        assert_eq!(restored(false), said.replace(&token.to_string(), value), "words for people stay words");
    }

    #[test]
    fn an_answer_has_a_bounded_number_of_calls() {
        let mut lanes = Lanes::new(&Stream::new(0).values(), false);
        for index in 0..i32::try_from(TOOL_LANES_MAX).unwrap() {
            lanes.arguments(index, "{").unwrap();
        }
        assert_eq!(lanes.arguments(-1, "{").unwrap_err().reason, "UPSTREAM_PROTOCOL_ERROR");
        lanes.arguments(0, "}").unwrap();
    }
}
