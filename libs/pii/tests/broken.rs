//! Values that a line break, spaces or letters of another script take apart, and logs, in which nothing is personal.

#![expect(clippy::unwrap_used, reason = "a detector that does not compile fails the test")]

use std::sync::LazyLock;

use kaleem_pii::{Detector, Kind, Scratch};

fn found(text: &str) -> Vec<(Kind, &str)> {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
    let spans = DETECTOR.scan(text, &mut Scratch::default()).spans;
    spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect()
}

#[test]
fn an_address_goes_on_over_a_line_break_behind_a_word_for_one() {
    for address in [
        "noor.hamed\n@example.com",
        "noor.hamed@\nexample.com",
        "noor.hamed@example\n.com",
        "noor.\nhamed@example.com",
        "noor_q@gma\nil.com",
        "noor.h @ posta . example",
    ] {
        let text = format!("ايميلي {address} راسلوني");
        assert_eq!(found(&text), [(Kind::Email, address)], "{text}");
    }
    assert_eq!(found("email: sara@example.com\nthanks"), [(Kind::Email, "sara@example.com")]);
    assert_eq!(found("our email is down.\n@shop.com on instagram"), []);
}

#[test]
fn letters_that_look_like_latin_ones_are_read_as_those() {
    for address in
        ["nооr@gmail.com", "οmar@hotmail.com", "khalid@ехample.com", "аhmed.ali@уahoo.com", "ivan@пример.рф"]
    {
        assert_eq!(found(&format!("mail {address}")), [(Kind::Email, address)], "{address}");
    }
}

#[test]
fn a_key_goes_on_over_a_line_break_but_not_over_the_next_word() {
    for key in [
        "sk_live_4eC39HqLyjW\nDarjtT1zdp7dc51Hx",
        "ghp_16C7e42F292c69\n12E7710c838347Ae178B4a",
        "a8f3kd92ks\n8fk3l2k9s8d7f6g5",
    ] {
        assert_eq!(found(&format!("token: {key}")), [(Kind::Secret, key)], "{key}");
    }
    let key = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for behind in ["Thanks", "iPhone", "Order 5", "2026"] {
        assert_eq!(found(&format!("token: {key}\n{behind}")), [(Kind::Secret, key)], "{behind}");
    }
}

#[test]
fn a_wallet_in_groups_is_one_behind_a_word_for_it() {
    for wallet in [
        "0x5290 8400 0985 2788 6E0F 7030 0698 57D2 E416 9EE7",
        "TJRabPrwbZ y45sbavfc jinPJC18kj pRTv8",
        "1BvBMSEYst WetqTFn5Au 4m4GFg7xJa NVN2",
        "bc1q ar0s rrr7 xfkv y5l6 43ly dnw9 re59 gtzz wf5m dq",
    ] {
        let text = format!("محفظتي {wallet} شكرا");
        assert_eq!(found(&text), [(Kind::CryptoWallet, wallet)], "{text}");
    }
    assert_eq!(found("btc wallet support please call back about the late order and refund it"), []);
}

#[test]
fn an_address_begins_with_its_city_and_quarter() {
    for address in [
        "بغداد الكرادة محلة 905 زقاق 22 دار 14",
        "بيروت، الحمرا، شارع المقدسي، بناية 12، طابق 3",
        "Apt 1203, Marina Heights Tower, Dubai Marina",
    ] {
        let text = format!("address: {address}");
        assert_eq!(found(&text), [(Kind::Address, address)], "{text}");
        if !address.is_ascii() {
            assert_eq!(found(address), [(Kind::Address, address)], "{address}");
        }
    }
}

#[test]
fn logs_and_source_text_stay() {
    for text in [
        "thread 'main' panicked at src/main.rs:42:5: called `Result::unwrap()` on an `Err` value: NotFound",
        "  12: <core::pin::Pin<P> as core::future::future::Future>::poll at /rustc/abc/library/core/src/future.rs:123:9",
        "  14: kaleem_gateway::route::secret::Secret::token::poll",
        "kaleem_rpc::client::password::Password<core::pin::Pin<X>>",
        "INFO kaleem_gateway::route: request finished status=200 latency_ms=18 bytes=4412",
        "http_request_duration_seconds_bucket{le=\"0.005\",route=\"/v1/chat\"} 24054",
        "process_resident_memory_bytes 53821440",
        "SELECT id, email, phone FROM customers WHERE tenant_id = $1 ORDER BY created_at LIMIT 50",
        "UPDATE users SET password = $1 WHERE id = $2",
        "{\"database\":{\"url_env\":\"KALEEM_DATABASE_URL\",\"pool\":16},\"port\":50052}",
        "missing field `password` at line 3 column 12",
        "struct Customer { name: String, email: String, national_id: Option<String> }",
        "connect to upstream 127.0.0.1:8080 failed: Connection refused (os error 111)",
        "bound to [::1]:50051",
        "prompt_tokens=412 completion_tokens=128 total_tokens=540",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        "service name: guard, host name: node-3, thread name: tokio-runtime-worker",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}
