"""Held-out phrasings: never trained on, only asked; `data.check_disjoint` fails if one is also a training phrasing."""

_SHIP_TO_AR = [
    "هل خدمة التوصيل عندكم تصل {to}",
    "(تقدر|ممكن) الشحنة توصل {to}",
    "عندكم مندوب يوصل {to}",
    "فيكم تبعتوا لي غرض {to}",
    "أسكن في {city} هل يصلني الشحن",
    "هل {city} ضمن مناطق التوصيل",
    "ترسلون بضاعتكم {to}",
    "انا ساكن {city} تشحنون لي",
]

_AR = {
    "greet_salam": [
        "السلام عليكم ورحمه الله وبركاته اخواني", "السلام عليكم اخواني الكرام", "سلام عليكم ورحمة الله حياكم", "السلام عليكم يا أهل الخير",
    ],
    "greet": ["هلا وغلا", "مرحبا مليون", "صباح الخير كيفكم", "مرحبتين كيفكم", "مساء الخير شخبارك"],
    "thanks": ["شكرا من القلب", "تسلم الله يعطيك العافية", "مشكور ما قصرت", "شكرا على خدمتكم", "مشكورين على تعبكم معنا"],
    "bye": ["باي مع السلامة", "أشوفك على خير إن شاء الله", "يلا في أمان الله", "إلى اللقاء نراكم قريبا"],
    "ship_city": _SHIP_TO_AR,
    "ship_abroad": _SHIP_TO_AR,
    "ship_general": [
        "هل تقدمون خدمة التوصيل", "ممكن توصيل للبيت", "أي مدن تشحنون لها", "توصلون لكل مكان", "هل الشحن متوفر عندكم",
    ],
    "ship_time_city": [
        "كم يستغرق وصول الطلب {to}", "متى تصل شحنتي لو كنت في {city}", "كم يوم عشان يوصل الطلب {to}", "التوصيل {to} ياخذ كم يوم",
        "ايمتى بيوصلوا الغراض {to}",
    ],
    "ship_time": [
        "كم يستغرق وصول الطلبات", "كم يوم عشان يوصل الطلب", "التوصيل بكم يوم يخلص", "ايمتى بتوصل الطلبية عادة", "هل يتأخر الشحن",
    ],
    "ship_cost_city": [
        "كم بتاخدوا توصيل {to}", "كم سعر الشحن لو كنت في {city}", "ما هي رسوم الشحن {to}", "بكم توصلون {to}",
        "قيمة التوصيل {to} كم ريال",
    ],
    "ship_cost": ["كم بتاخدوا توصيل", "كم ريال التوصيل", "تحسبون رسوم على الشحن", "الشحن عندكم بكم", "هل فيه رسوم على التوصيل"],
    "returns": [
        "كيف يتم إرجاع المنتجات", "اشتريت شي وابغى ارجعه", "هل يحق لي الإرجاع", "ينفع ارجع حاجة اشتريتها",
        "خلال كم يوم اقدر ارجع المنتج", "بدي رجع الغرض اللي اشتريته",
    ],
    "exchange": [
        "المقاس مو مضبوط ابي ابدله", "هل أقدر استبدل القطعة بلون ثاني", "كيف يتم الاستبدال", "ينفع ابدل المقاس",
        "اخذت مقاس غلط كيف ابدله", "كم مدة الاستبدال عندكم",
    ],
    "cancel": [
        "لو سمحتوا الغوا طلبي", "غيرت رأيي ابغى الغي الطلب", "هل من الممكن إلغاء الطلبية", "كيف تتم عملية الإلغاء",
        "بدي اتراجع عن الطلب وألغيه",
    ],
    "payment": [
        "كيف طريقة السداد", "تقبلوا الدفع بالفيزا", "هل الدفع عند الاستلام متاح", "بأي طريقة تستقبلون الدفع",
        "عندكم دفع كاش ولا بس بطاقات", "اقدر اسدد بالبطاقة",
    ],
    "hours": [
        "متى يبدأ دوامكم", "المحل يفتح الساعة كم", "علموني اوقات الدوام", "انتوا فاتحين لحد كام", "متى تسكرون المحل",
        "كم ساعات العمل في المحل", "هل تعملون يوم الجمعة",
    ],
    "price": [
        "لو سمحت كم يطلع سعر {p}", "سعر {p} كم ريال", "بغيت اعرف {p} بكم", "اذا اخذت {p} كم ادفع", "{p} كم سعرها لو سمحتم",
        "تبيعون {p} بكم",
    ],
    "available": ["هل {p} متوفر عندكم", "القى عندكم {p}", "هل يوجد لديكم {p}", "عندكم {p} للبيع"],
    "absent": ["هل {p} متوفر عندكم", "القى عندكم {p}", "هل يوجد لديكم {p}", "{p} كم سعرها لو سمحتم", "سعر {p} كم ريال"],
    "products": [
        "وش تبيعون في متجركم", "ورني المنتجات اللي متوفرة", "عندكم ايش من المنتجات", "شو الأصناف الموجودة عندكم",
        "عرفني على منتجاتكم",
    ],
    "order": [
        "بغيت اعرف وين وصل طلبي {n}", "هل تم شحن الطلب رقم {n}", "طلبي {n} ليش تأخر", "لو سمحت حالة الطلبية رقم {n}",
        "ممكن اعرف اخبار الطلب رقم {n}", "شو صار بطلبي رقم {n}",
    ],
    "order_ask": ["طلبي ليش تأخر", "هل تم شحن طلبي", "بغيت اعرف وين وصل طلبي", "شو صار بطلبي", "لم يصل طلبي حتى الآن"],
    "location": [
        "وين مكان المحل بالضبط", "دلوني على محلكم", "ابي لوكيشن المتجر", "هل لكم فرع اقدر ازوره", "كيف أصل إلى متجركم",
        "انتو فين بالظبط",
    ],
    "warranty": [
        "كم سنة الضمان", "هل تقدمون ضمان على الأجهزة", "هل السماعة عليها كفالة", "مدة ضمان الساعة كم", "ايش يشمل الضمان",
        "في كفالة على الجهاز",
    ],
    "discount": [
        "هل يوجد كود خصم للطلب", "وش عروض اليوم", "ما في خصم", "بدي كوبون خصم لو سمحت", "هل عندكم تنزيلات", "في عروض هاليومين",
    ],
    "contact": [
        "وصلوني بخدمة العملاء", "ممكن تكلموني", "محتاج اكلم موظف", "دلوني كيف أتواصل مع فريق الدعم", "ابغى رقم خدمة العملاء",
    ],
    "identity": ["هل أتحدث مع روبوت", "انت بوت ولا شخص", "ممكن تعرفني من أنت", "وش تقدر تسوي لي", "مين اللي معي على الشات"],
}

_SHIP_TO_EN = [
    "i was wondering if you ship {to}", "are you able to deliver {to}", "is it possible to have it delivered {to}",
    "my home is in {city}, do you ship there", "can my order be sent {to}",
    "do your deliveries reach {city}", "you ship {to}, right",
]

_EN = {
    "greet_salam": ["assalamu alaikum all my brothers here", "salam dear friends", "salam alaikum good morning", "may peace be upon you"],
    "greet": [
        "a very good morning", "hey, how have you been", "hi hope you are doing well", "good evening everyone", "hello dear shop",
    ],
    "thanks": [
        "thank you for everything", "okay great, thanks a lot", "thanks for the help", "awesome, thank you so much",
        "i am thankful for your help",
    ],
    "bye": ["ok bye", "goodbye and take care", "bye, have a nice day", "see you next time", "a good night to you"],
    "ship_city": _SHIP_TO_EN,
    "ship_abroad": _SHIP_TO_EN,
    "ship_general": [
        "is home delivery something you offer", "what cities can you deliver to", "do you guys ship",
        "could you deliver to my house", "which areas do your deliveries cover",
    ],
    "ship_time_city": [
        "how long before my package gets {to}", "what is the delivery time if i live in {city}",
        "how many days does it take to ship {to}", "how soon would an order arrive {to}", "when can i expect delivery {to}",
    ],
    "ship_time": [
        "how long before my package gets here", "how many days does delivery usually take", "how soon would an order arrive",
        "when can i expect delivery", "what is your usual delivery time",
    ],
    "ship_cost_city": [
        "how much would you charge to send it {to}", "what are the shipping fees {to}", "what would delivery {to} cost me",
        "do i pay for delivery {to}", "how many riyals is shipping {to}",
    ],
    "ship_cost": [
        "how much would you charge to ship it", "what are the shipping fees", "what would delivery cost me",
        "do i pay for delivery", "how many riyals is shipping",
    ],
    "returns": [
        "is it possible to return something", "what if i want to return the item", "how does the return process work",
        "i bought something and want to give it back", "could i have my money back please", "what are the conditions for returns",
    ],
    "exchange": [
        "is it possible to exchange the size", "what if the size does not fit, can i swap it", "how does an exchange work",
        "i bought the wrong color, can i exchange it", "i need to swap it for a bigger size", "could you replace the item",
    ],
    "cancel": [
        "is it too late to cancel my order", "i no longer want it, cancel please", "how do i go about cancelling an order",
        "can the order be cancelled", "please stop and cancel my purchase",
    ],
    "payment": [
        "which cards can i use to pay", "what forms of payment do you take", "is it okay to pay cash", "may i pay by visa",
        "tell me the payment options", "do you take mada cards",
    ],
    "hours": [
        "at what time does the shop open", "what hours are you open", "are you guys open on friday", "when does your store close",
        "could you tell me your opening hours", "till what time do you work",
    ],
    "price": [
        "how much money is {p}", "how much would {p} cost me", "what price is {p}", "may i know the price of {p}",
        "for how much do you sell {p}", "how many riyals is {p}",
    ],
    "available": [
        "do you happen to have {p}", "could i order {p} from you", "is {p} something you sell", "i hope to buy {p} from you",
        "would you have {p} in stock",
    ],
    "absent": [
        "do you happen to have {p}", "could i order {p} from you", "may i know the price of {p}", "how much would {p} cost me",
        "i hope to buy {p} from you",
    ],
    "products": [
        "what sort of products do you sell", "can you list your products", "what things can i buy from your shop",
        "what is available in your store", "i want to browse your products",
    ],
    "order": [
        "any news about order {n}", "please find out where order {n} went", "what happened to my order {n}",
        "has order number {n} left yet", "can i know the status of order #{n}", "why is order {n} late",
    ],
    "order_ask": [
        "any news about my order", "what happened to my order", "why is my order late", "i still have not received my order",
        "my package is lost, where is it",
    ],
    "location": [
        "where can i find your shop", "what is the address of the store", "which area is your shop in",
        "could you send me your location", "is there a store i can visit", "how do i get to your branch",
    ],
    "warranty": [
        "how many years of warranty do i get", "does the watch come under warranty", "is a guarantee included",
        "what does the warranty cover", "are your devices guaranteed", "do the headphones have a warranty",
    ],
    "discount": [
        "could i get a promo code", "are there any special offers today", "got any discounts", "is there a sale on now",
        "do you have a discount code for me", "what deals do you have",
    ],
    "contact": [
        "let me talk to a real person", "is there someone i can speak to", "i'd like to speak with customer support",
        "can someone call me", "please let an agent contact me",
    ],
    "identity": [
        "is this a bot", "am i speaking to a real person", "what should i call you", "and you are who", "are you some kind of ai",
    ],
}

HELD_OUT = {"ar": _AR, "en": _EN}
