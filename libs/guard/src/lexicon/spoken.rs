//! Numbers that dialects of Arabic say in one word, by rule: «خمستعشر», «تلتاشر», «ربعمية».

/// What three to nine begin with before a teen or a hundred.
const ROOTS: [(u32, &[&str]); 7] = [
    (3, &["ثلاث", "ثلث", "تلات", "تلت", "ثل", "تل"]),
    (4, &["اربع", "ربع"]),
    (5, &["خمس"]),
    (6, &["ست", "س"]),
    (7, &["سبع"]),
    (8, &["ثماني", "ثمان", "ثمن", "تماني", "تمان", "تمن"]),
    (9, &["تسع"]),
];
/// What is between a root and its ten.
const JOINTS: [&str; 3] = ["", "ت", "ط"];
const TENS: [&str; 3] = ["عش", "عشر", "اشر"];
const HUNDREDS: [&str; 5] = ["مئه", "مائه", "ميه", "مايه", "ميت"];
/// Bytes of the shortest root before a hundred: «سمية» is a name.
const HUNDRED_ROOT_MIN: usize = 6;

/// All of them, folded, with their values.
pub(super) fn numbers() -> impl Iterator<Item = (String, u32)> {
    ROOTS.iter().flat_map(|(digit, roots)| roots.iter().map(move |root| (*digit, *root))).flat_map(
        |(digit, root)| {
            let teens = JOINTS.iter().flat_map(move |joint| {
                TENS.iter().map(move |ten| (format!("{root}{joint}{ten}"), 10 + digit))
            });
            let long = root.len() >= HUNDRED_ROOT_MIN || root == "ست";
            let hundreds = HUNDREDS.iter().filter(move |_| long);
            teens.chain(hundreds.map(move |hundred| (format!("{root}{hundred}"), 100 * digit)))
        },
    )
}
