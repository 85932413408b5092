use super::*;

fn read(text: &str) -> Vec<String> {
    let (mut tokens, mut notes) = (Tokens::default(), Notes::default());
    tokens.refill(text);
    notes.refill(&tokens);
    let (mut values, mut bare) = (Vec::new(), Vec::new());
    Reader { tokens: &tokens, notes: &notes }.read(&mut values, &mut bare);
    let show = |quantity: Quantity| {
        let unit = match quantity.unit {
            Unit::Money(_) => "money".to_owned(),
            unit => format!("{unit:?}").to_lowercase(),
        };
        format!("{} {unit}", quantity.amount)
    };
    values
        .iter()
        .map(|value| {
            if value.low == value.high {
                show(value.low)
            } else {
                format!("{} to {}", show(value.low), show(value.high))
            }
        })
        .collect()
}

#[test]
fn quantities_in_digits_and_words() {
    for (text, expected) in [
        ("بـ ٨٩ ريال", "89 money"),
        ("تسعة وثمانون ريالاً", "89 money"),
        ("خمسة وعشرين ريال", "25 money"),
        ("مئتين وخمسين ريال", "250 money"),
        ("ألف ومئتين ريال", "1200 money"),
        ("ثلاث مئة وخمسة وأربعين ر.س.", "345 money"),
        ("ميتين ريال", "200 money"),
        ("ألف ونص ريال", "1500 money"),
        ("٨٩ ريال و٥٠ هللة", "89.50 money"),
        ("تسعين ونص ريال", "90.50 money"),
        ("2 ألف ريال", "2000 money"),
        ("تسعة ريال و٣٥ درهم", "9.35 money"),
        ("٧ دنانير ونص وربع", "7.75 money"),
        ("١٨ و٧٥٠ فلس", "18.75 money"),
        ("eighty-nine riyals", "89 money"),
        ("one hundred and twenty-five SAR", "125 money"),
        ("SAR 89", "89 money"),
        ("$24.50", "24.50 money"),
        ("هشتاد و نه ریال", "89 money"),
        ("صد و بیست و پنج ریال", "125 money"),
        ("خلال يومين", "2 day"),
        ("خلال أسبوع", "1 week"),
        ("أسبوعين", "2 week"),
        ("خمسطعش يوم", "15 day"),
        ("تلات أيام", "3 day"),
        ("ضمان سنة ونصف", "1.50 year"),
        ("نص شهر", "0.50 month"),
        ("من ٢ إلى ٤ أيام", "2 day to 4 day"),
        ("2-4 business days", "2 day to 4 day"),
        ("2 to 4 days", "2 day to 4 day"),
        ("من يومين إلى أربعة أيام", "2 day to 4 day"),
        ("من يومين لأربعة أيام", "2 day to 4 day"),
        ("يوم أو يومين", "1 day to 2 day"),
        ("بين 2 و 4 أيام", "2 day to 4 day"),
        ("24-month", "24 month"),
        ("two-year warranty", "2 year"),
        ("within a week", "1 week"),
        ("a couple of days", "2 day"),
        ("a year and a half", "1.50 year"),
        ("half a year", "0.50 year"),
        ("fourteen (14) days", "14 day"),
        ("۲۴ ماهه", "24 month"),
        ("یک هفته", "1 week"),
        ("٪٢٠", "20 percent"),
        ("20 بالمئة", "20 percent"),
        ("۲۰ درصد", "20 percent"),
        ("عشرين بالمية", "20 percent"),
        ("لأربعة عشر يوماً", "14 day"),
        ("٤٨ ساعة", "48 hour"),
    ] {
        assert_eq!(read(text), [expected], "{text}");
    }
}

#[test]
fn names_of_days_and_months_are_no_spans() {
    for text in ["اليوم", "شهر رمضان", "يوم الأحد", "سنة 2026", "هذا الأسبوع", "كل شهر", "500 مل", "مقاس 42"]
    {
        assert_eq!(read(text), Vec::<String>::new(), "{text}");
    }
}
