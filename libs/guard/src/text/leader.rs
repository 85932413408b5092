//! Dots that lead to a number in a column: "Total ..... 220", "Total . . . 220".

use std::ops::Range;

use super::{Kind, Token, Tokens};
use crate::filter::Beginning;

/// Dots of the shortest one.
const DOTS_MIN: usize = 3;
/// Spaces between two of its dots.
const SPACES_MAX: usize = 2;

impl Tokens {
    /// Where the dots that begin at a glyph end, if there are enough of them.
    pub(super) fn leader(&self, at: usize) -> Option<usize> {
        let (mut end, mut dots) = (at, 0);
        loop {
            dots += match self.at(end) {
                '…' => DOTS_MIN,
                '.' | '_' => 1,
                '-' if dots > 0 || self.at(end + 1) == '-' => 1,
                _ => break,
            };
            end += 1;
            let spaces = (end..end + SPACES_MAX).take_while(|index| self.at(*index) == ' ').count();
            if matches!(self.at(end + spaces), '.' | '_' | '…' | '-') {
                end += spaces;
            }
        }
        (dots >= DOTS_MIN).then_some(end)
    }

    /// Adds one mark for all dots: what leads to something says what a colon says.
    pub(super) fn push_leader(&mut self, glyphs: Range<usize>, gap: bool) {
        let behind = self.glyphs[glyphs.end..].iter().any(|glyph| !glyph.character.is_whitespace());
        let mark = match self.glyphs[glyphs.start].character {
            _ if behind => ":",
            '-' => "-",
            _ => ".",
        };
        let folded = (self.text.len(), self.text.len() + mark.len());
        self.text.push_str(mark);
        self.all.push(Token {
            kind: Kind::Mark,
            start: self.glyphs[glyphs.start].start,
            end: self.glyphs[glyphs.end - 1].end,
            folded,
            gap,
            comma: !behind,
            beginning: Beginning::of(mark),
            value: None,
        });
    }
}
