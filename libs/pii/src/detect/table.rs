//! Tables in text: what the header says of a column holds for each of its fields.

use std::ops::Range;

use super::context::Mention;

/// What separates two columns.
const DELIMITERS: [u8; 4] = [b',', b';', b'|', b'\t'];
/// Columns of the widest table.
const MAX_COLUMNS: usize = 64;

/// Adds the cues of a header to the fields of the rows below, as mentions without a width.
///
/// A header is a line of which two fields at least are cues and nothing else; its rows have as many fields.
pub(super) fn spread(text: &str, mentions: &mut Vec<Mention>) {
    if mentions.len() < 2 || memchr::memchr(b'\n', text.as_bytes()).is_none() {
        return;
    }
    let mut added = Vec::new();
    let mut header: Option<Header> = None;
    let mut known = &mentions[..];
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let range = start..start + line.len();
        start = range.end;
        let (own, rest) = known.split_at(known.partition_point(|mention| mention.range.start < range.end));
        known = rest;
        if let Some(header) = header.as_ref().filter(|header| header.fits(line)) {
            header.extend(text, &range, &mut added);
        } else {
            header = Header::read(text, &range, own);
        }
    }
    if !added.is_empty() {
        mentions.append(&mut added);
        mentions.sort_by_key(|mention| (mention.range.start, mention.range.end));
    }
}

/// The cues of the columns of a table.
struct Header {
    delimiter: u8,
    columns: Vec<Option<Mention>>,
}

impl Header {
    fn read(text: &str, line: &Range<usize>, mentions: &[Mention]) -> Option<Self> {
        if mentions.len() < 2 {
            return None;
        }
        let bytes = &text.as_bytes()[line.clone()];
        let delimiter = *bytes.iter().find(|byte| DELIMITERS.contains(byte))?;
        let column = |field: Range<usize>| {
            let within =
                |mention: &&Mention| mention.range.start >= field.start && mention.range.end <= field.end;
            mentions.iter().find(within).filter(|mention| is_alone(text, &field, mention)).cloned()
        };
        let columns: Vec<_> = fields(text, line, delimiter).take(MAX_COLUMNS).map(column).collect();
        let named = columns.iter().flatten().count();
        (named >= 2 && columns.len() > 1).then_some(Self { delimiter, columns })
    }

    fn fits(&self, line: &str) -> bool {
        line.bytes().filter(|byte| *byte == self.delimiter).count() + 1 == self.columns.len()
    }

    fn extend(&self, text: &str, line: &Range<usize>, added: &mut Vec<Mention>) {
        let cells = fields(text, line, self.delimiter).zip(&self.columns);
        added.extend(cells.filter_map(|(field, column)| {
            let cues = column.as_ref()?.cues;
            Some(Mention { cues, range: field.start..field.start })
        }));
    }
}

/// Whether a field holds a cue and nothing else.
fn is_alone(text: &str, field: &Range<usize>, mention: &Mention) -> bool {
    let around = [&text[field.start..mention.range.start], &text[mention.range.end..field.end]];
    around.iter().all(|part| !part.contains(char::is_alphanumeric))
}

/// The fields of a line.
fn fields(text: &str, line: &Range<usize>, delimiter: u8) -> impl Iterator<Item = Range<usize>> {
    let mut start = line.start;
    text[line.clone()].split(char::from(delimiter)).map(move |field| {
        let range = start..start + field.len();
        start = range.end + 1;
        range
    })
}
