use futures::FutureExt as _;
use kaleem_proto::redaction::v1::{AnswerAction, AnswerPolicy};
use kaleem_runtime::config::Size;
use proptest::prelude::*;

use super::*;

const FACTS: &str = r#"{"currency":"SAR","prices":[{"sku":"AB","names":["عباية سوداء","Black Abaya"],"amount":"89.00"},
    {"sku":"SC","names":["طرحة حرير","Silk Scarf"],"amount":"35.00"}],
    "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"coupons":{"EID2026":20}}"#;
const WRONG: &str = "سعر العباية السوداء ٧٩ ريال. أهلًا بك.";
const CORRECTED: &str = "سعر العباية السوداء ٨٩ ريال. أهلًا بك.";

fn rails(on_violation: AnswerAction, on_unsure: AnswerAction) -> Guardrails {
    let said = AnswerPolicy {
        version: 1,
        facts_json: FACTS.into(),
        on_violation: on_violation.into(),
        on_unsure: on_unsure.into(),
    };
    let policies = Policies::new(Size::mib(1));
    let rails = policies.guardrails("dukkan", None, None, Some(said)).now_or_never();
    rails.expect("short facts are read at once").unwrap().expect("there are facts")
}

/// What a caller gets of an answer in `deltas`: text, reasons of notices, whether it was ended.
fn heard<'t>(
    rails: &Guardrails,
    json: bool,
    deltas: impl IntoIterator<Item = &'t str>,
) -> (String, Vec<String>, bool) {
    let mut guard = guard(rails, json, Chance::Taken);
    let mut out = VecDeque::new();
    let flow = deltas.into_iter().try_for_each(|delta| guard.push(delta, &mut out));
    let flow = if flow.is_continue() { guard.finish(&mut out) } else { flow };
    let (text, notices) = told(out);
    (text, notices, flow.is_break())
}

fn guard(rails: &Guardrails, json: bool, chance: Chance) -> Guard {
    Guard::new(rails, Audience { language: "ar", json }, chance)
}

/// The text and the reasons of notices.
fn told(out: VecDeque<Event>) -> (String, Vec<String>) {
    let (mut text, mut notices) = (String::new(), Vec::new());
    for event in out {
        match event {
            Event::Text(delta) => text.push_str(&delta.text),
            Event::Notice(notice) => notices.push(notice.reason),
            other => panic!("a guard makes no {other:?}"),
        }
    }
    (text, notices)
}

#[test]
fn each_action_does_to_a_wrong_statement_what_it_says() {
    for (action, text, notices, ended) in [
        (AnswerAction::Pass, WRONG.to_owned(), vec![], false),
        (AnswerAction::Annotate, WRONG.to_owned(), vec!["GUARDRAIL_VIOLATION"], false),
        (AnswerAction::Correct, CORRECTED.to_owned(), vec!["GUARDRAIL_CORRECTED"], false),
        (AnswerAction::Retry, CORRECTED.to_owned(), vec!["GUARDRAIL_CORRECTED"], false),
        (AnswerAction::Unspecified, CORRECTED.to_owned(), vec!["GUARDRAIL_CORRECTED"], false),
        (AnswerAction::Block, "سعر العباية السوداء ".to_owned(), vec!["GUARDRAIL_BLOCKED"], true),
    ] {
        let heard = heard(&rails(action, AnswerAction::Unspecified), false, [WRONG]);
        assert_eq!((heard.0, heard.2), (text, ended), "{action:?}");
        assert_eq!(heard.1, notices, "{action:?}");
    }
}

#[test]
fn what_was_let_out_wrong_is_set_right_at_the_end_in_the_language_of_the_answer() {
    let rails = rails(AnswerAction::Append, AnswerAction::Unspecified);
    let (text, notices, _) = heard(&rails, false, [WRONG]);
    let (said, amended) = text.split_once("\n\n").expect("a sentence at the end");
    assert_eq!((said, notices), (WRONG, vec!["GUARDRAIL_APPENDED".to_owned()]));
    assert!(amended.starts_with("تصحيح") && amended.contains("٨٩") || amended.contains("89"), "{amended}");
    let (text, ..) = heard(&rails, false, ["The Black Abaya is 79 SAR."]);
    assert!(text.contains("\n\nCorrection") && text.contains("89"), "{text}");
    let (text, notices, _) = heard(&rails, true, [WRONG]);
    assert_eq!((text.as_str(), notices), (WRONG, vec!["GUARDRAIL_VIOLATION".to_owned()]), "JSON stays JSON");
}

#[test]
fn what_no_fact_says_is_acted_on_by_its_own_rule() {
    let unsure = "الضمان سنتان.";
    for (action, ended) in
        [(AnswerAction::Unspecified, false), (AnswerAction::Annotate, false), (AnswerAction::Correct, true)]
    {
        let (text, notices, end) = heard(&rails(AnswerAction::Correct, action), false, [unsure]);
        assert_eq!((end, text == unsure), (ended, !ended), "{action:?}: {text} {notices:?}");
    }
}

#[test]
fn what_has_no_single_true_value_ends_the_answer() {
    let (text, notices, ended) =
        heard(&rails(AnswerAction::Correct, AnswerAction::Pass), false, ["استخدم كود SAVE50 لخصم ٥٠٪. أهلًا."]);
    assert!(ended && !text.contains("SAVE50") && !text.contains("أهل"), "{text}");
    assert_eq!(notices.last().map(String::as_str), Some("GUARDRAIL_BLOCKED"), "{notices:?}");
}

#[test]
fn notices_of_one_answer_are_bounded() {
    let many = WRONG.repeat(3 * NOTICES_MAX);
    let (text, notices, _) =
        heard(&rails(AnswerAction::Annotate, AnswerAction::Pass), false, [many.as_str()]);
    assert_eq!((notices.len(), text), (NOTICES_MAX, many));
}

#[test]
fn a_model_may_be_asked_again_as_long_as_nothing_was_seen() {
    let rails = rails(AnswerAction::Retry, AnswerAction::Pass);
    let unseen = || (guard(&rails, false, Chance::Unseen), VecDeque::new());
    let (mut asked, mut out) = unseen();
    assert_eq!(asked.push(WRONG, &mut out), ControlFlow::Break(Halt::AskAgain));
    assert!(out.is_empty(), "{out:?}");
    let hint = asked.hint().expect("what is true");
    assert!(hint.contains("٨٩") && hint.contains("عباية سوداء") && !hint.contains("٧٩"), "{hint}");
    assert_eq!(asked.go_on(&mut out), ControlFlow::Continue(()), "it cannot be asked");
    assert_eq!(asked.finish(&mut out), ControlFlow::Continue(()));
    let notices = ["GUARDRAIL_NOT_RETRIED", "GUARDRAIL_CORRECTED"].map(str::to_owned).to_vec();
    assert_eq!((told(out), asked.hint()), ((CORRECTED.to_owned(), notices.clone()), None));

    let by_text = |guard: &mut Guard, out: &mut VecDeque<Event>| {
        assert_eq!(guard.push("أهلًا. ", out), ControlFlow::Continue(()));
    };
    let by_other_lane = |guard: &mut Guard, _: &mut VecDeque<Event>| guard.seen();
    for shows_first in [by_text as fn(&mut Guard, &mut VecDeque<Event>), by_other_lane] {
        let (mut late, mut out) = unseen();
        shows_first(&mut late, &mut out);
        let shown = told(std::mem::take(&mut out)).0;
        assert_eq!(
            late.push(&format!("{WRONG} {WRONG} "), &mut out),
            ControlFlow::Continue(()),
            "after {shown:?}"
        );
        let (_, told) = told(out);
        assert_eq!(told[..2], notices, "told once");
        assert_eq!(told.len(), 3);
    }
}

#[test]
fn a_whole_answer_is_judged_at_its_end_with_all_that_is_wrong() {
    let rails = rails(AnswerAction::Retry, AnswerAction::Pass);
    let (mut whole, mut out) = (guard(&rails, false, Chance::AtTheEnd), VecDeque::new());
    assert_eq!(
        whole.push("سعر العباية السوداء ٧٩ ريال. الشحن بـ ٣٠ ريال. ", &mut out),
        ControlFlow::Continue(())
    );
    assert_eq!(whole.finish(&mut out), ControlFlow::Continue(()));
    assert!(whole.asks_again_at_the_end());
    let hint = whole.hint().expect("what is true");
    assert!(hint.contains("٨٩") && hint.contains("٢٥"), "{hint}");
    let (text, notices) = told(out);
    assert_eq!(text, "سعر العباية السوداء ٨٩ ريال. الشحن بـ ٢٥ ريال. ", "ready in case it cannot be asked");
    assert_eq!(notices, ["GUARDRAIL_CORRECTED"; 2]);
    for (chance, said) in [(Chance::AtTheEnd, CORRECTED), (Chance::Taken, WRONG), (Chance::Unseen, CORRECTED)]
    {
        let (mut guard, mut out) = (guard(&rails, false, chance), VecDeque::new());
        assert_eq!(guard.push(said, &mut out), ControlFlow::Continue(()));
        assert_eq!(guard.finish(&mut out), ControlFlow::Continue(()));
        assert!(!guard.asks_again_at_the_end(), "{chance:?}: {said}");
    }
}

#[test]
fn a_model_is_not_asked_again_where_nothing_true_can_be_told() {
    let rails = rails(AnswerAction::Retry, AnswerAction::Retry);
    let (mut guard, mut out) = (guard(&rails, false, Chance::Unseen), VecDeque::new());
    assert_eq!(guard.push("الضمان سنتان. ", &mut out), ControlFlow::Break(Halt::Block), "no fact says");
    assert_eq!(told(out).1, ["GUARDRAIL_BLOCKED"]);
}

proptest! {
    /// How a model cuts its answer into deltas changes nothing of what the customer reads.
    #[test]
    fn any_cutting_gives_the_same_answer(
        action in prop::sample::select(vec![
            AnswerAction::Pass, AnswerAction::Annotate, AnswerAction::Append, AnswerAction::Correct, AnswerAction::Retry,
            AnswerAction::Block,
        ]),
        sentences in prop::collection::vec(
            prop::sample::select(vec![
                "أهلًا وسهلًا! ", WRONG, "الشحن بـ ٣٠ ريال. ", "The Silk Scarf is SAR 45.50. ", "الإرجاع خلال أسبوع. ",
                "رقم طلبك 10488. ", "الضمان سنتان. ", "الشحن مجاني لكل الطلبات. ",
            ]),
            1..6,
        ),
        cuts in prop::collection::vec(0_usize..400, 0..30),
    ) {
        let answer: String = sentences.concat();
        let mut borders: Vec<usize> = cuts.into_iter().map(|cut| answer.floor_char_boundary(cut)).collect();
        borders.extend([0, answer.len()]);
        borders.sort_unstable();
        let deltas = borders.windows(2).map(|pair| &answer[pair[0]..pair[1]]);
        let rails = rails(action, AnswerAction::Unspecified);
        prop_assert_eq!(heard(&rails, false, deltas), heard(&rails, false, [answer.as_str()]));
    }
}
