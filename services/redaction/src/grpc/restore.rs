//! Restores a streamed answer, one lane for its text and one for each tool call.

use std::{collections::HashMap, sync::Arc};

use futures::Stream;
use kaleem_placeholder::{Encoding, Placeholder, RestoreMap, Restorer};
use kaleem_proto::redaction::v1::{
    StreamRestoreRequest, StreamRestoreResponse,
    stream_restore_request::{Open, Piece, Step},
};
use kaleem_rpc::Fault;
use tonic::{Status, Streaming};

use super::fault::invalid;

/// Lanes of one answer: text and its tool calls.
const LANES_MAX: usize = 129;

/// Restores the pieces of an answer as they come. Nothing is answered for a piece that is held back as a whole.
pub(super) fn restored(
    steps: Streaming<StreamRestoreRequest>,
) -> impl Stream<Item = Result<StreamRestoreResponse, Status>> + Send {
    futures::stream::try_unfold((steps, None::<Lanes>), |(mut steps, mut lanes)| async move {
        loop {
            let Some(message) = steps.message().await? else { return Ok(None) };
            match message.step {
                Some(Step::Open(open)) if lanes.is_none() => lanes = Some(Lanes::open(&open)?),
                Some(Step::Piece(piece)) => {
                    let opened = lanes.as_mut().ok_or_else(|| invalid("step", "must begin with open"))?;
                    let text = opened.push(&piece)?;
                    if !text.is_empty() {
                        let response = StreamRestoreResponse { lane: piece.lane, text };
                        return Ok(Some((response, (steps, lanes))));
                    }
                }
                _ => return Err(invalid("step", "must be one open and then pieces").into()),
            }
        }
    })
}

/// The restorers of one answer.
struct Lanes {
    values: Arc<RestoreMap>,
    lanes: HashMap<i32, Restorer>,
}

impl Lanes {
    fn open(open: &Open) -> Result<Self, Fault> {
        let mut values = Vec::with_capacity(open.placeholders.len());
        for (index, placeholder) in open.placeholders.iter().enumerate() {
            let field = format!("open.placeholders[{index}].token");
            let token: Placeholder =
                placeholder.token.parse().map_err(|_| invalid(&field, "must look like [[PHONE:7QX2MA]]"))?;
            values.push((token, placeholder.value.as_str()));
        }
        Ok(Self { values: Arc::new(RestoreMap::new(values)), lanes: HashMap::new() })
    }

    fn push(&mut self, piece: &Piece) -> Result<String, Fault> {
        if !self.lanes.contains_key(&piece.lane) && self.lanes.len() >= LANES_MAX {
            return Err(invalid("piece.lane", "is one lane too many for one answer"));
        }
        let values = &self.values;
        let encoding = if piece.lane == 0 { Encoding::Text } else { Encoding::JsonString };
        let lane =
            self.lanes.entry(piece.lane).or_insert_with(|| Restorer::new(Arc::clone(values), encoding));
        let mut out = String::new();
        lane.push(&piece.text, &mut out);
        if piece.last {
            lane.finish(&mut out);
        }
        Ok(out)
    }
}
