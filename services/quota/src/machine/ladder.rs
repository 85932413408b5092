//! The ladder of candidates: which of them fits, in full or shortened.

use super::{Amount, Candidate, CapAction, Decision, Dimension};

/// What is left before the call, holds counted as spent; negative where usage overshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) left: Amount,
    /// Of the balance, in nano-US-dollars; `None` where the merchant pays afterwards.
    pub(super) balance: Option<i64>,
    pub(super) slots: i64,
    /// The money that is used up by posted usage alone, the month's or the balance.
    pub(super) spent: Option<Dimension>,
    pub(super) on_cap: CapAction,
}

/// A candidate that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) index: usize,
    pub(super) decision: Decision,
    pub(super) granted_output: i64,
    pub(super) amount: Amount,
    /// What was in the way of the first candidate, where it is not the one that fits.
    pub(super) blocked: Option<Blocked>,
}

/// The dimension that is in the way, and what the call needs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) dimension: Dimension,
    pub(super) needed: i64,
}

impl Blocked {
    /// The dimension, if it is money.
    fn money(self) -> Option<Dimension> {
        Some(self.dimension)
            .filter(|dimension| matches!(dimension, Dimension::MonthCost | Dimension::Balance))
    }
}

impl Room {
    /// Chooses the first candidate that fits in every dimension; if none does and `may_shrink`, the first that fits with fewer
    /// output tokens. A refusal names what is in the way of the first candidate.
    pub(super) fn choose(&self, candidates: &[Candidate], may_shrink: bool) -> Result<Choice, Blocked> {
        let mut first_block = None;
        let mut refused = self.spent;
        for (index, candidate) in candidates.iter().enumerate() {
            let output = candidate.max_output_tokens;
            match self.fit(candidate, output, refused) {
                Ok(amount) => {
                    let decision = if index == 0 { Decision::Allow } else { Decision::DegradeModel };
                    return Ok(Choice {
                        index,
                        decision,
                        granted_output: output,
                        amount,
                        blocked: first_block,
                    });
                }
                Err(blocked) => {
                    refused = refused.or(blocked.money());
                    first_block.get_or_insert(blocked);
                }
            }
        }
        let shortened = may_shrink.then(|| self.shorten(candidates)).flatten();
        // An empty ladder is refused before it comes here; were it not, nothing would be admitted.
        let blocked = first_block.unwrap_or(Blocked { dimension: Dimension::Concurrency, needed: 1 });
        shortened.map(|choice| Choice { blocked: Some(blocked), ..choice }).ok_or(blocked)
    }

    fn shorten(&self, candidates: &[Candidate]) -> Option<Choice> {
        let mut refused = self.spent;
        candidates.iter().enumerate().find_map(|(index, candidate)| {
            let output = self.affordable_output(candidate);
            if output < candidate.min_output_tokens.max(1) {
                refused = refused.or(self.unpaid(candidate.amount(candidate.max_output_tokens)));
                return None;
            }
            let amount = self.fit(candidate, output, refused).ok()?;
            Some(Choice {
                index,
                decision: Decision::DegradeShorter,
                granted_output: output,
                amount,
                blocked: None,
            })
        })
    }

    /// Money left, of the month and of the balance.
    fn money(&self) -> i64 {
        self.balance.map_or(self.left.cost_nano, |balance| balance.min(self.left.cost_nano))
    }

    /// The money that cannot pay `amount`.
    fn unpaid(&self, amount: Amount) -> Option<Dimension> {
        let cost = amount.cost_nano;
        let by_balance = self.balance.filter(|balance| cost > *balance).map(|_| Dimension::Balance);
        (cost > self.left.cost_nano).then_some(Dimension::MonthCost).or(by_balance)
    }

    /// `min(tokens left − input, (money left − fee − price of input) / price of an output token)`, at most what is wanted.
    fn affordable_output(&self, candidate: &Candidate) -> i64 {
        let by_tokens =
            self.left.tokens.saturating_sub(candidate.input_tokens).min(candidate.max_output_tokens);
        if candidate.output_pico == 0 {
            return by_tokens;
        }
        let pico_left = i128::from(self.money()) * 1000 - candidate.fixed_pico();
        let by_money = pico_left.div_euclid(i128::from(candidate.output_pico));
        i64::try_from(by_money).map_or(by_tokens, |by_money| by_tokens.min(by_money))
    }

    fn fit(&self, candidate: &Candidate, output: i64, refused: Option<Dimension>) -> Result<Amount, Blocked> {
        let amount = candidate.amount(output);
        // Under SUSPEND a free model never stands in for a paid one that the month's money, or the balance, cannot pay.
        let stands_in = refused.filter(|_| amount.cost_nano == 0 && self.on_cap == CapAction::Suspend);
        let needs = [
            (Dimension::DayRequests, amount.requests, self.left.requests),
            (Dimension::MonthTokens, amount.tokens, self.left.tokens),
            (Dimension::MonthCost, amount.cost_nano, self.left.cost_nano),
            (Dimension::Balance, amount.cost_nano, self.balance.unwrap_or(i64::MAX)),
            (Dimension::Concurrency, 1, self.slots),
        ];
        for (dimension, needed, left) in needs {
            let spent = needed > 0 && needed > left;
            if spent || stands_in == Some(dimension) {
                return Err(Blocked { dimension, needed });
            }
        }
        Ok(amount)
    }
}
