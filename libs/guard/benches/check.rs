//! Time to check an answer, and growth of the time with the length of hostile input.

#![expect(clippy::unwrap_used, reason = "a failure stops the bench")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kaleem_guard::{Gate, Policy, check};

const FACTS: &str = r#"{"currency":"SAR","vat_included":true,"prices":[
    {"sku":"AB-01","names":["عباية سوداء","Black Abaya"],"amount":"89.00","compare_at":"120.00"},
    {"sku":"SC-02","names":["طرحة حرير","Silk Scarf"],"amount":"35.00"}],
    "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"exchange_days":30,
    "warranty_months":24,"cod_fee":"15.00","coupons":{"EID2026":20}}"#;
const ARABIC: &str = "أهلاً بك! سعر العباية السوداء ٨٩ ريال شامل الضريبة، والطرحة بـ ٣٥ ريال. رسوم الشحن ٢٥ ريال \
    والتوصيل خلال يومين إلى أربعة أيام، والشحن مجاني للطلبات فوق مئتي ريال. يمكنك الإرجاع خلال أسبوعين من تاريخ \
    الاستلام والاستبدال خلال ٣٠ يوماً، وعليها ضمان سنتين. استخدم كود EID2026 واحصل على خصم ٢٠٪. ";
const ENGLISH: &str = "Hi! The Black Abaya is 89 SAR, VAT included, and the Silk Scarf is thirty-five riyals. Shipping \
    costs 25 SAR and takes 2 to 4 business days; it is free for orders over 200 SAR. You can return it within two weeks \
    of delivery and exchange it within 30 days. It comes with a two-year warranty. Use code EID2026 for 20% off. ";

fn of_length(text: &str, bytes: usize) -> String {
    let mut long = text.repeat(bytes / text.len() + 1);
    long.truncate(long.floor_char_boundary(bytes));
    long
}

fn answers(criterion: &mut Criterion) {
    let policy = Policy::parse(FACTS).unwrap();
    let mut group = criterion.benchmark_group("check");
    for (name, text) in [("arabic", ARABIC), ("english", ENGLISH)] {
        for bytes in [512, 4096, 65_536] {
            let answer = of_length(text, bytes);
            group.throughput(Throughput::Bytes(answer.len() as u64));
            group.bench_function(format!("{name}/{bytes}"), |bencher| {
                bencher.iter(|| black_box(check(&policy, black_box(&answer)).findings.len()));
            });
        }
    }
    group.finish();
}

fn hostile(criterion: &mut Criterion) {
    let policy = Policy::parse(FACTS).unwrap();
    let mut group = criterion.benchmark_group("hostile");
    group.sample_size(10);
    for (name, unit) in [
        ("numbers", "1 "),
        ("amounts", "9 ريال "),
        ("products", "عباية سوداء "),
        ("cues", "الشحن "),
        ("all", "عباية 9 ريال شحن "),
        ("letters", "ا"),
        ("number words", "مئة و"),
        ("codes", "كود AB12 "),
        ("dots", "."),
    ] {
        for kibibytes in [64, 128] {
            let answer = of_length(unit, kibibytes * 1024);
            group.bench_function(format!("{name}/{kibibytes} KiB"), |bencher| {
                bencher.iter(|| black_box(check(&policy, black_box(&answer)).findings.len()));
            });
        }
    }
    group.finish();
}

fn streamed(criterion: &mut Criterion) {
    let policy = Arc::new(Policy::parse(FACTS).unwrap());
    let answer = of_length(ARABIC, 4096);
    let characters: Vec<char> = answer.chars().collect();
    let deltas: Vec<String> = characters.chunks(4).map(|delta| delta.iter().collect()).collect();
    let mut group = criterion.benchmark_group("gate");
    group.throughput(Throughput::Elements(deltas.len() as u64));
    group.bench_function("4 KiB in deltas of 4 characters", |bencher| {
        bencher.iter(|| {
            let mut gate = Gate::new(Arc::clone(&policy));
            let mut out = Vec::new();
            for delta in &deltas {
                gate.push(delta, &mut out);
            }
            gate.finish(&mut out);
            black_box(out.len())
        });
    });
    group.finish();
}

criterion_group!(benches, answers, hostile, streamed);
criterion_main!(benches);
