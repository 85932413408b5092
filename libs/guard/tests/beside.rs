//! Numbers, sums and services beside amounts: what goods come to with others, how many or how long they are, whose
//! a percentage is.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Policy, check};

const SHOP: &str = r#"{"currency":"SAR","prices":[
    {"sku":"LMP","names":["مصباح نحاسي","Copper Lamp"],"amount":"140.00","compare_at":"175.00"},
    {"sku":"RUG","names":["سجادة صوف","Wool Rug"],"amount":"320.00","compare_at":"340.00"},
    {"sku":"CBL","names":["كيبل شحن","Charging Cable"],"amount":"12.50"},
    {"sku":"CVR","names":["غطاء سيليكون","Silicone Cover"],"amount":"35.00"},
    {"sku":"PHN","names":["جوال سهيل 9","Suhail 9"],"amount":"900.00"},
    {"sku":"BNS","names":["بن يمني","Yemeni Beans"],"amount":"48.00"}],
    "shipping":{"fee":"25.00","free_over":"400.00","days":[2,4]},"return_days":14,"cod_fee":"12.00",
    "coupons":{"DAR12":12,"DAR20":20}}"#;

/// Each answer, and the verdict or the fields and words of its violations.
fn holds(answers: &[(&str, &str)]) {
    let policy = Policy::parse(SHOP).unwrap();
    for (answer, wanted) in answers {
        let report = check(&policy, answer);
        let violations: Vec<String> =
            report.violations().map(|found| format!("{} {}", found.field.name(), found.found)).collect();
        let said =
            if violations.is_empty() { report.verdict.name().to_owned() } else { violations.join("; ") };
        assert_eq!(said, *wanted, "{answer}");
    }
}

#[test]
fn for_six_is_no_pack() {
    holds(&[
        ("المصباح بستة وثلاثين ريال", "price ستة وثلاثين ريال"),
        ("التوصيل بستة عشر ريالًا ونصف", "shipping_fee ستة عشر ريالًا ونصف"),
    ]);
}

#[test]
fn goods_are_sent_back_in_the_imperative() {
    holds(&[
        ("لو ما ناسبك المصباح رجعه خلال ٢٠ يوم", "return_days ٢٠ يوم"),
        ("لو ما ناسبتك السجادة رجعيها لنا خلال ١٤ يوم", "pass"),
        ("ردها خلال ١٠ أيام لو فيها عيب", "return_days ١٠ أيام"),
    ]);
}
