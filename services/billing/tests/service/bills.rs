//! Bills of providers: taken in once, and the ledger against them.

use kaleem_domain::Timestamp;
use kaleem_proto::billing::v1::{self as proto, get_reconciliation_response::Difference};
use kaleem_rpc::{Code, Fault, convert};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{LOCAL, Service, assert_fault, assert_invalid, counted, event, reserved},
};

const HEADER: &str = "day,model,provider_request_id,input_tokens,output_tokens,cost_usd";
const MODEL: &str = "gemini-2.5-flash-lite";
/// The harness admits its events on this Pacific day.
const DAY: &str = "2026-11-20";

async fn import(service: &mut Service, target: &str, document: &str) -> Result<i64, Fault> {
    let document = document.as_bytes().to_vec();
    let request = proto::ImportProviderBillRequest { target: target.into(), document };
    let answer = service.client.import_provider_bill(request).await;
    answer.map(|answer| answer.into_inner().row_count).map_err(|status| Fault::from_status(&status))
}

/// Imports rows for `provider-gemini`.
async fn bill(service: &mut Service, rows: &[&str]) {
    let document = format!("{HEADER}\n{}\n", rows.join("\n"));
    assert_eq!(
        import(service, "provider-gemini", &document).await.unwrap(),
        i64::try_from(rows.len()).unwrap()
    );
}

async fn reconcile(service: &mut Service, merchant: &str) -> Vec<Difference> {
    let request = proto::GetReconciliationRequest { merchant_id: merchant.into(), period: "202611".into() };
    service.client.get_reconciliation(request).await.unwrap().into_inner().differences
}

fn difference(subject: &str, ledger: &str, provider: &str) -> Difference {
    Difference {
        subject: subject.into(),
        quota_value: String::new(),
        ledger_value: ledger.into(),
        provider_value: provider.into(),
    }
}

/// What the ledger says about one event of the harness.
const ONE: &str = "300 input tokens, 150 output tokens, $0.00009";
const TWO: &str = "600 input tokens, 300 output tokens, $0.00018";

fn row(request: &str) -> String {
    format!("{DAY},{MODEL},{request},300,150,0.00009")
}

async fn two_calls(backend: &Backend) -> Service {
    let mut service = Service::start(backend).await;
    service.record(vec![event("a"), event("b")]).await.unwrap();
    service
}

fn admitted(request: &str, at: &str) -> proto::UsageEvent {
    let instant = at.parse::<jiff::Timestamp>().unwrap();
    let at = Timestamp::from_millis(instant.as_millisecond());
    reserved(event(request), |reservation| reservation.admit_time = Some(convert::timestamp(at)))
}

async fn requests_that_agree_are_no_difference(backend: &Backend) {
    let mut service = two_calls(backend).await;
    bill(&mut service, &[&row("p-a"), &row("p-b")]).await;
    assert_eq!(reconcile(&mut service, "").await, []);
    assert_eq!(reconcile(&mut service, "ward").await, []);
}

async fn requests_that_differ_or_have_no_counterpart_are_listed(backend: &Backend) {
    let mut service = two_calls(backend).await;
    service.record(vec![event("c")]).await.unwrap();
    let dearer = format!("{DAY},{MODEL},p-b,300,150,0.0001");
    bill(&mut service, &[&row("p-a"), &dearer, &row("p-unknown")]).await;
    let expected = [
        difference("request p-b of provider-gemini", ONE, "300 input tokens, 150 output tokens, $0.0001"),
        difference("request p-unknown of provider-gemini", "nothing", ONE),
        difference("request p-c of provider-gemini", ONE, "nothing"),
    ];
    assert_eq!(reconcile(&mut service, "").await, expected);
    let of_ward = [expected[0].clone(), expected[2].clone()];
    assert_eq!(
        reconcile(&mut service, "ward").await,
        of_ward,
        "the unknown request may be of another merchant"
    );
    assert_eq!(reconcile(&mut service, "hulm").await, []);
}

async fn sums_are_compared_by_target_model_and_pacific_day(backend: &Backend) {
    let mut service = two_calls(backend).await;
    // The last and the first instant of the 19th in California.
    service
        .record(vec![admitted("late", "2026-11-20T07:59:59.999Z"), admitted("next", "2026-11-19T08:00:00Z")])
        .await
        .unwrap();
    let sum = |day: &str, tokens: &str| format!("{day},{MODEL},,{tokens}");
    bill(&mut service, &[&sum(DAY, "600,300,0.00018"), &sum("2026-11-19", "600,300,0.00018")]).await;
    assert_eq!(reconcile(&mut service, "").await, []);

    bill(&mut service, &[&sum(DAY, "601,300,0.00018"), &sum("2026-11-19", "600,300,0.000181")]).await;
    let expected = [
        difference(
            "day 2026-11-19 of provider-gemini, model gemini-2.5-flash-lite",
            TWO,
            "600 input tokens, 300 output tokens, $0.000181",
        ),
        difference(
            "day 2026-11-20 of provider-gemini, model gemini-2.5-flash-lite",
            TWO,
            "601 input tokens, 300 output tokens, $0.00018",
        ),
    ];
    assert_eq!(
        reconcile(&mut service, "").await,
        expected,
        "a later file takes the place of the days it names"
    );
    assert_eq!(reconcile(&mut service, "ward").await, [], "a sum is of all merchants");
}

async fn a_call_that_no_id_claims_counts_in_the_sum_of_its_day(backend: &Backend) {
    let mut service = two_calls(backend).await;
    let sum = format!("{DAY},{MODEL},,300,150,0.00009");
    bill(&mut service, &[&row("p-a"), &sum]).await;
    assert_eq!(reconcile(&mut service, "").await, []);
}

async fn rows_of_one_request_are_added_up(backend: &Backend) {
    let mut service = two_calls(backend).await;
    let input = format!("{DAY},{MODEL},p-a,300,0,0.00003");
    let output = format!("{DAY},{MODEL},p-a,0,150,0.00006");
    bill(&mut service, &[&input, &output, &row("p-b")]).await;
    assert_eq!(reconcile(&mut service, "").await, []);
}

async fn a_request_is_found_on_the_day_after_and_in_the_month_of_its_bill_alone(backend: &Backend) {
    let mut service = Service::start(backend).await;
    // The last second of October in California; billed on the first of November.
    let at = "2026-11-01T06:59:59Z";
    service.record(vec![admitted("a", at)]).await.unwrap();
    let row = format!("2026-11-01,{MODEL},p-a,300,150,0.0002");
    bill(&mut service, &[&row]).await;
    let differs =
        [difference("request p-a of provider-gemini", ONE, "300 input tokens, 150 output tokens, $0.0002")];
    assert_eq!(reconcile(&mut service, "").await, differs);
    let request = proto::GetReconciliationRequest { merchant_id: String::new(), period: "202610".into() };
    let october = service.client.get_reconciliation(request).await.unwrap().into_inner().differences;
    assert_eq!(october, [], "it is compared in the month of its bill");
}

async fn amended_truth_is_what_is_compared(backend: &Backend) {
    let mut service = two_calls(backend).await;
    let shorter = format!("{DAY},{MODEL},p-a,300,50,0.00005");
    bill(&mut service, &[&shorter, &row("p-b")]).await;
    assert_eq!(reconcile(&mut service, "").await.len(), 1);
    let replacement = Some(counted(event("a"), |usage| usage.output_text_count = 50));
    let amendment = proto::AmendUsageRequest {
        op_id: "op-1".into(),
        merchant_id: "ward".into(),
        event_id: "202611/a/0".into(),
        replacement,
        reason: "the provider's bill".into(),
    };
    service.client.amend_usage(amendment).await.unwrap();
    assert_eq!(reconcile(&mut service, "").await, []);
}

async fn a_target_without_a_bill_is_named_unless_it_costs_nothing(backend: &Backend) {
    let mut service = two_calls(backend).await;
    let local = proto::UsageEvent { target: "provider-local".into(), ..event("local") };
    service.record(vec![reserved(local, |r| r.price_version = LOCAL.into())]).await.unwrap();
    let missing = difference("target provider-gemini, month 202611", TWO, "no bill was imported");
    assert_eq!(reconcile(&mut service, "").await, [missing]);
}

async fn differences_are_bounded(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let rows: Vec<_> = (0..1_200).map(|index| row(&format!("p-{index}"))).collect();
    bill(&mut service, &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let differences = reconcile(&mut service, "").await;
    assert_eq!(
        (differences.len(), differences[1_000].subject.as_str()),
        (1_001, "200 more differences are not shown")
    );
}

async fn a_file_is_taken_in_once(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let document = format!("{HEADER}\n{}\n{}\n", row("p-a"), row("p-b"));
    assert_eq!(import(&mut service, "provider-gemini", &document).await.unwrap(), 2);
    assert_eq!(import(&mut service, "provider-gemini", &document).await.unwrap(), 0);
    let mut service = service.restart().await;
    assert_eq!(import(&mut service, "provider-gemini", &document).await.unwrap(), 0);
    let other = import(&mut service, "provider-local", &document).await;
    let fault = assert_fault(other, Code::InvalidArgument, "REQUEST_INVALID");
    assert!(fault.message.contains("target must be provider-gemini"), "{}", fault.message);
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn a_wrong_file_is_refused_by_line_and_column_and_nothing_is_taken_in(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let document = format!("{HEADER}\n{}\n{DAY},{MODEL},p-b,300,x,0.1\n", row("p-a"));
    let answer = import(&mut service, "provider-gemini", &document).await;
    let fault = assert_fault(answer, Code::InvalidArgument, "REQUEST_INVALID");
    let named = &fault.field_violations[0];
    assert_eq!(named.field, "document");
    assert!(
        named.description.contains("line 3, where column output_tokens needs a whole number"),
        "{named:?}"
    );
    assert_invalid(import(&mut service, "", HEADER).await, &["target"]);
    assert_invalid(import(&mut service, "t", "").await, &["document"]);
    // The largest file passes the transport, and one more byte is refused by the service.
    assert_invalid(import(&mut service, "t", &"x".repeat(8 * 1_024 * 1_024 + 1)).await, &["document"]);
    assert_eq!(
        import(&mut service, "provider-gemini", &format!("{HEADER}\n{}", row("p-a"))).await.unwrap(),
        1
    );
}

async fn periods_and_merchants_are_checked(backend: &Backend) {
    let mut service = Service::start(backend).await;
    for (merchant_id, period, field) in [("W", "202611", "merchant_id"), ("", "2026", "period")] {
        let request =
            proto::GetReconciliationRequest { merchant_id: merchant_id.into(), period: period.into() };
        let answer = service.client.get_reconciliation(request).await;
        assert_invalid(answer.map_err(|status| Fault::from_status(&status)), &[field]);
    }
}

async fn a_long_file_is_taken_in_while_calls_are_recorded(backend: &Backend) {
    let service = Service::start(backend).await;
    let (mut importing, mut service) = (service.client.clone(), service);
    let rows: Vec<_> = (0..20_000).map(|index| row(&format!("p-{index}"))).collect();
    let document = format!("{HEADER}\n{}\n", rows.join("\n")).into_bytes();
    let request = proto::ImportProviderBillRequest { target: "provider-gemini".into(), document };
    let recording = async {
        for call in 0..10 {
            service
                .record((0..10).map(|index| event(&format!("{}", call * 10 + index))).collect())
                .await
                .unwrap();
        }
    };
    let (answer, ()) = tokio::join!(importing.import_provider_bill(request), recording);
    assert_eq!(answer.unwrap().into_inner().row_count, 20_000);
    let differences = reconcile(&mut service, "").await;
    // 100 requests agree; of the others the first 1,000 are shown.
    assert_eq!(differences[1_000].subject, "18900 more differences are not shown");
    assert_eq!(reconcile(&mut service, "ward").await, []);
}

on_both_stores!(
    requests_that_agree_are_no_difference,
    requests_that_differ_or_have_no_counterpart_are_listed,
    sums_are_compared_by_target_model_and_pacific_day,
    a_call_that_no_id_claims_counts_in_the_sum_of_its_day,
    rows_of_one_request_are_added_up,
    a_request_is_found_on_the_day_after_and_in_the_month_of_its_bill_alone,
    amended_truth_is_what_is_compared,
    a_target_without_a_bill_is_named_unless_it_costs_nothing,
    differences_are_bounded,
    a_file_is_taken_in_once,
    a_wrong_file_is_refused_by_line_and_column_and_nothing_is_taken_in,
    periods_and_merchants_are_checked,
    a_long_file_is_taken_in_while_calls_are_recorded,
);
