//! Folding: every folded character maps back to characters of the original.
#![no_main]

use kaleem_pii::fold::{Folded, fold};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut folded = Folded::default();
    folded.refill("", text, &[]);
    assert_eq!(folded.text(), fold(text));
    for (start, character) in folded.text().char_indices() {
        let original = folded.original(&(start..start + character.len_utf8()));
        assert!(text.get(original).is_some_and(|piece| !piece.is_empty()));
    }
});
