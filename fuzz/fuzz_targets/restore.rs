//! Restoring in pieces gives what a plain search and replacement in the whole gives, for text in which placeholders stand as
//! issued; of a placeholder that the end cuts off nothing but the torso is missing.
#![no_main]

use std::sync::Arc;

use kaleem_placeholder::{Encoding, Issuer, IssuerKey, Kind, MAX_HELD_BYTES, RestoreMap, Restorer, Vault};
use libfuzzer_sys::fuzz_target;

const VALUE: &str = "0551234567";

fuzz_target!(|input: (Vec<u8>, &str)| {
    let (cuts, text) = input;
    let mut vault = Vault::new();
    let issuer = Issuer::new(&IssuerKey::new([7; 32]));
    let token =
        issuer.issue(&mut vault, Kind::Phone, "966551234567", VALUE).expect("one value fits").to_string();
    let text = text.replace('@', &token);
    let mut restorer = Restorer::new(Arc::new(RestoreMap::from(&vault)), Encoding::Text);
    let (mut out, mut from) = (String::new(), 0);
    for cut in cuts {
        let to = text.ceil_char_boundary((from + usize::from(cut)).min(text.len()));
        restorer.push(&text[from..to], &mut out);
        assert!(restorer.held_bytes() <= MAX_HELD_BYTES);
        from = to;
    }
    restorer.push(&text[from..], &mut out);
    let dropped = restorer.finish(&mut out);
    // Nothing of the restorer's own: what it matches is what is compared.
    let plain = text.replace(&token, VALUE);
    let torso = plain.strip_prefix(out.as_str()).expect("what comes out begins the plain replacement");
    let is_torso = torso.starts_with(['[', '［']) && torso.len() <= MAX_HELD_BYTES;
    assert!(if dropped == 0 { torso.is_empty() } else { is_torso }, "{dropped} dropped: {torso:?}");
});
