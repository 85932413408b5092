//! Scanning: no panic; spans are sorted, disjoint and on borders of characters.
#![no_main]

use std::sync::LazyLock;

use kaleem_pii::{Detector, REPORTED, Scratch};
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().expect("the word lists compile"));

fuzz_target!(|text: &str| {
    let mut from = 0;
    for span in DETECTOR.scan_above(REPORTED, text, &mut Scratch::default()).spans {
        assert!(span.range.start >= from && span.range.end > span.range.start);
        assert!(text.get(span.range.clone()).is_some());
        from = span.range.end;
    }
});
