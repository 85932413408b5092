use std::sync::Mutex;

use futures::FutureExt as _;
use kaleem_placeholder::{Encoding, IssuerKey, Kind as Type, Restorer};
use kaleem_runtime::config::{Size, Span};
use proptest::prelude::*;

use super::*;
use crate::{Redactor, Residual, Session};

const TEXT: &str = "ياسمين تسأل متى يوصل الطلب، جوالها 0551234567";

type Answer = Result<Vec<Vec<Candidate>>, Failure>;

/// A model that takes its time and then says what it was told to say.
struct Scripted {
    takes: Duration,
    answer: Answer,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

impl NameModel for Scripted {
    fn names(&self, texts: Vec<String>) -> BoxFuture<'static, Answer> {
        self.asked.lock().unwrap().push(texts);
        let (takes, answer) = (self.takes, self.answer.clone());
        async move {
            tokio::time::sleep(takes).await;
            answer
        }
        .boxed()
    }
}

fn candidate(start: usize, end: usize, score: f64) -> Candidate {
    Candidate { start, end, text: None, score }
}

/// A stage for `requests_max` requests at once, and what its model was asked.
fn stage(takes: Duration, answer: Answer, requests_max: usize) -> (NameStage, Arc<Mutex<Vec<Vec<String>>>>) {
    let asked = Arc::default();
    let model = Scripted { takes, answer, asked: Arc::clone(&asked) };
    let config =
        NameModelConfig { requests_max, text_bytes_max: Size::bytes(100), ..NameModelConfig::default() };
    (NameStage::with(Box::new(model), &config, &Supervisor::new()), asked)
}

/// A text redacted with what a model took for names, under a policy.
fn redacted(names: Names, text: &str, policy: &str) -> (String, Session) {
    let redactor = Redactor::new().unwrap();
    let policy = Arc::new(redactor.policy(policy).unwrap());
    let mut session = Session::new(&IssuerKey::new([7; 32])).under(policy).with_names(names);
    let shown = redactor.redact(text, &mut session).unwrap().text.into_owned();
    (shown, session)
}

fn checked(text: &str, candidates: Vec<Candidate>) -> Result<Names, Failure> {
    Names::checked(vec![text.to_owned()], vec![candidates])
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_word_announces_is_redacted_and_restored() {
    let (stage, _) = stage(Duration::from_millis(4), Ok(vec![vec![candidate(0, 6, 0.9)]]), 1);
    let (shown, session) = redacted(stage.in_text(TEXT).await, TEXT, "{}");
    assert!(shown.starts_with("[[PERSON:") && shown.contains("[[PHONE:"), "{shown}");
    assert_eq!((session.counts().get(Type::Person), session.residual()), (1, Residual::Redacted));
    assert_eq!(restored(&shown, &session), TEXT);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_deadline() {
    let late = Duration::from_hours(1);
    let (stage, asked) = stage(late, Ok(vec![vec![candidate(0, 6, 0.9)]]), 1);
    // While the first question is open there is no place for a second one, which is not waited for at all.
    for wait in [NameModelConfig::default().deadline.get(), Duration::ZERO] {
        let since = tokio::time::Instant::now();
        let (shown, _) = redacted(stage.in_text(TEXT).await, TEXT, "{}");
        assert!(
            shown.starts_with("ياسمين") && shown.contains("[[PHONE:"),
            "what the engine finds stands: {shown}"
        );
        // The clock stands still but for timers, of which the next is the model's.
        assert!(since.elapsed() <= wait + Duration::from_millis(1), "{:?}", since.elapsed());
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_model_that_fails_changes_nothing() {
    for failure in [Failure::Unreachable, Failure::Refused(500), Failure::TooLong, Failure::Malformed] {
        let (stage, _) = stage(Duration::ZERO, Err(failure), 1);
        let (shown, _) = redacted(stage.in_text(TEXT).await, TEXT, "{}");
        assert!(shown.starts_with("ياسمين") && shown.contains("[[PHONE:"), "{failure}: {shown}");
    }
}

#[test]
fn places_that_are_none_of_the_text_discredit_the_whole_answer() {
    let chars = TEXT.chars().count();
    let good = || candidate(0, 6, 0.9);
    for (lie, wrong) in [
        ("behind the end", candidate(chars - 2, chars + 1, 0.9)),
        ("far behind the end", candidate(usize::MAX - 1, usize::MAX, 0.9)),
        ("bytes for code points", candidate(0, TEXT.len(), 0.9)),
        ("empty", candidate(3, 3, 0.9)),
        ("backwards", candidate(6, 0, 0.9)),
        ("too sure", candidate(0, 6, 1.5)),
        ("no number", candidate(0, 6, f64::NAN)),
        ("other words", Candidate { text: Some("ياسمي".into()), ..good() }),
    ] {
        assert_eq!(checked(TEXT, vec![good(), wrong]).unwrap_err(), Failure::Implausible, "{lie}");
    }
    assert_eq!(checked(TEXT, vec![good(); 1_001]).unwrap_err(), Failure::Implausible, "too many");
    assert_eq!(Names::checked(vec![TEXT.into()], vec![]).unwrap_err(), Failure::Implausible, "another text");
    let exact = Candidate { text: Some("ياسمين".into()), ..good() };
    assert!(redacted(checked(TEXT, vec![exact]).unwrap(), TEXT, "{}").0.starts_with("[[PERSON:"));
}

#[test]
fn what_the_engine_found_goes_before_and_the_better_of_two_candidates() {
    // The second covers the first with less certainty, the third a telephone number.
    let candidates = vec![candidate(0, 6, 0.9), candidate(0, 11, 0.6), candidate(32, 42, 1.0)];
    let (shown, session) = redacted(checked(TEXT, candidates).unwrap(), TEXT, "{}");
    assert_eq!(session.vault().len(), 2, "{shown}");
    assert!(shown.contains("]] تسأل متى يوصل الطلب، جوالها [[PHONE:"), "{shown}");
}

#[test]
fn a_placeholder_is_never_within_a_name() {
    let text = "ياسمين [[PHONE:7QX2MA]] هنا";
    let (shown, _) = redacted(checked(text, vec![candidate(0, 23, 0.9)]).unwrap(), text, "{}");
    assert_eq!(shown, text);
}

#[test]
fn names_of_a_model_are_under_the_policy_too() {
    let names = |score| checked(TEXT, vec![candidate(0, 6, score)]).unwrap();
    for (score, policy, name, residual) in [
        (0.9, r#"{"thresholds":{"PERSON":0.95}}"#, "ياسمين", Residual::Sensitive),
        (0.49, "{}", "ياسمين", Residual::Redacted),
        (0.49, r#"{"thresholds":{"PERSON":0.4}}"#, "[[PERSON:", Residual::Redacted),
        (0.9, r#"{"actions":{"PERSON":"allow"}}"#, "ياسمين", Residual::Sensitive),
        (0.9, r#"{"allow":["ياسمين"]}"#, "ياسمين", Residual::Redacted),
    ] {
        let (shown, session) = redacted(names(score), TEXT, policy);
        assert!(shown.starts_with(name), "{policy}: {shown}");
        assert_eq!(session.residual(), residual, "{policy}");
    }
}

#[tokio::test]
async fn the_newest_texts_are_shown_each_once_up_to_the_bound() {
    let (stage, asked) = stage(Duration::ZERO, Ok(vec![]), 1);
    let said = |text: &str| {
        let part = Part { kind: Some(Kind::Text(text.to_owned())) };
        Message { parts: vec![part], ..Message::default() }
    };
    let long = "x".repeat(90);
    stage
        .in_messages(&[
            said("oldest"),
            said(&long),
            said("٥٥"),
            said("newer"),
            said("newest"),
            said("newest"),
        ])
        .await;
    assert_eq!(*asked.lock().unwrap(), [["newest", "newer"]], "what does not fit ends it");
    stage.in_messages(&[said("12345")]).await;
    assert_eq!(asked.lock().unwrap().len(), 1, "what has no letters has no names");
}

/// What `shown` is once its placeholders are values again.
fn restored(shown: &str, session: &Session) -> String {
    let (mut back, mut restorer) =
        (String::new(), Restorer::new(Arc::new(session.restore_map()), Encoding::Text));
    restorer.push(shown, &mut back);
    restorer.finish(&mut back);
    back
}

proptest! {
    /// Whatever a model says: it is found out or used, a telephone number never leaves, and every byte comes back.
    #[test]
    fn no_candidates_lose_a_byte_or_a_number(
        words in prop::collection::vec(
            prop::sample::select(vec!["ياسمين", "تُحِبّ", "0551234567", "[[PHONE:7QX2MA]]", "😀", "جوالي", "e\u{301}", "Sara", "،", "\u{200f}"]),
            1..8,
        ),
        places in prop::collection::vec((0_usize..60, 0_usize..20, 0.0..1.0), 0..6),
    ) {
        let text = words.join(" ");
        let candidates = places.into_iter().map(|(start, chars, score)| candidate(start, start + chars, score));
        if let Ok(names) = checked(&text, candidates.collect()) {
            let (shown, session) = redacted(names, &text, "{}");
            prop_assert!(!shown.contains("0551234567") || !words.contains(&"0551234567"), "{}", shown);
            prop_assert_eq!(restored(&shown, &session), text);
        }
    }
}

#[test]
fn nothing_of_a_text_is_formatted() {
    let names = checked(TEXT, vec![candidate(0, 6, 0.9)]).unwrap();
    assert_eq!(format!("{names:?}"), "Names(1 texts)");
    assert_eq!(NameModelConfig::default().deadline, Span::millis(5));
}
