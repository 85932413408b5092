//! What stands behind a word for a password is found whole, as a secret, and nothing beside it.

#![expect(clippy::unwrap_used, reason = "a detector that does not compile fails the test")]

use std::sync::LazyLock;

use kaleem_pii::{Detector, Kind, Scratch};

fn found(text: &str) -> Vec<(Kind, &str)> {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
    let spans = DETECTOR.scan(text, &mut Scratch::default()).spans;
    spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect()
}

#[test]
fn marks_and_letters_of_any_script_are_of_a_password() {
    for (before, password, behind) in [
        ("password: ", "Tr0ub;4dor&3x", ""),
        ("password: ", "Tr0ub,4dor|3x", " thanks"),
        ("my password is ", "aB3{x}9>y<7q", "."),
        ("كلمة المرور: ", "قهوة١٢٣", ""),
        ("كلمة السر حقتي ", "نخلة_2024", " وما تدخل"),
        ("الباسورد ", "Kahwa٩٩نخلة", "، شكرا"),
        ("رمز عبور من ", "گلدان۱۳۸۰", " است"),
        ("pwd=", "P@ss;w0rd", "&next=1"),
    ] {
        let text = format!("{before}{password}{behind}");
        let found = found(&text);
        let is_whole = |(kind, value): &(Kind, &str)| *kind == Kind::Secret && value.starts_with(password);
        assert!(matches!(&found[..], [one] if is_whole(one)), "{text} -> {found:?}");
    }
}

#[test]
fn what_a_password_is_for_may_stand_before_it() {
    for (before, password, behind) in [
        ("كلمة السر للواي فاي ", "Diwan2031!", " اذا احتجتوا"),
        ("كلمة السر الجديدة هي: ", "saqr096033", ""),
        ("كلمة السر حقت الراوتر ", "Bayt@552", ""),
        ("الباسورد حق الانستا ", "dana_99", ""),
        ("باسورد حسابي بالموقع ", "nora1990x", ""),
        ("پسورد پنل فروشگاه \"", "reem797850", "\" است"),
        ("password for the wifi ", "Diwan2031!", ""),
        ("password of the portal ", "Diwan2031!", ""),
    ] {
        let text = format!("{before}{password}{behind}");
        assert_eq!(found(&text), [(Kind::Secret, password)], "{text}");
    }
}

#[test]
fn a_password_may_be_as_long_as_it_is() {
    for len in [64, 65, 300, 1_024, 5_000] {
        let password: String = (0..len).map(|at| char::from(b"aB3x-Q9_k"[at % 9])).collect();
        assert_eq!(found(&format!("password: {password} ok")), [(Kind::Secret, password.as_str())], "{len}");
    }
    let token = "k7Rw2".repeat(400);
    assert_eq!(found(&format!("my token is {token}")), [(Kind::Secret, token.as_str())]);
}

#[test]
fn what_follows_a_password_is_none_of_it() {
    use Kind::{Phone, Secret};
    for (text, expected) in [
        (
            r#"{"password":"Abc12345","phone":"0551234567"}"#,
            &[(Secret, "Abc12345"), (Phone, "0551234567")][..],
        ),
        ("password=Abc12345;server=db", &[(Secret, "Abc12345")]),
        ("{password: Abc12345, phone: 0551234567}", &[(Secret, "Abc12345"), (Phone, "0551234567")]),
        ("{password:Abc12345,phone:0551234567}", &[(Secret, "Abc12345"), (Phone, "0551234567")]),
        ("<td>password: Abc12345</td>", &[(Secret, "Abc12345")]),
        ("<p>password: Abc12345<br>phone 0551234567", &[(Secret, "Abc12345"), (Phone, "0551234567")]),
        ("password: Abc12345, phone 0551234567", &[(Secret, "Abc12345"), (Phone, "0551234567")]),
        ("phone,password,qty\n551234567,Abc12345,3\n", &[(Phone, "551234567"), (Secret, "Abc12345")]),
        ("الباسورد Abc12345؛ جوالي 0551234567", &[(Secret, "Abc12345"), (Phone, "0551234567")]),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn talk_about_passwords_stays() {
    for text in [
        "كلمة المرور: خطأ",
        "كلمة المرور غلط، ممكن مساعدة؟",
        "نسيت كلمة السر؛ كيف اغيرها",
        "password, please",
        "password; then press enter",
        "كلمة السر للواي فاي ما تشتغل",
        "كلمة المرور الجديدة ما وصلتني",
        "كلمة المرور لازم تحتوي: حروف وارقام",
        "password for the wifi please",
        "{\"password\":null,\"user\":null}",
        "password = \"${DB_PASSWORD}\"",
        "DATABASE_PASSWORD=$DATABASE_PASSWORD",
        "password: {{password}}",
        "the password|username page is broken",
        "your password: https://shop.example/account/help-with-my-password-and-more-things-2024/page2",
        "كلمة المرور: https://shop.example/help",
        "15: poll_next<core::pin::Pin<alloc::boxed::Box<(dyn futures_core::stream::Stream<Item=u8>)>>>",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn behind_a_word_for_a_password_everything_is_a_secret() {
    for (before, password) in [
        ("كلمة المرور ", "0551234567"),
        ("كلمة المرور: ", "0551234567"),
        ("password: ", "sara@example.com"),
        ("my password is ", "sara@example.com"),
        ("الرقم السري: ", "4111 1111 1111 1111"),
        ("pin ", "+966 55 123 4567"),
        ("كلمة السر هي ", "SA03 8000 0000 6080 1016 7519"),
    ] {
        let text = format!("{before}{password} شكرا");
        assert_eq!(found(&text), [(Kind::Secret, password)], "{text}");
    }
    // Nobody says that this is the password, only whose it is.
    assert_eq!(found("نسيت كلمة مرور الايميل sara@example.com"), [(Kind::Email, "sara@example.com")]);
    assert_eq!(
        found("password: Sara@1234 جوالي 0551234567"),
        [(Kind::Secret, "Sara@1234"), (Kind::Phone, "0551234567")]
    );
}
