//! Names that no word announces, and words that are names elsewhere.

use kaleem_pii::{Detector, Kind, Scratch};

/// Sentences with the names in them, in order. All people are invented.
const NAMED: &[(&str, &[&str])] = &[
    ("قولي لهيثم يرجع لي الفلوس لو سمحتي", &["هيثم"]),
    ("وصلتني رسالة من مشاري انه الطلب تأجل", &["مشاري"]),
    ("نبي نطبع على الكوب: سلمى ويوسف", &["سلمى", "يوسف"]),
    ("طلب عبدالعزيز المطيري ناقص حبة", &["عبدالعزيز المطيري"]),
    ("يا أم سعود وش صار على القماش", &["أم سعود"]),
    ("بوسالم الله يعطيك العافية", &["بوسالم"]),
    ("المندوب إبراهيم رفض يطلع الدور الثالث", &["إبراهيم"]),
    ("البنت اللي بالاستقبال لجين وعدتني", &["لجين"]),
    ("سجليها عندك: هند الزهراني، العيادة الثانية", &["هند الزهراني"]),
    ("قال لي حسام من الفرع انكم مسكرين", &["حسام"]),
    ("اعتذر فارس عن الاستلام", &["فارس"]),
    ("وش رايك يا ريان؟", &["ريان"]),
    ("كيكة مكتوب عليها مبروك نجلاء", &["نجلاء"]),
    ("اخر مرة تعاملت مع طارق وكان ممتاز", &["طارق"]),
    ("ياسارة ردي علي بسرعة", &["سارة"]),
    ("حولت المبلغ باسم ولدي راكان", &["راكان"]),
    ("زوجة محمود هي اللي بتستلم", &["محمود"]),
    ("هدية التخرج لغادة ابيها مغلفة", &["غادة"]),
    ("حجز منيرة الساعة خمس لا تلغونه", &["منيرة"]),
    ("اتصلت على رؤى الشهري وما ردت", &["رؤى الشهري"]),
    ("الاستاذ اللي عندكم وائل عبدالستار وعدني", &["وائل عبدالستار"]),
    ("ده طلب كيرلس مش طلبي", &["كيرلس"]),
    ("شو صار مع شربل بموضوع الكنباية", &["شربل"]),
    ("اكو موظف عدكم اسمه كرار جاوبني", &["كرار"]),
    ("پریسا گفت فردا میفرستین", &["پریسا"]),
    ("سفارش کوروش رستمی کی میرسه", &["کوروش رستمی"]),
    ("از طرف سمیرا پیام میدم", &["سمیرا"]),
    ("Priyanka from your team said it ships today", &["Priyanka"]),
    ("can you resend the invoice to Fahad please", &["Fahad"]),
    ("Is Rashid still working at the branch?", &["Rashid"]),
    ("Gift note: Happy birthday Noura, love Khalid", &["Noura", "Khalid"]),
    ("Wrong recipient printed, should be Mehwish Tariq", &["Mehwish Tariq"]),
    ("Rajesh Nambiar paid half in cash", &["Rajesh Nambiar"]),
    ("{\"assignee\":\"Jomar Villanueva\",\"eta\":\"18:00\"}", &["Jomar Villanueva"]),
    ("name;city\nWafa Haddad;Amman\n", &["Wafa Haddad"]),
    ("rider Shahbaz called from the lobby", &["Shahbaz"]),
    ("The nanny (Marivic) will open the door", &["Marivic"]),
    ("I spoke with Ekaterina yesterday", &["Ekaterina"]),
    ("Siobhan & Declan wedding favours x120", &["Siobhan", "Declan"]),
    ("cc: Lubna Qattan, Deepak Menon", &["Lubna Qattan", "Deepak Menon"]),
    ("order for mohammed al otaibi is late", &["mohammed al otaibi"]),
    ("Delivered to Hussain at gate 4", &["Hussain"]),
    ("Pls tell Khadija her abaya is ready", &["Khadija"]),
    ("Babu the watchman took the box", &["Babu"]),
    ("signed: F. Alqahtani", &["F. Alqahtani"]),
    ("Emergency contact: Nguyen Van Minh", &["Nguyen Van Minh"]),
    ("assigned to: Zainab H.", &["Zainab H"]),
    ("المحاسب عندنا اسمه جون ماثيو", &["جون ماثيو"]),
    ("عبدالله ومحمد اخواني كل واحد له طلب", &["عبدالله", "محمد"]),
    ("ترا أسماء القحطاني هي صاحبة الحساب", &["أسماء القحطاني"]),
    ("كتبت الاسم سلطانة وهو سلطان", &["سلطانة", "سلطان"]),
    ("راح يمر عليكم أخوي بندر", &["بندر"]),
    ("عقد الايجار باسم شركة وانا يوسف الممثل", &["يوسف"]),
    ("مدام نرمين طلبت تغيير الموعد", &["نرمين"]),
    ("البائع وليد ما يرد على الواتس", &["وليد"]),
    ("حق عمر الدوسري مو حقي", &["عمر الدوسري"]),
    ("وصل طلب غزران بنت مشاري اليوم", &["غزران بنت مشاري"]),
    ("- حمزة: وين طلبي؟\n- الموظف: لحظة", &["حمزة"]),
    ("عميلتكم القديمة خلود السبيعي", &["خلود السبيعي"]),
    ("Sent from Mariam's iPhone", &["Mariam's"]),
    ("Hi team, Ananya here, any update?", &["Ananya"]),
    ("شكرا لك نورة على التعاون", &["نورة"]),
    ("مروان ضيف الله الزايدي طلب نسخة", &["مروان ضيف الله الزايدي"]),
    ("راجعنا الاستاذة هند العبداللطيف امس", &["هند العبداللطيف"]),
    ("سامحيني يا شيما على التأخير", &["شيما"]),
    ("قائمة المدعوين: منيرة الفضلي، ريم، بشاير، خلود معرفي", &["منيرة الفضلي", "ريم", "بشاير", "خلود معرفي"]),
    ("Collected by: Torvaldo Quintrell 09:15", &["Torvaldo Quintrell"]),
    ("see you then. Thanks, Amal", &["Amal"]),
    ("modam Nesrine reserved two", &["Nesrine"]),
    ("Rommel Pangilinan will collect it", &["Rommel Pangilinan"]),
    ("Thilina Wickramasinghe paid the deposit", &["Thilina Wickramasinghe"]),
    ("Bishnu Gurung is at the gate", &["Bishnu Gurung"]),
    ("Tewodros Bekele from accounts approved", &["Tewodros Bekele"]),
];

/// Sentences in which a name is that of a street, a shop, a book or a perfume, or a word.
const NAMELESS: &[&str] = &[
    "do u deliver to King Khalid Airport terminal 5?",
    "طيب ممكن تتأكدون من المقاس قبل الشحن؟",
    "اقامتي سارية، ينفع اقسط؟",
    "عندكم عطر مريم الاصلي ولا تقليد",
    "شارع خالد بن الوليد قريب منكم؟",
    "حي الملك فهد بجدة توصلون له؟",
    "جامعة الأمير محمد بن فهد عندها خصم طلاب؟",
    "مستشفى سليمان فقيه جنبكم",
    "فستان سارة المقاس لارج",
    "توصلون مدينة الأمير عبدالله؟",
    "وين فرعكم في طريق عثمان بن عفان",
    "ابي كتاب رياض الصالحين",
    "ابغى قهوة تركي ونسكافيه",
    "الله يسعدك ويرزقك",
    "يعطيكم الف عافية ويسلمو على السرعة",
    "في مجال اسلم البضاعة لكم؟",
    "ما عندي مانع اغير اللون",
    "زيد الكمية لو سمحت",
    "هل الطلب واصل اليوم",
    "يسري الخصم على الكل؟",
    "نجيب لك اللي تبي",
    "العرض ساري لمتى",
    "ملابس بنين ولادي",
    "العبارة حسن الاستخدام موجودة",
    "مساعد شخصي للجوال متوفر",
    "قماش لين وناعم",
    "زيت سمسم وعسل سدر",
    "ولا يهمك تسلم",
    "سيارة زايد عليها كيلو",
    "رفعت تذكرة ومحد رد",
    "كيف اسوي سجود السهو بالسجادة الذكية",
    "عود معتق وبخور عتيق",
    "سوار ذهب عيار 18",
    "ساعة رولكس لون فيروز",
    "طاولة زان وكرسي هزاز",
    "قلادة ياقوت احمر",
    "السلام عليكم ورحمة الله",
    "سعر الذهب اليوم كم",
    "مشروب غازي بارد",
    "طلعت المقاسات صغيرة",
    "فلوسي رجعت نص بس",
    "كم باقي على رمضان",
    "ثوب نوم موف للاطفال",
    "لوحة هيكل سفينة",
    "البضاعة مطلقا ماهي مثل الصورة",
    "مطعم ابو خالد جنبكم",
    "حلويات سعد الدين متوفره؟",
    "بيتزا هت ودجاج الطازج",
    "كافيه نجد",
    "مسجد عمر بن الخطاب قبالكم",
    "King Abdullah Road traffic is heavy",
    "is Prince Sultan University giving discount",
    "I need the Sarah dress in beige",
    "Jordan 4 retro size 44 available?",
    "Ali Express is cheaper lol",
    "Max price you can do?",
    "القطعة فيها خدش من خلف",
    "والله انا متعب من التأخير",
    "Mark it as urgent please",
    "May I return it in June?",
    "Will you restock the rose gold one?",
    "Does it come with a Victoria Secret bag",
    "the Ahmed Tea 100 bags pack",
    "Eid collection is out?",
    "Ramadan timing please",
    "Paris Saint Germain jersey original?",
    "Bill me later please",
    "Grace period for return?",
    "Chelsea boots in black?",
    "Jasmine rice 5kg",
    "Basil and mint plants",
    "Ruby red lipstick",
    "Van size for delivery?",
    "Dean of the school wants a quote",
    "Rashid Hospital branch pickup possible?",
    "Al Rashid Mall branch opening hours",
    "Abdullah bin Abbas street is closed",
    "Jack 3.5mm to usb adapter",
    "Sultan size bed mattress",
    "Mina Bazaar location please",
    "Tara perfume by Arabian Oud",
    "نبي توصيل لحي الفيصلية",
    "دوار السلام ولا دوار الشعلة",
    "مول العرب في السادس من اكتوبر",
    "اسواق عبدالله العثيم ارخص",
    "بنده ولولو عندهم عروض",
    "بنك الجزيرة والراجحي والاهلي",
    "سيروم فيتامين سي ناعم",
    "سبحان الله وبحمده",
    "صباح الخير والنور",
    "مساء الورد والياسمين",
    "الحمد لله على السلامة",
    "اميرة ديزني للبنات",
    "لعبة باربي والسا",
    "تيشيرت ميسي ورونالدو",
    "قميص سالم الدوسري الهلال",
    "كتاب احمد خالد توفيق",
    "رواية نجيب محفوظ",
    "دهن عود الملكي",
    "فيه توفيق بين السعر والجودة",
    "رقية شرعية سماعة",
    "تمر خلاص القصيم وعجوة المدينة",
    "عزيزي العميل تم شحن طلبك",
    "Dear customer your order is shipped",
    "the Robin hood toy",
    "Frank Green bottle 1L",
    "Sony Xperia and Nokia",
    "Hello Kitty bag",
    "Mercedes Benz keychain",
    "Omar Khayyam restaurant nearby?",
    "Lily and Rose candle",
    "علي الطلاق ما ارجع لكم",
    "على العموم شكرا",
    "عليا توصيل ولا مجانا",
    "hadi el jazma fi minha azra2?",
    "Omar Effendi open on friday?",
    "is the Marina branch open",
    "Thanks, sale is great",
    "Reviewed by: me yesterday",
    "نبي الوان، جميل، هادي",
];

fn names(detector: &Detector, text: &str) -> Vec<String> {
    let spans = detector.scan(text, &mut Scratch::default()).spans;
    let people = spans.into_iter().filter(|span| span.kind == Kind::Person);
    people.map(|span| text[span.range].to_owned()).collect()
}

#[test]
fn names_are_found_that_nothing_announces() {
    let detector = Detector::new().unwrap();
    let missed = NAMED.iter().filter(|(text, expected)| names(&detector, text) != *expected);
    let missed: Vec<_> = missed.map(|(text, _)| format!("{text}: {:?}", names(&detector, text))).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_is_called_like_a_person_is_left_alone() {
    let detector = Detector::new().unwrap();
    let taken = NAMELESS.iter().filter(|text| !names(&detector, text).is_empty());
    let taken: Vec<_> = taken.map(|text| format!("{text}: {:?}", names(&detector, text))).collect();
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

#[test]
fn a_title_belongs_to_goods_where_goods_stand_before_it() {
    let detector = Detector::new().unwrap();
    for text in ["عندكم حلاوة ولا بقلاوة الحاج منصور؟", "متى يفتح مطعم الشيخ ناصر", "قهوة من بن سليمان"]
    {
        assert!(names(&detector, text).is_empty(), "{text}: {:?}", names(&detector, text));
    }
    assert_eq!(names(&detector, "وصلنا مع الحاج منصور"), ["منصور"]);
    assert_eq!(names(&detector, "شنطة الاستاذة منى ناقصة"), ["منى"]);
}

#[test]
fn codes_are_read_digit_by_digit_behind_their_word() {
    let detector = Detector::new().unwrap();
    for (text, kind, value) in [
        ("the otp is four one nine seven", Kind::Otp, "four one nine seven"),
        ("رمز التحقق خمسة اثنين سبعة ثمانية", Kind::Otp, "خمسة اثنين سبعة ثمانية"),
        ("cvv: three zero six", Kind::CardCvv, "three zero six"),
    ] {
        let spans = detector.scan(text, &mut Scratch::default()).spans;
        let found: Vec<_> = spans.iter().map(|span| (span.kind, &text[span.range.clone()])).collect();
        assert_eq!(found, [(kind, value)], "{text}");
    }
    assert!(detector.scan("one or two of the three sizes", &mut Scratch::default()).spans.is_empty());
}
