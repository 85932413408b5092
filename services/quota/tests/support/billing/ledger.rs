//! The ledger of the billing double: its transactions, and the sums that follow from them.

use std::collections::HashMap;

use kaleem_domain::window::Zone;
use kaleem_proto::{
    billing::v1::{
        self as wire, GetUsageSummaryRequest, GetUsageSummaryResponse, call_change::Counted,
        ledger_change::What,
    },
    chat::v1::TokenUsage,
    quota::v1::Reservation,
};
use kaleem_rpc::convert;

/// What billing knows, and how often it was asked.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) windows: HashMap<(String, String), GetUsageSummaryResponse>,
    /// The transaction of each event, by merchant and id.
    pub(super) events: HashMap<(String, String), i64>,
    pub(super) payments: Vec<String>,
    /// What each merchant paid and was charged.
    pub(super) accounts: HashMap<String, wire::GetBalanceResponse>,
    pub(super) changes: Vec<wire::LedgerChange>,
    pub(super) heads: HashMap<String, i64>,
    pub(super) down: bool,
    /// Nobody can follow it.
    pub(super) unfollowed: bool,
    /// The next page starts with the first transaction, whatever is asked for.
    pub(super) rewound: bool,
    pub(super) asked: usize,
    pub(super) asked_balances: usize,
    pub(super) told: usize,
    /// Calls that tell of events, also those that found it down.
    pub(super) tried: usize,
    /// Who waits for news now, and how many did at once.
    pub(super) followers: usize,
    pub(super) followers_max: usize,
}

impl Ledger {
    pub(super) fn end(&self) -> i64 {
        i64::try_from(self.changes.len()).unwrap()
    }

    pub(super) fn charge(&mut self, reservation: &Reservation, tokens: i64, sell_pico_usd: i64) {
        let event = (reservation.merchant_id.clone(), reservation.event_id.clone());
        let charged = call(reservation, Some(counted(tokens, sell_pico_usd)), None);
        let transaction = self.post(&reservation.merchant_id, charged);
        assert!(self.events.insert(event, transaction).is_none(), "an event is charged once");
        self.count(reservation, 1, tokens, sell_pico_usd);
        self.charge_account(&reservation.merchant_id, 1, sell_pico_usd);
    }

    pub(super) fn pay(
        &mut self,
        merchant_id: &str,
        payment_id: &str,
        amount_pico_usd: i64,
        tops_up_month_cap: bool,
    ) {
        if self.payments.iter().any(|known| known == payment_id) {
            return;
        }
        self.payments.push(payment_id.to_owned());
        let account = self.accounts.entry(merchant_id.to_owned()).or_default();
        account.paid_pico_usd += amount_pico_usd;
        let paid = wire::PaymentChange {
            payment_id: payment_id.to_owned(),
            amount_pico_usd,
            tops_up_month_cap,
            paid_pico_usd: Some(account.paid_pico_usd),
        };
        self.post(merchant_id, What::Payment(paid));
    }

    pub(super) fn charge_account(&mut self, merchant_id: &str, requests: i64, sell_pico_usd: i64) {
        let account = self.accounts.entry(merchant_id.to_owned()).or_default();
        account.request_count += requests;
        account.charged_pico_usd += sell_pico_usd;
    }

    pub(super) fn account(&self, merchant_id: &str) -> wire::GetBalanceResponse {
        let transaction = self.heads.get(merchant_id).copied().unwrap_or(0);
        let account = self.accounts.get(merchant_id).copied().unwrap_or_default();
        wire::GetBalanceResponse { transaction, ..account }
    }

    /// Sums of what an upstream served, from the transactions that the question names.
    pub(super) fn of_upstream(&self, asked: &GetUsageSummaryRequest) -> GetUsageSummaryResponse {
        let zone = Zone::parse(&asked.time_zone).unwrap();
        let window = zone.window_of(&asked.window_id).unwrap();
        let max_transaction = if asked.max_transaction == 0 { self.end() } else { asked.max_transaction };
        let mut sums = GetUsageSummaryResponse { max_transaction, ..GetUsageSummaryResponse::default() };
        for change in self.changes.iter().filter(|change| change.transaction <= max_transaction) {
            let Some(What::Call(call)) = &change.what else { continue };
            let admitted = call.reservation.as_ref().unwrap().admit_time.as_ref().unwrap();
            if call.upstream == asked.upstream && window.contains(convert::from_timestamp(admitted)) {
                let (now, before) = (call.now.unwrap_or_default(), call.before.unwrap_or_default());
                sums.request_count += now.request_count - before.request_count;
                sums.cost_pico_usd += (now.upstream_cost_nano_usd - before.upstream_cost_nano_usd) * 1_000;
                let usage = sums.usage.get_or_insert_default();
                usage.input_fresh_count += now.token_count - before.token_count;
            }
        }
        sums
    }

    pub(super) fn post(&mut self, merchant_id: &str, what: What) -> i64 {
        let transaction = self.end() + 1;
        self.heads.insert(merchant_id.to_owned(), transaction);
        let merchant_id = merchant_id.to_owned();
        self.changes.push(wire::LedgerChange { transaction, merchant_id, what: Some(what) });
        transaction
    }

    pub(super) fn count(
        &mut self,
        reservation: &Reservation,
        requests: i64,
        tokens: i64,
        sell_pico_usd: i64,
    ) {
        for window_id in [&reservation.day_window_id, &reservation.month_window_id] {
            let key = (reservation.merchant_id.clone(), window_id.clone());
            let sums = self.windows.entry(key).or_default();
            sums.request_count += requests;
            sums.sell_pico_usd += sell_pico_usd;
            sums.usage.get_or_insert_with(TokenUsage::default).input_fresh_count += tokens;
        }
    }
}

pub(super) fn call(reservation: &Reservation, now: Option<Counted>, before: Option<Counted>) -> What {
    What::Call(wire::CallChange {
        reservation: Some(reservation.clone()),
        now,
        before,
        target: "provider-gemini".into(),
        upstream: reservation.quota_domain.clone(),
    })
}

/// What the provider charges is half of what the merchant pays.
pub(super) fn counted(token_count: i64, sell_pico_usd: i64) -> Counted {
    let cost_nano_usd = (sell_pico_usd + 999) / 1_000;
    Counted { request_count: 1, token_count, cost_nano_usd, upstream_cost_nano_usd: cost_nano_usd / 2 }
}
