//! The ladder of candidates: which of them fits, in full or shortened.

use super::{Amount, Candidate, CapAction, Decision, Dimension};

/// What is left before the call, holds counted as spent; negative where usage overshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) left: Amount,
    pub(super) slots: i64,
    /// Whether the month's money is used up by posted usage alone.
    pub(super) money_is_spent: bool,
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

impl Room {
    /// Chooses the first candidate that fits in every dimension; if none does and `may_shrink`, the first that fits with fewer
    /// output tokens. A refusal names what is in the way of the first candidate.
    pub(super) fn choose(&self, candidates: &[Candidate], may_shrink: bool) -> Result<Choice, Blocked> {
        let mut first_block = None;
        let mut money_refused = self.money_is_spent;
        for (index, candidate) in candidates.iter().enumerate() {
            let output = candidate.max_output_tokens;
            match self.fit(candidate, output, money_refused) {
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
                    money_refused |= blocked.dimension == Dimension::MonthCost;
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
        let mut money_refused = self.money_is_spent;
        candidates.iter().enumerate().find_map(|(index, candidate)| {
            let output = self.affordable_output(candidate);
            if output < candidate.min_output_tokens.max(1) {
                money_refused |=
                    candidate.amount(candidate.max_output_tokens).cost_nano > self.left.cost_nano;
                return None;
            }
            let amount = self.fit(candidate, output, money_refused).ok()?;
            Some(Choice {
                index,
                decision: Decision::DegradeShorter,
                granted_output: output,
                amount,
                blocked: None,
            })
        })
    }

    /// `min(tokens left − input, (money left − price of input) / price of an output token)`, at most what is wanted.
    fn affordable_output(&self, candidate: &Candidate) -> i64 {
        let by_tokens =
            self.left.tokens.saturating_sub(candidate.input_tokens).min(candidate.max_output_tokens);
        if candidate.output_pico == 0 {
            return by_tokens;
        }
        let input_pico = i128::from(candidate.input_tokens) * i128::from(candidate.input_pico);
        let pico_left = i128::from(self.left.cost_nano) * 1000 - input_pico;
        let by_money = pico_left.div_euclid(i128::from(candidate.output_pico));
        i64::try_from(by_money).map_or(by_tokens, |by_money| by_tokens.min(by_money))
    }

    fn fit(&self, candidate: &Candidate, output: i64, money_refused: bool) -> Result<Amount, Blocked> {
        let amount = candidate.amount(output);
        // Under SUSPEND a free model never stands in for a paid one that the month's money cannot pay.
        let stands_in = amount.cost_nano == 0 && money_refused && self.on_cap == CapAction::Suspend;
        let needs = [
            (Dimension::DayRequests, amount.requests, self.left.requests),
            (Dimension::MonthTokens, amount.tokens, self.left.tokens),
            (Dimension::MonthCost, amount.cost_nano, self.left.cost_nano),
            (Dimension::Concurrency, 1, self.slots),
        ];
        for (dimension, needed, left) in needs {
            let spent = needed > 0 && needed > left;
            if spent || (dimension == Dimension::MonthCost && stands_in) {
                return Err(Blocked { dimension, needed });
            }
        }
        Ok(amount)
    }
}
