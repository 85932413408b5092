//! Numbers that are not all written in digits, codes behind the words of many dialects, and what only looks like either.

use kaleem_pii::{Detector, Kind, Scratch};

/// Sentences with the values in them, in order. All values are invented.
const FOUND: &[(&str, &[(Kind, &str)])] = &[
    ("رقمي صفر خمسة 447 - 2290 ستة", &[(Kind::Phone, "صفر خمسة 447 - 2290 ستة")]),
    ("my Indian line is +91 98830 32462 - will the OTP come through?", &[(Kind::Phone, "+91 98830 32462")]),
    ("here +44 7911 123456, does the verification code arrive?", &[(Kind::Phone, "+44 7911 123456")]),
    ("call me on zero five double four 712 3309", &[(Kind::Phone, "zero five double four 712 3309")]),
    ("my whatsapp 05 triple eight three one two 447", &[(Kind::Phone, "05 triple eight three one two 447")]),
    (
        "جوالي صفر خمسة\nخمسة واحد دبل سبعة تسعة اثنين ستة صفر",
        &[(Kind::Phone, "صفر خمسة\nخمسة واحد دبل سبعة تسعة اثنين ستة صفر")],
    ),
    ("nemrety sifr wahed sifr 3382 9917", &[(Kind::Phone, "sifr wahed sifr 3382 9917")]),
    ("my mobile o55 l23 4o78", &[(Kind::Phone, "o55 l23 4o78")]),
    ("reach me O5O 66I 2O34", &[(Kind::Phone, "O5O 66I 2O34")]),
    ("هويتي واحد صفر ثمانية 8888888", &[(Kind::SaNationalId, "واحد صفر ثمانية 8888888")]),
    (
        "بطاقتي اربعة واحد واحد واحد 1111 1111 1111",
        &[(Kind::CreditCard, "اربعة واحد واحد واحد 1111 1111 1111")],
    ),
    ("رمز التحقق اثنين 7 خمسة 1", &[(Kind::Otp, "اثنين 7 خمسة 1")]),
    ("جوالي 055 شرطة 312 شرطة 9087", &[(Kind::Phone, "055 شرطة 312 شرطة 9087")]),
    ("my number is 055 dash 312 dash 9087", &[(Kind::Phone, "055 dash 312 dash 9087")]),
    ("my ip is 91 dot 72 dot 140 dot 8", &[(Kind::IpAddress, "91 dot 72 dot 140 dot 8")]),
    ("blocked again from 91 . 172 . 14 . 8", &[(Kind::IpAddress, "91 . 172 . 14 . 8")]),
    ("الآيبان اس ايه ٠٣ ٨٠٠٠ ٠٠٠٠ ٦٠٨٠ ١٠١٦ ٧٥١٩", &[(Kind::Iban, "اس ايه ٠٣ ٨٠٠٠ ٠٠٠٠ ٦٠٨٠ ١٠١٦ ٧٥١٩")]),
    ("جالي كود 771204 ومش راضي يفتح", &[(Kind::Otp, "771204")]),
    ("رسالة التفعيل فيها 40918", &[(Kind::Otp, "40918")]),
    ("el code elly gali 55102", &[(Kind::Otp, "55102")]),
    ("kod el ta7aqoq 9071", &[(Kind::Otp, "9071")]),
    ("nafath code 62 is on my screen", &[]),
    ("وش الكود؟\nالعميل: 60417", &[(Kind::Otp, "60417")]),
    ("what is the code?\n> 60417", &[(Kind::Otp, "60417")]),
    ("el 3onwan el mokhtasar RQBA4411", &[(Kind::SaShortAddress, "RQBA4411")]),
    (
        "بدلوا العنوان المختصر من RQBA4411 الى JKDA2087",
        &[(Kind::SaShortAddress, "RQBA4411"), (Kind::SaShortAddress, "JKDA2087")],
    ),
];

/// Sentences in which digits, words for them and words for codes are of the shop.
const HARMLESS: &[&str] = &[
    "ابي واحد 12 وواحد 14 وثلاثة صغار",
    "two of the 3 sizes, one in 42 and one in 44",
    "صفر تجارب سابقة معكم، اول طلب",
    "one two three go, launch at 9",
    "double zero eggs 10 and triple seal box 3",
    "screen 10i and lens 50o mm",
    "model o2l 500 pro",
    "iso 2200l tank",
    "وش الكود؟ كود الخصم SAVE20",
    "عندي مشكلة @ الفرع",
    "الخصم نقطة مهمة 50 نقطة 20",
    "10 . 5 . 20 . 3",
    "نسيت كلمة المرور وطلبي رقم 7712045",
    "password reset for my galaxy s24ultra",
    "كلمة السر ما تشتغل على ايفون 15",
    "forgot password on iphone14 app",
];

#[test]
fn numbers_and_codes_are_found_in_whatever_words() {
    let detector = Detector::new().unwrap();
    let mut surprises = Vec::new();
    for (text, expected) in FOUND {
        let spans = detector.scan(text, &mut Scratch::default()).spans;
        let found: Vec<_> = spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect();
        if found != *expected {
            surprises.push(format!("{text} -> {found:?}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[test]
fn digits_and_words_of_the_shop_are_left_alone() {
    let detector = Detector::new().unwrap();
    let found = |text: &&&str| {
        let spans = detector.scan(text, &mut Scratch::default()).spans;
        let spans: Vec<_> = spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect();
        (!spans.is_empty()).then(|| format!("{text} -> {spans:?}"))
    };
    let surprises: Vec<_> = HARMLESS.iter().filter_map(|text| found(&text)).collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
