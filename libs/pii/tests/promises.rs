//! What finding personal data promises, on chosen and on random texts.

#![expect(clippy::unwrap_used, reason = "a detector that does not compile fails the test")]

use std::sync::LazyLock;

use kaleem_pii::fold::{Folded, fold};
use kaleem_pii::{Detector, Kind, REPORTED, Scratch};
use proptest::prelude::*;

/// Compiled once: for each random case it would take longer than the case.
fn detector() -> &'static Detector {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
    &DETECTOR
}

fn found(text: &str) -> Vec<(Kind, &str)> {
    let spans = detector().scan(text, &mut Scratch::default()).spans;
    spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect()
}

#[test]
fn one_message_with_many_types_is_told_apart() {
    let text = "أنا سارة العتيبي، جوالي ٠٥٠١٢٣٤٥٦٧ وهويتي 1088888888، بطاقتي 4539 1488 0343 6467 تنتهي 12/27 و cvv 123، \
                وايميلي sara@example.com";
    assert_eq!(
        found(text),
        [
            (Kind::Person, "سارة العتيبي"),
            (Kind::Phone, "٠٥٠١٢٣٤٥٦٧"),
            (Kind::SaNationalId, "1088888888"),
            (Kind::CreditCard, "4539 1488 0343 6467"),
            (Kind::CardExpiry, "12/27"),
            (Kind::CardCvv, "123"),
            (Kind::Email, "sara@example.com"),
        ]
    );
}

#[test]
fn spans_cut_the_value_and_nothing_around_it() {
    for (text, kind, value) in [
        ("https://wa.me/966551234567?text=hi", Kind::Phone, "966551234567"),
        ("call (+966) 55 123 4567.", Kind::Phone, "(+966) 55 123 4567"),
        ("mailto:sara@example.com?subject=x", Kind::Email, "sara@example.com"),
        ("iban: SA44 2000 0001 2345 6789 1234, thanks", Kind::Iban, "SA44 2000 0001 2345 6789 1234"),
        ("الأستاذ محمد بن صالح القحطاني استلم", Kind::Person, "محمد بن صالح القحطاني"),
        ("تاريخ ميلادي هو 12 مايو 1990.", Kind::DateOfBirth, "12 مايو 1990"),
        ("افتح https://shop.sa/r?token=a8f3c1.", Kind::UrlToken, "https://shop.sa/r?token=a8f3c1"),
        ("password: \"Sara@1234\"", Kind::Secret, "Sara@1234"),
        ("passport no P1234567A issued in Manila", Kind::Passport, "P1234567A"),
        ("الطلب على اسم جاسم بوحمد", Kind::Person, "جاسم بوحمد"),
        // Both checks fail or pass by chance: without a country in the word the first digit decides.
        ("my national id 1303429519 is refused", Kind::SaNationalId, "1303429519"),
        ("رقمي 0️⃣5️⃣5️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣", Kind::Phone, "0️⃣5️⃣5️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣"),
        ("رقمي \u{2067}٠٥٥١٢٣٤٥٦٧\u{2069} شكرا", Kind::Phone, "٠٥٥١٢٣٤٥٦٧"),
        (
            "رقمي صفر خمسة خمسة واحد اثنين ثلاثة اربعة خمسة ستة سبعة",
            Kind::Phone,
            "صفر خمسة خمسة واحد اثنين ثلاثة اربعة خمسة ستة سبعة",
        ),
    ] {
        assert_eq!(found(text), [(kind, value)], "{text}");
    }
}

#[test]
fn a_web_token_is_told_by_its_header() {
    // {"alg":"HS256","typ":"JWT"} and {"sub":"1"}
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    assert_eq!(found(&format!("شوف {token} شكرا")), [(Kind::Secret, token)]);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";
    assert_eq!(found(unsigned), [(Kind::Secret, unsigned.trim_end_matches('.'))]);
    for other in [
        // {"sku":"HS256","size":"42"}, and a header that is no JSON.
        "eyJza3UiOiJIUzI1NiIsInNpemUiOiI0MiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "eyJabcdefgh123456789abcdefgh.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ] {
        assert_eq!(found(other), [], "{other}");
    }
}

#[test]
fn the_header_of_a_table_speaks_for_its_columns() {
    let text = "name,phone,order_id,otp\nMaitha Alnuaimi,551234567,551234568,4821\nعيسى الخليفة,551234569,552345678,9917\n\n551234570";
    assert_eq!(
        found(text),
        [
            (Kind::Person, "Maitha Alnuaimi"),
            (Kind::Phone, "551234567"),
            (Kind::Otp, "4821"),
            (Kind::Person, "عيسى الخليفة"),
            (Kind::Phone, "551234569"),
            (Kind::Otp, "9917"),
        ]
    );
}

#[test]
fn a_table_of_goods_names_goods() {
    let goods = "sku,name,price,stock\nT-1,Olive tray,45.00,3\nT-2,Amber oud,310.00,8";
    assert_eq!(found(goods), []);
    let people = "order_id,name,phone,total\n77120,Olive Bennett,551234567,45.00";
    assert_eq!(found(people), [(Kind::Person, "Olive Bennett"), (Kind::Phone, "551234567")]);
}

#[test]
fn an_announced_name_goes_on_over_words_that_no_list_has() {
    for (text, name) in [
        ("اسم الزبون: مشاري بوطيبان\nالمنطقة: صباح السالم", "مشاري بوطيبان"),
        ("الاسم: لؤي زمخشري", "لؤي زمخشري"),
        ("المستلم: عمران كشميرزاد خان سائق العائلة", "عمران كشميرزاد خان"),
        ("نام من آرش کمانگیر است", "آرش کمانگیر"),
        ("المستلمة Grace Villanueva شقة البواب", "Grace Villanueva"),
        ("my name is omar farouk and i need help", "omar farouk"),
    ] {
        assert_eq!(found(text), [(Kind::Person, name)], "{text}");
    }
    assert_eq!(found("الطلب باسم نورة بسرعة لو سمحتوا"), [(Kind::Person, "نورة")]);
    for text in ["deliver to King Fahd Road", "باسم الله الرحمن الرحيم"] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn escapes_of_json_hide_nothing_outside_of_json() {
    let text = r#"POST /users 200 {"name":"\u0633\u0627\u0631\u0629","phone":"\u0660\u0665\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667"}"#;
    let phone = r"\u0660\u0665\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667";
    assert_eq!(found(text), [(Kind::Person, r"\u0633\u0627\u0631\u0629"), (Kind::Phone, phone)]);
    let link = r"https:\/\/shop.example\/reset?token=a8f3c9";
    let logged = format!(r#"GET 302 {{"to":"{link}"}}"#);
    assert_eq!(found(&logged), [(Kind::UrlToken, link)]);
    assert_eq!(
        found(r"Name: Sara\nPhone: \u002b966 551234567"),
        [(Kind::Person, "Sara"), (Kind::Phone, r"\u002b966 551234567")]
    );
}

#[test]
fn values_in_pieces_are_found_whole() {
    for (text, kind, value) in [
        ("موقعي 25.083417, 55.148201 قدام البيت", Kind::Address, "25.083417, 55.148201"),
        (
            "my eth wallet is 0x52908400098527886E0F\n7030069857D2E4169EE7",
            Kind::CryptoWallet,
            "0x52908400098527886E0F\n7030069857D2E4169EE7",
        ),
        (
            "محفظتي bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq\nthanks",
            Kind::CryptoWallet,
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        ),
        ("رمز عبور اکانتم Zagros#7781 است", Kind::Secret, "Zagros#7781"),
        ("تهران، خیابان آزادی، پلاک ۱۲، واحد ۳", Kind::Address, "تهران، خیابان آزادی، پلاک ۱۲، واحد ۳"),
    ] {
        assert_eq!(found(text), [(kind, value)], "{text}");
    }
    assert_eq!(
        found("4111111111111111|08|27|123"),
        [(Kind::CreditCard, "4111111111111111"), (Kind::CardExpiry, "08|27"), (Kind::CardCvv, "123"),]
    );
}

#[test]
fn buffers_carry_nothing_from_text_to_text() {
    let mut scratch = Scratch::default();
    for text in ["جوالي 0551234567", "", "متى يوصل الطلب؟", "sara@example.com", "اسمي محمد العتيبي"]
    {
        let reused: Vec<_> =
            detector().scan(text, &mut scratch).spans.iter().map(|span| span.range.clone()).collect();
        let fresh: Vec<_> = detector()
            .scan(text, &mut Scratch::default())
            .spans
            .iter()
            .map(|span| span.range.clone())
            .collect();
        assert_eq!(reused, fresh, "{text}");
    }
}

#[test]
fn a_code_that_runs_into_its_cue_is_no_code_before_it() {
    for text in ["تاريخ home r spl 2024/", "abcd spl 1234", "r national address 2024"] {
        assert!(
            found(text).iter().all(|(kind, _)| *kind != Kind::SaShortAddress || text.starts_with("abcd")),
            "{text}"
        );
    }
}

#[test]
fn cues_in_the_question_before_are_only_read_forwards() {
    let question = "هستم 4 شارع، عنوانك؟ passport spl born: ";
    for text in ["سارا احمدی", "12/05/1990", "street 5", "A1234567", ""] {
        let mut folded = Folded::default();
        folded.refill(question, text, &[]);
        for span in detector().detect(text, &folded, &mut Scratch::default()).spans {
            assert!(text.get(span.range).is_some_and(|value| !value.is_empty()), "{text}");
        }
    }
}

#[test]
fn a_higher_threshold_reports_no_more() {
    let text = "رقم الهوية 1088888881 وجوالي 0551234567 واسمي سعد";
    let count = |threshold| detector().scan_above(threshold, text, &mut Scratch::default()).spans.len();
    let counts: Vec<usize> = [REPORTED, 50, 70, 90, 101].into_iter().map(count).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b) && counts[0] > 0 && counts[4] == 0, "{counts:?}");
}

/// Texts with everything in them that can go wrong.
fn chat() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[0-9٠-٩۰-۹]{1,12}",
        3 => prop::sample::select(vec![
            "0551234567", "٠٥٥١٢٣٤٥٦٧", "SA0380000000608010167519", "4111 1111 1111 1111", "sara@example.com", "12/27", "192.168.1.15",
            "https://x.sa/r?token=a8f3c1b2", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw", "00:1A:2B:3C:4D:5E", "شارع", "حي", "محمد",
            "العتيبي", "John Smith", "1990/05/12", "0x52908400098527886E0F7030069857D2E4169EE7", "[[PHONE:7QX2MA]]", "صفر خمسة",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "جوالي", "رقم الطلب", "هويتي", "ايبان", "بطاقتي", "ايميل", "ريال", "order", "phone", "cvv", "otp", "اسمي", "عنواني", "ولدت",
            "passport", "password", "token", "هستم", "Regards", "العنوان الوطني", "at", "dot", "%40", "&#64;", "-----BEGIN",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            " ", "\n", "-", ".", ":", "::", "@", "[", "]]", "\u{200f}", "\u{301}", "ـ", "+", ",", "? ", "://", "=", "/", "(", ")", "\"",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_are_sorted_disjoint_and_on_borders_of_characters(text in chat()) {
        let spans = detector().scan_above(REPORTED, &text, &mut Scratch::default()).spans;
        let mut from = 0;
        for span in &spans {
            prop_assert!(span.range.start >= from && span.range.end > span.range.start, "{:?}", span.range);
            prop_assert!(text.get(span.range.clone()).is_some(), "{:?}", span.range);
            prop_assert!((REPORTED..=100).contains(&span.points));
            from = span.range.end;
        }
    }

    #[test]
    fn folding_maps_forth_and_back(text in chat()) {
        let mut folded = Folded::default();
        folded.refill("", &text, &[]);
        prop_assert_eq!(folded.text(), fold(&text));
        for (start, character) in folded.text().char_indices() {
            let range = start..start + character.len_utf8();
            let original = folded.original(&range);
            let back = folded.folded(&original);
            prop_assert!(back.is_some_and(|back| back.start <= range.start && range.end <= back.end));
        }
    }

    #[test]
    fn neutral_words_around_keep_what_was_found(value in prop::sample::select(vec![
        "جوالي 0551234567", "my email is sara@example.com", "رقم الهوية 1088888888", "IBAN SA0380000000608010167519",
        "اسمي سارة العتيبي", "كلمة المرور: Sara@1234", "تاريخ ميلادي 12/05/1990", "CPR 900112345", "my ip is 85.12.34.56",
    ]), before in prop::sample::select(vec!["", "السلام عليكم، ", "hello there! ", "سلام. "]),
        after in prop::sample::select(vec!["", "، شكرا لكم", ". Thank you!", "\nمع السلامة"])) {
        let alone = found(value);
        let text = format!("{before}{value}{after}");
        prop_assert_eq!(found(&text), alone, "{}", text);
    }
}
