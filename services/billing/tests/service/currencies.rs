//! Statements in another currency and with a tax: by rows that never change, and on what is shown.

use kaleem_proto::billing::v1 as proto;
use kaleem_rpc::Code;

use crate::{
    backend::{Backend, on_both_stores},
    harness::{assert_fault, assert_invalid, statement_of},
    statements::{CENT, close_in, large, start},
};

fn in_terms(period: &str, currency: &str, tax: &str) -> proto::CloseStatementRequest {
    let (currency, tax) = (currency.into(), tax.into());
    proto::CloseStatementRequest { currency, tax, ..statement_of("ward", period) }
}

async fn a_statement_in_riyals_shows_halalas_and_the_tax_on_them(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202611")]).await.unwrap();
    let statement = close_in(&mut service, in_terms("202611", "SAR", "SA")).await.unwrap();
    // 10 and 2 cents are 37.5 and 7.5 halalas: 38, and with the half that this is too much, 7.
    let shown: Vec<_> =
        statement.lines.iter().map(|line| (line.amount_pico_usd, line.amount_minor)).collect();
    assert_eq!(shown, [(10 * CENT, 38), (2 * CENT, 7)]);
    assert_eq!((statement.currency.as_str(), statement.carry_pico_usd), ("SAR", 0));
    assert_eq!((statement.fx_id.as_str(), statement.fx_rate_micro), ("sar-peg-1986", 3_750_000));
    assert_eq!((statement.tax_id.as_str(), statement.tax_rate_micro), ("sa-vat-2020", 150_000));
    // 15 % of 45 halalas is 6.75.
    assert_eq!((statement.net_minor, statement.tax_minor, statement.total_minor), (45, 7, 52));
    let balances = service.sql().await.balances().await;
    // 7 halalas of tax are 1.8666666667 cents.
    for (account, balance) in
        [("m:ward:receivable", 12 * CENT + 18_666_666_667), ("tax:sa-vat-2020", -18_666_666_667)]
    {
        assert_eq!(balances.iter().find(|(found, _)| found == account).unwrap().1, balance, "{account}");
    }
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn currency_and_tax_stay_until_others_are_asked_for(backend: &Backend) {
    let mut service = start(backend).await;
    let cases = [
        (in_terms("202609", "", ""), "USD", ""),
        (in_terms("202610", "SAR", "SA"), "SAR", "sa-vat-2020"),
        (in_terms("202611", "", ""), "SAR", "sa-vat-2020"),
        (in_terms("202612", "", "none"), "SAR", ""),
        (in_terms("202701", "USD", ""), "USD", ""),
    ];
    for (request, currency, tax_id) in cases {
        service.record(vec![large("a", &request.period)]).await.unwrap();
        let statement = close_in(&mut service, request).await.unwrap();
        assert_eq!((statement.currency.as_str(), statement.tax_id.as_str()), (currency, tax_id));
    }
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn a_closed_month_stays_in_what_it_was_closed_in(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202611")]).await.unwrap();
    let first = close_in(&mut service, in_terms("202611", "SAR", "SA")).await.unwrap();
    for request in [in_terms("202611", "USD", ""), in_terms("202611", "", "none")] {
        let refused = close_in(&mut service, request).await;
        let fault = assert_fault(refused, Code::FailedPrecondition, "STATEMENT_CLOSED");
        assert_eq!(
            (fault.metadata["period"].as_str(), fault.metadata["currency"].as_str()),
            ("202611", "SAR")
        );
    }
    let mut service = service.restart().await;
    for request in [in_terms("202611", "", ""), in_terms("202611", "SAR", "SA")] {
        assert_eq!(close_in(&mut service, request).await.unwrap(), first);
    }
}

async fn a_rate_holds_from_its_month_on(backend: &Backend) {
    let mut service = start(backend).await;
    service.record(vec![large("a", "202006"), large("b", "202007")]).await.unwrap();
    let june = close_in(&mut service, in_terms("202006", "SAR", "SA")).await.unwrap();
    let july = close_in(&mut service, in_terms("202007", "", "")).await.unwrap();
    assert_eq!((june.tax_id.as_str(), june.tax_minor), ("sa-vat-2018", 2), "5 % of 45 halalas");
    assert_eq!((july.tax_id.as_str(), july.tax_minor), ("sa-vat-2020", 7));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn what_has_no_rate_in_the_month_is_refused(backend: &Backend) {
    let mut service = start(backend).await;
    for (period, currency, tax, field) in [
        ("202611", "KWD", "", "currency"),
        ("202611", "sar", "", "currency"),
        ("198605", "SAR", "", "currency"),
        ("202611", "", "AE", "tax"),
        ("202611", "SAR", "Saudi Arabia", "tax"),
        ("201712", "SAR", "SA", "tax"),
    ] {
        assert_invalid(close_in(&mut service, in_terms(period, currency, tax)).await, &[field]);
    }
}

async fn rates_never_change_and_a_changed_one_is_found(backend: &Backend) {
    let again = "statement 202611 of ward: drawing it up again does not give it";
    for (table, sql) in [
        ("fx_rate", "UPDATE fx_rate SET rate_micro = 3760000 WHERE currency = 'SAR'"),
        ("tax_rate", "UPDATE tax_rate SET rate_micro = 50000"),
    ] {
        let mut service = start(backend).await;
        service.record(vec![large("a", "202611")]).await.unwrap();
        close_in(&mut service, in_terms("202611", "SAR", "SA")).await.unwrap();
        let mut file = service.sql().await;
        for refused in [sql.to_owned(), format!("DELETE FROM {table}")] {
            let error = file.run(&refused).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        file.tamper(sql).await;
        let faults = service.verify().await.faults;
        assert!(faults.iter().any(|found| found.contains(again)), "{sql}: {faults:#?}");
    }
}

on_both_stores!(
    a_statement_in_riyals_shows_halalas_and_the_tax_on_them,
    currency_and_tax_stay_until_others_are_asked_for,
    a_closed_month_stays_in_what_it_was_closed_in,
    a_rate_holds_from_its_month_on,
    what_has_no_rate_in_the_month_is_refused,
    rates_never_change_and_a_changed_one_is_found,
);
