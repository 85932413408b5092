//! Words around names.

/// Words between a cue and a name, folded.
pub(super) fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "هو" | "هي"
            | "الاخ"
            | "الاخت"
            | "اخوي"
            | "اختي"
            | "السيد"
            | "السيده"
            | "الاستاذ"
            | "الاستاذه"
            | "استاذ"
            | "استاذه"
            | "الدكتور"
            | "الدكتوره"
            | "دكتور"
            | "المهندس"
            | "مهندس"
            | "الشيخ"
            | "الانسه"
            | "د"
            | "ا"
            | "م"
            | "is"
            | "mr"
            | "mrs"
            | "ms"
            | "miss"
            | "dr"
            | "eng"
            | "sheikh"
            | "the"
            | "my"
            | "name"
            | "اسمي"
            | "اسمه"
            | "اسمها"
            | "اقاي"
            | "خانم"
            | "جناب"
            | "سركار"
            | "دكتر"
            | "كان"
            | "يكون"
            | "الكامل"
            | "الثلاثي"
            | "full"
            | "here"
            | "of"
            | "prof"
            | "with"
            | "will"
            | "be"
            | "ي"
            | "ه"
            | "ها"
            | "ك"
            | "كم"
            | "am"
            | "to"
            | "مو"
            | "موب"
            | "مش"
            | "ماني"
            | "not"
            | "btw"
    )
}

/// Cues so plain that a word behind them is a name even if no list has it, folded.
pub(super) const PLAIN: [&str; 10] = [
    "اسمي",
    "انا اسمي",
    "واسمي",
    "my name is",
    "my full name is",
    "my name's",
    "نام من",
    "اسم من",
    "اسمم",
    "نامم",
];

/// Cues by which people say who they are, before a name that no list has if it is written as one, folded.
pub(super) const INTRODUCING: [&str; 4] = ["i am", "i'm", "im", "this is"];

/// Whether `الله` may end a name behind a word, where it begins a wish behind others: `فهد الله يسعدك`.
pub(super) fn is_given_by_god(word: &str) -> bool {
    matches!(
        word,
        "عبد"
            | "عطا"
            | "فتح"
            | "جار"
            | "ضيف"
            | "نصر"
            | "فضل"
            | "رزق"
            | "خير"
            | "هبه"
            | "جاب"
            | "عوض"
            | "دخيل"
            | "حمد"
            | "غرم"
            | "سعد"
            | "خلف"
            | "فرج"
            | "نعمه"
            | "لطف"
            | "كرم"
            | "سيف"
            | "اسد"
            | "امان"
            | "منه"
            | "حبيب"
            | "عنايه"
            | "ذبيح"
            | "شكر"
    )
}
