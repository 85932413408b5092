//! What is true, in the notation of what was not.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use kaleem_guard::{Finding, Gate, Language, Policy, Report, amendment, check};

const FACTS: &str = r#"{"currency":"SAR","vat_included":true,"prices":[
    {"sku":"AB","names":["عباية سوداء","Black Abaya","عبای مشکی"],"amount":"89.00","compare_at":"120.00"},
    {"sku":"SC","names":["طرحة حرير","Silk Scarf","روسری ابریشمی"],"amount":"35.50"},
    {"sku":"SO","names":["كنب زاوية","Corner Sofa","مبل راحتی"],"amount":"1250.00"}],
    "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"exchange_days":30,
    "warranty_months":24,"cod_fee":"15.00","coupons":{"EID2026":20}}"#;

fn policy() -> Policy {
    Policy::parse(FACTS).unwrap()
}

/// The answer with every violation that has a correction written anew.
fn corrected(answer: &str, report: &Report) -> String {
    let mut text = answer.to_owned();
    for finding in report.violations().collect::<Vec<_>>().into_iter().rev() {
        text.replace_range(finding.bytes.clone(), finding.correction.as_deref().unwrap_or("∅"));
    }
    text
}

#[test]
fn the_true_value_is_written_as_the_wrong_one_was() {
    let mut wrong = Vec::new();
    for (answer, expected) in [
        // Digits, places, signs between thousands.
        ("سعر العباية السوداء ٧٩ ريال فقط.", "سعر العباية السوداء ٨٩ ريال فقط."),
        ("سعر العباية السوداء ٧٩٫٥٠ ر.س شامل الضريبة.", "سعر العباية السوداء ٨٩٫٠٠ ر.س شامل الضريبة."),
        ("The Corner Sofa is SAR 1,150.00.", "The Corner Sofa is SAR 1,250.00."),
        ("سعر كنب الزاوية 1150 ريال", "سعر كنب الزاوية 1250 ريال"),
        ("قیمت عبای مشکی ۷۹ ریال است.", "قیمت عبای مشکی ۸۹ ریال است."),
        ("The Silk Scarf is 30 riyals", "The Silk Scarf is 35.50 riyals"),
        // Numbers in words become digits.
        ("سعر العباية السوداء تسعة وسبعون ريالاً.", "سعر العباية السوداء 89 ريالاً."),
        ("The Black Abaya costs seventy-nine riyals.", "The Black Abaya costs 89 riyals."),
        ("قیمت عبای مشکی هفتاد و نه ریال است.", "قیمت عبای مشکی ۸۹ ریال است."),
        ("سعر العباية السوداء ٩٠ ريال ونص", "سعر العباية السوداء ٨٩ ريال"),
        // Another currency.
        ("رسوم الشحن 10 دولار.", "رسوم الشحن 25 ريال."),
        ("Shipping costs $10.", "Shipping costs SAR 25."),
        ("رسوم الشحن ثلاثة ريالات", "رسوم الشحن 25 ريال"),
        // Spans of time, in the unit that stood there where it comes out even.
        ("الإرجاع خلال أسبوع.", "الإرجاع خلال أسبوعين."),
        ("الإرجاع خلال ٧ أيام.", "الإرجاع خلال ١٤ يوماً."),
        ("الاستبدال خلال أسبوعين", "الاستبدال خلال 30 يوماً"),
        ("الضمان سنة كاملة.", "الضمان سنتين."),
        ("الضمان لمدة ١٢ شهر", "الضمان لمدة ٢٤ شهر"),
        ("It has a one-year warranty.", "It has a 2-year warranty."),
        ("You can return it within 1 week.", "You can return it within 2 weeks."),
        ("Our return window is 30 days.", "Our return window is 14 days."),
        ("گارانتی ۱۲ ماهه دارد.", "گارانتی ۲۴ ماهه دارد."),
        ("بازگشت کالا تا یک هفته ممکن است.", "بازگشت کالا تا ۲ هفته ممکن است."),
        // Ranges.
        ("التوصيل من ٥ إلى ٧ أيام عمل.", "التوصيل من ٢ إلى ٤ أيام عمل."),
        ("يوصلك خلال ٧ أيام", "يوصلك خلال ٢-٤ أيام"),
        ("Delivery takes 5-7 business days.", "Delivery takes 2-4 business days."),
        ("Delivery takes 24 hours.", "Delivery takes 2-4 days."),
        ("ارسال ۵ تا ۷ روز طول می‌کشد.", "ارسال ۲ تا ۴ روز طول می‌کشد."),
        ("The Black Abaya costs between 70 and 80 SAR.", "The Black Abaya costs between ∅."),
        // Sums that have one truth.
        ("حبتين من الطرحة بـ ٨٠ ريال", "حبتين من الطرحة بـ ٧١ ريال"),
        ("العباية السوداء مع الشحن 120 ريال", "العباية السوداء مع الشحن 114 ريال"),
        ("مجموع العباية السوداء والطرحة ١٣٠ ريال", "مجموع العباية السوداء والطرحة ١٢٤٫٥٠ ريال"),
        // Percentages and codes.
        ("كود EID2026 يعطيك خصم ٣٠٪", "كود EID2026 يعطيك خصم ٢٠٪"),
        ("الأسعار شاملة ضريبة القيمة المضافة 5%", "الأسعار شاملة ضريبة القيمة المضافة 15%"),
        ("Use code SAVE50 at checkout.", "Use code ∅ at checkout."),
        // Promises without a number.
        ("الشحن مجاني لكل المدن.", "الشحن بـ25 ريال لكل المدن."),
        ("We offer free shipping on every order.", "We offer shipping for 25 SAR on every order."),
        ("Delivery is free for all.", "Delivery is 25 SAR for all."),
        ("ارسال رایگان است.", "ارسال ۲۵ ریال است."),
        ("يوصلك الطلب في نفس اليوم", "يوصلك الطلب خلال 2-4 أيام"),
        ("It comes with a lifetime warranty.", "It comes with a 24-month warranty."),
    ] {
        let report = check(&policy(), answer);
        let written = corrected(answer, &report);
        let right = expected.contains('∅') || check(&policy(), expected).violations().count() == 0;
        if written != expected || !right {
            wrong.push((written, expected, right));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn nothing_is_written_where_several_values_would_be_true() {
    for answer in [
        // Two windows that differ, two prices that may be meant, a price that no noun claims.
        "يمكنك الإرجاع والاستبدال خلال 20 يوماً",
        "العباية مع كود EID2026 بـ 80 ريال",
        "المبلغ 77 ريال",
    ] {
        let report = check(&policy(), answer);
        let found: Vec<&Finding> = report.violations().collect();
        assert!(!found.is_empty(), "{answer}");
        assert!(
            found.iter().all(|finding| finding.correction.is_none() && finding.expected.is_none()),
            "{found:?}"
        );
    }
}

#[test]
fn one_sentence_names_all_that_is_true() {
    let policy = policy();
    let told = |answer: &str, language| amendment(&policy, &check(&policy, answer).findings, language);
    assert_eq!(
        told(
            "سعر العباية ٧٩ ريال والشحن ٣٠ ريال. الضمان سنة. كود SAVE50 يعطيك خصم. الشحن ٣٠ ريال.",
            Language::Arabic
        )
        .as_deref(),
        Some(
            "تصحيح: سعر عباية سوداء ٨٩ ريال، ورسوم الشحن ٢٥ ريال، ومدة الضمان ٢٤ شهراً، والكود SAVE50 غير صالح."
        )
    );
    assert_eq!(
        told(
            "The Silk Scarf is 30 SAR and delivery takes 5 days. Return it within 1 month.",
            Language::English
        )
        .as_deref(),
        Some(
            "Correction: the price of Silk Scarf is 35.50 SAR; the delivery time is 2-4 days; the return window is 14 days."
        )
    );
    assert_eq!(
        told("قیمت عبای مشکی ۷۹ ریال است. ارسال رایگان است.", Language::Persian).as_deref(),
        Some("اصلاح: قیمت عبای مشکی ۸۹ ریال است؛ هزینه ارسال ۲۵ ریال است.")
    );
    assert_eq!(told("المبلغ 77 ريال", Language::Arabic), None);
    assert_eq!(told("سعر العباية ٨٩ ريال", Language::Arabic), None);
}

#[test]
fn what_is_streamed_is_corrected_in_its_place() {
    let policy = std::sync::Arc::new(policy());
    let answer = "أهلاً بك! سعر العباية السوداء ٧٩ ريال والشحن ٣٠ ريال. شكراً لك";
    let mut gate = Gate::new(policy);
    let mut pieces = Vec::new();
    for delta in answer.split_inclusive(' ') {
        gate.push(delta, &mut pieces);
    }
    gate.finish(&mut pieces);
    let text: String = pieces.iter().map(|piece| piece.corrected().unwrap()).collect();
    assert_eq!(text, "أهلاً بك! سعر العباية السوداء ٨٩ ريال والشحن ٢٥ ريال. شكراً لك");
}
