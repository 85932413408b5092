//! Tables in text: what the header says of a column holds for each of its fields.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::context::Mention;
use super::cue::Cues;

/// What separates two columns.
const DELIMITERS: [u8; 4] = [b',', b';', b'|', b'\t'];
/// Columns of the widest table.
const MAX_COLUMNS: usize = 64;

/// Columns that hold the names of goods as often as those of people, folded.
const NAMES: [&str; 4] = ["name", "الاسم", "اسم", "نام"];

/// Adds the cues of a header to the fields of the rows below, as mentions without a width.
///
/// A header is a line of which two fields at least are cues and nothing else; its rows have as many fields.
pub(super) fn spread(text: &str, mentions: &mut Vec<Mention>) {
    let mut added = Vec::new();
    let mut done = 0;
    // Few words stand between delimiters, and only a line that has two of them may be a header.
    let mut alone = mentions.iter().enumerate().filter(|(_, mention)| may_be_alone(text, mention));
    let Some((_, mut before)) = alone.next() else { return };
    for (index, mention) in alone {
        let between = before.range.end..mention.range.start;
        before = mention;
        if mention.range.start < done || text[between].contains('\n') {
            continue;
        }
        let line = line_around(text, mention.range.start);
        done = line.end;
        let first = mentions[..index].partition_point(|mention| mention.range.start < line.start);
        let own = &mentions[first..];
        let own = &own[..own.partition_point(|mention| mention.range.start < line.end)];
        if line.end < text.len()
            && let Some(header) = Header::read(text, &line, own)
        {
            done = header.spread(text, line.end, &mut added);
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
        let mut columns: Vec<_> = fields(text, line, delimiter).take(MAX_COLUMNS).map(column).collect();
        if is_of_goods(&columns) {
            let is_bare = |mention: &Mention| NAMES.contains(&&text[mention.range.clone()]);
            for column in &mut columns {
                column.take_if(|mention| is_bare(mention));
            }
        }
        let named = columns.iter().flatten().count();
        (named >= 2 && columns.len() > 1).then_some(Self { delimiter, columns })
    }

    fn fits(&self, line: &str) -> bool {
        line.bytes().filter(|byte| *byte == self.delimiter).count() + 1 == self.columns.len()
    }

    /// Adds its cues to the rows that start at `from`, and gives where they end.
    fn spread(&self, text: &str, mut from: usize, added: &mut Vec<Mention>) -> usize {
        for row in text[from..].split_inclusive('\n').take_while(|row| self.fits(row)) {
            let line = from..from + row.len();
            self.extend(text, &line, added);
            from = line.end;
        }
        from
    }

    fn extend(&self, text: &str, line: &Range<usize>, added: &mut Vec<Mention>) {
        let cells = fields(text, line, self.delimiter).zip(&self.columns);
        added.extend(cells.filter_map(|(field, column)| {
            let cues = column.as_ref()?.cues;
            Some(Mention { cues, range: field.start..field.start })
        }));
    }
}

/// Whether a table tells of goods and nothing of people: then its names are those of the goods.
fn is_of_goods(columns: &[Option<Mention>]) -> bool {
    let people = Cues::from(Kind::Person);
    let told =
        |mention: &Mention| !mention.cues.meets(Cues::DECOY.with(people)) && mention.cues != Cues::NONE;
    columns.iter().flatten().any(|mention| mention.cues.meets(Cues::DECOY))
        && !columns.iter().flatten().any(told)
}

/// What a byte beside a cue says about whether it fills its field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Punctuation, which may stand in the field as well.
    Mark,
    /// The field holds more.
    Word,
    /// A delimiter, the end of the line, or a character that is rarely a letter.
    End,
}

const BESIDE: [Beside; 256] = {
    let mut beside = [Beside::Mark; 256];
    let mut byte = 0_u8;
    loop {
        beside[byte as usize] = match byte {
            b'0'..=b'9' | b'a'..=b'z' | 0xd8..=0xdb => Beside::Word,
            b',' | b';' | b'|' | b'\t' | b'\n' | 0x80.. => Beside::End,
            _ => Beside::Mark,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    beside
};

/// Whether a cue may fill its field, as far as the bytes beside it tell.
fn may_be_alone(text: &str, mention: &Mention) -> bool {
    let bytes = text.as_bytes();
    let beside = |byte: &u8| BESIDE[usize::from(*byte)];
    let is_told = |what: &Beside| *what != Beside::Mark;
    let behind = bytes[mention.range.end..].iter().map(beside).find(is_told);
    if behind == Some(Beside::Word) {
        return false;
    }
    let before = bytes[..mention.range.start].iter().rposition(|byte| beside(byte) != Beside::Mark);
    // An Arabic letter ends in a byte that others end in as well.
    before.is_none_or(|at| {
        beside(&bytes[at]) == Beside::End && !matches!(bytes[at.saturating_sub(1)], 0xd8..=0xdb)
    })
}

/// The line around `at`, with its line break.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |behind| at + behind + 1);
    start..end
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
