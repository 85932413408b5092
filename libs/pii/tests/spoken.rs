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
    (
        "شماره‌ام صفر نهصد و سی و پنج دویست و بیست و یک چهل و پنج شصت و هفت",
        &[(Kind::Phone, "صفر نهصد و سی و پنج دویست و بیست و یک چهل و پنج شصت و هفت")],
    ),
    (
        "شماره ۰۹۱۲ سیصد و چهل و پنج شصت و هفت هشتاد و نه",
        &[(Kind::Phone, "۰۹۱۲ سیصد و چهل و پنج شصت و هفت هشتاد و نه")],
    ),
    (
        "جوالي صفر خمسة ثم خمسة خمسة وبعدها واحد اثنين ثلاثة وبعدين اربعة ثمانية ستة",
        &[(Kind::Phone, "صفر خمسة ثم خمسة خمسة وبعدها واحد اثنين ثلاثة وبعدين اربعة ثمانية ستة")],
    ),
    (
        "رقمي صفر خمسين خمسة وعشرين ثلاثة وثلاثين اربعة واربعين خمسة",
        &[(Kind::Phone, "صفر خمسين خمسة وعشرين ثلاثة وثلاثين اربعة واربعين خمسة")],
    ),
    (
        "my number: zero five five then three two one then seven eight nine zero",
        &[(Kind::Phone, "zero five five then three two one then seven eight nine zero")],
    ),
    ("Tabby code 7254", &[(Kind::Otp, "7254")]),
    ("كود تمارا ٧٢٥٤", &[(Kind::Otp, "٧٢٥٤")]),
    ("رمز بنفت 7254 وصلني", &[(Kind::Otp, "7254")]),
    ("الراجحي ارسلي كود 725401", &[(Kind::Otp, "725401")]),
    ("knet code 725401", &[(Kind::Otp, "725401")]),
    ("کد بانک 72540", &[(Kind::Otp, "72540")]),
    ("البحرين 36174450", &[(Kind::Phone, "36174450")]),
    ("المنامة 17 174450", &[(Kind::Phone, "17 174450")]),
    ("الدوحة: 55174450", &[(Kind::Phone, "55174450")]),
    ("دقوا 33174450", &[(Kind::Phone, "33174450")]),
    ("بطاقته 1044444449", &[(Kind::SaNationalId, "1044444449")]),
    ("رقمه الشخصي 880912345", &[(Kind::BhCpr, "880912345")]),
    ("هويات المستلمين:\n1) 1044444449", &[(Kind::SaNationalId, "1044444449")]),
    ("my cpr is 900412086 and ready to pick up on monday", &[(Kind::BhCpr, "900412086")]),
    ("stcpay sent code 7254", &[(Kind::Otp, "7254")]),
    ("الكود مالتكم 7254 صح؟", &[(Kind::Otp, "7254")]),
    ("وصلتني رسالة من البنك فيها 725401", &[(Kind::Otp, "725401")]),
    ("عندي رقم كويتي 66517445", &[(Kind::Phone, "66517445")]),
    ("gawaz safary T44172508", &[(Kind::Passport, "T44172508")]),
    ("تاریخ انقضای کارت بانکی ۰۹-۳۱", &[(Kind::CardExpiry, "۰۹-۳۱")]),
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
    "كود خصم تمارا 7254",
    "كود تمارا للخصم 7254",
    "noon code 2024",
    "boarding pass K2233445 for the gate",
    "هويتنا البصرية 1122334455",
    "اقامة فندقية 2233445566",
    "كود المنتج 7254",
    "رقم الشحنة الدوحة 55174450",
    "الطلب 44174450 الى الدوحة وين وصل",
    "wain 6alabi ragm 1044444441!",
    "كرت هدية رقم 29001011234567",
    "رقم الإشعار الدائن 784198012345678",
    "sku tmr1042 vs sku abcd-2044, what is the difference?",
    "ده خمسة وده عشرة ولا عشرين",
    "سیصد و هفتاد و سه هزار تومان",
    "واحد ثم اثنين ثم ثلاثة وعشرين",
    "ارسال به تهران و مشهد چند روز طول میکشه؟",
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
