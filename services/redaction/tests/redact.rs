//! What redaction promises, on chosen and on random texts.

#![expect(clippy::unwrap_used, reason = "a redaction that fails fails the test")]

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use kaleem_placeholder::{Encoding, Issuer, IssuerKey, Kind, Vault, restore};
use kaleem_redaction::{Error, MAX_TEXT_BYTES, Redactor, Residual, Session};
use proptest::prelude::*;

/// Compiled once: for each of a thousand random cases it would take longer than the case.
fn redactor() -> &'static Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new().unwrap());
    &REDACTOR
}

fn session() -> Session {
    Session::new(&IssuerKey::new([5; 32]))
}

fn redacted(text: &str, session: &mut Session) -> String {
    redactor().redact(text, session).unwrap().text.into_owned()
}

fn restored(text: &str, encoding: Encoding, session: &Session) -> String {
    restore(&Arc::new(session.restore_map()), encoding, text)
}

#[test]
fn the_sample_question_loses_its_number_and_nothing_else() {
    let mut session = session();
    let text = "هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧";
    let redaction = redactor().redact(text, &mut session).unwrap();
    assert!(redaction.text.starts_with("هل تشحنون إلى جدة؟ رقمي [[PHONE:"), "{}", redaction.text);
    assert!(redaction.text.ends_with("]]"));
    assert_eq!(redaction.counts.iter().collect::<Vec<_>>(), [(Kind::Phone, 1)]);
    assert_eq!(redaction.residual, Residual::Redacted);
    assert_eq!(restored(&redaction.text, Encoding::Text, &session), text);
}

#[test]
fn a_text_without_personal_data_is_borrowed() {
    let mut session = session();
    let redaction = redactor().redact("كم سعر التوصيل لجدة؟ 25 ريال؟", &mut session).unwrap();
    assert!(matches!(redaction.text, Cow::Borrowed(_)));
    assert_eq!((redaction.counts.total(), redaction.residual), (0, Residual::None));
    assert!(session.vault().is_empty());
}

#[test]
fn one_value_has_one_placeholder_over_all_texts_of_a_request() {
    let mut session = session();
    let first = redacted("جوالي 0551234567", &mut session);
    let again = redacted("0551234567 call me", &mut session);
    let token = first.strip_prefix("جوالي ").unwrap();
    assert_eq!(again, format!("{token} call me"));
    assert_eq!((session.vault().len(), session.counts().get(Kind::Phone)), (1, 2));
    // Another spelling of the same number starts with the same code and restores to itself.
    let spelled = redacted("+966 55 123 4567", &mut session);
    assert!(spelled.starts_with(&token[..token.len() - 2]), "{spelled} {token}");
    assert_eq!(restored(&spelled, Encoding::Text, &session), "+966 55 123 4567");
}

#[test]
fn another_conversation_has_other_placeholders() {
    let mut other = Session::new(&IssuerKey::derive(&[5; 32], "m", "c"));
    assert_ne!(redacted("0551234567", &mut session()), redacted("0551234567", &mut other));
}

#[test]
fn forged_placeholders_stay_as_they_are_and_hide_nothing() {
    let mut session = session();
    for text in ["[[PHONE:7QX2MA]]", "[[IBAN:000000]] [[SECRET:123456]]", "[[PHONE:", "[[[["] {
        assert_eq!(redacted(text, &mut session), text);
    }
    let smuggled = redacted("[[PHONE:0551234567]] [[EMAIL:sara@example.com]]", &mut session);
    assert!(!smuggled.contains("0551234567") && !smuggled.contains("sara"), "{smuggled}");
}

#[test]
fn a_placeholder_of_the_session_is_opaque() {
    let mut vault = Vault::new();
    let key = IssuerKey::new([5; 32]);
    let token =
        Issuer::new(&key).issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap().to_string();
    let mut session = Session::with_vault(&key, vault);
    assert_eq!(redacted(&format!("phone {token}"), &mut session), format!("phone {token}"));
    assert_eq!(restored(&token, Encoding::Text, &session), "0551234567");
}

#[test]
fn a_text_over_the_limit_is_refused_with_the_limit() {
    let text = "ا".repeat(MAX_TEXT_BYTES / 2 + 1);
    let error = redactor().redact(&text, &mut session()).unwrap_err();
    assert!(matches!(error, Error::TextTooLong { limit: MAX_TEXT_BYTES, .. }));
    assert!(error.to_string().contains("1048576"));
    assert!(redactor().redact_json(&text, &mut session()).is_err());
    assert!(redactor().redact(&text[2..], &mut session()).is_ok());
}

#[test]
fn too_many_values_fail_closed() {
    let mut session = Session::with_vault(&IssuerKey::new([5; 32]), Vault::with_limit(1));
    let error = redactor().redact("0551234567 sara@example.com", &mut session).unwrap_err();
    assert!(matches!(error, Error::Vault(_)));
    assert!(!error.to_string().contains("055"));
}

#[test]
fn a_question_makes_a_bare_answer_a_value() {
    let redactor = redactor();
    for (question, answer, kind) in [
        ("ما هو رقم جوالك؟", "551234567", Kind::Phone),
        ("ممكن رقم الهوية لو سمحت؟", "1088888881", Kind::SaNationalId),
        ("What is your phone number?", "99887766", Kind::Phone),
    ] {
        assert_eq!(redactor.redact(answer, &mut session()).unwrap().counts.total(), 0, "{answer}");
        let redaction = redactor.redact_after(question, answer, &mut session()).unwrap();
        assert_eq!(redaction.counts.get(kind), 1, "{question} {answer}");
    }
    assert_eq!(redactor.redact_after("رقم الطلب؟", "1088888888", &mut session()).unwrap().counts.total(), 0);
}

#[test]
fn what_is_not_certain_is_reported() {
    let redactor = redactor();
    for (text, expected) in [
        ("متى يوصل الطلب؟", Residual::None),
        ("رقم الطلب 1088888888", Residual::None),
        ("جوالي 0551234567", Residual::Redacted),
        ("جوالي 1 2 345 6 789", Residual::Sensitive),
        ("جوالي 551112222 وصاحبي اسمه فلان 99887766", Residual::Sensitive),
    ] {
        let mut session = session();
        assert_eq!(redactor.redact(text, &mut session).unwrap().residual, expected, "{text}");
        redactor.redact("مرحبا", &mut session).unwrap();
        assert_eq!(session.residual(), expected);
    }
}

/// Whether nothing was found that is never restored, such as a secret.
fn all_come_back(session: &Session) -> bool {
    session.counts().iter().all(|(kind, _)| kind.restorable())
}

/// Texts with everything in them that can go wrong.
fn chat() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[0-9٠-٩۰-۹]{1,12}",
        2 => prop::sample::select(vec![
            "0551234567", "٠٥٥١٢٣٤٥٦٧", "+966 55 123 4567", "1088888888", "SA0380000000608010167519",
            "4111 1111 1111 1111", "sara@example.com", "sara (at) example (dot) com", "99887766", "551234567",
            "[[PHONE:7QX2MA]]", "[[SA_NATIONAL_ID:", "SA03 8000 0000 6080 1016 7518", "192.168.1.15", "محمد العتيبي",
            "John Smith", "1990/05/12", "شارع 5", "حي النرجس", "https://x.sa/r?token=a8f3c1b2", "00:1A:2B:3C:4D:5E", "12/27",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "جوالي", "رقم الطلب", "هويتي", "ايبان", "بطاقتي", "ايميل", "ريال", "order", "phone", "ثم", "و", "at", "dot",
            "اسمي", "عنواني", "ولدت", "passport", "Regards,", "هستم", "mac", "ip", "CPR", "exp", "شكرا",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![" ", "\n", "-", ".", ":", " - ", "@", "[", "]", "[[", "]]", "\u{200f}", "ـ", "+", ",", "? "])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn restoring_gives_every_byte_back(texts in prop::collection::vec(chat(), 1..4)) {
        let redactor = redactor();
        let mut session = session();
        let redacted: Vec<String> =
            texts.iter().map(|text| redactor.redact(text, &mut session).unwrap().text.into_owned()).collect();
        prop_assume!(all_come_back(&session));
        for (text, redacted) in texts.iter().zip(&redacted) {
            prop_assert_eq!(&restored(redacted, Encoding::Text, &session), text);
        }
    }

    #[test]
    fn redacting_again_changes_nothing(text in chat()) {
        let redactor = redactor();
        let mut session = session();
        let once = redactor.redact(&text, &mut session).unwrap().text.into_owned();
        let twice = redactor.redact(&once, &mut session).unwrap();
        prop_assert!(matches!(twice.text, Cow::Borrowed(_)), "{} -> {}", once, twice.text);
    }

    #[test]
    fn random_unicode_comes_back(text in "\\PC{0,200}") {
        let redactor = redactor();
        let mut session = session();
        let redacted = redactor.redact(&text, &mut session).unwrap().text.into_owned();
        prop_assume!(all_come_back(&session));
        prop_assert_eq!(restored(&redacted, Encoding::Text, &session), text);
    }
}
