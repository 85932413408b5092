"""Names of places and things that are only trained on; those that held-out questions name are in `facts.py`."""

# Outside the Gulf.
ABROAD = {
    "ar": (
        "ألمانيا فرنسا بريطانيا إيطاليا إسبانيا السويد هولندا سويسرا أستراليا السودان سوريا لبنان فلسطين ليبيا تونس ماليزيا إندونيسيا الهند باكستان "
        "اليابان كوريا روسيا البرازيل المكسيك نيجيريا إثيوبيا الصومال موريتانيا غزة حلب عدن البصرة أربيل المنصورة أسوان وهران مراكش فاس أنقرة "
        "طرابلس بنغازي طوكيو بكين سيدني تورنتو واشنطن شيكاغو ميلانو فيينا بروكسل أمستردام أثينا لشبونة جاكرتا كراتشي مومباي نيروبي إيران آسيا "
        "أفريقيا إفريقيا أوكرانيا بولندا النمسا اليونان قبرص"
    ).split(),
    "en": (
        "Germany|France|Britain|England|Italy|Spain|Sweden|Holland|Switzerland|Australia|Sudan|Syria|Lebanon|Palestine|Libya|Tunisia|Malaysia|"
        "Indonesia|India|Pakistan|Japan|Korea|Russia|Brazil|Mexico|Nigeria|Ethiopia|Somalia|Algeria|Gaza|Aleppo|Aden|Basra|Erbil|Aswan|Oran|"
        "Marrakesh|Ankara|Tripoli|Tokyo|Beijing|Sydney|Toronto|Washington|Chicago|Milan|Vienna|Brussels|Amsterdam|Athens|Lisbon|Jakarta|Karachi|"
        "Mumbai|Nairobi|Iran|Asia|Africa|Ukraine|Poland|Austria|Greece|Cyprus|Ireland|Scotland|Texas|California|Boston|Miami|the UK|the US|"
        "South Africa|Hong Kong|Los Angeles|Saint Petersburg|New Delhi|San Francisco"
    ).split("|"),
}

# In the Gulf, but no city of the list: the answer says what holds for all of them.
GULF = {
    "ar": [
        "السعودية", "الإمارات", "قطر", "البحرين", "سلطنة عمان", "دول الخليج", "الخليج", "المملكة", "القطيف", "خميس مشيط", "عرعر", "سكاكا", "الباحة",
        "الخرج", "العين", "عجمان", "رأس الخيمة", "الفجيرة", "صلالة", "صحار", "المحرق", "عنيزة", "القصيم", "حفر الباطن", "الجوف", "الريان", "الأحمدي",
        "حولي",
    ],
    "en": [
        "Saudi Arabia", "the Emirates", "the UAE", "Qatar", "Bahrain", "Oman", "the Gulf", "KSA", "Qatif", "Khamis Mushait", "Arar", "Sakaka",
        "Al Baha", "Al Kharj", "Al Ain", "Ajman", "Ras Al Khaimah", "Fujairah", "Salalah", "Sohar", "Unaizah", "Qassim", "Gulf countries",
        "Saudi cities",
    ],
}

ABSENT = {
    "ar": (
        "المروحة|الفرن|الميكروويف|الخلاط|المكنسة|المكواة|الدفاية|السرير|الكنبة|الخزانة|المرآة|المصباح|الستارة|المخدة|البطانية|اللحاف|الحذاء|الجزمة|"
        "النعال|القميص|البنطلون|الجاكيت|الفستان|الجوارب|القبعة|الشماغ|الحزام|الآيفون|الآيباد|الكمبيوتر|الشاشة|الكيبورد|الماوس|الشاحن|الكيبل|"
        "البلايستيشن|القلم|القرطاسية|اللعبة|الدمية|الكرة|الدباب|الإطارات|البطارية|الزيت|السكر|الرز|الخبز|اللحم|الدجاج|السمك|البيض|الجبن|العسل|"
        "الشوكولاتة|الآيسكريم|العصير|الماء|الشاي|الفواكه|الخضار|التفاح|الموز|الدواء|البنادول|الشامبو|الصابون|المعجون|الكريم|المكياج|الحناء|السلسال|"
        "الأسورة|الألماس|الفضة|الخيمة|الدراجة النارية|القارب|الطيارة|الشقة|البيت|الغيتار|البيانو|الكاميرا|السجادة|الباب|المفتاح|المسمار|الدهان|"
        "الأسمنت|الحصان|القطة|الخروف|الورد|النباتات|البذور|السماد|الكاسة|الصحن|القدر|الملعقة|السكين|البراد|الثلاجات|الغسالات|جوالات|لابتوبات|سيارات|"
        "كراسي|طاولات|نظارات شمسية|كتب أطفال|أحذية رياضية|بيتزا|برجر|حليب|مكيفات|طابعات"
    ).split("|"),
    "en": (
        "fan|oven|microwave|blender|vacuum cleaner|iron|heater|bed|sofa|wardrobe|mirror|lamp|curtain|pillow|blanket|shoes|sneakers|sandals|shirt|"
        "trousers|jeans|jacket|dress|socks|hat|belt|iphone|ipad|tablet|computer|monitor|keyboard|mouse|charger|cable|playstation|pen|pencil|toy|"
        "doll|ball|football|motorbike|tires|battery|oil|sugar|rice|bread|meat|chicken|fish|eggs|cheese|honey|chocolate|ice cream|juice|water|tea|"
        "fruit|vegetables|apples|bananas|medicine|aspirin|shampoo|soap|toothpaste|cream|makeup|lipstick|necklace|bracelet|diamonds|silver|tent|"
        "scooter|boat|plane|flat|house|guitar|piano|rug|door|key|nails|paint|cement|horse|cat|dog|sheep|flowers|plants|seeds|cup|plate|pot|spoon|"
        "knife|freezer|dishwasher|laptops|phones|cars|chairs|tables|sunglasses|novels|burger|cola|stove|router|drone|skateboard|umbrella|wallet|"
        "suitcase|mattress|desk|bookshelf|candles|cushion|toaster|kettle|tv|tyres|ladder|hammer|screws|magazine|stamps"
    ).split("|"),
}

# More ways to name what the shop has and where it ships.
PRODUCT_SPELLINGS = {
    "oud perfume": {"ar": ("عطر", "عطور", "العطور", "عطر عود", "عود", "دهن عود"), "en": ("perfumes", "oud perfumes", "oud oil", "fragrance")},
    "dates box": {"ar": ("تمر", "تمور", "علبة تمر", "كرتون تمر"), "en": ("a box of dates", "date boxes", "some dates", "box dates")},
    "Saudi coffee": {"ar": ("قهوة", "قهوة سعودية", "قهوة عربية", "بن"), "en": ("arabic coffee", "saudi coffees", "some coffee")},
    "abaya": {"ar": ("عباية", "عبايات", "العبايات", "عبايه"), "en": ("abayas", "black abaya")},
    "thobe": {"ar": ("ثوب", "ثياب", "الثياب", "ثوب رجالي", "أثواب"), "en": ("thobes", "thawbs", "white thobe")},
    "headphones": {
        "ar": ("سماعة", "سماعات", "سماعات بلوتوث", "سماعة بلوتوث", "سماعه"),
        "en": ("headphone", "bluetooth headphones", "earphone", "headsets"),
    },
    "smart watch": {"ar": ("ساعة", "ساعة ذكية", "ساعات", "ساعات ذكية", "الساعات"), "en": ("smart watches", "watches", "smartwatches")},
    "bag": {"ar": ("شنطة", "حقيبة", "شنط", "حقائب", "الشنط", "شنطه"), "en": ("bags", "handbags", "hand bag")},
}

CITY_SPELLINGS = {
    "Jeddah": {"ar": ("جده",), "en": ("jeddah city", "Jidda")},
    "Makkah": {"ar": ("مكه",), "en": ("Mekkah", "Makka")},
    "Madinah": {"ar": ("المدينة", "المدينه"), "en": ("Al Madinah", "Madina")},
    "Dammam": {"ar": ("دمام",), "en": ("Damam", "Al Dammam")},
    "Riyadh": {"ar": ("رياض", "الرياظ"), "en": ("Al Riyadh", "Riadh")},
    "Khobar": {"ar": ("خبر",), "en": ("Khobar city", "Alkhobar")},
    "Abu Dhabi": {"ar": ("ابوظبي",), "en": ("Abudhabi",)},
    "Doha": {"ar": ("دوحة",), "en": ("Doha city",)},
    "Kuwait": {"ar": ("كويت", "مدينة الكويت"), "en": ("kuwait",)},
    "Dubai": {"ar": ("دبى",), "en": ("dubai city",)},
    "Manama": {"ar": ("منامة",), "en": ("Al Manama",)},
    "Al Ahsa": {"ar": ("الاحساء", "الهفوف"), "en": ("Ahsa", "Al Hasa")},
}
