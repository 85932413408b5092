"""The invented shop: its facts, and the one right answer for each topic.

The expected answer depends only on the topic, the slots and the language, so that a held-out question has exactly one
right answer and the score can be an exact match.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A city the shop ships to, with the spellings shoppers use."""

    ar: str
    en: str
    ar_spellings: tuple[str, ...]
    en_spellings: tuple[str, ...]
    days: int
    cost: int


@dataclass(frozen=True)
class Product:
    """A product; `ar` is definite (used after «سعر»), `ar_any` is indefinite (used after «لدينا»)."""

    ar: str
    ar_any: str
    en: str
    ar_spellings: tuple[str, ...]
    en_spellings: tuple[str, ...]
    price: int


CITIES = (
    City("الرياض", "Riyadh", ("الرياض",), ("Riyadh", "Riyad"), 1, 15),
    City("جدة", "Jeddah", ("جدة", "جدّة"), ("Jeddah", "Jedda", "Jiddah"), 2, 25),
    City("مكة", "Makkah", ("مكة", "مكة المكرمة"), ("Makkah", "Mecca"), 2, 25),
    City("المدينة المنورة", "Madinah", ("المدينة المنورة", "المدينه المنوره"), ("Madinah", "Medina"), 3, 25),
    City("الدمام", "Dammam", ("الدمام",), ("Dammam",), 2, 25),
    City("الخبر", "Khobar", ("الخبر",), ("Khobar", "Al Khobar"), 2, 25),
    City("الطائف", "Taif", ("الطائف", "الطايف"), ("Taif",), 3, 25),
    City("تبوك", "Tabuk", ("تبوك",), ("Tabuk",), 4, 25),
    City("أبها", "Abha", ("أبها",), ("Abha",), 4, 25),
    City("جازان", "Jazan", ("جازان", "جيزان"), ("Jazan", "Jizan"), 4, 25),
    City("حائل", "Hail", ("حائل", "حايل"), ("Hail",), 3, 25),
    City("بريدة", "Buraydah", ("بريدة",), ("Buraydah", "Buraidah"), 3, 25),
    City("الأحساء", "Al Ahsa", ("الأحساء", "الحسا"), ("Al Ahsa", "Hofuf"), 3, 25),
    City("الجبيل", "Jubail", ("الجبيل",), ("Jubail",), 3, 25),
    City("ينبع", "Yanbu", ("ينبع",), ("Yanbu",), 3, 25),
    City("نجران", "Najran", ("نجران",), ("Najran",), 4, 25),
    City("دبي", "Dubai", ("دبي",), ("Dubai",), 4, 45),
    City("أبوظبي", "Abu Dhabi", ("أبوظبي", "أبو ظبي"), ("Abu Dhabi",), 4, 45),
    City("الشارقة", "Sharjah", ("الشارقة",), ("Sharjah",), 5, 45),
    City("الدوحة", "Doha", ("الدوحة",), ("Doha",), 5, 45),
    City("الكويت", "Kuwait", ("الكويت",), ("Kuwait", "Kuwait City"), 4, 45),
    City("المنامة", "Manama", ("المنامة",), ("Manama",), 3, 45),
    City("مسقط", "Muscat", ("مسقط",), ("Muscat",), 5, 45),
)

# Places outside the Gulf, in both languages: the shop does not ship there.
ABROAD_AR = (
    "القاهرة", "الإسكندرية", "عمان الأردن", "بيروت", "دمشق", "بغداد", "إسطنبول", "لندن", "باريس", "نيويورك", "الخرطوم",
    "تونس", "الجزائر", "الرباط", "برلين", "مدريد", "روما", "موسكو", "دلهي", "أمريكا", "تركيا", "مصر", "الأردن", "أوروبا",
    "المغرب", "العراق", "اليمن", "صنعاء", "كندا", "الصين",
)
ABROAD_EN = (
    "Cairo", "Alexandria", "Amman", "Beirut", "Damascus", "Baghdad", "Istanbul", "London", "Paris", "New York", "Khartoum",
    "Tunis", "Algiers", "Rabat", "Berlin", "Madrid", "Rome", "Moscow", "Delhi", "America", "Turkey", "Egypt", "Jordan",
    "Europe", "Morocco", "Iraq", "Yemen", "Canada", "China", "the USA",
)

PRODUCTS = (
    Product("عطر العود", "عطر عود", "oud perfume", ("عطر العود", "العود", "دهن العود", "العطر"), ("oud perfume", "oud", "perfume"), 180),
    Product("التمر", "تمر", "dates box", ("التمر", "علبة التمر", "التمور"), ("dates box", "dates", "box of dates"), 65),
    Product("القهوة السعودية", "قهوة سعودية", "Saudi coffee", ("القهوة السعودية", "القهوة", "القهوة العربية"), ("Saudi coffee", "coffee", "Arabic coffee"), 45),
    Product("العباية", "عباية", "abaya", ("العباية", "العبايه", "العباءة"), ("abaya",), 220),
    Product("الثوب", "ثوب", "thobe", ("الثوب", "الثوب الرجالي"), ("thobe", "thawb"), 150),
    Product("السماعة", "سماعة", "headphones", ("السماعة", "السماعات", "سماعة البلوتوث"), ("headphones", "headset", "earphones"), 290),
    Product("الساعة الذكية", "ساعة ذكية", "smart watch", ("الساعة الذكية", "الساعة"), ("smart watch", "smartwatch", "watch"), 350),
    Product("الحقيبة", "حقيبة", "bag", ("الحقيبة", "الشنطة"), ("bag", "handbag"), 85),
)

# Things the shop does not sell: an honest "not available" instead of an invented price.
ABSENT_AR = (
    "الثلاجة", "الغسالة", "السيارة", "الجوال", "اللابتوب", "الكتب", "الدراجة", "الكرسي", "الطاولة", "المكيف", "التلفزيون",
    "الكاميرا", "السجاد", "الذهب", "الخاتم", "النظارة", "الدفتر", "البيتزا", "الحليب", "الطابعة",
)
ABSENT_EN = (
    "fridge", "washing machine", "car", "phone", "laptop", "books", "bicycle", "chair", "table", "air conditioner",
    "television", "camera", "carpet", "gold", "ring", "glasses", "notebook", "pizza", "milk", "printer",
)

DAYS_AR = {1: "يوم واحد", 2: "يومين", 3: "3 أيام", 4: "4 أيام", 5: "5 أيام"}

# Topics whose answer has no slot.
FIXED = {
    "greet_salam": ("وعليكم السلام، كيف أستطيع مساعدتك؟", "Peace be upon you too, how can I help you?"),
    "greet": ("أهلًا بك، كيف أستطيع مساعدتك؟", "Hello, how can I help you?"),
    "thanks": ("العفو، نحن في خدمتك دائمًا.", "You are welcome, we are always at your service."),
    "bye": ("مع السلامة، نسعد بزيارتك مرة أخرى.", "Goodbye, we hope to see you again."),
    "ship_abroad": ("نعتذر، نشحن حاليًا إلى مدن الخليج فقط.", "Sorry, we ship only to Gulf cities for now."),
    "ship_general": ("نعم، نشحن إلى مدن الخليج خلال يوم إلى 5 أيام.", "Yes, we ship to Gulf cities within 1 to 5 days."),
    "ship_time": ("يصل الطلب خلال يوم إلى 5 أيام حسب المدينة.", "Orders arrive within 1 to 5 days, depending on the city."),
    "ship_cost": (
        "التوصيل إلى الرياض 15 ريالًا، وبقية مدن المملكة 25 ريالًا، ودول الخليج 45 ريالًا.",
        "Delivery is 15 SAR to Riyadh, 25 SAR to other Saudi cities and 45 SAR to the Gulf.",
    ),
    "returns": (
        "يمكنك إرجاع المنتج خلال 14 يومًا من الاستلام إذا كان بحالته الأصلية.",
        "You can return a product within 14 days of delivery in its original condition.",
    ),
    "exchange": (
        "يمكنك استبدال المنتج خلال 7 أيام من الاستلام، والاستبدال الأول مجاني.",
        "You can exchange a product within 7 days of delivery, and the first exchange is free.",
    ),
    "cancel": ("يمكنك إلغاء الطلب قبل شحنه دون رسوم.", "You can cancel an order before it ships, free of charge."),
    "payment": (
        "نقبل مدى وفيزا وماستركارد وآبل باي، والدفع عند الاستلام.",
        "We accept mada, Visa, Mastercard, Apple Pay and cash on delivery.",
    ),
    "hours": (
        "نعمل من السبت إلى الخميس من 9 صباحًا إلى 10 مساءً، والجمعة من 4 عصرًا.",
        "We are open Saturday to Thursday from 9 am to 10 pm, and Friday from 4 pm.",
    ),
    "location": ("متجرنا في الرياض، حي العليا، شارع التحلية.", "Our shop is in Riyadh, Olaya district, Tahlia street."),
    "warranty": ("نضمن الأجهزة لمدة سنتين ضد عيوب الصناعة.", "Devices have a two-year warranty against defects."),
    "discount": (
        "لا توجد عروض حاليًا، ونعلن العروض الجديدة في المتجر.", "There are no offers now; new offers are announced in the shop.",
    ),
    "products": (
        "لدينا عطر عود وتمر وقهوة سعودية وعباية وثوب وسماعة وساعة ذكية وحقيبة.",
        "We sell oud perfume, dates, Saudi coffee, abayas, thobes, headphones, smart watches and bags.",
    ),
    "absent": ("عذرًا، هذا المنتج غير متوفر لدينا.", "Sorry, we do not sell this product."),
    "order_ask": ("من فضلك أرسل رقم الطلب لنتابع حالته.", "Please send the order number so that we can check it."),
    "contact": (
        "بكل سرور، أرسل رقم جوالك أو بريدك الإلكتروني وسنتواصل معك.",
        "Gladly, send your phone number or e-mail and we will contact you.",
    ),
    # For a shopper who asks to be contacted and says where.
    "contact_known": ("بكل سرور.", "Gladly."),
    "details": ("شكرًا لك.", "Thank you."),
    "identity": (
        "أنا مساعد المتجر، نموذج تجريبي صغير يجيب عن أسئلة المتجر.",
        "I am the shop assistant, a small demonstration model that answers shop questions.",
    ),
    "offtopic": (
        "عذرًا، لا أعرف ذلك. أنا نموذج تجريبي صغير أجيب عن أسئلة المتجر فقط.",
        "Sorry, I do not know. I am a small demonstration model that answers shop questions only.",
    ),
}

# What the answer adds for each placeholder of the shopper's last message: it repeats the placeholder exactly.
REPEATS = {
    "PHONE": (" سنتصل بك على {}.", " We will call you on {}."),
    "EMAIL": (" سنراسلك على {}.", " We will write to {}."),
    "SA_NATIONAL_ID": (" سجّلنا رقم الهوية {}.", " We noted the ID number {}."),
    "SA_IQAMA": (" سجّلنا رقم الإقامة {}.", " We noted the iqama number {}."),
    "IBAN": (" وصلنا رقم الآيبان {}.", " We received the IBAN {}."),
    "CREDIT_CARD": (" لا ترسل رقم البطاقة {} في المحادثة.", " Please do not send the card number {} in a chat."),
}


def answer(topic: str, language: str, slots: dict) -> str:
    """Returns the one right answer of a topic, without what is added for placeholders."""
    arabic = language == "ar"
    if topic in FIXED:
        return FIXED[topic][0 if arabic else 1]
    if topic in ("price", "available"):
        product = slots["product"]
        if topic == "price":
            return f"سعر {product.ar} {product.price} ريالًا." if arabic else f"The price of the {product.en} is {product.price} SAR."
        return f"نعم، لدينا {product.ar_any} بسعر {product.price} ريالًا." if arabic else f"Yes, we have the {product.en} for {product.price} SAR."
    if topic == "order":
        number = slots["number"]
        return f"طلبك رقم {number} قيد المتابعة، وسنرسل لك حالته." if arabic else f"Order {number} is being checked, and we will send you its status."
    city = slots["city"]
    days = DAYS_AR[city.days] if arabic else "1 day" if city.days == 1 else f"{city.days} days"
    return {
        "ship_city": (f"نعم، نشحن إلى {city.ar} خلال {days}.", f"Yes, we ship to {city.en} within {days}."),
        "ship_time_city": (f"يصل الطلب إلى {city.ar} خلال {days}.", f"Orders to {city.en} arrive within {days}."),
        "ship_cost_city": (f"تكلفة التوصيل إلى {city.ar} {city.cost} ريالًا.", f"Delivery to {city.en} costs {city.cost} SAR."),
    }[topic][0 if arabic else 1]
