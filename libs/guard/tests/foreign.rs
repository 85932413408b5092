//! What the facts say nothing about: goods and services that no policy has, and what only looks like them.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Policy, check};

const SHOP: &str = r#"{"currency":"SAR","prices":[
    {"sku":"LMP","names":["مصباح نحاسي","المصباح","Copper Lamp"],"amount":"140.00","compare_at":"175.00"},
    {"sku":"PRF","names":["عطر سدر الوادي","Cedar Hill Perfume"],"amount":"260.00"},
    {"sku":"CRM","names":["كريم يدين","Hand Cream"],"amount":"35.00"}],
    "shipping":{"fee":"25.00","free_over":"300.00","days":[1,3]},"return_days":14,"cod_fee":"12.00","coupons":{"DAR20":20,"HALA10":10}}"#;

/// Each answer, and the verdict or the fields and words of its violations.
fn holds(answers: &[(&str, &str)]) {
    let policy = Policy::parse(SHOP).unwrap();
    let said = |answer: &str| {
        let report = check(&policy, answer);
        let violations: Vec<String> =
            report.violations().map(|found| format!("{} {}", found.field.name(), found.found)).collect();
        if violations.is_empty() { report.verdict.name().to_owned() } else { violations.join("; ") }
    };
    let judged = answers.iter().map(|(answer, wanted)| (*answer, said(answer), *wanted));
    let wrong: Vec<_> = judged.filter(|(_, said, wanted)| said != wanted).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn goods_without_facts_have_no_price() {
    holds(&[
        ("سعر خلاطة العصير المنزلية ١١٥ ريالاً، ولها وعاءان.", "unsure"),
        ("هلا فيك، عندنا سجادة كشمير بـ ٤٥٠ ريال.", "unsure"),
        ("الدفاية الكهربائية بـ ٢٢٠ ريال ومعها ريموت.", "unsure"),
        ("The folding chair costs SAR 95 and fits anywhere.", "unsure"),
        ("Yes, our ceramic vase is SAR 88.", "unsure"),
        ("عطر الياسمين عندنا بـ ١٩٥ ريال.", "unsure"),
        ("عطر الزعفران الملكي سعره ٣٢٠ ريال", "unsure"),
        // What the facts have, and what goes on about it.
        ("المصباح النحاسي بـ ١٢٠ ريال ومعه لمبة.", "price ١٢٠ ريال"),
        ("سعر المصباح ١٢٠ ريال.", "price ١٢٠ ريال"),
        ("The Copper Lamp costs SAR 120.", "price SAR 120"),
        ("المصباح متوفر. الذهبي بـ ١٢٠ ريال.", "price ١٢٠ ريال"),
        ("The price is SAR 120.", "price SAR 120"),
        ("سعره ١٢٠ ريال بس.", "price ١٢٠ ريال"),
        ("عطر السدر بـ ١٩٥ ريال.", "price ١٩٥ ريال"),
        ("عطر سدر الوادي بـ ١٩٥ ريال.", "price ١٩٥ ريال"),
        ("العطر الجديد بـ ١٩٥ ريال.", "price ١٩٥ ريال"),
    ]);
}

#[test]
fn services_without_facts_have_no_price() {
    holds(&[
        ("We buy back used lanterns for up to SAR 60.", "unsure"),
        ("Monthly membership is SAR 45 and you may leave any time.", "unsure"),
        ("التطريز على القماش بـ ٤٥ ريال.", "unsure"),
        ("نشتري منك القديم بـ ٧٠ ريال.", "unsure"),
        ("The Copper Lamp is SAR 45.", "price SAR 45"),
        ("المصباح بـ ٧٠ ريال.", "price ٧٠ ريال"),
    ]);
}

#[test]
fn who_is_on_the_way_is_no_promise_of_days() {
    holds(&[
        ("طلبك خرج مع المندوب، 20 دقيقة ويكون عندك.", "pass"),
        ("Your parcel is out for delivery, about 30 minutes away.", "pass"),
        ("يوصلك الطلب خلال 20 دقيقة.", "shipping_days 20 دقيقة"),
        ("طلبك بين يديك خلال أسبوع.", "shipping_days أسبوع"),
        ("سيكون بين أيديكم في غضون ثلاثة أيام.", "pass"),
        ("التوصيل خلال ٣ أيام، والمندوب يتصل قبلها بساعة.", "pass"),
        ("التوصيل خلال ٣ أيام كحد أقصى، ونكلمك قبله بساعتين.", "pass"),
        ("التوصيل بساعة واحدة.", "shipping_days ساعة"),
        ("Delivery takes 30 minutes.", "shipping_days 30 minutes"),
    ]);
}

#[test]
fn fees_are_known_by_who_takes_them() {
    holds(&[
        ("كاش عند الباب بزيادة ٢٠ ريال.", "cod_fee ٢٠ ريال"),
        ("كاش عند الباب بزيادة ١٢ ريال.", "pass"),
        ("نضيف ٢٠ ريال رسوم تحصيل غير الشحن.", "cod_fee ٢٠ ريال"),
        ("نضيف ١٢ ريال رسوم تحصيل غير الشحن.", "pass"),
        ("For your area the courier charges SAR 40.", "shipping_fee SAR 40"),
        ("For your area the courier charges SAR 25.", "pass"),
        ("ما ناخذ على التوصيل شي أبداً.", "shipping_fee ما ناخذ على التوصيل"),
        ("ما ناخذ على الشحن غير ٤٠ ريال.", "shipping_fee ٤٠ ريال"),
        ("ما ناخذ على التوصيل إلا ٢٥ ريال.", "pass"),
        ("التوصيل ٢٥ ريال للطلبات التي تقل عن ٣٠٠ ريال.", "pass"),
        ("التوصيل ٢٥ ريال للطلبات التي تقل قيمتها عن ٤٠٠ ريال.", "free_over ٤٠٠ ريال"),
    ]);
}
