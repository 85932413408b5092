//! Time to find the personal data of chat, by size and by what is in it, and growth of the time with hostile input.
//!
//! The chat is generated: shop talk in Arabic, English and Persian, in one message of four with personal data.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failure stops the bench; growth is printed")]

mod chat;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kaleem_pii::fold::Folded;
use kaleem_pii::{Detector, Scratch};

use chat::chat;

/// Most that twice the input may take.
const GROWTH_MAX: f64 = 2.2;

fn scan(criterion: &mut Criterion) {
    let detector = Detector::new().unwrap();
    let mut scratch = Scratch::default();
    let mut group = criterion.benchmark_group("scan");
    for (name, personal_in) in [("clean", usize::MAX), ("mixed", 4)] {
        for bytes in [200, 2048, 65_536, 1 << 20] {
            let text = chat(bytes, personal_in);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{name}/{bytes}"), |bencher| {
                bencher.iter(|| black_box(detector.scan(black_box(&text), &mut scratch).spans.len()));
            });
        }
    }
    // As a file of messages is scanned.
    let text = chat(1 << 20, 4);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("mixed by line/1048576", |bencher| {
        bencher
            .iter(|| text.lines().map(|line| detector.scan(line, &mut scratch).spans.len()).sum::<usize>());
    });
    group.finish();
}

fn fold(criterion: &mut Criterion) {
    let text = chat(65_536, 4);
    let mut folded = Folded::default();
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("mixed/65536", |bencher| {
        bencher.iter(|| {
            folded.refill("", black_box(&text), &[]);
            folded.text().len()
        });
    });
    group.finish();
}

fn build(criterion: &mut Criterion) {
    criterion.bench_function("build", |bencher| bencher.iter(|| Detector::new().is_ok()));
}

/// The fastest of three scans.
fn fastest(detector: &Detector, text: &str) -> Duration {
    let mut scratch = Scratch::default();
    let timed = |_| {
        let from = Instant::now();
        black_box(detector.scan(text, &mut scratch).spans.len());
        from.elapsed()
    };
    (0..3).map(timed).min().unwrap_or_default()
}

/// Whether the arguments ask for the bench of a name, or for all.
fn is_asked_for(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(&filter))
}

/// Prints how the time grows when hostile input doubles, from half a mebibyte to one.
fn hostile(_: &mut Criterion) {
    if !is_asked_for("hostile") {
        return;
    }
    let detector = Detector::new().unwrap();
    for unit in [
        "1",
        "1 ",
        "12 ",
        "1088888888 ",
        "جوال 551234567 ",
        "@",
        "a@a.a",
        "a @ a . ",
        "[",
        "[[PHONE:7QX2MA",
        ".",
        "1.",
        ":",
        "a:",
        "-",
        "\u{301}",
        "جوال ",
        "SA03",
        "otp 1234 ",
        "cvv cvv ",
        "اسمي ",
        "اسمي محمد ",
        "عنواني شارع ",
        "شارع حي 1,",
        "password ",
        "token=",
        "http://",
        "a=/.",
        "://",
        "صفر ",
        "ولدت 1 1 ",
        "eyJ",
        "-----BEGIN key",
        "a",
        "A1",
        "passport a1 ",
        "%41",
        "&#49;",
        "%D9%A5",
        "\\",
        "\\u0665",
        "\\u066",
        "wallet a1\n",
        "ـ",
        "4111 1111 1111 1111 ",
        "1.12345, ",
        "من محمد ",
        "هستم ",
        "::1 ",
    ] {
        let [half, whole] = [1 << 19, 1 << 20].map(|bytes: usize| {
            let mut text = unit.repeat(bytes / unit.len() + 1);
            text.truncate(text.floor_char_boundary(bytes));
            fastest(&detector, &text)
        });
        let growth = whole.as_secs_f64() / half.as_secs_f64();
        let verdict = if growth > GROWTH_MAX { "TOO MUCH" } else { "" };
        println!(
            "hostile {unit:<16?} {:>8.1} ms a MiB, growth {growth:.2} {verdict}",
            whole.as_secs_f64() * 1e3
        );
    }
}

/// Prints the time of single scans that one in two and one in a hundred exceeds.
fn latency(_: &mut Criterion) {
    if !is_asked_for("latency") {
        return;
    }
    let detector = Detector::new().unwrap();
    let mut scratch = Scratch::default();
    for (bytes, times) in [(2048, 20_000), (65_536, 2000)] {
        let text = chat(bytes, 4);
        let mut taken: Vec<Duration> = (0..times)
            .map(|_| {
                let from = Instant::now();
                black_box(detector.scan(black_box(&text), &mut scratch).spans.len());
                from.elapsed()
            })
            .collect();
        taken.sort_unstable();
        println!(
            "latency {bytes:>6} bytes: median {:?}, p99 {:?}",
            taken[times / 2],
            taken[times * 99 / 100]
        );
    }
}

criterion_group!(benches, scan, fold, build, latency, hostile);
criterion_main!(benches);
