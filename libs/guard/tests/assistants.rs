//! Answers in the manner of assistants: goods and services that no policy has, fees in passing, codes beside each other.
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
fn other_kinds_of_known_goods_have_no_price() {
    holds(&[
        ("عطر ياسمين بـ ١٩٥ ريال.", "unsure"),
        ("Jasmine perfume is SAR 195.", "unsure"),
        ("The Moroccan lamp costs SAR 90.", "unsure"),
        ("كريم الحرير بـ ٥٠ ريال.", "unsure"),
        ("Our silk lamp is SAR 90.", "unsure"),
        ("Wicker chairs are SAR 55 each.", "unsure"),
        ("Lanterns start at SAR 48.", "unsure"),
        ("A teapot would be around SAR 70.", "unsure"),
        ("سجادة صلاة مبطنة بـ ٦٠ ريال.", "unsure"),
        // Qualities tell no kind, and names do.
        ("عطر فخم بـ ١٩٥ ريال.", "price ١٩٥ ريال"),
        ("These lamps are SAR 90.", "price SAR 90"),
        ("Fresh lamps are SAR 90.", "price SAR 90"),
        ("Cedar perfume is SAR 195.", "price SAR 195"),
        ("مصباح نحاسي بـ ٩٠ ريال.", "price ٩٠ ريال"),
        ("أبشري حبيبتي بـ ٩٠ ريال.", "price ٩٠ ريال"),
        ("It is SAR 90.", "price SAR 90"),
        ("That's SAR 90.", "price SAR 90"),
    ]);
}

#[test]
fn other_shops_are_not_this_one() {
    holds(&[
        ("في أمازون سعره ١٠٠ ريال.", "pass"),
        ("Amazon sells a similar one at SAR 90.", "pass"),
        ("سعره عندنا ٩٠ ريال.", "price ٩٠ ريال"),
        ("أمازون يبيعه بـ ٩٠ ريال، لكن المصباح عندنا بـ ١٢٠ ريال.", "price ١٢٠ ريال"),
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

#[test]
fn fees_without_a_currency_stand_beside_amounts() {
    holds(&[
        ("المصباح 140.00 والشحن 40، يعني يطلع عليك 165.00 كامل.", "shipping_fee 40"),
        ("المصباح 140.00 والشحن 25، يعني يطلع عليك 165.00 كامل.", "pass"),
        ("المصباح 140.00 والشحن 25، يعني يطلع عليك 175.00 كامل.", "total 175.00"),
        ("الكريم بـ ٣٥ ريال والتوصيل ٤٠، تمام؟", "shipping_fee ٤٠"),
        ("The Hand Cream is SAR 35 and delivery 40, shall I book it?", "shipping_fee 40"),
        ("The Hand Cream is SAR 35 and delivery 25, shall I book it?", "pass"),
        // Days and codes are no fee.
        ("الكريم بـ ٣٥ ريال والتوصيل 2-3 أيام.", "pass"),
        ("الكريم بـ ٣٥ ريال والشحن ٢٤ ساعة.", "pass"),
    ]);
}

#[test]
fn paying_in_cash_costs_more() {
    holds(&[
        ("Paying on delivery costs SAR 20 more than paying online.", "cod_fee SAR 20"),
        ("Paying on delivery costs SAR 12 more than paying online.", "pass"),
        ("The Copper Lamp costs SAR 50 more than the other one.", "pass"),
        ("You pay SAR 165 by card, or SAR 177 in cash since the driver collects a SAR 12 COD fee.", "pass"),
        (
            "You pay SAR 165 by card, or SAR 183 in cash since the driver collects a SAR 18 COD fee.",
            "cod_fee SAR 183; cod_fee SAR 18",
        ),
        ("Delivery is SAR 25 and cash on delivery SAR 30.", "cod_fee SAR 30"),
    ]);
}

#[test]
fn baskets_are_filled_up_to_the_threshold() {
    holds(&[
        ("كملي سلتج لين ٣٥٠ ريال ونوصل لج بدون رسوم.", "free_over ٣٥٠ ريال"),
        ("كملي سلتج لين ٣٠٠ ريال ونوصل لج بدون رسوم.", "pass"),
        ("زيدي طلبج إلى ٤٠٠ ريال والتوصيل مجاني.", "free_over ٤٠٠ ريال"),
        ("There is a SAR 25 delivery fee, since your basket is at SAR 97.", "unsure"),
        ("There is a SAR 40 delivery fee, since your cart is at SAR 95.", "shipping_fee SAR 40"),
    ]);
}

#[test]
fn codes_are_told_by_those_beside_them() {
    holds(&[
        ("ما يجتمع كودين، يا DAR20 يا EXTRA30، أيهم تبي؟", "coupon EXTRA30"),
        ("ما يجتمع كودين، يا DAR20 يا HALA10، أيهم تبي؟", "pass"),
        ("DAR20 يخصم لك 20٪. وفيه بعد MEGA35، حطه قبل الدفع.", "coupon MEGA35"),
        ("لا والله DAR20 عشرين بالمية. اللي يعطيك أكثر MEGA35، حطيه قبل الدفع.", "coupon MEGA35"),
        ("DAR20 gives 20%. The lamp takes an LED40 bulb.", "pass"),
        ("كود DAR20 يخصم 20٪. الموديل MEGA35 متوفر.", "pass"),
    ]);
}

#[test]
fn amounts_before_what_is_added_hold_none_of_it() {
    holds(&[
        ("Two jars of Hand Cream come to SAR 70; with delivery (SAR 25) that's SAR 95.", "pass"),
        ("Two jars of Hand Cream come to SAR 75; with delivery (SAR 25) that's SAR 95.", "total SAR 75"),
        ("الإجمالي ٧٠ ريال لكريمين، ومع التوصيل ٩٥ ريال.", "pass"),
        ("The total for the Copper Lamp is SAR 140, with shipping included.", "total SAR 140"),
        ("اجمع الطلبين في طلب واحد وتدفع توصيل ٢٥ ريال بدال ٥٠ ريال.", "pass"),
        ("اجمع الطلبين في طلب واحد وتدفع توصيل ٢٥ ريال بدال ٦٠ ريال.", "price ٦٠ ريال"),
        ("You asked whether delivery is free: it isn't, it'll cost you 40 riyals.", "shipping_fee 40 riyals"),
        ("You asked whether delivery is free: it isn't, it'll cost you 25 riyals.", "pass"),
    ]);
}

#[test]
fn tables_have_currencies_over_their_amounts() {
    holds(&[
        ("| Item | Qty | SAR |\n|---|---|---|\n| Hand Cream | 2 | 70.00 |\n| Total | | 70.00 |", "pass"),
        ("| Item | Qty | SAR |\n|---|---|---|\n| Hand Cream | 2 | 80.00 |", "total 80.00"),
        (
            "| Item | Qty | SAR |\n|---|---|---|\n| Hand Cream | 2 | 70.00 |\n| Total | | 80.00 |",
            "total 80.00",
        ),
        ("| Item | Size |\n|---|---|\n| Hand Cream | 80.00 |", "pass"),
    ]);
}

#[test]
fn couriers_are_handed_all_that_is_paid() {
    holds(&[
        ("المصباح: تدفع 165 ريال للمندوب.", "pass"),
        ("المصباح: تدفع 185 ريال للمندوب.", "total 185 ريال"),
        ("For the Copper Lamp you pay SAR 165 to the courier.", "pass"),
        ("For the Copper Lamp you pay SAR 195 to the courier.", "total SAR 195"),
        ("بتدفع للمندوب كاش؟ بنزيد ٢٠ ريال رسوم تحصيل.", "cod_fee ٢٠ ريال"),
        ("لو بتدفع للمندوب كاش بنزيد ٢٠ ريال.", "cod_fee ٢٠ ريال"),
        ("لو بتدفع للمندوب كاش بنزيد ١٢ ريال.", "pass"),
        ("There's a SAR 20 cash handling fee.", "cod_fee SAR 20"),
        ("There's a SAR 12 cash handling fee.", "pass"),
    ]);
}

#[test]
fn delivery_is_free_in_more_words() {
    holds(&[
        ("Shipping won't cost you a thing.", "shipping_fee Shipping won't cost you a thing"),
        ("Delivery is free at SAR 250.", "free_over SAR 250"),
        ("Delivery is free at SAR 300.", "pass"),
        ("باقي لك ٧٢ ريال وتوصل ٣٠٠", "unsure"),
        ("Type in MEGA35 at checkout.", "coupon MEGA35"),
        ("Type in HALA10 at checkout.", "pass"),
    ]);
}
