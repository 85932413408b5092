//! Checking answers: no panic; findings lie on borders of characters, and a streamed answer comes out whole.
#![no_main]

use std::sync::{Arc, LazyLock};

use kaleem_guard::{Gate, Piece, Policy, check};
use libfuzzer_sys::fuzz_target;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let facts = r#"{"currency":"SAR","prices":[{"sku":"AB-01","names":["عباية سوداء","Black Abaya"],"amount":"89.00","compare_at":"120.00"}],
        "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"exchange_days":30,
        "warranty_months":24,"cod_fee":"15.00","coupons":{"EID2026":20}}"#;
    Arc::new(Policy::parse(facts).expect("the facts are right"))
});

/// Characters of a delta at most.
const DELTA_MAX: usize = 7;

fuzz_target!(|text: &str| {
    for finding in check(&POLICY, text).findings {
        assert_eq!(text.get(finding.bytes), Some(finding.found.as_str()));
    }
    let mut gate = Gate::new(Arc::clone(&POLICY));
    let mut pieces = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    for delta in characters.chunks(1 + text.len() % DELTA_MAX) {
        gate.push(&delta.iter().collect::<String>(), &mut pieces);
    }
    gate.finish(&mut pieces);
    assert_eq!(pieces.iter().map(Piece::text).collect::<String>(), text);
    for piece in &pieces {
        let _ = piece.corrected();
    }
});
