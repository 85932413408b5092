//! Statements: a month once, in whole cents, exact over a lifetime; what comes late is in the next one.

use kaleem_domain::Timestamp;
use kaleem_proto::{
    billing::v1::{self as proto, PriceComponent},
    chat::v1::ServiceTier,
};
use kaleem_rpc::{Code, Fault};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{
        LITE, LOCAL, Service, assert_fault, assert_invalid, counted, event, in_month, reserved, statement_of,
    },
};

pub const CENT: i64 = 10_000_000_000;

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub async fn close_in(
    service: &mut Service,
    request: proto::CloseStatementRequest,
) -> Result<proto::Statement, Fault> {
    let answer = service.client.close_statement(request).await;
    answer.map(|answer| answer.into_inner().statement.unwrap()).map_err(|status| Fault::from_status(&status))
}

async fn close(service: &mut Service, merchant: &str, period: &str) -> Result<proto::Statement, Fault> {
    close_in(service, statement_of(merchant, period)).await
}

async fn get(service: &mut Service, merchant: &str, period: &str) -> Result<proto::Statement, Fault> {
    let request = proto::GetStatementRequest { merchant_id: merchant.into(), period: period.into() };
    let answer = service.client.get_statement(request).await;
    answer.map(|answer| answer.into_inner().statement.unwrap()).map_err(|status| Fault::from_status(&status))
}

async fn reverse(service: &mut Service, event_id: &str) {
    let request = proto::AmendUsageRequest {
        op_id: format!("reverse-{event_id}"),
        merchant_id: "ward".into(),
        event_id: event_id.into(),
        replacement: None,
        reason: "test".into(),
    };
    service.client.amend_usage(request).await.unwrap();
}

/// An event of `month` with 1,000,000 tokens in and 50,000 out: 10 cents and 2 cents.
pub fn large(request: &str, month: &str) -> proto::UsageEvent {
    counted(in_month(event(request), month), |usage| {
        (usage.input_fresh_count, usage.output_text_count) = (1_000_000, 50_000);
    })
}

fn line(
    month: &str,
    component: PriceComponent,
    unit_count: i64,
    (amount_pico_usd, amount_minor): (i64, i64),
) -> proto::statement::Line {
    proto::statement::Line {
        model: "gemini-2.5-flash-lite".into(),
        component: component.into(),
        price_version: LITE.into(),
        unit_count,
        amount_pico_usd,
        amount_minor,
        period: month.into(),
        service_tier: ServiceTier::Standard.into(),
    }
}

/// A service with the clock far behind the months of its events.
pub async fn start(backend: &Backend) -> Service {
    let service = Service::start(backend).await;
    service.clock.set(at("2030-01-01T00:00:00Z"));
    service
}

async fn a_statement_has_a_line_for_each_model_component_and_price_version(backend: &Backend) {
    let mut service = start(backend).await;
    let local =
        reserved(proto::UsageEvent { target: "provider-local".into(), ..large("c", "202611") }, |r| {
            r.price_version = LOCAL.into();
        });
    let other = reserved(in_month(event("other"), "202611"), |r| r.merchant_id = "hulm".into());
    let small = in_month(event("b"), "202611");
    service.record(vec![large("a", "202611"), small, local, other, large("next", "202612")]).await.unwrap();
    let statement = close(&mut service, "ward", "202611").await.unwrap();
    // 10.003 and 2.006 cents, then 2 and 0.3 cents: shown as 10, 2, 2 and 0 with 0.309 left.
    let expected = vec![
        line("202611", PriceComponent::InputFresh, 1_000_300, (1_000_300 * 100_000, 10)),
        proto::statement::Line {
            price_version: LOCAL.into(),
            ..line("202611", PriceComponent::InputFresh, 1_000_000, (2 * CENT, 2))
        },
        line("202611", PriceComponent::OutputText, 50_150, (50_150 * 400_000, 2)),
        proto::statement::Line {
            price_version: LOCAL.into(),
            ..line("202611", PriceComponent::OutputText, 50_000, (CENT * 3 / 10, 0))
        },
    ];
    assert_eq!(statement.lines, expected);
    assert_eq!((statement.total_minor, statement.max_sequence), (14, 5));
    assert_eq!((statement.currency.as_str(), statement.carry_pico_usd), ("USD", CENT * 309 / 1_000));
    assert_eq!((statement.merchant_id.as_str(), statement.period.as_str()), ("ward", "202611"));
    assert_eq!(get(&mut service, "ward", "202611").await.unwrap(), statement);

    let balances = service.sql().await.balances().await;
    for (account, balance) in [("rounding:ward", CENT * 309 / 1_000), ("m:ward:receivable", 26 * CENT)] {
        let found = balances.iter().find(|(found, _)| found == account).unwrap().1;
        assert_eq!(found, balance, "{account}: 14 cents invoiced and 12 of the next month");
    }
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn closing_again_gives_the_same_statement_whatever_came_meanwhile(backend: &Backend) {
    // Messages without maps have one encoding, so equal ones are equal byte by byte.
    let mut service = start(backend).await;
    service.record(vec![large("a", "202611"), in_month(event("b"), "202611")]).await.unwrap();
    let first = close(&mut service, "ward", "202611").await.unwrap();
    service.record(vec![large("late", "202611")]).await.unwrap();
    reverse(&mut service, "202611/a/0").await;
    assert_eq!(close(&mut service, "ward", "202611").await.unwrap(), first);
    let mut service = service.restart().await;
    assert_eq!(close(&mut service, "ward", "202611").await.unwrap(), first);
    assert_eq!(get(&mut service, "ward", "202611").await.unwrap(), first);
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn racing_closings_write_one_statement(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202611"), in_month(event("b"), "202611")]).await.unwrap();
    let calls = (0..16).map(|_| {
        let mut client = service.client.clone();
        let request = statement_of("ward", "202611");
        async move { client.close_statement(request).await.unwrap().into_inner() }
    });
    let statements = futures::future::join_all(calls).await;
    assert!(statements.iter().all(|statement| *statement == statements[0]));
    let verdict = service.verify().await;
    assert_eq!((verdict.entry_count, verdict.faults), (10, vec![]));
}

async fn what_comes_late_is_in_the_next_statement(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202610"), large("b", "202610"), large("n", "202611")]).await.unwrap();
    assert_eq!(close(&mut service, "ward", "202610").await.unwrap().total_minor, 24);
    // After the closing: an event comes late, one is reversed, one comes late and is reversed.
    service.record(vec![large("late", "202610"), large("oops", "202610")]).await.unwrap();
    reverse(&mut service, "202610/a/0").await;
    reverse(&mut service, "202610/b/0").await;
    reverse(&mut service, "202610/oops/0").await;
    let statement = close(&mut service, "ward", "202611").await.unwrap();
    let expected = vec![
        line("202611", PriceComponent::InputFresh, 1_000_000, (10 * CENT, 10)),
        line("202611", PriceComponent::OutputText, 50_000, (2 * CENT, 2)),
        line("202610", PriceComponent::InputFresh, -1_000_000, (-10 * CENT, -10)),
        line("202610", PriceComponent::OutputText, -50_000, (-2 * CENT, -2)),
    ];
    assert_eq!((statement.lines, statement.total_minor), (expected, 0));
    let december = close(&mut service, "ward", "202612").await.unwrap();
    assert_eq!((december.lines, december.total_minor), (vec![], 0), "nothing is asked twice");
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn a_month_is_open_until_it_is_over_everywhere_and_its_late_events_have_come(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202611")]).await.unwrap();
    service.clock.set(at("2026-12-02T11:59:59.999Z"));
    let fault =
        assert_fault(close(&mut service, "ward", "202611").await, Code::FailedPrecondition, "PERIOD_OPEN");
    assert!(fault.message.contains("2026-12-02T12:00:00Z"), "{}", fault.message);
    service.record(vec![large("b", "202611")]).await.unwrap();
    assert_fault(get(&mut service, "ward", "202611").await, Code::NotFound, "STATEMENT_NOT_FOUND");
    service.clock.set(at("2026-12-02T12:00:00Z"));
    let statement = close(&mut service, "ward", "202611").await.unwrap();
    assert_eq!(statement.total_minor, 24, "what came late within the grace belongs to its month");
}

async fn months_are_closed_in_order(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202608"), large("b", "202611")]).await.unwrap();
    let skipping = close(&mut service, "ward", "202611").await;
    let fault = assert_fault(skipping, Code::FailedPrecondition, "EARLIER_PERIOD_OPEN");
    assert_eq!(fault.metadata["period"], "202608");
    close(&mut service, "ward", "202608").await.unwrap();
    close(&mut service, "ward", "202611").await.unwrap();
    let fault =
        assert_fault(close(&mut service, "ward", "202609").await, Code::FailedPrecondition, "PERIOD_PASSED");
    assert_eq!(fault.metadata["period"], "202611");
    // An event of a month that had none and was passed over is late, too.
    service.record(vec![large("c", "202609")]).await.unwrap();
    let statement = close(&mut service, "ward", "202612").await.unwrap();
    assert_eq!((statement.lines[0].period.as_str(), statement.total_minor), ("202609", 12));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn periods_and_merchants_are_checked(backend: &Backend) {
    let mut service = start(backend).await;
    for period in ["", "202613", "M202611", "2026-11"] {
        assert_invalid(close(&mut service, "ward", period).await, &["period"]);
        assert_invalid(get(&mut service, "ward", period).await, &["period"]);
    }
    assert_invalid(close(&mut service, "W", "202611").await, &["merchant_id"]);
}

/// Month number `index`, from January 2024.
fn month(index: usize) -> String {
    format!("{}{:02}", 2024 + index / 12, index % 12 + 1)
}

async fn invoices_of_36_months_are_exact_to_the_cent_with_late_events_and_reversals(backend: &Backend) {
    let dollars = |month: &str| statement_of("ward", month);
    // A dollar is a hundred cents, and not a pico is lost.
    exact_over_36_months(backend, dollars, 100, 0).await;
}

async fn invoices_of_36_months_in_riyals_are_exact_to_the_halala(backend: &Backend) {
    let riyals = |month: &str| proto::CloseStatementRequest {
        currency: "SAR".into(),
        tax: "SA".into(),
        ..statement_of("ward", month)
    };
    // A dollar is 375 halalas, which are no whole pico-dollars: each statement may be half a pico off.
    exact_over_36_months(backend, riyals, 375, 36).await;
}

/// Closes 36 months, with what `closing` asks for, in a currency of which `minor_a_dollar` are a dollar; together they may be off by
/// `pico_max`.
async fn exact_over_36_months(
    backend: &Backend,
    closing: impl Fn(&str) -> proto::CloseStatementRequest,
    minor_a_dollar: i128,
    pico_max: i128,
) {
    const DOLLAR: i128 = 1_000_000_000_000;
    let mut service = start(backend).await;
    let (mut invoiced, mut number, mut carry) = (0_i128, 0_i64, 0_i128);
    for index in 0..36 {
        let mut events = Vec::new();
        for _ in 0..300 {
            number += 1;
            // One of 25 events is of an earlier month.
            let of = if number % 25 == 0 { index / 2 } else { index };
            events.push(counted(in_month(event(&format!("r-{number}")), &month(of)), |usage| {
                usage.input_fresh_count = number * 7_919 % 4_001;
                usage.output_text_count = number * 104_729 % 997;
                usage.output_reasoning_count = number % 13;
            }));
        }
        service.record(events).await.unwrap();
        // One of this month and one of the month before, which is closed.
        for back in [3, 310] {
            let reversed = number - back;
            if reversed > 0 {
                let of = usize::try_from((reversed - 1) / 300).unwrap();
                reverse(&mut service, &format!("{}/r-{reversed}/0", month(of))).await;
            }
        }
        let statement = close_in(&mut service, closing(&month(index))).await.unwrap();
        assert_eq!(statement.lines.iter().map(|line| line.amount_minor).sum::<i64>(), statement.net_minor);
        assert_eq!(statement.net_minor + statement.tax_minor, statement.total_minor);
        invoiced += i128::from(statement.net_minor);
        carry = statement.carry_pico_usd.into();
    }
    let mut exact = 0;
    for index in 0..36 {
        let summary = service.summary("ward", &format!("M{}", month(index))).await.unwrap();
        exact += i128::from(summary.sell_pico_usd);
    }
    assert!(exact > DOLLAR, "{exact}");
    let off = invoiced * DOLLAR - (exact - carry) * minor_a_dollar;
    assert!(off.abs() <= pico_max * minor_a_dollar, "{off} is lost in {number} events");
    assert!((invoiced * DOLLAR - exact * minor_a_dollar).abs() < DOLLAR, "less than one minor unit");
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn tampering_with_a_statement_is_found(backend: &Backend) {
    let again = "statement 202611 of ward: drawing it up again does not give it";
    let cases = [
        ("UPDATE statement SET net_minor = net_minor - 1", again),
        ("UPDATE statement SET max_seq = 1", again),
        ("UPDATE statement_line SET amount_minor = 1 WHERE position = 0", again),
        ("DELETE FROM statement_line WHERE position = 1", again),
        ("UPDATE statement SET carry_pico = 0", "its entries are not those of its rounding and its tax"),
        ("DELETE FROM statement", "1 closings have no statement"),
    ];
    for (sql, fault) in cases {
        let mut service = start(backend).await;
        service.record(vec![large("a", "202611"), in_month(event("b"), "202611")]).await.unwrap();
        close(&mut service, "ward", "202611").await.unwrap();
        let mut file = service.sql().await;
        for (table, action) in [
            ("statement", "update"),
            ("statement", "delete"),
            ("statement_line", "update"),
            ("statement_line", "delete"),
        ] {
            let refused =
                format!("{action} {table}").replace("update", "UPDATE").replace("delete", "DELETE FROM");
            let refused = if action == "update" { format!("{refused} SET period = period") } else { refused };
            let error = file.run(&refused).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        file.tamper(sql).await;
        let faults = service.verify().await.faults;
        assert!(faults.iter().any(|found| found.contains(fault)), "{sql}: {faults:#?}");
    }
}

on_both_stores!(
    a_statement_has_a_line_for_each_model_component_and_price_version,
    closing_again_gives_the_same_statement_whatever_came_meanwhile,
    racing_closings_write_one_statement,
    what_comes_late_is_in_the_next_statement,
    a_month_is_open_until_it_is_over_everywhere_and_its_late_events_have_come,
    months_are_closed_in_order,
    periods_and_merchants_are_checked,
    invoices_of_36_months_are_exact_to_the_cent_with_late_events_and_reversals,
    invoices_of_36_months_in_riyals_are_exact_to_the_halala,
    tampering_with_a_statement_is_found,
);
