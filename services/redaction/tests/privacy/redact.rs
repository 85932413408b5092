//! Requests and texts on the wire.

use kaleem_proto::router::v1::PersonalDataClass;

use crate::harness::{Service, Store, question};

#[tokio::test]
async fn spans_count_code_points_of_the_text_as_it_came() {
    let mut service = Service::start(Store::Sqlite).await;
    let text = "جوالي ٠٥٥١٢٣٤٥٦٧ وايميلي sara@example.com 🙂 وآيباني SA0380000000608010167519";
    let answer = service.redact_text(text).await.unwrap();
    let points: Vec<char> = text.chars().collect();
    let cut = |start: i32, end: i32| -> String {
        points[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()].iter().collect()
    };
    let spans: Vec<(String, String)> =
        answer.spans.iter().map(|span| (span.r#type.clone(), cut(span.start, span.end))).collect();
    let expected =
        [("PHONE", "٠٥٥١٢٣٤٥٦٧"), ("EMAIL", "sara@example.com"), ("IBAN", "SA0380000000608010167519")];
    assert_eq!(spans, expected.map(|(kind, value)| (kind.to_owned(), value.to_owned())));
    for (span, placeholder) in answer.spans.iter().zip(&answer.placeholders) {
        assert!(answer.text.contains(&span.placeholder) && span.placeholder == placeholder.token);
        assert!((0.5..=1.0).contains(&span.score));
    }
    assert_eq!(answer.residual(), PersonalDataClass::Redacted);
}

#[tokio::test]
async fn a_request_without_a_merchant_or_words_is_refused() {
    let mut service = Service::start(Store::Sqlite).await;
    for (merchant, field) in [("", "merchant_id"), ("Ward!", "merchant_id"), ("ward", "messages")] {
        let mut request = question("x");
        request.merchant_id = merchant.into();
        request.messages.clear();
        let fault = service.redact(request).await.unwrap_err();
        assert_eq!(fault.field_violations[0].field, field);
    }
}
