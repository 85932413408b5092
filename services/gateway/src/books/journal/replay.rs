//! What a dead process left: outcomes as they are, and of every attempt without one what can be said of it.

use std::{collections::HashMap, fs::File, io, io::Read as _, path::Path};

use kaleem_proto::billing::v1::{UsageEvent, UsageStatus};

use super::{SEGMENT_BYTES_MAX, Ticket, event_id, frame, frame::Record};

/// Records of all segments, oldest first.
#[derive(Default)]
pub(super) struct Replay {
    ended: Vec<(Ticket, UsageEvent)>,
    /// Attempts without an outcome, each with its latest count.
    open: HashMap<String, (Ticket, UsageEvent, i64)>,
}

impl Replay {
    /// Reads one segment up to its torn tail.
    pub(super) fn read(&mut self, path: &Path, ticket: Ticket) -> io::Result<()> {
        let mut bytes = Vec::new();
        File::open(path)?.take(2 * SEGMENT_BYTES_MAX).read_to_end(&mut bytes)?;
        let mut rest = &bytes[..];
        while let Some((record, after)) = frame::decode(rest) {
            self.take(record, ticket);
            rest = after;
        }
        if !rest.is_empty() {
            tracing::warn!(file = %path.display(), bytes = rest.len(), "the journal's torn tail is cut off");
        }
        Ok(())
    }

    fn take(&mut self, record: Record, ticket: Ticket) {
        match record {
            Record::Intent(event) => {
                self.open.insert(event_id(&event).to_owned(), (ticket, event, 0));
            }
            Record::Progress(progress) => {
                if let Some((_, _, output)) = self.open.get_mut(&progress.event_id) {
                    *output = (*output).max(progress.output_token_count);
                }
            }
            Record::Outcome(event) => {
                self.open.remove(event_id(&event));
                self.ended.push((ticket, event));
            }
            Record::Released(released) => {
                self.open.remove(&released.event_id);
            }
        }
    }

    /// The events to post. An attempt that died with its gateway is charged what it was last seen to have streamed; one that
    /// showed nothing yet is for the provider's bill to confirm.
    pub(super) fn events(self) -> Vec<(Ticket, UsageEvent)> {
        let mut open: Vec<_> = self.open.into_iter().collect();
        // The same order at every start.
        open.sort_by(|(one, _), (other, _)| one.cmp(other));
        let unfinished = open.into_iter().map(|(_, (ticket, mut event, output))| {
            if output > 0 {
                event.status = UsageStatus::Partial.into();
                let usage = event.usage.get_or_insert_default();
                usage.output_text_count = output;
            }
            (ticket, event)
        });
        self.ended.into_iter().chain(unfinished).collect()
    }
}
