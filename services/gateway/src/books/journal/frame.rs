//! One record of the journal on disk: length, checksum, kind, body.

use std::io;

use kaleem_proto::billing::v1::UsageEvent;
use prost::Message;

const HEADER_LEN: usize = 8;
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// What a gateway writes down about an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// It is about to be dispatched: the event as it is posted if nothing more becomes known.
    Intent(UsageEvent),
    /// It has streamed so much.
    Progress(Progress),
    /// It ended: the event as it is posted.
    Outcome(UsageEvent),
    /// Its hold is given back; there is nothing to post.
    Released(Released),
}

/// How far a stream has come.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Progress {
    /// Event id of the attempt.
    #[prost(string, tag = "1")]
    pub(super) event_id: String,
    /// Output tokens received.
    #[prost(int64, tag = "2")]
    pub(super) output_token_count: i64,
}

/// An attempt that costs nothing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Released {
    /// Event id of the attempt.
    #[prost(string, tag = "1")]
    pub(super) event_id: String,
}

/// The first byte of a frame's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Intent = 1,
    Progress = 2,
    Outcome = 3,
    Released = 4,
}

/// The bytes of one frame.
pub(super) fn encode(kind: Kind, message: &impl Message) -> io::Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(HEADER_LEN + 1 + message.encoded_len());
    frame.resize(HEADER_LEN, 0);
    frame.push(kind as u8);
    message.encode(&mut frame)?;
    let body = &frame[HEADER_LEN..];
    if body.len() > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is larger than the journal takes"));
    }
    let (len, checksum) = (u32::try_from(body.len()).map_err(io::Error::other)?, crc32fast::hash(body));
    frame[..4].copy_from_slice(&len.to_le_bytes());
    frame[4..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
    Ok(frame)
}

/// The first record in `bytes` and what follows it; `None` where the bytes are no whole frame.
pub(super) fn decode(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| *len <= FRAME_BYTES_MAX)?;
    let (body, after) = rest.split_at_checked(len)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (kind, message) = body.split_first()?;
    let record = match *kind {
        kind if kind == Kind::Intent as u8 => Record::Intent(UsageEvent::decode(message).ok()?),
        kind if kind == Kind::Progress as u8 => Record::Progress(Progress::decode(message).ok()?),
        kind if kind == Kind::Outcome as u8 => Record::Outcome(UsageEvent::decode(message).ok()?),
        kind if kind == Kind::Released as u8 => Record::Released(Released::decode(message).ok()?),
        _ => return None,
    };
    Some((record, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_comes_back() {
        let event = UsageEvent { key_id: "k".into(), ..UsageEvent::default() };
        let progress = Progress { event_id: "202611/a/0".into(), output_token_count: 7 };
        let released = Released { event_id: "202611/b/0".into() };
        let frames = [
            encode(Kind::Intent, &event).unwrap(),
            encode(Kind::Progress, &progress).unwrap(),
            encode(Kind::Outcome, &event).unwrap(),
            encode(Kind::Released, &released).unwrap(),
        ]
        .concat();
        let (mut rest, mut records) = (&frames[..], Vec::new());
        while let Some((record, after)) = decode(rest) {
            records.push(record);
            rest = after;
        }
        let expected = [
            Record::Intent(event.clone()),
            Record::Progress(progress),
            Record::Outcome(event),
            Record::Released(released),
        ];
        assert_eq!((records.as_slice(), rest.len()), (&expected[..], 0));
    }

    proptest! {
        #[test]
        fn what_was_cut_or_changed_is_no_frame(cut in 0_usize..60, flipped in 0_usize..60) {
            let event = UsageEvent { key_id: "k".repeat(40), ..UsageEvent::default() };
            let whole = encode(Kind::Outcome, &event).unwrap();
            let cut = cut.min(whole.len() - 1);
            prop_assert!(decode(&whole[..cut]).is_none());
            let mut changed = whole.clone();
            let at = flipped.min(whole.len() - 1);
            changed[at] ^= 0x40;
            prop_assert!(decode(&changed).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
