//! The audit of the books: every invariant, checked from the stored rows alone.

mod chain;

use std::{collections::HashMap, sync::Arc};

use kaleem_domain::price::{Book, PriceVersion};

use crate::{
    Error, ledger,
    prices::Prices,
    rating,
    statement::{Cut, Draft, Found, draw_up},
    store::{BookedStatement, BookedTransaction, Books, StoredEvent},
};

use self::chain::Chains;

const PAGE: i64 = 1_000;
/// Statements a page: each is drawn up again.
const STATEMENTS: i64 = 16;
/// Faults shown; the rest is only counted, as one cause can break every row.
const FAULTS_MAX: usize = 100;

/// The verdict over the books.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Events checked.
    pub events: i64,
    /// Entries checked.
    pub entries: i64,
    /// Events whose token counts do not add up to the provider's own total, which is no fault of the books.
    pub suspects: i64,
    /// Broken invariants, one sentence each; empty proves the books.
    pub faults: Vec<String>,
    faults_hidden: usize,
}

impl Verdict {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.faults_hidden += 1;
        }
    }
}

/// Sums over the whole ledger.
#[derive(Default)]
struct Totals {
    sell_lines: i128,
    cost_lines: i128,
    entries: i128,
    revenue: i128,
    payables: i128,
}

impl Totals {
    /// What was taken back is in no sum; its reversal has taken it out of the accounts.
    fn count_lines(&mut self, event: &StoredEvent, booked: &BookedTransaction) {
        let counted = if event.reversed { &[] } else { booked.lines.as_slice() };
        for line in counted {
            match line.book {
                Book::Sell => self.sell_lines += i128::from(line.amount_pico),
                Book::Cost => self.cost_lines += i128::from(line.amount_pico),
            }
        }
    }
}

/// Checks the books: every event still has the hash, the lines and the entries that its stored fields and price version give;
/// every transaction and the whole sum to zero; the lines sum to the revenue and to what we owe; every statement is what the ledger
/// gives; every link of the chains fits.
pub async fn audit(books: &mut dyn Books, prices: &Prices) -> Result<Verdict, Error> {
    let mut verdict = Verdict::default();
    let mut totals = Totals::default();
    for fault in books.faults().await? {
        verdict.fault(fault);
    }
    let chains = audit_transactions(books, prices, &mut verdict, &mut totals).await?;
    chain::audit_heads(books.chain_heads().await?, chains, &mut verdict);
    audit_statements(books, &mut verdict).await?;
    if totals.entries != 0 {
        verdict.fault(format!("all entries sum to {} pico-USD and not to 0", totals.entries));
    }
    if totals.sell_lines != -totals.revenue {
        let (lines, revenue) = (totals.sell_lines, -totals.revenue);
        verdict.fault(format!("sell lines sum to {lines} pico-USD but revenue to {revenue}"));
    }
    if totals.cost_lines != -totals.payables {
        let (lines, payables) = (totals.cost_lines, -totals.payables);
        verdict.fault(format!("cost lines sum to {lines} pico-USD but payables to {payables}"));
    }
    if verdict.faults_hidden > 0 {
        let more = format!("{} more faults are not shown", verdict.faults_hidden);
        verdict.faults.push(more);
    }
    Ok(verdict)
}

async fn audit_transactions(
    books: &mut dyn Books,
    prices: &Prices,
    verdict: &mut Verdict,
    totals: &mut Totals,
) -> Result<Chains, Error> {
    let mut versions: HashMap<String, Option<Arc<PriceVersion>>> = HashMap::new();
    let (mut chains, mut after, mut next_entry) = (Chains::new(), 0, 1);
    loop {
        let page = books.transactions(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(chains) };
        after = last.transaction;
        for booked in &page {
            if let Some(event) = &booked.event {
                let id = &event.event.price_version;
                if !versions.contains_key(id) {
                    versions.insert(id.clone(), prices.get(id).await?);
                }
                let version = versions.get(id).and_then(Option::as_deref);
                verdict.events += 1;
                verdict.suspects += i64::from(event.event.usage.unexplained != 0);
                for fault in event_faults(event, booked, version) {
                    let (id, merchant) = (&event.event.event_id, &event.event.merchant_id);
                    verdict.fault(format!("event {id} of {merchant}: {fault}"));
                }
                totals.count_lines(event, booked);
            }
            let faults = transaction_faults(booked, next_entry, totals);
            for fault in faults.into_iter().chain(chain::fault(booked, &mut chains)) {
                verdict.fault(format!("transaction {}: {fault}", booked.transaction));
            }
            let entries = i64::try_from(booked.entries.len()).unwrap_or(i64::MAX);
            verdict.entries += entries;
            next_entry = booked.first_entry + entries;
        }
    }
}

fn event_faults(
    stored: &StoredEvent,
    booked: &BookedTransaction,
    version: Option<&PriceVersion>,
) -> Vec<String> {
    let mut faults = Vec::new();
    if stored.event.payload_sha256().as_slice() != stored.payload_sha256 {
        faults.push("its fields do not give its stored hash".to_owned());
    }
    match version.map(|version| rating::lines(&stored.event, version)) {
        None => faults.push(format!("its price version {} does not exist", stored.event.price_version)),
        Some(Ok(lines)) if lines == booked.lines => (),
        Some(_) => faults.push("rating it again does not give its lines".to_owned()),
    }
    let totals = (rating::total(&booked.lines, Book::Sell), rating::total(&booked.lines, Book::Cost));
    if totals != (Ok(stored.sell_pico), Ok(stored.cost_pico)) {
        faults.push("its lines do not sum to its amounts".to_owned());
    }
    let entries = ledger::usage_entries(&stored.event, stored.sell_pico, stored.cost_pico);
    if !booked.entries.iter().map(|booked| &booked.entry).eq(&entries) {
        faults.push("its entries are not those of its amounts".to_owned());
    }
    faults
}

/// Adds up the entries, and says what is wrong with them.
fn transaction_faults(booked: &BookedTransaction, next_entry: i64, totals: &mut Totals) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sum = 0;
    for booked in &booked.entries {
        let amount = i128::from(booked.entry.amount_pico);
        sum += amount;
        if booked.entry.account == ledger::REVENUE {
            totals.revenue += amount;
        } else if booked.entry.account.starts_with("ap:") {
            totals.payables += amount;
        }
    }
    totals.entries += sum;
    if sum != 0 {
        faults.push(format!("its entries sum to {sum} pico-USD and not to 0"));
    }
    if !booked.entries.iter().map(|booked| booked.sequence).eq((next_entry..).take(booked.entries.len())) {
        faults.push("its entries are not numbered on from those before".to_owned());
    }
    let taken_back = booked.taken_back.as_ref();
    if taken_back.is_some_and(|wanted| !booked.entries.iter().map(|booked| &booked.entry).eq(wanted)) {
        faults.push("it does not take back the charge that it corrects".to_owned());
    }
    faults
}

/// Draws every statement up again from the ledger alone.
async fn audit_statements(books: &mut dyn Books, verdict: &mut Verdict) -> Result<(), Error> {
    let mut after = (String::new(), String::new());
    loop {
        let page = books.statements(after, STATEMENTS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.statement.merchant_id.to_string(), last.statement.cut.period.to_string());
        for booked in page {
            let name =
                format!("statement {} of {}", booked.statement.cut.period, booked.statement.merchant_id);
            if booked.statement.entries(booked.previous.as_ref()) != booked.entries {
                verdict.fault(format!("{name}: its entries are not those of its rounding and its tax"));
            }
            if !statement_is_of_the_ledger(booked) {
                verdict.fault(format!("{name}: drawing it up again does not give it"));
            }
        }
    }
}

fn statement_is_of_the_ledger(booked: BookedStatement) -> bool {
    let BookedStatement { statement, previous, used, .. } = booked;
    let Cut { max_sequence, max_transaction, .. } = statement.cut;
    let terms = Found::Terms(statement.terms.clone());
    let draft = Draft { previous, skipped: None, max_sequence, max_transaction, used, terms };
    let drawn = draw_up(statement.merchant_id.clone(), statement.cut.period.clone(), draft);
    drawn.is_ok_and(|drawn| drawn == statement)
}
