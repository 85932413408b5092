//! One test a rule of the state machine.

use std::sync::Arc;

use kaleem_domain::{RequestId, Timestamp};

use super::*;

mod admission;
mod alerts;
mod balance;
mod confirm;
mod ending;
mod reconcile;
mod schedules;
mod shadow;
mod windows;

const RIYADH_NOON: &str = "2026-11-20T09:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn key(number: u64) -> Key {
    Key {
        request_id: RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap(),
        attempt: 0,
    }
}

fn caps(day_requests: i64, month_tokens: i64, month_cost_nano: i64, concurrency: i64) -> Caps {
    Caps { day_requests, month_tokens, month_cost_nano, concurrency }
}

fn profile(caps: Caps, on_cap: CapAction) -> Profile {
    let policy = Policy {
        plan_id: "starter".into(),
        plan_version: 1,
        caps,
        on_cap,
        alert_percents: vec![80],
        billing_mode: BillingMode::Postpaid,
    };
    Profile { policy, time_zone: "Asia/Riyadh".into() }
}

fn candidate(input: i64, output: i64, input_pico: i64, output_pico: i64) -> Candidate {
    Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: input,
        max_output_tokens: output,
        min_output_tokens: 1,
        input_pico,
        output_pico,
        request_pico: 0,
    }
}

fn reserve_of(number: u64, mode: Mode, candidates: Vec<Candidate>) -> Reserve {
    Reserve {
        key: key(number),
        mode,
        candidates,
        ttl_ms: TTL_DEFAULT_MS,
        fingerprint: Fingerprint(number, 1),
    }
}

/// 100 tokens in, 50 out, at 10,000 and 30,000 pico: 150 tokens and 2,500 nano.
fn usual(number: u64) -> Reserve {
    reserve_of(number, Mode::Normal, vec![candidate(100, 50, 10_000, 30_000)])
}

fn settle_of(number: u64, tokens: i64, cost_nano: i64) -> Settle {
    let actual = Amount { requests: 1, tokens, cost_nano };
    Settle { key: key(number), actual, fingerprint: Fingerprint(number, 2), lost: None }
}

/// A merchant under test with the clock in hand.
#[derive(Clone)]
struct Bench {
    state: MerchantState,
    now: Timestamp,
}

impl Bench {
    fn new(caps: Caps, on_cap: CapAction) -> Self {
        Self::of(profile(caps, on_cap))
    }

    fn of(profile: Profile) -> Self {
        let now = at(RIYADH_NOON);
        Self { state: MerchantState::new(profile, 1, Limits::default(), now).unwrap(), now }
    }

    fn run(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let reply = apply(&mut self.state, command, self.now, &mut Vec::new());
        assert_eq!(self.state.audit(), Ok(()));
        reply
    }

    fn reserve(&mut self, command: Reserve) -> Result<Reserved, Refusal> {
        match self.run(&Command::Reserve(command))? {
            Reply::Reserved(reserved) => Ok(reserved),
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, command: Settle) -> Result<Settled, Refusal> {
        match self.run(&Command::Settle(command))? {
            Reply::Settled(settled) => Ok(settled),
            other => panic!("{other:?}"),
        }
    }

    fn release(&mut self, number: u64) -> Result<(), Refusal> {
        self.run(&Command::Release(Release { key: key(number), lost: None })).map(|_| ())
    }

    fn over(&mut self, command: Reserve) -> OverCap {
        match self.reserve(command) {
            Err(Refusal::OverCap(over)) => over,
            other => panic!("{other:?}"),
        }
    }

    /// `(posted, held)` in each dimension.
    fn numbers(&mut self) -> [(i64, i64); 4] {
        let usage = self.state.usage(self.now, &mut Vec::new()).unwrap();
        usage.dimensions.map(|dimension| (dimension.posted, dimension.held))
    }

    fn posture(&mut self) -> Posture {
        self.state.usage(self.now, &mut Vec::new()).unwrap().posture
    }

    fn advance(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }
}

fn roomy() -> Bench {
    Bench::new(caps(1_000, 1_000_000, 1_000_000_000, 100), CapAction::Degrade)
}
