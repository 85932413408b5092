//! Properties of the streaming restorer, checked against a slow reference and under every way of cutting.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be built fails the test")]

use std::sync::Arc;

use kaleem_placeholder::{
    Encoding, Issuer, IssuerKey, Kind, MAX_HELD_BYTES, RestoreMap, Restorer, Vault, restore,
};
use proptest::prelude::*;

const PHONE: &str = "0551234567";
const EMAIL: &str = "sara@example.com";
const TRICKY: &str = "[[PHONE:\"\\]]";

struct Fixture {
    map: Arc<RestoreMap>,
    pairs: Vec<(String, String)>,
}

fn fixture() -> Fixture {
    let issuer = Issuer::new(&IssuerKey::new([3; 32]));
    let mut vault = Vault::new();
    for (kind, value) in
        [(Kind::Phone, PHONE), (Kind::Phone, "0557654321"), (Kind::Email, EMAIL), (Kind::Custom, TRICKY)]
    {
        issuer.issue(&mut vault, kind, value, value).unwrap();
    }
    let pairs = vault.restorable().map(|(p, value)| (p.to_string(), value.to_owned())).collect();
    Fixture { map: Arc::new(RestoreMap::from(&vault)), pairs }
}

/// Runs a lane over the deltas and checks the bound after each.
fn run<'d>(map: &Arc<RestoreMap>, deltas: impl IntoIterator<Item = &'d str>) -> (String, usize) {
    let mut restorer = Restorer::new(Arc::clone(map), Encoding::Text);
    let mut out = String::new();
    for delta in deltas {
        restorer.push(delta, &mut out);
        assert!(restorer.held_bytes() <= MAX_HELD_BYTES);
    }
    let dropped = restorer.finish(&mut out);
    (out, dropped)
}

/// Replaces exact placeholders in one left-to-right pass over the whole text.
fn reference(pairs: &[(String, String)], text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    'text: while let Some(first) = rest.chars().next() {
        for (placeholder, value) in pairs {
            if let Some(after) = rest.strip_prefix(placeholder.as_str()) {
                out.push_str(value);
                rest = after;
                continue 'text;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

fn cut<'t>(text: &'t str, cuts: &[usize]) -> Vec<&'t str> {
    let mut places: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

#[test]
fn every_split_of_an_answer_gives_the_same() {
    let Fixture { map, pairs } = fixture();
    let text = format!(
        "سنتصل بك على {} أو نراسلك: {}! [[PHONE:ZZZZZZ]] [x] ［{} {}",
        pairs[0].0,
        pairs[2].0.to_lowercase(),
        &pairs[1].0[1..],
        pairs[3].0,
    );
    let whole = run(&map, [text.as_str()]);
    assert_eq!(
        whole.0,
        format!("سنتصل بك على {PHONE} أو نراسلك: {EMAIL}! [[PHONE:ZZZZZZ]] [x] {} {TRICKY}", "0557654321")
    );
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    for a in &places {
        for b in places.iter().filter(|b| *b >= a) {
            assert_eq!(run(&map, [&text[..*a], &text[*a..*b], &text[*b..]]), whole, "{a} {b}");
        }
    }
    let single: Vec<String> = text.chars().map(String::from).collect();
    assert_eq!(run(&map, single.iter().map(String::as_str)), whole);
}

#[test]
fn text_that_cannot_become_a_placeholder_is_not_delayed() {
    let Fixture { map, .. } = fixture();
    let mut restorer = Restorer::new(map, Encoding::Text);
    let mut out = String::new();
    for delta in ["مرحبا", " [a] [1]", "[[x", " [[IBAN:", "［٤", "﴿آية﴾ ", "[]", "[[]]", "[[PHONE;"]
    {
        out.clear();
        restorer.push(delta, &mut out);
        assert_eq!((out.as_str(), restorer.held_bytes()), (delta, 0));
    }
}

#[test]
fn an_empty_map_holds_nothing() {
    let map = Arc::new(RestoreMap::new([]));
    let mut restorer = Restorer::new(map, Encoding::Text);
    let mut out = String::new();
    restorer.push("[[PHONE:", &mut out);
    assert_eq!((out.as_str(), restorer.held_bytes()), ("[[PHONE:", 0));
}

#[test]
fn the_pass_through_path_does_not_grow_the_output() {
    let Fixture { map, pairs } = fixture();
    let mut restorer = Restorer::new(map, Encoding::Text);
    let mut out = String::with_capacity(4096);
    let before = out.capacity();
    for _ in 0..20 {
        restorer.push("نص عربي [ليس] رمزا ", &mut out);
        restorer.push(&pairs[0].0[..9], &mut out);
        restorer.push(&pairs[0].0[9..], &mut out);
    }
    assert_eq!(out.capacity(), before);
    assert_eq!(restorer.restored(), 20);
}

#[test]
fn the_end_drops_a_torso_and_keeps_ordinary_text() {
    let Fixture { map, pairs } = fixture();
    let torso = &pairs[0].0[..pairs[0].0.len() - 1];
    assert_eq!(run(&map, ["call ", torso]), ("call ".to_owned(), 1));
    assert_eq!(run(&map, ["call [[PHONE"]), ("call [[PHONE".to_owned(), 0));
    assert_eq!(run(&map, ["call [["]), ("call [[".to_owned(), 0));
    assert_eq!(restore(&map, Encoding::Text, torso), torso);
}

#[test]
fn values_are_encoded_for_their_lane_and_never_rescanned() {
    let Fixture { map, pairs } = fixture();
    let token = &pairs[3].0;
    assert_eq!(restore(&map, Encoding::Text, token), TRICKY);
    assert_eq!(
        restore(&map, Encoding::JsonString, &format!("{{\"v\":\"{token}\"}}")),
        "{\"v\":\"[[PHONE:\\\"\\\\]]\"}"
    );
    let html = Arc::new(RestoreMap::new([(token.parse().unwrap(), "<a href='x'>&\"")]));
    assert_eq!(restore(&html, Encoding::Html, token), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    let nested = Arc::new(RestoreMap::new([
        (pairs[0].0.parse().unwrap(), pairs[1].0.as_str()),
        (pairs[1].0.parse().unwrap(), "x"),
    ]));
    assert_eq!(restore(&nested, Encoding::Text, &pairs[0].0), pairs[1].0);
    let control = Arc::new(RestoreMap::new([(token.parse().unwrap(), "\u{1}\n\t\r\u{1f}ب")]));
    assert_eq!(restore(&control, Encoding::JsonString, token), "\\u0001\\n\\t\\r\\u001fب");
}

#[test]
fn only_values_of_this_map_are_restored() {
    let other = Issuer::new(&IssuerKey::new([4; 32]));
    let mut vault = Vault::new();
    let token = other.issue(&mut vault, Kind::Phone, PHONE, PHONE).unwrap().to_string();
    assert_eq!(restore(&fixture().map, Encoding::Text, &token), token);
    let secret = other.issue(&mut vault, Kind::Secret, "hunter2", "hunter2").unwrap().to_string();
    let map = Arc::new(RestoreMap::from(&vault));
    assert_eq!(restore(&map, Encoding::Text, &format!("{token} {secret}")), format!("{PHONE} {secret}"));
}

/// Pieces that come near to placeholders in every way.
fn answer() -> impl Strategy<Value = String> {
    let pairs = fixture().pairs;
    let tokens: Vec<String> = pairs.into_iter().map(|(token, _)| token).collect();
    let mutated =
        (prop::sample::select(tokens.clone()), any::<prop::sample::Index>(), "[ \\[\\]\\\\a-z٠-٩\u{200b}：]")
            .prop_map(|(token, place, insert)| {
                let mut text = token.clone();
                text.insert_str(place.index(token.len()), &insert);
                text
            });
    let piece = prop_oneof![
        3 => prop::sample::select(tokens.clone()),
        2 => (prop::sample::select(tokens), any::<prop::sample::Index>())
            .prop_map(|(token, place)| token[..place.index(token.len())].to_owned()),
        2 => mutated,
        2 => "[\\[\\]］［:_ A-Z0-9\u{200f}]{0,8}",
        1 => "\\PC{0,8}",
        1 => "[ء-ي ]{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn output_does_not_depend_on_the_cuts(text in answer(), cuts in prop::collection::vec(any::<usize>(), 0..24)) {
        let Fixture { map, .. } = fixture();
        prop_assert_eq!(run(&map, cut(&text, &cuts)), run(&map, [text.as_str()]));
    }

    /// What is out stays out: the output at any time is a prefix of the final output.
    #[test]
    fn emitted_text_is_final(text in answer()) {
        let Fixture { map, .. } = fixture();
        let (whole, _) = run(&map, [text.as_str()]);
        let mut restorer = Restorer::new(map, Encoding::Text);
        let mut out = String::new();
        for (place, character) in text.char_indices() {
            restorer.push(&text[place..place + character.len_utf8()], &mut out);
            prop_assert!(whole.starts_with(&out));
        }
    }

    #[test]
    fn exact_placeholders_are_restored_as_the_reference_does(
        parts in prop::collection::vec((0_usize..4, "[ء-يa-z .]{0,6}"), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..16),
    ) {
        let Fixture { map, pairs } = fixture();
        let text: String = parts.iter().flat_map(|(index, text)| [text.as_str(), pairs[*index].0.as_str()]).collect();
        prop_assert_eq!(run(&map, cut(&text, &cuts)), (reference(&pairs, &text), 0));
    }

    #[test]
    fn text_without_brackets_passes_at_once(text in "[^\\[［]{0,80}") {
        let Fixture { map, .. } = fixture();
        let mut restorer = Restorer::new(map, Encoding::Text);
        let mut out = String::new();
        restorer.push(&text, &mut out);
        prop_assert_eq!(out, text);
    }
}
