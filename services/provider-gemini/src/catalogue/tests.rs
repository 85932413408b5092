use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_176_000_000);
const LITE: &str = "gemini-2.5-flash-lite";
const NEXT: &str = "gemini-3.5-flash-lite";

fn catalogue() -> Catalogue {
    Catalogue::new(&Config::default())
}

fn refusal(cause: Cause) -> Error {
    Error::Upstream(UpstreamError { cause, status: 400, fact: None })
}

fn ids(catalogue: &Catalogue, id: &str, now: Timestamp) -> Vec<String> {
    catalogue.chain(id, now).unwrap().iter().map(|model| model.id.clone()).collect()
}

#[test]
fn a_closed_model_is_passed_over_for_a_day() {
    let catalogue = catalogue();
    assert_eq!(ids(&catalogue, LITE, NOW), [LITE, NEXT]);
    catalogue.failed(LITE, &refusal(Cause::ModelNotFound), NOW);
    assert_eq!(ids(&catalogue, LITE, NOW), [NEXT]);
    assert_eq!(catalogue.health(LITE, NOW).0, ModelHealth::Ready, "its fallback serves");
    assert_eq!(ids(&catalogue, LITE, NOW.plus_millis(24 * 3_600_000)), [LITE, NEXT]);

    catalogue.failed(NEXT, &refusal(Cause::ModelNotFound), NOW);
    assert!(matches!(catalogue.chain(LITE, NOW), Err(Error::ModelGone(_))));
    assert_eq!(catalogue.health(LITE, NOW), (ModelHealth::Down, Some(NOW.plus_millis(24 * 3_600_000))));
    assert!(matches!(catalogue.chain("gpt-9", NOW), Err(Error::ModelUnknown(_))));
}

#[test]
fn a_days_quota_is_not_asked_for_again() {
    let catalogue = catalogue();
    let spent = Cause::RateLimited { retry_after: Duration::from_hours(1), daily: true };
    catalogue.failed(LITE, &refusal(spent), NOW);
    let later = NOW.plus_millis(600_000);
    let Err(Error::Upstream(error)) = catalogue.admit(LITE, later) else { panic!("refused") };
    let left = Cause::RateLimited { retry_after: Duration::from_mins(50), daily: true };
    assert_eq!(error.cause, left);
    assert!(catalogue.admit(NEXT, later).is_ok(), "quotas are a model's own");
    assert_eq!(catalogue.health(LITE, later).0, ModelHealth::Down);
    assert!(catalogue.admit(LITE, NOW.plus_millis(3_600_000)).is_ok());
}

#[test]
fn a_minutes_quota_degrades_but_lets_calls_through() {
    let catalogue = catalogue();
    let limited = Cause::RateLimited { retry_after: Duration::from_secs(14), daily: false };
    catalogue.failed(LITE, &refusal(limited), NOW);
    assert!(catalogue.admit(LITE, NOW).is_ok());
    assert_eq!(catalogue.health(LITE, NOW), (ModelHealth::Degraded, Some(NOW.plus_millis(14_000))));
    assert_eq!(catalogue.health(LITE, NOW.plus_millis(14_000)).0, ModelHealth::Ready);
}

#[test]
fn spent_credit_and_a_refused_key_stop_the_whole_project_for_a_while() {
    for cause in [Cause::Billing, Cause::CredentialRejected, Cause::LocationRejected] {
        let catalogue = catalogue();
        catalogue.failed(LITE, &refusal(cause), NOW);
        assert!(catalogue.admit(NEXT, NOW).is_err());
        assert_eq!(catalogue.health(NEXT, NOW).0, ModelHealth::Down);
        let again = NOW.plus_millis(60_000);
        assert!(catalogue.admit(NEXT, again).is_ok());
        catalogue.succeeded(NEXT);
        assert!(catalogue.admit(NEXT, NOW).is_ok(), "a good answer ends it");
    }
    let catalogue = catalogue();
    let barred = UpstreamError {
        cause: Cause::CredentialRejected,
        status: 403,
        fact: Some("API_KEY_SERVICE_BLOCKED".into()),
    };
    catalogue.failed(LITE, &barred.into(), NOW);
    assert!(catalogue.admit(LITE, NOW).is_ok(), "one barred method says nothing about the others");
}

#[test]
fn failures_in_a_row_degrade_and_a_success_heals() {
    let catalogue = catalogue();
    let health = |now| catalogue.health(LITE, now).0;
    let fail = || catalogue.failed(LITE, &UpstreamError::unreachable("cannot connect").into(), NOW);
    (0..2).for_each(|_| fail());
    assert_eq!(health(NOW), ModelHealth::Ready);
    fail();
    assert_eq!(health(NOW), ModelHealth::Degraded);
    (0..7).for_each(|_| fail());
    assert_eq!(health(NOW), ModelHealth::Down);
    assert_eq!(
        health(NOW.plus_millis(FAILURE_MEMORY_MILLIS)),
        ModelHealth::Ready,
        "nobody calls a model that is down for ever"
    );
    fail();
    catalogue.succeeded(LITE);
    assert_eq!(health(NOW), ModelHealth::Ready);
}

#[test]
fn the_callers_own_faults_say_nothing_about_the_model() {
    let catalogue = catalogue();
    for _ in 0..20 {
        catalogue.failed(LITE, &refusal(Cause::ContextOverflow), NOW);
        catalogue.failed(LITE, &refusal(Cause::SignatureRejected), NOW);
    }
    assert_eq!(catalogue.health(LITE, NOW), (ModelHealth::Ready, None));
}
