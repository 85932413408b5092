//! Chat of a shop in Arabic, English and Persian, in some messages with personal data of nobody.

const CLEAN: [&str; 12] = [
    "السلام عليكم، متى يوصل الطلب لجدة وكم سعر التوصيل؟",
    "ابي مقاس ٤٢ لون اسود لو سمحتوا، واذا ما توفر ابي كحلي",
    "hi, is the blue hoodie still available in size L? I would like two of them",
    "العباية وصلت بس المقاس كبير، كيف ابدلها؟ وهل الاستبدال مجاني",
    "Thanks! The package arrived yesterday, but one item was missing from the box.",
    "سلام، این کفش سایز ۴۳ موجود دارید؟ ارسال به تهران چند روز طول میکشه",
    "عندكم خصم للجملة؟ ابي ٢٠ حبة من نفس الموديل",
    "وين وصل طلبي رقم 1048812؟ له اسبوع وما وصل",
    "can I return the shoes after 14 days if I have the receipt?",
    "كم السعر بعد الضريبة؟ شفت السعر ٢٤٩ ريال بالموقع و٢٩٩ بالتطبيق",
    "do you ship to Kuwait? and how much is it for 3 items around 2 kg",
    "الله يعطيكم العافية على الخدمة الممتازة والتغليف الراقي ❤️",
];
const PERSONAL: [&str; 6] = [
    "جوالي ٠٥٥١٢٣٤٥٦٧ كلموني بعد العصر لو سمحتوا",
    "my email is sara.ali@example.com and my name is Sara Alharbi",
    "عنواني حي النرجس، شارع أنس بن مالك، مبنى 4512، الرياض 13321",
    "حولوا المبلغ على الايبان SA0380000000608010167519 باسم نورة القحطاني",
    "رقم الهوية 1088888888 وتاريخ الميلاد 12/05/1990",
    "call me at +971 50 123 4567, card ending 4111 1111 1111 1111 exp 12/27",
];

/// Mixed chat of at least so many bytes, cut on a border of characters.
pub fn chat(bytes: usize, personal_in: usize) -> String {
    let mut text = String::with_capacity(bytes + 200);
    for index in 0.. {
        let line = if index % personal_in == personal_in - 1 {
            PERSONAL[index / personal_in % PERSONAL.len()]
        } else {
            CLEAN[index * 5 % CLEAN.len()]
        };
        text.push_str(line);
        text.push('\n');
        if text.len() >= bytes {
            break;
        }
    }
    text.truncate(text.floor_char_boundary(bytes));
    text
}
