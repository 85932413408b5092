//! Restoring in pieces gives what plain replacement of the whole gives, for text in which placeholders stand as issued.
#![no_main]

use std::sync::Arc;

use kaleem_placeholder::{Encoding, Issuer, IssuerKey, Kind, RestoreMap, Restorer, Vault, restore};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, &str)| {
    let (cuts, text) = input;
    let mut vault = Vault::new();
    let issuer = Issuer::new(&IssuerKey::new([7; 32]));
    let token = issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").expect("one value fits");
    let text = text.replace('@', &token.to_string());
    let map = Arc::new(RestoreMap::from(&vault));
    let mut restorer = Restorer::new(Arc::clone(&map), Encoding::Text);
    let (mut out, mut from) = (String::new(), 0);
    for cut in cuts {
        let to = text.ceil_char_boundary((from + usize::from(cut)).min(text.len()));
        restorer.push(&text[from..to], &mut out);
        from = to;
    }
    restorer.push(&text[from..], &mut out);
    restorer.finish(&mut out);
    assert_eq!(out, restore(&map, Encoding::Text, &text));
});
