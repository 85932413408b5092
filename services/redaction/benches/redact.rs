//! Time to redact a message and to restore a delta, and growth of the time with the length of hostile input.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure stops the bench; percentiles are printed"
)]

/// The chat that scanning is timed with.
#[path = "../../../libs/pii/benches/chat/mod.rs"]
mod chat;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kaleem_placeholder::{Encoding, IssuerKey, Restorer};
use kaleem_redaction::{Redactor, Session};

const CLEAN: &str = "السلام عليكم، متى يوصل الطلب لجدة وكم سعر التوصيل؟ ابي مقاس ٤٢ لون اسود لو سمحتوا. ";
const PERSONAL: &str =
    "السلام عليكم، جوالي ٠٥٥١٢٣٤٥٦٧ وايميلي sara@example.com ابي اعرف متى يوصل طلبي رقم 10488 لجدة. ";

fn session() -> Session {
    Session::new(&IssuerKey::new([1; 32]))
}

fn message(sentence: &str, bytes: usize) -> String {
    let mut text = CLEAN.repeat(bytes / CLEAN.len() + 1);
    text.insert_str(0, sentence);
    text.truncate(text.floor_char_boundary(bytes));
    text
}

fn redact(criterion: &mut Criterion) {
    let redactor = Redactor::new().unwrap();
    let mut group = criterion.benchmark_group("redact");
    for (name, sentence) in [("clean", CLEAN), ("personal", PERSONAL)] {
        for bytes in [200, 2048, 65536] {
            let text = message(sentence, bytes);
            group.throughput(Throughput::Bytes(text.len() as u64));
            let mut reused = session();
            group.bench_function(format!("{name}/{bytes}"), |bencher| {
                bencher.iter(|| {
                    black_box(redactor.redact(black_box(&text), &mut reused).unwrap().counts.total())
                });
            });
        }
    }
    let text = message(PERSONAL, 2048);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("personal/2048/new session", |bencher| {
        bencher.iter_batched_ref(
            session,
            |session| black_box(redactor.redact(black_box(&text), session).unwrap().counts.total()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn hostile(criterion: &mut Criterion) {
    let redactor = Redactor::new().unwrap();
    let mut group = criterion.benchmark_group("hostile");
    group.sample_size(10);
    for (name, unit) in [
        ("digits", "1"),
        ("spaced digits", "1 "),
        ("ids", "1088888888 "),
        ("phones", "جوال 551234567 "),
        ("at signs", "@"),
        ("addresses", "a@a.a"),
        ("spaced letters", "a @ a . "),
        ("brackets", "["),
        ("torsos", "[[PHONE:7QX2MA"),
        ("dots", "."),
        ("marks", "\u{301}"),
        ("cues", "جوال "),
        ("ibans", "SA03"),
    ] {
        for kibibytes in [64, 128] {
            let mut text = unit.repeat(kibibytes * 1024 / unit.len());
            text.truncate(kibibytes * 1024);
            group.bench_function(format!("{name}/{kibibytes} KiB"), |bencher| {
                bencher.iter_batched_ref(
                    session,
                    |session| black_box(redactor.redact(black_box(&text), session).is_ok()),
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

fn restore(criterion: &mut Criterion) {
    let redactor = Redactor::new().unwrap();
    let mut session = session();
    let redacted = redactor.redact(PERSONAL, &mut session).unwrap().text.into_owned();
    let map = Arc::new(session.restore_map());
    let mut group = criterion.benchmark_group("restore");
    let mut out = String::with_capacity(1 << 16);
    let mut plain = Restorer::new(Arc::clone(&map), Encoding::Text);
    group.bench_function("plain delta of 12 bytes", |bencher| {
        bencher.iter(|| {
            out.clear();
            plain.push(black_box("السلام "), &mut out);
        });
    });
    let characters: Vec<String> = redacted.chars().map(String::from).collect();
    group.throughput(Throughput::Elements(characters.len() as u64));
    group.bench_function("answer with placeholders, one character a delta", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut restorer = Restorer::new(Arc::clone(&map), Encoding::Text);
            for character in &characters {
                restorer.push(black_box(character), &mut out);
            }
            restorer.finish(&mut out)
        });
    });
    group.finish();
}

/// A policy that uses everything.
const POLICY: &str = r#"{"actions":{"EMAIL":"mask","SA_CR":"allow"},"thresholds":{"PHONE":0.4},
    "allow":["+966550001111","support@dukkan.example","1010123456"],"deny":["Project Falcon","مشروع الصقر"],
    "patterns":["DK-[0-9]{8}"]}"#;
/// Runs of which percentiles are taken.
const RUNS: usize = 20_000;

/// The time that the slowest 50 % and 1 % of runs take at least.
fn percentiles(runs: usize, mut run: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let from = Instant::now();
            run();
            from.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[runs / 2], times[runs * 99 / 100])
}

/// Percentiles, which criterion does not give: of redacting with a new session, with and without a policy, and of restoring a delta.
fn tails(_: &mut Criterion) {
    let redactor = Redactor::new().unwrap();
    let policy = Arc::new(redactor.policy(POLICY).unwrap());
    for (bytes, runs) in [(2048, RUNS), (65536, RUNS / 20)] {
        // One value in a long message, and chat with personal data in every fourth line.
        for (what, text) in [("message", message(PERSONAL, bytes)), ("mixed chat", chat::chat(bytes, 4))] {
            for (name, policy) in [("built-in", Arc::default()), ("own", Arc::clone(&policy))] {
                let (p50, p99) = percentiles(runs, || {
                    let mut session = session().under(Arc::clone(&policy));
                    black_box(redactor.redact(black_box(&text), &mut session).unwrap().counts.total());
                });
                println!("redact {what} of {bytes} bytes, {name} policy: p50 {p50:?}, p99 {p99:?}");
            }
        }
    }
    let mut kept = session();
    let redacted = redactor.redact(PERSONAL, &mut kept).unwrap().text.into_owned();
    let map = Arc::new(kept.restore_map());
    let deltas: Vec<String> = redacted.chars().map(String::from).collect();
    let (mut out, mut at) = (String::with_capacity(1 << 20), 0);
    let mut restorer = Restorer::new(map, Encoding::Text);
    let (p50, p99) = percentiles(RUNS, || {
        restorer.push(black_box(&deltas[at % deltas.len()]), &mut out);
        at += 1;
    });
    println!("restore one character, placeholders cut everywhere: p50 {p50:?}, p99 {p99:?}");
}

criterion_group!(benches, redact, hostile, restore, tails);
criterion_main!(benches);
