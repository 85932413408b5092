//! Between text and token ids.

use std::path::Path;

use tokenizers::Tokenizer;

use super::LoadError;

/// Tokens that are decoded together while no clean boundary comes; then what is broken stays broken.
const WINDOW_TOKENS_MAX: usize = 256;

/// Reads `tokenizer.json`.
pub fn read_tokenizer(file: &Path) -> Result<Tokenizer, LoadError> {
    let bytes = super::folder::read(file)?;
    let malformed = |error: tokenizers::Error| LoadError::malformed(file, &error);
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(malformed)?;
    // A file may carry settings of its training run; a prompt is never cut or filled up silently.
    tokenizer.with_truncation(None).map_err(malformed)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// Turns token ids into text as they come. A piece of text never ends inside a code point.
pub struct Detokenizer<'t> {
    tokenizer: &'t Tokenizer,
    /// The ids since the last but one clean boundary: decoders look at the neighbour on the left.
    window: Vec<u32>,
    /// Where the ids begin whose text is still open.
    open_from: usize,
    /// Text of the window that has been given out.
    given: String,
}

impl<'t> Detokenizer<'t> {
    /// Starts with nothing.
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self { tokenizer, window: Vec::new(), open_from: 0, given: String::new() }
    }

    /// Takes the next id and returns the text that is complete with it; may be empty.
    pub fn push(&mut self, id: u32) -> tokenizers::Result<String> {
        self.window.push(id);
        let decoded = self.tokenizer.decode(&self.window, true)?;
        // An unfinished code point decodes to the replacement character at the end.
        let complete = decoded.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let is_clean = complete.len() == decoded.len();
        let is_over = self.window.len() >= WINDOW_TOKENS_MAX;
        let settled = if is_over { decoded.as_str() } else { complete };
        let piece = after(settled, &self.given).to_owned();
        self.given.push_str(&piece);
        if (is_clean && !piece.is_empty()) || is_over {
            self.window.drain(..self.open_from);
            self.open_from = self.window.len();
            self.given = self.tokenizer.decode(&self.window, true)?;
        }
        Ok(piece)
    }
}

/// What `text` has beyond `given`; a decoder that rewrites what it said before adds only what is longer.
fn after<'a>(text: &'a str, given: &str) -> &'a str {
    text.strip_prefix(given).or_else(|| text.get(given.len()..)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tiny;
    use proptest::prelude::*;

    fn stream(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
        let mut detokenizer = Detokenizer::new(tokenizer);
        ids.iter().map(|id| detokenizer.push(*id).unwrap()).collect()
    }

    #[test]
    fn bytes_are_held_until_the_letter_is_whole() {
        let tokenizer = tiny::tokenizer();
        let encoding = tokenizer.encode("جa", false).unwrap();
        let pieces = stream(&tokenizer, encoding.get_ids());
        assert_eq!(pieces, ["", "ج", "a"], "one token a byte");
    }

    #[test]
    fn an_unfinished_letter_at_the_end_is_left_out() {
        let tokenizer = tiny::tokenizer();
        let encoding = tokenizer.encode("aج", false).unwrap();
        let pieces = stream(&tokenizer, &encoding.get_ids()[..2]);
        assert_eq!(pieces.concat(), "a");
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "[a-z ٠-٩ا-ي😀]{0,40}") {
            let tokenizer = tiny::tokenizer();
            let encoding = tokenizer.encode(text.as_str(), false).unwrap();
            prop_assert_eq!(stream(&tokenizer, encoding.get_ids()).concat(), text);
        }

        #[test]
        fn any_ids_give_text_without_a_panic(ids in proptest::collection::vec(0u32..256, 0..600)) {
            let tokenizer = tiny::tokenizer();
            stream(&tokenizer, &ids);
        }
    }
}
