//! Every order in which the commands of three callers can reach a merchant. A merchant is under one lock, so its commands come one
//! after the other and the orders are all there is to try.

use super::*;

/// What each caller does with its call, four commands one after the other.
const CALLERS: [[Step; 4]; 3] = [
    // Asks again for an answer that it lost, on both ways.
    [Step::Reserve, Step::Reserve, Step::Settle, Step::Settle],
    // Stands still until its hold, and whatever else is held, has expired.
    [Step::Reserve, Step::Expire, Step::Settle, Step::Confirm],
    // Gives up before it asked the provider.
    [Step::Reserve, Step::Beat, Step::Release, Step::Release],
];
/// 12! / (4! · 4! · 4!)
const ORDERS: usize = 34_650;

#[derive(Debug, Clone, Copy)]
enum Step {
    Reserve,
    Beat,
    Settle,
    Release,
    Expire,
    Confirm,
}

impl Bench {
    fn step(&mut self, caller: usize, step: Step) {
        let number = caller as u64;
        match step {
            Step::Reserve => match self.reserve(usual(number)) {
                // Asked again, when its hold has expired meanwhile.
                Ok(_) | Err(Refusal::Reused { ended: Some(Ending::Expired) }) => {}
                other => panic!("{other:?}"),
            },
            Step::Beat => {
                self.run(&Command::Beat(Beat { key: key(number), observed_output: 5 })).unwrap();
            }
            Step::Settle => drop(self.settle(settle_of(number, 120, 1_600)).unwrap()),
            Step::Release => self.release(number).unwrap(),
            Step::Expire => {
                self.advance(TTL_DEFAULT_MS);
                self.run(&Command::Expire(8)).unwrap();
            }
            Step::Confirm => {
                let counted = Amount { requests: 1, tokens: 120, cost_nano: 1_600 };
                let confirm =
                    Confirm { key: key(number), transaction: 7, counted, before: Amount::ZERO, lost: None };
                self.run(&Command::Confirm(confirm)).unwrap();
            }
        }
    }
}

/// Goes on with each caller in turn from here; `done` says how far each is. Returns how many orders there were.
fn every_order(bench: &Bench, done: [usize; 3]) -> usize {
    if done == [4; 3] {
        let mut bench = bench.clone();
        assert_eq!(bench.numbers(), [(2, 0), (240, 0), (3_200, 0), (0, 0)]);
        return 1;
    }
    let mut orders = 0;
    for (caller, steps) in CALLERS.iter().enumerate() {
        let Some(step) = steps.get(done[caller]) else { continue };
        let (mut next, mut further) = (bench.clone(), done);
        next.step(caller, *step);
        further[caller] += 1;
        orders += every_order(&next, further);
    }
    orders
}

#[test]
fn every_order_of_three_callers_with_four_commands_posts_each_call_once() {
    assert_eq!(every_order(&roomy(), [0; 3]), ORDERS);
}
