//! Kinds of statements that answers of other authors make, each with what must be said of it.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Policy, check};

const SHOP: &str = r#"{"currency":"SAR","vat_included":true,"prices":[
    {"sku":"LMP","names":["مصباح نحاسي","Copper Lamp"],"amount":"140.00","compare_at":"175.00"},
    {"sku":"RUG","names":["سجادة صوف","Wool Rug"],"amount":"320.00"},
    {"sku":"K40","names":["قمع زجاجي","K40 Funnel"],"amount":"45.00"},
    {"sku":"CH","names":["شاحن لاسلكي","Wireless Charger"],"amount":"60.00"}],
    "shipping":{"fee":"25.00","free_over":"300.00","days":[2,4]},"return_days":14,"exchange_days":21,"warranty_months":24,
    "cod_fee":"12.00","coupons":{"DAR20":20,"NEW5":5}}"#;

/// Each answer, and the verdict or the field and words of its only violation.
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
fn what_a_reckoning_comes_to_is_no_fee() {
    holds(&[
        ("المصباح ١٤٠ ريال والتوصيل ٢٥ ريال ويصير المجموع ١٦٥ ريال", "pass"),
        ("المصباح ١٤٠ ريال، ورسوم التوصيل ٢٥ ريال، يعني ١٦٥ ريال", "pass"),
        ("المصباح ١٤٠ ريال، ورسوم التوصيل ٢٥ ريال، يعني ١٧٥ ريال", "total ١٧٥ ريال"),
        ("المصباح ١٤٠ ريال والتوصيل يصير ٣٠ ريال", "shipping_fee ٣٠ ريال"),
        ("In cash that's 140 + 25 + 12 = SAR 177", "pass"),
        ("In cash that's 140 + 25 + 12 = SAR 187", "total SAR 187"),
    ]);
}

#[test]
fn free_delivery_has_no_amount_before_it() {
    holds(&[
        ("Two lamps would be SAR 280 and a rug SAR 320 with free delivery.", "pass"),
        ("سجادتين بـ ٦٤٠ ريال والتوصيل مجاني", "pass"),
        ("الشحن مجاني، لأن السجادة بـ ٣٢٠ ريال", "pass"),
        ("Wool Rug + Copper Lamp = SAR 485 with free delivery.", "total SAR 485"),
        ("Free from: SAR 300 | Delivery: SAR 25", "pass"),
    ]);
}

#[test]
fn a_verb_behind_ma_is_denied_unless_it_is_all_but() {
    holds(&[
        ("التوصيل ما ياخذ أسبوع، من يومين إلى ٤ أيام", "pass"),
        ("التوصيل ما ياخذ إلا أسبوع", "shipping_days أسبوع"),
        ("ما راح تدفع غير ١٥ ريال للتوصيل", "shipping_fee ١٥ ريال"),
        ("بعد ما يوصلك الطلب عندك ١٤ يوم للإرجاع", "pass"),
    ]);
}

#[test]
fn a_percentage_is_of_the_coupon_that_gives_it() {
    holds(&[
        ("NEW5 is for your first order and gives 5% off; DAR20 gives 20% off.", "pass"),
        ("NEW5 is for your first order and gives 20% off; DAR20 gives 20% off.", "percent 20%"),
        ("20% off with DAR20, 5% off with NEW5", "pass"),
    ]);
}

#[test]
fn measures_and_charging_are_neither_codes_nor_reductions() {
    holds(&[
        ("The lamp's battery keeps 80% after a year with a 20W adapter, price SAR 140.", "pass"),
        ("Use a 64GB card with it; DAR20 takes 20% off.", "pass"),
    ]);
}

#[test]
fn numbers_of_orders_are_no_amounts() {
    holds(&[
        ("إجمالي طلبك رقم 55231 كان 377 ريال", "unsure"),
        ("إجمالي طلبك رقم 55231 جاهز، والتوصيل ٢٥ ريال", "pass"),
    ]);
}

#[test]
fn services_of_which_no_fact_speaks_are_unsure() {
    holds(&[("التركيب بـ ٩٠ ريال", "unsure"), ("Engraving costs SAR 35.", "unsure")]);
}

#[test]
fn products_are_named_by_what_tells_them_apart() {
    holds(&[
        ("Free delivery? Sure, the Wool Rug qualifies. Copper is SAR 140.", "pass"),
        ("الشحن مجاني فوق ٣٠٠ ريال، والنحاسي بـ ١٥٠ ريال", "price ١٥٠ ريال"),
        ("K40 Funnel with the Wool Rug adds up to SAR 365.", "pass"),
        ("الشاحن مع المصباح يطلعون ٢٠٠ ريال", "pass"),
        ("الشاحن مع المصباح يطلعون ٢١٠ ريال", "total ٢١٠ ريال"),
    ]);
}

#[test]
fn goods_and_then_their_amounts_go_together_in_order() {
    holds(&[
        ("Lamp vs rug: SAR 140 vs SAR 320", "pass"),
        ("Lamp vs rug: SAR 140 vs SAR 330", "price SAR 330"),
    ]);
}

#[test]
fn a_price_falls_from_what_it_was() {
    holds(&[
        ("The lamp has been reduced from SAR 175 to SAR 140.", "pass"),
        ("The lamp has been reduced from SAR 185 to SAR 140.", "price SAR 185"),
        ("المصباح نزل من ١٧٥ إلى ١٢٠ ريال", "price ١٢٠ ريال"),
    ]);
}

#[test]
fn spans_in_dialects_are_read() {
    holds(&[
        ("الأوردر هيوصلك في خلال أسبوع", "shipping_days أسبوع"),
        ("الشحن يستغرق أسبوعاً", "shipping_days أسبوعاً"),
        ("بيوصلج الطلب عقب أسبوعين", "shipping_days أسبوعين"),
        ("يوصلك خلال يوم ليومين، وأقصى شي أربعة أيام", "shipping_days يوم ليومين"),
        ("يوصلك من يومين لثلاث أيام، وأقصى شي أربعة أيام", "pass"),
        ("لو الأوردر عدى تلتمية ريال الشحن علينا", "pass"),
        ("لو الأوردر عدى ميتين ريال الشحن علينا", "free_over ميتين ريال"),
        ("التوصيل لجدة والرياض والدمام كلها ٢٥ ريال", "pass"),
        ("الطلبات اللي أقل عن ٣٠٠ ريال عليها ٣٥ ريال توصيل", "shipping_fee ٣٥ ريال"),
        ("فاضلك ١٦٠ ريال وتاخد الشحن ببلاش مع المصباح", "pass"),
    ]);
}

#[test]
fn advertisements_are_quoted() {
    holds(&[
        ("The ad mentioned SAR 99, but that offer ended.", "pass"),
        ("You asked whether it's SAR 99; the lamp is SAR 140.", "pass"),
    ]);
}

#[test]
fn a_reckoning_in_brackets_or_behind_an_amount_is_done_again() {
    holds(&[
        ("تدفعين ١٧٧ ريال للمندوب (١٤٠ المصباح + ٢٥ توصيل + ١٢ رسوم الدفع عند الاستلام)", "pass"),
        ("تدفعين ١٩٧ ريال للمندوب (١٤٠ المصباح + ٢٥ توصيل + ١٢ رسوم الدفع عند الاستلام)", "total ١٩٧ ريال"),
        ("Lamp + delivery = SAR 165; with cash on delivery SAR 177.", "pass"),
        ("Lamp + delivery = SAR 165; with cash on delivery SAR 187.", "total SAR 187"),
        ("If you order two (SAR 280), the delivery fee is SAR 25.", "pass"),
    ]);
}

#[test]
fn what_is_behind_a_value_begins_another_statement() {
    holds(&[
        ("If you take two lamps for SAR 280, you pay the delivery fee of SAR 25.", "pass"),
        ("If you take two lamps for SAR 280, you pay the delivery fee of SAR 35.", "shipping_fee SAR 35"),
        (
            "The lamp (copper, 40 cm, dimmable, 2 m cable) costs SAR 140 and is covered by a 24-month warranty.",
            "pass",
        ),
        ("السجادة شحنها عادي وسعرها ٣٢٠ ريال", "pass"),
    ]);
}

#[test]
fn a_question_says_what_the_amount_behind_it_is_of() {
    holds(&[
        ("Shipping? It's only SAR 19 nationwide.", "shipping_fee SAR 19"),
        ("COD? Sure, SAR 15 extra.", "cod_fee SAR 15"),
        ("Shipping's SAR 25, unless you spend SAR 500 or more.", "free_over SAR 500"),
        ("ما راح تدفع غير ١٥ ريال للتوصيل، صح؟", "shipping_fee ١٥ ريال"),
    ]);
}

#[test]
fn a_heading_holds_for_the_list_under_it() {
    let list = |days: &str, over: &str, fee: &str| {
        format!(
            "**Shipping**\n\n- Fee: SAR {fee}\n- Time: {days} business days\n- Free over: SAR {over}\n\n**Lamp**\n- Price: SAR 140"
        )
    };
    holds(&[
        (&list("2–4", "300", "25"), "pass"),
        (&list("5–9", "300", "25"), "shipping_days 5–9 business days"),
        (&list("2–4", "350", "25"), "free_over SAR 350"),
        (&list("2–4", "300", "29"), "shipping_fee SAR 29"),
        ("Price: SAR 140 / Delivery: SAR 25 / COD: SAR 12 / Returns: 14 days (Copper Lamp)", "pass"),
        ("Price: SAR 140 / Delivery: SAR 25 / COD: SAR 22 (Copper Lamp)", "cod_fee SAR 22"),
        ("Copper Lamp x1 ........ SAR 140\nDelivery ........ SAR 35", "shipping_fee SAR 35"),
        ("1️⃣ سجادة صوف — ٣٢٠ ر.س\n2️⃣ مصباح نحاسي — ١٥٠ ر.س", "price ١٥٠ ر.س"),
        ("• 2 × Copper Lamp: SAR 280\n• DAR20 (20% off): −SAR 56\n• Total: SAR 224", "pass"),
        ("• 2 × Copper Lamp: SAR 280\n• DAR20 (20% off): −SAR 66", "price SAR 66"),
        ("Repairs under the warranty take 5 working days.", "unsure"),
    ]);
}
