//! A streamed answer says the same however it is cut, and nothing wrong passes before it is judged.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::sync::{Arc, LazyLock};

use kaleem_guard::{Finding, Gate, HELD_CHARS_MAX, Piece, Policy, check};
use proptest::prelude::*;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let facts = r#"{"currency":"SAR","prices":[{"sku":"AB","names":["عباية سوداء","Black Abaya"],"amount":"89.00"},
        {"sku":"SC","names":["طرحة حرير","Silk Scarf"],"amount":"35.00"}],
        "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"exchange_days":30,
        "warranty_months":24,"cod_fee":"15.00","coupons":{"EID2026":20}}"#;
    Arc::new(Policy::parse(facts).unwrap())
});

/// Sentences of every kind, right and wrong.
const SENTENCES: [&str; 18] = [
    "أهلاً وسهلاً بك في متجرنا! ",
    "سعر العباية السوداء ٨٩ ريال شامل الضريبة. ",
    "سعر العباية تسعة وسبعون ريالاً فقط. ",
    "الشحن مجاني لكل الطلبات. ",
    "الشحن مجاني للطلبات فوق ٢٠٠ ريال، ويوصلك خلال ٢-٤ أيام عمل.\n",
    "استخدم كود SAVE50 لخصم ٥٠٪. ",
    "كود EID2026 يعطيك خصم 20% ",
    "الإرجاع خلال أسبوع من تاريخ الاستلام. ",
    "رقم طلبك 10488 وسيصلك يوم 15 مارس. ",
    "The Silk Scarf is SAR 45.50, and shipping is 25 SAR. ",
    "You have 14 days to return it... ",
    "هل ترغب في إضافة شيء آخر؟ ",
    "It comes with a one-year warranty! ",
    "سعرها 89.00 ر.س. شامل الضريبة. ",
    "مجموع العباية والطرحة ١٢٤ ريال. ",
    "يوصلك في نفس اليوم 🎉 ",
    "قیمت روسری سی و پنج ریال است. ",
    "We deliver within two weeks and the fee is $10; ",
];

fn stream<'t>(deltas: impl IntoIterator<Item = &'t str>) -> Vec<Piece> {
    let mut gate = Gate::new(Arc::clone(&POLICY));
    let mut out = Vec::new();
    for delta in deltas {
        gate.push(delta, &mut out);
    }
    gate.finish(&mut out);
    out
}

fn text(pieces: &[Piece]) -> String {
    pieces.iter().map(Piece::text).collect()
}

fn findings(pieces: &[Piece]) -> Vec<Finding> {
    pieces.iter().flat_map(Piece::findings).cloned().collect()
}

/// Bytes of the answer that passed unjudged.
fn clear(pieces: &[Piece]) -> Vec<std::ops::Range<usize>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for piece in pieces {
        let end = at + piece.text().len();
        if matches!(piece, Piece::Clear(_)) {
            ranges.push(at..end);
        }
        at = end;
    }
    ranges
}

/// The answer in pieces of these lengths in characters, over and over.
fn cut<'t>(answer: &'t str, lengths: &[usize]) -> Vec<&'t str> {
    let mut deltas = Vec::new();
    let mut rest = answer;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let at = rest.char_indices().nth(*length).map_or(rest.len(), |(at, _)| at);
        deltas.push(&rest[..at]);
        rest = &rest[at..];
    }
    deltas
}

#[test]
fn plain_words_pass_at_once_and_values_are_held() {
    let mut gate = Gate::new(Arc::clone(&POLICY));
    let mut out = Vec::new();
    gate.push("سعر العباية عندنا ", &mut out);
    assert_eq!(text(&out), "سعر العباية عندنا ");
    assert!(!gate.is_holding());
    gate.push("٧٩ ", &mut out);
    gate.push("ريال ", &mut out);
    assert!(gate.is_holding());
    assert_eq!(text(&out), "سعر العباية عندنا ", "the amount waits for the end of its sentence");
    gate.push("فقط. والشحن", &mut out);
    assert_eq!(text(&out), "سعر العباية عندنا ٧٩ ريال فقط. ");
    let [found] = findings(&out).try_into().unwrap();
    assert_eq!((found.found.as_str(), found.field.name()), ("٧٩ ريال", "price"));
    gate.finish(&mut out);
    assert!(text(&out).ends_with("والشحن"));
}

#[test]
fn a_caller_out_of_patience_gets_what_is_held_judged() {
    let mut gate = Gate::new(Arc::clone(&POLICY));
    let mut out = Vec::new();
    gate.push("سعر العباية ٧٩ ريال وهي ", &mut out);
    assert!(gate.is_holding());
    gate.release(&mut out);
    assert!(!gate.is_holding());
    assert_eq!(findings(&out).len(), 1);
    gate.push("متوفرة بكل المقاسات.", &mut out);
    gate.finish(&mut out);
    assert_eq!(findings(&out).len(), 1, "what was given is not given again");
    assert_eq!(text(&out), "سعر العباية ٧٩ ريال وهي متوفرة بكل المقاسات.");
}

#[test]
fn little_is_held_of_a_sentence_without_end() {
    let answer = format!("سعر العباية ٧٩ ريال {}", "وهي جميلة جدا ".repeat(60));
    let mut gate = Gate::new(Arc::clone(&POLICY));
    let mut out = Vec::new();
    let mut pushed = 0;
    for delta in cut(&answer, &[1]) {
        gate.push(delta, &mut out);
        pushed += 1;
        let held = pushed - text(&out).chars().count();
        assert!(held <= HELD_CHARS_MAX + 1, "{held} characters are held");
    }
    gate.finish(&mut out);
    assert_eq!((text(&out), findings(&out).len()), (answer, 1));
}

#[test]
fn an_answer_without_spaces_is_judged_before_it_passes() {
    let answers = [
        r#"{"price":"79.00SAR","product":"BlackAbaya","currency":"SAR","stock":12,"available":true,"colour":"black"}"#,
        r#"{"item":{"sku":"AB","name":"عباية","colour":"black","stock":12},"fees":[],"price":"٧٩ريال","returnable":true}"#,
    ];
    for answer in answers {
        for length in [1, 7, 63, 64, 65, 500] {
            let pieces = stream(cut(answer, &[length]));
            assert_eq!(text(&pieces), answer);
            let wrong =
                findings(&pieces).into_iter().find(|found| found.verdict == kaleem_guard::Verdict::Violate);
            let wrong = wrong.unwrap_or_else(|| panic!("the wrong price of {answer} is found"));
            let passed = clear(&pieces).into_iter().any(|range| range.contains(&(wrong.bytes.end - 1)));
            assert!(!passed, "{:?} passed in {pieces:?}", wrong.found);
        }
    }
}

fn answers() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&SENTENCES[..]), 1..6).prop_map(|sentences| sentences.concat())
}

/// Characters of the longest sentence at most; some of [`SENTENCES`] have no end.
fn longest(answer: &str) -> usize {
    let ends = |text: &str| text.ends_with('\n') || text.trim_end().ends_with(['.', '!', '?', '؟']);
    let (mut longest, mut sentence) = (0, 0);
    for word in answer.split_inclusive([' ', '\n']) {
        sentence += word.chars().count();
        longest = longest.max(sentence);
        if ends(word) && !word.contains("ر.س") {
            sentence = 0;
        }
    }
    longest
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_as_the_whole(answer in answers(), lengths in prop::collection::vec(1_usize..12, 1..5)) {
        let whole = check(&POLICY, &answer);
        let at_once = stream([answer.as_str()]);
        let pieces = stream(cut(&answer, &lengths));
        prop_assert_eq!(text(&pieces), answer.as_str());
        prop_assert_eq!(findings(&pieces), findings(&at_once));
        if longest(&answer) <= HELD_CHARS_MAX {
            prop_assert_eq!(findings(&pieces), whole.findings);
        }
    }

    #[test]
    fn nothing_wrong_passes_unjudged(answer in answers(), lengths in prop::collection::vec(1_usize..12, 1..5)) {
        let pieces = stream(cut(&answer, &lengths));
        for wrong in check(&POLICY, &answer).violations() {
            // What makes it wrong is held: the end of its span; words such as «الشحن» before «مجاني» may pass.
            let passed = clear(&pieces).into_iter().any(|range| range.contains(&(wrong.bytes.end - 1)));
            prop_assert!(!passed, "{:?} passed in {:?}", wrong.found, pieces);
        }
    }

    #[test]
    fn any_text_survives(answer in "\\PC{0,300}", lengths in prop::collection::vec(1_usize..40, 1..5)) {
        let pieces = stream(cut(&answer, &lengths));
        prop_assert_eq!(text(&pieces), answer.as_str());
        prop_assert_eq!(findings(&pieces), findings(&stream([answer.as_str()])));
        for finding in check(&POLICY, &answer).findings {
            prop_assert_eq!(&answer[finding.bytes.clone()], finding.found.as_str());
            let chars: String = answer.chars().skip(finding.chars.start).take(finding.chars.len()).collect();
            prop_assert_eq!(chars, finding.found);
        }
    }

    #[test]
    fn neutral_sentences_around_change_nothing(index in 0..SENTENCES.len()) {
        let answer = SENTENCES[index];
        let around = format!("أهلاً وسهلاً بك! {answer} شكراً لك.");
        let alone: Vec<_> = check(&POLICY, answer).findings.into_iter().map(|found| (found.field, found.verdict, found.found)).collect();
        let inside: Vec<_> = check(&POLICY, &around).findings.into_iter().map(|found| (found.field, found.verdict, found.found)).collect();
        prop_assert_eq!(alone, inside);
    }
}
