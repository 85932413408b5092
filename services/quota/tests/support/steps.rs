//! Random steps of a tape of commands.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use kaleem_domain::RequestId;
use kaleem_quota::machine::{
    Acknowledge, Adjust, Amount, Beat, BillingMode, Candidate, CapAction, Caps, Command, Fingerprint, Key,
    Mode, Origin, Policy, Profile, PutPolicy, Release, Reserve, Settle, TopUp,
};
use proptest::prelude::*;

const REQUESTS: u64 = 12;
/// Minutes before the end of November in Riyadh, so that tapes cross midnight and month.
pub const START_MS: i64 = 1_796_071_800_000;

/// A step of a tape.
#[derive(Debug, Clone)]
pub enum Step {
    Command(Command),
    /// The last command once more.
    Repeat,
    /// A transaction of the ledger says what it counts of a call: the next one, or one that was told before.
    Confirm(Key, Amount, i64),
    /// A window is set to what a ledger says, which may be anything.
    Reconcile(&'static str, Amount),
    /// A payment, or money that goes back: the next transaction, or one that was told before.
    Pay(i64, i64),
    /// A balance is set to what a ledger says was paid and charged.
    Balance(i64, i64),
    /// Time passes, or a clock is corrected.
    Clock(i64),
    /// The process is killed and reads the rows back.
    Restart,
}

pub fn key(number: u64) -> Key {
    Key {
        request_id: RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap(),
        attempt: 0,
    }
}

fn keys() -> impl Strategy<Value = Key> {
    (0..REQUESTS).prop_map(key)
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let candidate = (0_i64..200, 0_i64..200, 1_i64..20, 0_i64..30_000, 0_i64..30_000, 0_i64..900_000);
    let candidate = candidate.prop_map(|(input, output, least, input_pico, output_pico, fee)| Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: input,
        max_output_tokens: output,
        min_output_tokens: least.min(output),
        input_pico,
        output_pico: if output_pico % 3 == 0 { 0 } else { output_pico },
        request_pico: if fee % 3 == 0 { fee } else { 0 },
    });
    prop::collection::vec(candidate, 1..4)
}

pub fn profiles() -> impl Strategy<Value = Profile> {
    let zones = prop::sample::select(vec!["Asia/Riyadh", "America/Los_Angeles", "Pacific/Kiritimati"]);
    let caps = (0_i64..30, 0_i64..4_000, 0_i64..60_000, 0_i64..6);
    (caps, any::<bool>(), any::<bool>(), zones).prop_map(
        |((day_requests, month_tokens, month_cost_nano, concurrency), degrades, ahead, zone)| {
            let on_cap = if degrades { CapAction::Degrade } else { CapAction::Suspend };
            let billing_mode = if ahead { BillingMode::Prepaid } else { BillingMode::Postpaid };
            let caps = Caps { day_requests, month_tokens, month_cost_nano, concurrency };
            let (plan_id, plan_version, alert_percents) = ("p".into(), 1, Vec::new());
            let policy = Policy { plan_id, plan_version, caps, on_cap, alert_percents, billing_mode };
            Profile { policy, time_zone: zone.into() }
        },
    )
}

fn commands() -> impl Strategy<Value = Command> {
    let modes = prop::sample::select(vec![Mode::Normal, Mode::Shrink, Mode::CheckOnly]);
    let print = (0_u64..2).prop_map(|print| Fingerprint(print, print));
    prop_oneof![
        6 => (keys(), modes, candidates(), 1_i64..60_000, print.clone()).prop_map(
            |(key, mode, candidates, ttl_ms, fingerprint)| {
                Command::Reserve(Reserve { key, mode, candidates, ttl_ms, fingerprint })
            }
        ),
        5 => (keys(), 0_i64..500, 0_i64..9_000, print.clone()).prop_map(|(key, tokens, cost_nano, fingerprint)| {
            let actual = Amount { requests: 1, tokens, cost_nano };
            Command::Settle(Settle { key, actual, fingerprint, lost: None })
        }),
        2 => keys().prop_map(|key| Command::Release(Release { key, lost: None })),
        1 => (keys(), any::<bool>()).prop_map(|(key, twice)| Command::Acknowledge(Acknowledge { key, twice })),
        2 => (keys(), 0_i64..400).prop_map(|(key, observed_output)| Command::Beat(Beat { key, observed_output })),
        2 => (keys(), candidates(), print).prop_map(|(key, candidates, Fingerprint(high, _))| {
            Command::Adjust(Adjust { key, candidates, fingerprint: Fingerprint(high, 7) })
        }),
        1 => (0_usize..4).prop_map(Command::Expire),
        1 => (profiles(), any::<bool>()).prop_map(|(profile, operator)| {
            let origin = if operator { Origin::Operator } else { Origin::Accounts };
            Command::PutPolicy(PutPolicy { profile, origin })
        }),
        1 => (0_u8..3, 0_i64..500, 0_i64..9_000).prop_map(|(op, tokens, cost_nano)| {
            Command::TopUp(TopUp { op_id: format!("op-{op}"), tokens, cost_nano })
        }),
    ]
}

pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => commands().prop_map(Step::Command),
        2 => Just(Step::Repeat),
        3 => (keys(), 0_i64..2, 0_i64..500, 0_i64..9_000, -2_i64..2).prop_map(|(key, requests, tokens, cost_nano, ahead)| {
            Step::Confirm(key, Amount { requests, tokens, cost_nano }, ahead)
        }),
        1 => (prop::sample::select(vec!["d20261130", "d20261201", "M202611", "M202612"]), 0_i64..9, 0_i64..900, 0_i64..9_000)
            .prop_map(|(window, requests, tokens, cost_nano)| Step::Reconcile(window, Amount { requests, tokens, cost_nano })),
        2 => (-9_000_i64..30_000, -1_i64..3).prop_map(|(nano, ahead)| Step::Pay(nano, ahead)),
        2 => (0_i64..60_000, 0_i64..30_000).prop_map(|(paid, charged)| Step::Balance(paid, charged)),
        1 => Just(Step::Restart),
        2 => (0_i64..40_000).prop_map(Step::Clock),
        1 => prop::sample::select(vec![-3_000, -3_600_000, 3_600_000, 86_400_000]).prop_map(Step::Clock),
    ]
}
