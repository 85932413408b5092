//! Numbers, sums and services beside amounts: what goods come to with others, how many or how long they are, whose
//! a percentage is.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Policy, check};

const SHOP: &str = r#"{"currency":"SAR","prices":[
    {"sku":"LMP","names":["مصباح نحاسي","Copper Lamp"],"amount":"140.00","compare_at":"175.00"},
    {"sku":"RUG","names":["سجادة صوف","Wool Rug"],"amount":"320.00","compare_at":"340.00"},
    {"sku":"CBL","names":["كيبل شحن","Charging Cable"],"amount":"12.50"},
    {"sku":"CVR","names":["غطاء سيليكون","Silicone Cover"],"amount":"35.00"},
    {"sku":"PHN","names":["جوال سهيل 9","سهيل 9","Suhail 9"],"amount":"900.00"},
    {"sku":"LNS","names":["عدسة Z70 زجاج","Z70"],"amount":"210.00"},
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
fn what_was_said_is_added_to_what_is_named_behind_it() {
    holds(&[
        ("غطاء سيليكون حبتين بـ ٧٠ ريال، ومع المصباح يصير ٢١٠ ريال", "pass"),
        ("غطاء سيليكون حبتين بـ ٧٠ ريال، ومع المصباح يصير ٢٢٠ ريال", "price ٢٢٠ ريال"),
        ("Two silicone covers are 70 SAR, and with the lamp it comes to 210 SAR.", "pass"),
        ("Two silicone covers are 70 SAR, and with the lamp it comes to 220 SAR.", "total 220 SAR"),
        ("The rug plus two extra silicone covers: 320 + 70 = SAR 390.", "pass"),
        ("The rug plus two extra silicone covers: 320 + 70 = SAR 380.", "total SAR 380"),
    ]);
}

#[test]
fn a_fee_with_its_own_amount_is_added_to_what_was_said() {
    holds(&[
        ("Two lamps are 280 SAR. With the 25 shipping fee it's 305 SAR.", "pass"),
        ("Two lamps are 280 SAR. With the 25 shipping fee it's 315 SAR.", "total 315 SAR"),
        ("مصباحين بـ ٢٨٠ ريال، وبالشحن ٣٠٥ ريال", "pass"),
        ("مصباحين بـ ٢٨٠ ريال، وبالشحن ٣٢٠ ريال", "total ٣٢٠ ريال"),
        ("المصباح بالتوصيل يطلع ١٦٥ ريال", "pass"),
        ("المصباح بـ ١٤٠ ريال، وبالشحن ٣٥ ريال", "shipping_fee ٣٥ ريال"),
    ]);
}

#[test]
fn a_fee_beyond_another_is_not_the_other() {
    holds(&[
        ("فيه دفع عند الاستلام، والرسوم ١٢ ريال فوق رسوم التوصيل", "pass"),
        ("فيه دفع عند الاستلام، والرسوم ١٥ ريال فوق رسوم التوصيل", "cod_fee ١٥ ريال"),
        ("Cash on delivery adds 12 SAR on top of the delivery fee of 25 SAR.", "pass"),
        ("Cash on delivery adds 12 SAR on top of the delivery fee of 30 SAR.", "shipping_fee 30 SAR"),
    ]);
}

#[test]
fn goods_that_others_are_made_for_are_not_priced() {
    holds(&[
        ("غطاء سيليكون لجوال سهيل 9 بـ ٣٥ ريال", "pass"),
        ("غطاء سيليكون لجوال سهيل 9 بـ ٤٥ ريال", "price ٤٥ ريال"),
        ("غطاء سيليكون لهاتف سهيل 9 بـ ٣٥ ريال", "pass"),
        ("غطاء سيليكون لعدسة Z70 بـ ٣٥ ريال", "pass"),
        ("غطاء سيليكون لعدسة Z70 بـ ٤٥ ريال", "price ٤٥ ريال"),
        ("غطاء سيليكون لهاتف سهيل 9 بـ ٩٠٠ ريال", "price ٩٠٠ ريال"),
        ("A silicone cover for the Suhail 9 is 35 SAR.", "pass"),
        ("A silicone cover for your Suhail 9 is 900 SAR.", "price 900 SAR"),
        ("غطاء السيليكون حق جوال سهيل 9 بـ ٣٥ ريال", "pass"),
    ]);
}

#[test]
fn sides_are_no_numbers_of_pieces_and_plurals_are() {
    holds(&[
        ("السجادة ٢×٣ متر سعرها ٣٢٠ ريال", "pass"),
        ("السجادة ٢×٣ متر سعرها ٣٥٠ ريال", "price ٣٥٠ ريال"),
        ("The rug, 200 × 300 cm, is 640 SAR.", "price 640 SAR"),
        ("السجادة ×٣ بـ ٩٦٠ ريال", "pass"),
        ("المصباح بـ ١٤٠ وغطاء السيليكون بـ ٤٥ ريال", "price ٤٥ ريال"),
        ("الكيبل بـ ١٢٫٥٠ ريال، وأربع كيابل بـ ٥٠ ريال", "pass"),
        ("الكيبل بـ ١٢٫٥٠ ريال، وأربع كيابل بـ ٥٥ ريال", "total ٥٥ ريال"),
    ]);
}

#[test]
fn for_six_is_no_pack() {
    holds(&[
        ("المصباح بستة وثلاثين ريال", "price ستة وثلاثين ريال"),
        ("التوصيل بستة عشر ريالًا ونصف", "shipping_fee ستة عشر ريالًا ونصف"),
    ]);
}

#[test]
fn more_is_missing_where_delivery_is_spared() {
    holds(&[
        ("Your cart is at 300 SAR, so add 100 SAR more to skip the 25 SAR delivery fee.", "pass"),
        (
            "Your cart is at 300 SAR, so add 150 SAR more to skip the 25 SAR delivery fee.",
            "free_over 150 SAR",
        ),
        ("سلتك الحين ٣٠٠ ريال، أضف ١٠٠ ريال وتتجنب رسوم التوصيل", "pass"),
        ("سلتك الحين ٣٠٠ ريال، أضف ١٥٠ ريال وتتجنب رسوم التوصيل", "free_over ١٥٠ ريال"),
    ]);
}

#[test]
fn a_percentage_is_of_its_coupon_or_of_its_two_prices() {
    holds(&[
        ("كود DAR12 ينزل عشرين بالمية من سعر المصباح", "percent عشرين بالمية"),
        ("كود DAR12 ينزل ١٢٪ من سعر المصباح", "pass"),
        ("Code DAR12 takes 20% off the lamp.", "percent 20%"),
        ("Use DAR12 on top of the 20% off the lamp.", "pass"),
        ("The rug is 12% off right now: 320 instead of 340 SAR.", "percent 12%"),
        ("The rug is 6% off right now: 320 instead of 340 SAR.", "pass"),
        ("المصباح عليه خصم ٢٠٪: بـ ١٤٠ بدل ١٧٥ ريال", "pass"),
    ]);
}

#[test]
fn what_a_numbered_order_comes_to_is_not_known() {
    holds(&[
        ("طلبك رقم OD-558310 طلع مع المندوب. المبلغ المطلوب عند الباب ٢٢٧٫٧٥ ريال", "unsure"),
        ("Order OD-558310 is on its way. The amount due at the door is 227.75 SAR.", "unsure"),
        ("طلبك رقم OD-558310 طلع مع المندوب. رسوم التوصيل ٣٠ ريال", "shipping_fee ٣٠ ريال"),
        ("المبلغ المطلوب للمصباح مع التوصيل ١٦٥ ريال", "pass"),
        ("المبلغ المطلوب للمصباح مع التوصيل ١٧٥ ريال", "total ١٧٥ ريال"),
        ("طلبك رقم OD-558310 جاهز. المصباح بـ ١٥٠ ريال", "price ١٥٠ ريال"),
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

#[test]
fn a_kilo_of_what_no_name_measures_makes_a_round_pack() {
    holds(&[
        ("البن اليمني الكيلو بـ ١٩٢ ريال", "unsure"),
        ("البن اليمني الكيلو بـ ٤٨ ريال", "pass"),
        ("البن اليمني الكيلو بـ ٤١٫٣٠ ريال", "price ٤١٫٣٠ ريال"),
    ]);
}
