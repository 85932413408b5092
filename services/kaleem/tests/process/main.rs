//! The real binary: first start, questions, signals, kills, split mode, and what it says when it cannot start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

mod canary;
mod guard;
mod policy;
mod postgres;
mod redact;
mod refusals;
mod server;
mod split;

use std::time::Duration;

use server::{Folder, Server, SlowWorker, kaleem};

const QUESTION: &str = "هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧";

#[test]
fn a_first_start_answers_in_arabic_with_the_number_restored() {
    let folder = Folder::new();
    let server = Server::up(&folder);
    let chat = kaleem(&folder, &["chat", QUESTION, "--show-redacted"]);
    assert_eq!(chat.code, 0, "{chat:?}");
    let (before, answer) = chat.stdout.split_once("\n\n").expect("what the model sees, then the answer");
    assert!(before.contains("[[PHONE:") && !before.contains("٠٥٥١٢٣٤٥٦٧"), "{before}");
    assert!(answer.contains("جدة") && answer.contains("٠٥٥١٢٣٤٥٦٧"), "{answer}");
    for shown in ["model   demo", "tokens", "cost    $0.", "left    1999 requests today", "settle"] {
        assert!(answer.contains(shown), "{shown} in {answer}");
    }
    // The ledger hears of an answer in the next batch, a moment after the caller has it.
    let usage = server.wait_until(Duration::from_secs(10), || {
        let usage = kaleem(&folder, &["usage", "--json"]).json();
        (usage["billed"]["requests"] == 1).then_some(usage)
    });
    assert_eq!(usage["quota"][0]["posted"], "1");
    let doctor = kaleem(&folder, &["doctor"]);
    assert!(doctor.stdout.contains("1 events, the books balance"), "{}", doctor.stdout);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_stop_lets_an_open_stream_end() {
    let folder = Folder::new();
    let worker = SlowWorker::start(&folder);
    let server = Server::up(&folder);
    let asking = worker.begin_chat(&server, &folder);
    server.signal_term();
    // The stop has begun once new callers are turned away.
    server.wait_until(Duration::from_secs(10), || {
        (kaleem(&folder, &["chat", "-q", "مرحبا"]).code == 69).then_some(())
    });
    worker.gate.open();
    let asked = asking.finish();
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(asked.stdout.contains("أول وآخر") && asked.stdout.contains("tokens"), "{}", asked.stdout);
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn killed_at_any_point_it_starts_again_with_books_that_balance() {
    let folder = Folder::new();
    let worker = SlowWorker::start(&folder);
    let mut answered = 0;
    for round in 0..3 {
        let server = Server::up(&folder);
        for _ in 0..=round {
            assert_eq!(kaleem(&folder, &["chat", "-q", "--model", "demo", "بكم التوصيل للرياض؟"]).code, 0);
            answered += 1;
        }
        let asking = worker.begin_chat(&server, &folder);
        server.kill();
        assert_ne!(asking.finish().code, 0, "a cut stream is no success");
    }
    let server = Server::up(&folder);
    // Every answer, and every stream that was cut: the journal knew of each before it was dispatched.
    let billed = server.wait_until(Duration::from_secs(20), || {
        let usage = kaleem(&folder, &["usage", "--json"]).json();
        let requests = usage["billed"]["requests"].as_i64().unwrap();
        (requests >= answered + 3).then_some(requests)
    });
    assert_eq!(billed, answered + 3);
    let doctor = kaleem(&folder, &["doctor"]);
    assert!(doctor.stdout.contains("the books balance"), "{}", doctor.stdout);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn merchants_and_keys_are_made_listed_suspended_and_revoked() {
    let folder = Folder::new();
    let server = Server::up(&folder);
    assert_eq!(
        kaleem(&folder, &["merchant", "create", "dukkan", "--plan", "growth", "--name", "دكان"]).code,
        0
    );
    let listed = kaleem(&folder, &["merchant", "list", "--json"]).json();
    let ids: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| row["merchant_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["demo-shop", "dukkan"]);
    let issued = kaleem(&folder, &["key", "issue", "--merchant", "dukkan", "--alias", "web"]);
    let key = issued.stdout.trim().to_owned();
    assert!(key.starts_with("klm_dev_"), "{issued:?}");
    assert_eq!(kaleem(&folder, &["chat", "-q", "مرحبا", "--api-key", &key]).code, 0);
    let key_id = key.split('_').nth(2).unwrap();
    assert_eq!(kaleem(&folder, &["key", "revoke", key_id]).code, 0);
    let refused = server.wait_until(Duration::from_secs(5), || {
        let asked = kaleem(&folder, &["chat", "-q", "مرحبا", "--api-key", &key]);
        (asked.code != 0).then_some(asked)
    });
    assert_eq!((refused.code, refused.stderr.contains("API key")), (77, true), "{refused:?}");
    assert_eq!(kaleem(&folder, &["merchant", "suspend", "dukkan"]).code, 0);
    let negative = kaleem(&folder, &["chat", "x", "--max-tokens=-5"]);
    assert_eq!(
        (negative.code, negative.stderr.contains("max_output_token_count")),
        (65, true),
        "{negative:?}"
    );
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_operator_raises_caps_adds_prices_and_proves_the_books() {
    let folder = Folder::new();
    let server = Server::up(&folder);
    assert_eq!(kaleem(&folder, &["chat", "-q", "مرحبا"]).code, 0);
    let cap = |name: &str| {
        let shown = kaleem(&folder, &["quota", "show", "demo-shop", "--json"]).json();
        let found = shown["quota"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        found["cap"].as_str().unwrap().parse::<i64>().unwrap()
    };
    let before = (cap("month_cost_nano_usd"), cap("month_tokens"));
    let grant = ["quota", "grant", "demo-shop", "--usd", "2.5", "--tokens", "1000", "--op-id", "op-1"];
    for _ in 0..2 {
        assert_eq!(kaleem(&folder, &grant).code, 0, "the second one adds nothing");
    }
    let after = (cap("month_cost_nano_usd"), cap("month_tokens"));
    assert_eq!(after, (before.0 + 2_500_000_000, before.1 + 1_000));
    for args in
        [&["--payment-id", "psp-1", "--usd", "7"][..], &["--payment-id", "psp-2", "--usd", "2", "--refund"]]
    {
        for _ in 0..2 {
            let paid = kaleem(&folder, &[&["quota", "pay", "demo-shop"], args].concat());
            assert_eq!(paid.code, 0, "the second one posts nothing: {paid:?}");
        }
    }
    let account = kaleem(&folder, &["usage", "--json"]).json()["account"].clone();
    assert_eq!(account["paid_pico_usd"], "5000000000000", "{account}");
    let wrong = kaleem(&folder, &["quota", "grant", "demo-shop", "--usd", "1e3"]);
    assert_eq!((wrong.code, wrong.stderr.contains("nine decimals")), (64, true), "{wrong:?}");

    let prices = "[[version]]\nprice_version = 'tiny@1'\ntarget = 'provider-local'\nmodel = 'tiny'\nverified = true\n\
                  effective = '2026-01-01T00:00:00Z'\nsource = 'test'\ncost = { input = '0.02', output = '0.06' }\n";
    std::fs::write(folder.path().join("prices.toml"), prices).unwrap();
    for _ in 0..2 {
        assert_eq!(
            kaleem(&folder, &["price", "put", "prices.toml"]).code,
            0,
            "the same version again is no error"
        );
    }
    std::fs::write(folder.path().join("prices.toml"), prices.replace("0.06", "0.07")).unwrap();
    let changed = kaleem(&folder, &["price", "put", "prices.toml"]);
    assert_eq!((changed.code, changed.stderr.contains("tiny@1")), (65, true), "{changed:?}");
    let listed = kaleem(&folder, &["price", "list"]).stdout;
    assert!(listed.contains("tiny@1") && listed.contains("$0.06"), "{listed}");

    let verified = server.wait_until(Duration::from_secs(10), || {
        let verified = kaleem(&folder, &["ledger", "verify", "--json"]);
        (verified.json()["events"] == 1).then_some(verified)
    });
    assert_eq!((verified.code, verified.json()["faults"].as_array().unwrap().len()), (0, 0));
    std::fs::write(
        folder.path().join("bill.csv"),
        "day,model,input_tokens,output_tokens,cost_usd\n2026-11-20,m,1,1,9\n",
    )
    .unwrap();
    let import = ["ledger", "import", "provider-gemini", "bill.csv"];
    assert_eq!(
        [kaleem(&folder, &import).stdout, kaleem(&folder, &import).stdout],
        ["1 rows taken in\n", "this file was taken in before\n"]
    );
    let compared = kaleem(&folder, &["ledger", "reconcile", "202611"]);
    assert_eq!((compared.code, compared.stdout.contains("provider-gemini")), (65, true), "{compared:?}");
    let early = kaleem(&folder, &["statement", "demo-shop", "209912", "--close"]);
    assert_eq!((early.code, early.stderr.contains("209912")), (65, true), "{early:?}");
    assert_eq!(server.terminate(), Some(0));
}
