//! What gateways are granted, against what a provider would count.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const START_MS: i64 = 1_796_071_800_123;

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn limits(requests: i64, input_tokens: i64) -> Limits {
    Limits {
        minute_requests: Some(requests),
        minute_input_tokens: Some(input_tokens),
        day_requests: None,
        day_zone: "America/Los_Angeles".into(),
        exact: false,
    }
}

fn project(limits: Limits, lease_seconds: i64) -> Project {
    Project::new(limits, lease_seconds, 64, Timestamp::from_millis(START_MS)).unwrap()
}

fn load(requests: i64, input_tokens: i64) -> Load {
    Load { requests, input_tokens }
}

fn limited(answer: Result<Grant, Refusal>) -> Limited {
    match answer {
        Err(Refusal::Limited(limited)) => limited,
        other => panic!("{other:?}"),
    }
}

/// The most that any 60 seconds, both ends included, saw of what was sent.
fn most_in_60_seconds(sent: &mut [(i64, Load)]) -> Load {
    sent.sort_unstable_by_key(|(at, _)| *at);
    let (mut most, mut sum, mut oldest) = (Load::default(), Load::default(), 0);
    for (at, load) in sent.iter() {
        sum = sum.plus(*load);
        while at - sent[oldest].0 > 60_000 {
            sum = sum.minus(sent[oldest].1);
            oldest += 1;
        }
        most.requests = most.requests.max(sum.requests);
        most.input_tokens = most.input_tokens.max(sum.input_tokens);
    }
    most
}

/// A step of a trace: how long after the last one, who asks, how often at once, for how much, and when in its life a lease is used.
#[derive(Debug, Clone)]
struct Step {
    wait_ms: i64,
    gateway: u8,
    burst: u8,
    wanted: Load,
    used_at_end: bool,
}

fn steps() -> impl Strategy<Value = Step> {
    // Bursts, pauses of about a minute, and steps that meet the edges of seconds and minutes.
    let waits = prop_oneof![
        4 => 0_i64..50,
        2 => prop::sample::select(vec![1, 876, 877, 878, 999, 1_000, 1_001]),
        1 => 2_000_i64..20_000,
        1 => prop::sample::select(vec![57_999, 58_000, 59_999, 60_000, 60_001, 61_000, 62_000]),
    ];
    (waits, 0_u8..4, 1_u8..60, 1_i64..6, 0_i64..900, any::<bool>()).prop_map(
        |(wait_ms, gateway, burst, requests, tokens, used_at_end)| Step {
            wait_ms,
            gateway,
            burst,
            wanted: load(requests, tokens),
            used_at_end,
        },
    )
}

proptest! {
    /// I6, with 4 gateways that use every lease in full, at once or in its last millisecond, and a quota that is killed now and then.
    #[test]
    fn no_60_seconds_ever_see_more_than_the_limit(
        requests in 6_i64..300,
        input_tokens in 900_i64..60_000,
        lease_seconds in 1_i64..4,
        trace in prop::collection::vec((steps(), prop::bool::weighted(0.1)), 1..200),
    ) {
        let limits = limits(requests, input_tokens);
        let mut project = project(limits.clone(), lease_seconds);
        let (mut now, mut sent, mut stored) = (Timestamp::from_millis(START_MS), Vec::new(), None);
        for (step, killed) in trace {
            now = now.plus_millis(step.wait_ms);
            if let Some(snapshot) = stored.as_ref().filter(|_| killed) {
                project = Project::restore(limits.clone(), lease_seconds, 64, snapshot).unwrap();
            }
            for _ in 0..step.burst {
                match project.acquire(&step.gateway.to_string(), step.wanted, now) {
                    Ok(grant) => {
                        prop_assert!(grant.granted.requests >= step.wanted.requests);
                        prop_assert!(grant.granted.input_tokens >= step.wanted.input_tokens);
                        if let Some(snapshot) = project.unwritten() {
                            project.note_written(&snapshot);
                            stored = Some(snapshot);
                        }
                        let delay = if step.used_at_end { grant.ttl_ms - 1 } else { 0 };
                        sent.push((now.as_millis() + delay, grant.granted));
                    }
                    Err(Refusal::Limited(_)) => break,
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
        }
        let most = most_in_60_seconds(&mut sent);
        prop_assert!(most.requests <= requests && most.input_tokens <= input_tokens, "{most:?}");
    }

    /// I12: a millisecond before its time the same is refused, at its time it is granted.
    #[test]
    fn retry_after_is_exact(
        requests in 6_i64..100,
        day_requests in prop::option::of(6_i64..200),
        trace in prop::collection::vec((steps(), prop::option::weighted(0.05, 0_i64..90_000)), 1..120),
    ) {
        let mut project = project(Limits { day_requests, ..limits(requests, 20_000) }, 1);
        let mut now = Timestamp::from_millis(START_MS);
        for (step, refused) in trace {
            now = now.plus_millis(step.wait_ms);
            if let Some(retry_after_ms) = refused {
                project.refused(retry_after_ms, now).unwrap();
            }
            for _ in 0..step.burst {
                let answer = project.acquire("gateway", step.wanted, now);
                let Err(Refusal::Limited(limited)) = answer else { continue };
                let again = |wait_ms: i64| project.clone().acquire("gateway", step.wanted, now.plus_millis(wait_ms));
                prop_assert!(limited.retry_after_ms > 0);
                if limited.retry_after_ms > 1 {
                    let early = again(limited.retry_after_ms - 1);
                    prop_assert!(matches!(early, Err(Refusal::Limited(_))), "{limited:?} {early:?}");
                }
                let timely = again(limited.retry_after_ms);
                prop_assert!(timely.is_ok(), "{limited:?} {timely:?}");
                break;
            }
        }
    }
}

/// A gateway that sends one call after the other from its lease; what it does not send until the lease ends is lost.
#[derive(Clone, Copy)]
struct Sender {
    next: i64,
    lease: Load,
    lease_ends: i64,
}

/// Four gateways send a call each `pace_ms` as long as they may; returns what was sent in thousandths of what the limit allows.
fn utilisation(limit: i64, hours: i64, input_tokens: i64, pace_ms: i64) -> i64 {
    let mut project = project(limits(limit, limit * 1_000), 1);
    let mut sent = Vec::new();
    let call = load(1, input_tokens);
    let mut senders = [0, 1, 2, 3].map(|next| Sender { next, lease: Load::default(), lease_ends: 0 });
    loop {
        let (index, sender) = senders.iter_mut().enumerate().min_by_key(|(_, sender)| sender.next).unwrap();
        if sender.next >= hours * 3_600_000 {
            break;
        }
        let left = sender.lease.minus(call);
        let used_up = left.requests < 0 || left.input_tokens < 0 || sender.next >= sender.lease_ends;
        if used_up {
            let now = Timestamp::from_millis(START_MS + sender.next);
            match project.acquire(&index.to_string(), call, now) {
                Ok(grant) => {
                    (sender.lease, sender.lease_ends) = (grant.granted, sender.next + grant.ttl_ms);
                }
                Err(Refusal::Limited(limited)) => {
                    sender.next += limited.retry_after_ms;
                    continue;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        sender.lease = sender.lease.minus(call);
        sent.push((sender.next, call));
        sender.next += pace_ms;
    }
    let all: i64 = sent.iter().map(|(_, load)| load.requests).sum();
    let most = most_in_60_seconds(&mut sent);
    assert!(most.requests <= limit && most.input_tokens <= limit * 1_000, "{most:?}");
    let allowed = limit.min(limit * 1_000 / input_tokens);
    all * 1_000 / (allowed * 60 * hours)
}

#[test]
fn a_saturating_trace_uses_the_limit() {
    for (name, limit, tokens, pace_ms, least) in [
        ("requests, in bursts", 4_000, 300, 1, 960),
        ("input tokens, in bursts", 4_000, 1_600, 1, 960),
        ("requests, steady at 1.2 times the limit", 4_000, 300, 50, 960),
        ("requests, steady at 0.95 times the limit", 4_000, 300, 63, 940),
        ("a small project", 15, 300, 10, 960),
    ] {
        let used = utilisation(limit, 4, tokens, pace_ms);
        println!("{name}: {}.{} % of the limit used", used / 10, used % 10);
        assert!(used >= least, "{name}: {used}");
    }
}

#[test]
fn a_lease_is_a_share_of_what_is_left_and_never_more_than_two_seconds() {
    let mut project = project(limits(4_000, 4_000_000), 1);
    let mut now = Timestamp::from_millis(START_MS);
    // Nothing is known of the gateway, so it gets what it wants.
    assert_eq!(project.acquire("a", load(1, 300), now).unwrap().granted, load(1, 300));
    // It sends 50 a second and asks when its lease is used up or over.
    let (mut lease, mut ends, mut largest) = (0, now, 0);
    for _ in 0..1_500 {
        now = now.plus_millis(20);
        if lease == 0 || now >= ends {
            let grant = project.acquire("a", load(1, 300), now).unwrap();
            (lease, ends) = (grant.granted.requests, now.plus_millis(grant.ttl_ms));
            largest = largest.max(lease);
        }
        lease -= 1;
    }
    println!("{} requests granted for 1,500 sent, the largest lease {largest}", project.used().requests);
    assert!((10..=100).contains(&largest), "{largest}");
    // Below 5 % it is only what is wanted.
    let mut exact = self::project(limits(100, 1_000_000), 1);
    exact.acquire("a", load(96, 1), now).unwrap();
    assert_eq!(exact.acquire("a", load(2, 1), now).unwrap().granted.requests, 2);
    assert_eq!(limited(exact.acquire("b", load(3, 1), now)).limit, Limit::MinuteRequests);
}

#[test]
fn a_day_ends_at_midnight_in_los_angeles_also_when_it_has_23_or_25_hours() {
    for (midnight, hours) in
        [("2026-03-08T08:00:00Z", 23), ("2026-11-01T07:00:00Z", 25), ("2026-06-01T07:00:00Z", 24)]
    {
        let day = Limits { day_requests: Some(3), ..limits(1_000, 1_000_000) };
        let start = at(midnight);
        let mut project = Project::new(day, 1, 8, start.plus_millis(-1)).unwrap();
        let last = project.acquire("a", load(3, 1), start.plus_millis(-1)).unwrap();
        assert_eq!(last.ttl_ms, 1, "a lease ends with its day");
        assert_eq!(limited(project.acquire("a", load(1, 1), start.plus_millis(-1))).retry_after_ms, 1);
        project.acquire("a", load(3, 1), start).unwrap();
        let refused = limited(project.acquire("a", load(1, 1), start));
        assert_eq!((refused.limit, refused.used, refused.cap), (Limit::DayRequests, 3, 3));
        assert_eq!(refused.retry_after_ms, hours * 3_600_000);
        project.acquire("a", load(1, 1), start.plus_millis(refused.retry_after_ms)).unwrap();
        assert_eq!(project.day_requests(), 1);
    }
}

#[test]
fn a_refusal_of_the_upstream_halves_the_limit_for_ten_seconds_and_then_it_grows() {
    let mut project = project(limits(1_000, 1_000_000), 1);
    let now = Timestamp::from_millis(START_MS);
    let cap = |project: &Project, seconds: i64| {
        let at = now.plus_millis(seconds * 1_000);
        limited(project.clone().acquire("a", load(1_000, 1), at)).cap
    };
    project.refused(0, now).unwrap();
    // Calls that were on their way together are one refusal.
    project.refused(0, now.plus_millis(500)).unwrap();
    assert_eq!([0, 1, 10, 11, 12, 19].map(|seconds| cap(&project, seconds)), [500, 500, 500, 550, 600, 950]);
    project.clone().acquire("a", load(1_000, 1), now.plus_millis(20_000)).unwrap();
    project.refused(0, now.plus_millis(12_000)).unwrap();
    assert_eq!(cap(&project, 12), 300);
    for again in 1..20 {
        project.refused(0, now.plus_millis(again * 11_000 + 12_000)).unwrap();
    }
    assert_eq!(cap(&project, 19 * 11 + 12), 50, "halving and growth are in balance at a twentieth");
}

#[test]
fn the_wait_that_an_upstream_asks_for_is_heeded_also_without_limits() {
    let now = Timestamp::from_millis(START_MS);
    let mut upstreams = Upstreams::new(settings(None));
    let ask = |wanted| Ask { quota_domain: "project-1", model: "flash", gateway_id: "a", wanted };
    let free = upstreams.acquire(&ask(load(5, 5)), now).unwrap();
    assert_eq!((free.granted, free.ttl_ms), (load(UNLIMITED, UNLIMITED), 1_000));
    upstreams.refused("project-1", "flash", 7_300, now).unwrap();
    let refused = limited(upstreams.acquire(&ask(load(1, 1)), now));
    assert_eq!((refused.limit, refused.retry_after_ms), (Limit::RetryAfter, 7_300));
    limited(upstreams.acquire(&ask(load(1, 1)), now.plus_millis(7_299)));
    upstreams.acquire(&ask(load(1, 1)), now.plus_millis(7_300)).unwrap();
}

#[test]
fn what_never_fits_is_told_at_once() {
    let mut project = project(limits(10, 1_000), 1);
    let now = Timestamp::from_millis(START_MS);
    let refused = project.acquire("a", load(1, 1_001), now).unwrap_err();
    assert_eq!(refused, Refusal::TooLarge { limit: Limit::MinuteInputTokens, wanted: 1_001, cap: 1_000 });
    project.acquire("a", load(1, 1_000), now).unwrap();
}

fn settings(default: Option<Limits>) -> Settings {
    let (rows, capped) = (HashMap::new(), HashSet::new());
    Settings { rows, default, capped, lease_seconds: 1, models_max: 3, gateways_max: 2 }
}

#[test]
fn a_row_of_the_model_counts_before_one_of_the_project_and_that_before_the_default() {
    let row = |model: Option<&str>| ("project-1".to_owned(), model.map(str::to_owned));
    let rows = HashMap::from([(row(Some("flash")), limits(1, 100)), (row(None), limits(2, 100))]);
    let mut upstreams = Upstreams::new(Settings { rows, ..settings(Some(limits(3, 100))) });
    let now = Timestamp::from_millis(START_MS);
    for (quota_domain, model, cap) in
        [("project-1", "flash", 1), ("project-1", "pro", 2), ("project-2", "flash", 3)]
    {
        let ask = |requests| Ask { quota_domain, model, gateway_id: "a", wanted: load(requests, 1) };
        upstreams.acquire(&ask(cap), now).unwrap();
        assert_eq!(limited(upstreams.acquire(&ask(1), now)).cap, cap);
    }
}

#[test]
fn memory_is_bounded_and_idle_models_make_room() {
    let mut upstreams = Upstreams::new(settings(Some(limits(3, 100))));
    let now = Timestamp::from_millis(START_MS);
    let try_at = |upstreams: &mut Upstreams, model: usize, now| {
        let (model, wanted) = (model.to_string(), load(1, 1));
        upstreams.acquire(&Ask { quota_domain: "p", model: &model, gateway_id: &model, wanted }, now)
    };
    for model in 0..3 {
        try_at(&mut upstreams, model, now).unwrap();
    }
    assert_eq!(try_at(&mut upstreams, 3, now), Err(Refusal::Full));
    let later = now.plus_millis(62_000);
    for model in 3..1_000 {
        let now = later.plus_millis(i64::try_from(model).unwrap() * 62_000);
        try_at(&mut upstreams, model, now).unwrap();
        assert!(upstreams.len() <= 3);
    }
}

#[test]
fn a_clock_that_goes_back_forgets_no_grant_and_strands_none() {
    let mut project = project(limits(10, 1_000), 1);
    let now = Timestamp::from_millis(START_MS);
    project.acquire("a", load(10, 10), now).unwrap();
    let back = now.plus_millis(-3_600_000);
    let refused = limited(project.acquire("a", load(1, 1), back));
    assert_eq!(refused.used, 10);
    // From the second on that the clock now calls the one of the grant.
    assert!((61_000..=62_000).contains(&refused.retry_after_ms), "{refused:?}");
    project.acquire("a", load(1, 1), back.plus_millis(refused.retry_after_ms)).unwrap();
}

#[test]
fn what_was_granted_of_a_day_and_what_a_429_taught_outlives_a_restart() {
    let day = Limits { day_requests: Some(640), ..limits(1_000, 1_000_000) };
    let mut project = project(day.clone(), 1);
    let now = Timestamp::from_millis(START_MS);
    assert_eq!(project.unwritten(), None);
    project.acquire("a", load(600, 1), now).unwrap();
    let first = project.unwritten().unwrap();
    project.note_written(&first);
    // A sixty-fourth of the limit is written ahead.
    project.acquire("a", load(10, 1), now).unwrap();
    assert_eq!(project.unwritten(), None);
    project.acquire("a", load(1, 1), now).unwrap();
    let second = project.unwritten().unwrap();
    // The first of two writes that were on their way together says nothing of the second.
    project.note_written(&first);
    assert_eq!(project.unwritten().unwrap().grants, second.grants);
    project.refused(5_000, now).unwrap();
    let snapshot = project.unwritten().unwrap();
    let mut restored = Project::restore(day, 1, 64, &snapshot).unwrap();
    assert_eq!((restored.day_requests(), restored.used().requests), (621, 626));
    // Not after 5 s, as the halved limit has room for 627 again only in the 13th second from that of the refusal.
    assert_eq!(limited(restored.acquire("a", load(1, 1), now)).retry_after_ms, 13_000 - 123);
    let later = now.plus_millis(62_000);
    assert_eq!(limited(restored.acquire("a", load(20, 1), later)).limit, Limit::DayRequests);
    restored.acquire("a", load(19, 1), later).unwrap();
}

#[test]
fn what_two_processes_know_after_a_loss_is_joined() {
    let now = Timestamp::from_millis(START_MS);
    let mut one = project(limits(100, 1_000), 1);
    one.acquire("gateway-1", load(3, 30), now).unwrap();
    let (common, before) = (one.exact(), one.used());
    one.note_shared(&common);
    let mut other = one.clone();
    other.acquire("gateway-2", load(4, 10), now).unwrap();
    one.acquire("gateway-1", load(7, 70), now.plus_millis(1_000)).unwrap();
    one.note_shared(&one.exact());
    // An older state than the one that is known: both count, what is common to them once.
    let both = one.used().plus(other.used()).minus(before);
    one.adopt(&Snapshot { version: common.version, ..other.exact() }).unwrap();
    assert_eq!(one.used(), both);
    // A newer one counts alone.
    one.adopt(&Snapshot { version: 99, ..common.clone() }).unwrap();
    assert_eq!((one.used(), one.version()), (before, 99));
}
