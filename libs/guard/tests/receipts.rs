//! Answers that look like receipts, lists of tools and labels of packs, each with what must be said of it.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Policy, check};

const SHOP: &str = r#"{"currency":"SAR","vat_included":true,"prices":[
    {"sku":"LMP","names":["مصباح نحاسي","Copper Lamp"],"amount":"140.00","compare_at":"175.00"},
    {"sku":"HNY","names":["عسل طلح 500 جم","Acacia Honey 500g"],"amount":"62.00"},
    {"sku":"CRM","names":["كريم يدين","Hand Cream"],"amount":"35.00"},
    {"sku":"BOX","names":["علبة غريبة","Ghraybeh Box"],"amount":"48.00"},
    {"sku":"LGT","names":["كشاف يدوي","Power Bank Light 10000mAh"],"amount":"90.00"},
    {"sku":"BAG","names":["شنطة جلد","Leather Bag"],"amount":"195.00"},
    {"sku":"PR1","names":["عطر سدرة الوادي","Cedar Hill Perfume"],"amount":"260.00","compare_at":"320.00"},
    {"sku":"PR2","names":["عطر غيمة بيضاء","White Cloud Perfume"],"amount":"150.00"}],
    "shipping":{"fee":"25.00","free_over":"300.00","days":[1,3]},"return_days":14,"cod_fee":"12.00","coupons":{"DAR20":20}}"#;
const KUWAIT: &str = r#"{"currency":"KWD","prices":[
    {"sku":"HNY","names":["عسل طلح","Acacia Honey"],"amount":"4.750"},{"sku":"OUD","names":["دهن عود","Oud Oil"],"amount":"14.500"}],
    "shipping":{"fee":"1.000","free_over":"25.000","days":[0,1]},"cod_fee":"0.500"}"#;

/// Each answer, and the verdict or the fields and words of its violations.
fn holds(shop: &str, answers: &[(&str, &str)]) {
    let policy = Policy::parse(shop).unwrap();
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
fn dots_lead_to_amounts() {
    holds(
        SHOP,
        &[
            (
                "Leather Bag ........ SAR 195.00\nShipping ........ SAR 25.00\nTotal ........ SAR 220.00",
                "pass",
            ),
            ("Your order: Leather Bag.\nTotal ........ 230.00", "total 230.00"),
            ("Subtotal . . . . 195.00\nShipping . . . . 30.00", "shipping_fee 30.00"),
            ("مصباح نحاسي ×٢ ........ ٢٨٠٫٠٠\nالتوصيل ........ ٢٥٫٠٠\nالإجمالي ........ ٣٠٥٫٠٠", "pass"),
            ("Hand Cream 36.00", "price 36.00"),
            ("Leather Bag 195.00\nShipping 35.00", "shipping_fee 35.00"),
            ("Leather Bag ---------- 185.00", "price 185.00"),
            ("Subtotal: 195.00 | Delivery: 25.00 | Total: 220.00 (Leather Bag)", "pass"),
            ("Subtotal: 195.00 | Delivery: 35.00 | Total: 220.00 (Leather Bag)", "shipping_fee 35.00"),
            (
                "Bag SAR 195.00\nCream x 2 SAR 70.00\nSubtotal SAR 265.00\nShipping SAR 25.00\nTotal SAR 290.00",
                "pass",
            ),
            (
                "| Item | Qty | Price | Total |\n|---|---|---|---|\n| Hand Cream | 2 | 35 SAR | 70 SAR |",
                "pass",
            ),
        ],
    );
}

#[test]
fn members_are_about_their_keys() {
    holds(
        SHOP,
        &[
            (r#"{"item":"Copper Lamp","qty":2,"total":280.00}"#, "pass"),
            (
                r#"{"items":[{"name":"Hand Cream","qty":2,"price":35},{"sku":"LMP","qty":1,"price":140}],"total":210}"#,
                "pass",
            ),
            (r#"{"items":[{"qty":2,"name":"Hand Cream","price":35}],"total":110}"#, "total 110"),
            (r#"{"name":"Hand Cream","quantity":3,"unit_price":35.00,"line_total":105.00}"#, "pass"),
            (r#"{"name":"Hand Cream","total_qty":2,"price":30.00}"#, "total 30.00"),
            ("Total quantity: 3. Hand Cream (qty: 3): 105 SAR", "pass"),
            (r#"{"delivery":{"fee":35.00,"free_over":300.00}}"#, "shipping_fee 35.00"),
            (r#"{"name":"Hand Cream","qty":3,"unit_price":30.00}"#, "price 30.00"),
        ],
    );
}

#[test]
fn a_price_of_a_measure_follows_from_the_contents() {
    holds(
        SHOP,
        &[
            ("Acacia Honey is 31 per 250 g.", "pass"),
            ("Acacia Honey 500g: SAR 62 (SAR 12.40 / 100 g)", "pass"),
            ("Acacia Honey is SAR 41 per 250 g.", "price SAR 41"),
            ("عسل الطلح ٦٢ ريال، يعني الكيلو بـ ١٢٤ ريال", "pass"),
            ("عسل الطلح ٦٢ ريال، يعني الكيلو بـ ١٣٠ ريال", "price ١٣٠ ريال"),
            ("عسل الطلح ٦٢ ريال، يعني ١٢٫٤٠ ريال لكل ١٠٠ جرام", "pass"),
            ("The Hand Cream is SAR 35 for 70 ml, so SAR 50 per 100 ml.", "pass"),
            ("Hand Cream is SAR 35, SAR 12.40 / 100 ml.", "unsure"),
            ("Leather Bag: SAR 195, SAR 40 per square metre of hide.", "unsure"),
            ("عسل الطلح نص كيلو بـ ٦٢ ريال وربع كيلو بـ ٣١ ريال", "pass"),
            ("Ghraybeh Box of 24 pieces: SAR 48, SAR 2 per piece.", "pass"),
        ],
    );
}

#[test]
fn what_is_missing_needs_no_currency() {
    holds(
        KUWAIT,
        &[
            ("سلتك ٤٫٧٥٠ د.ك. تحتاج ٢٠٫٢٥٠ ويصير التوصيل مجاني", "pass"),
            ("السلة ١٤٫٥٠٠ د.ك. تحتاج ١٠٫٥٠٠ للتوصيل المجاني", "pass"),
            ("Your cart: Acacia Honey, 4.750 KD. Add 20.250 more and delivery is on us.", "pass"),
            ("Your cart: Acacia Honey, 4.750 KD. Add 15.250 more and delivery is on us.", "free_over 15.250"),
            ("Add 20.250 more to reach free delivery.", "unsure"),
            ("Want free delivery? Oud Oil 14.500 + Honey 4.750 = 19.250; you need 5.750 more.", "pass"),
            ("Oud Oil is 14.500 KD. Add 2 more and delivery is free.", "pass"),
            ("ناقصك ١٠٫٥٠٠ بس! (دهن العود ١٤٫٥٠٠) والتوصيل يصير علينا.", "pass"),
            ("هيوصلك في أسبوع", "shipping_days أسبوع"),
        ],
    );
}

#[test]
fn a_pronoun_stands_for_what_it_agrees_with() {
    holds(
        SHOP,
        &[
            ("الشنطة تناسب المصباح وسعرها ١٩٥ ريال", "pass"),
            ("شنطة الجلد مع كريم اليدين هدية حلوة، وسعرها ١٩٥ ريال", "pass"),
            ("المصباح يجي مع شنطة وسعره ١٤٠ ريال", "pass"),
            ("العلبة تجي مع الشنطة وسعرها ٤٨ ريال", "pass"),
            ("الشنطة تناسب المصباح وسعرها ١٤٠ ريال", "price ١٤٠ ريال"),
            ("الكريمات تناسب المصباح وسعرها ٣٥ ريال", "pass"),
            ("The bag goes with the lamp and costs SAR 195.", "pass"),
            (
                "كريم اليدين يرطب البشرة ١٠٠٪ خلال ٧ أيام من أول استخدام إن شاء الله، وسعره ٤٧ ريال",
                "price ٤٧ ريال",
            ),
        ],
    );
}

#[test]
fn tax_is_reckoned_of_what_was_said() {
    let untaxed = SHOP.replace(r#""vat_included":true"#, r#""vat_included":false"#);
    holds(
        &untaxed,
        &[
            (
                "Bag SAR 195.00\nCream SAR 35.00\nSubtotal SAR 230.00\nVAT 15% SAR 34.50\nTotal SAR 264.50",
                "pass",
            ),
            (
                "Bag SAR 195.00\nCream SAR 35.00\nSubtotal SAR 230.00\nVAT 15% SAR 34.50\nTotal SAR 274.50",
                "total SAR 274.50",
            ),
        ],
    );
}

#[test]
fn one_of_two_days_is_true_of_some_orders() {
    holds(
        SHOP,
        &[
            ("التوصيل بنفس اليوم أو ثاني يوم", "unsure"),
            ("Delivery is same day or next day.", "unsure"),
            ("التوصيل بنفس اليوم", "shipping_days بنفس اليوم"),
        ],
    );
    holds(KUWAIT, &[("التوصيل بنفس اليوم أو ثاني يوم", "pass")]);
}

#[test]
fn names_are_known_without_size_and_pack() {
    holds(
        SHOP,
        &[
            ("مصباحين وغريبة: ٣٢٨ ريال", "pass"),
            ("مصباحين وغريبة: ٣٤٨ ريال", "total ٣٤٨ ريال"),
            ("Power Bank Light is SAR 90", "pass"),
            ("Two hand creams are SAR 70.", "pass"),
            ("Hand Cream is SAR 35, a six-pack comes to SAR 210.", "pass"),
            ("Copper Lamp is SAR 140 or 4 payments of SAR 35 with Tabby.", "pass"),
        ],
    );
}

#[test]
fn names_of_members_say_what_their_values_are() {
    let cart = r#"{"cart_total":230,"items":[{"sku":"BAG","qty":1},{"sku":"CRM","qty":1}],"missing_for_free_shipping":"#;
    holds(
        SHOP,
        &[
            (r#"{"return_days":30,"shipping_fee":25}"#, "return_days 30"),
            (&format!("{cart}70}}"), "pass"),
            (&format!("{cart}90}}"), "free_over 90"),
            (r#"{"name":"Copper Lamp","was":175.00,"price":140.00}"#, "pass"),
            (r#"{"name":"Copper Lamp","was":185.00,"price":140.00}"#, "price 185.00"),
        ],
    );
}

#[test]
fn rows_of_tables_say_how_many_by_what_they_cost() {
    let table = "| الصنف | الكمية | السعر | المجموع |\n|---|---|---|---|\n| كريم يدين | 3 | 35 | 105 |\n\
        | شنطة جلد | 1 | 195 | 195 |\n| الإجمالي | | | ";
    holds(SHOP, &[(&format!("{table}300 |"), "pass"), (&format!("{table}330 |"), "total 330")]);
}

#[test]
fn sums_with_a_fee_need_no_currency() {
    holds(
        SHOP,
        &[
            ("شنطة + كريم = ٢٣٠ ريال قبل الشحن، ومع الشحن ٢٥٥.", "pass"),
            ("شنطة + كريم = ٢٣٠ ريال قبل الشحن، ومع الشحن ٢٦٥.", "total ٢٦٥"),
            ("Both perfumes together are SAR 410 and they ship free.", "pass"),
            ("Both perfumes together are SAR 400 and they ship free.", "total SAR 400"),
        ],
    );
    holds(
        KUWAIT,
        &[
            ("Oud Oil (14.500) is in your cart. Just 10.500 more and delivery is on us!", "pass"),
            ("الحد الأدنى للتوصيل المجاني ٣٠، وطلبك ١٤٫٥٠٠", "free_over ٣٠"),
        ],
    );
}

#[test]
fn names_are_known_without_their_noun_and_services_are_no_goods() {
    holds(
        SHOP,
        &[
            ("سدرة الوادي بـ٢٦٠ بدل ٣٢٠، والشنطة بـ١٩٥", "pass"),
            ("سدرة الوادي بـ٢٨٠ بدل ٣٢٠، والشنطة بـ١٩٥", "price ٢٨٠"),
            ("Ghraybeh Box.....SAR 48.00\nGift wrapping.....SAR 15.00", "unsure"),
            ("We deliver same day in Jeddah before noon, otherwise next day.", "unsure"),
        ],
    );
}

#[test]
fn amounts_behind_a_word_need_no_currency() {
    holds(
        SHOP,
        &[
            ("With Tabby it's 4 payments of 35.00 for the lamp.", "pass"),
            ("With Tabby it's 4 payments of 45.00 for the lamp.", "price 45.00"),
            ("Use DAR20 and the lamp drops from 140 to 112.00.", "pass"),
            ("مع كود DAR20 ينزل المصباح من ١٤٠ إلى ١٠٢٫٠٠.", "price ١٠٢٫٠٠"),
            ("المصباح كان ١٧٥ ريال والآن ١٤٠.", "pass"),
            ("المصباح كان ١٧٥ ريال والآن ١٣٠.", "price ١٣٠"),
            ("التوصيل مجاني فوق ٣٠٠ ريال، وأقل من جذي ٢٥ ريال.", "pass"),
            ("الغريبة بـ ٤٨ وكريم بـ ٣٥، المجموع ٨٣ ريال", "pass"),
        ],
    );
}
