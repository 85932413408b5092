"""Carriers shared by all topics, and the names of each topic that fill them: every carrier × every name is a training phrasing.

They teach that the topic's own words decide, whatever is said around them. `{k}` is the name of a topic.
"""

CARRIERS = {
    "ar": [
        "(ابغى|ابي|عايز|بدي|أريد|ودي|حاب|محتاج|بغيت) (اعرف|أعرف|اسأل عن|استفسر عن|افهم|معرفة|معلومات عن|تفاصيل) {k}",
        "(ممكن|هل ممكن|تقدر|تقدرون|بتقدر|هل يمكنكم) (تقول لي|تقولون لي|تخبرني عن|تعلمني عن|تشرح لي|توضح لي|تعطيني|اعرف|معلومات عن) {k}",
        "(قل لي|قولوا لي|خبرني عن|اخبرني عن|علمني عن|احكيلي عن|كلمني عن|اشرح لي|وضح لي|فهمني) {k}",
        "(وش|ايش|شو|ايه|ما|شنو|ما هي|ما هو) {k}(| عندكم| لديكم| حقكم| بالضبط| بتاعتكم)",
        "(بالنسبة|بخصوص|بخصوص موضوع|سؤال عن|استفسار عن|عندي سؤال عن|سؤال بخصوص) {k}",
        "{k}(| لو سمحت| كيف| عندكم| عندكم كيف| من فضلكم)",
        "(كيف|شلون|ازاي) {k}(| عندكم| لديكم)", "(ماذا|وش|شو|ايش) (عن|بخصوص|في) {k}",
    ],
    "en": [
        "(can|could|would) you (tell me|explain|give me|show me|share|clarify|help me with|tell me about|say something about) {k}",
        "(i want|i'd like|i would like|i need|i am trying) to (know|ask about|understand|know about|learn about|find out about|check) {k}",
        "(what is|what's|what are|what about|how about|tell me about|explain|tell me) {k}",
        "(may|can|could) i (know|ask about|hear about|have|get) {k}",
        "(question about|about|regarding|i have a question about|info on|information about|details of|i am asking about) {k}",
        "{k}(| please| info| details| information)",
        "(do you know|i was wondering about|i am curious about|i am interested in|what can you say about) {k}",
        "(what is|what's) (your|the shop's|the store's) {k}",
    ],
}

NAMES = {
    "ar": {
        "ship_general": (
            "خدمة التوصيل|مناطق التوصيل|مدن الشحن|مدن التوصيل|المدن اللي توصلون لها|خدمة الشحن|المناطق المشمولة بالتوصيل|"
            "خدمة التوصيل للبيوت|نطاق التوصيل"
        ),
        "ship_time": (
            "مدة التوصيل|وقت التوصيل|مدة الشحن|وقت الشحن|مدة وصول الطلب|سرعة التوصيل|عدد أيام التوصيل|موعد وصول الطلبات|"
            "وقت وصول الطلب|كم يوم التوصيل"
        ),
        "ship_cost": (
            "سعر التوصيل|رسوم التوصيل|تكلفة التوصيل|سعر الشحن|رسوم الشحن|تكلفة الشحن|قيمة التوصيل|أجور الشحن|أجرة التوصيل|"
            "التوصيل بكم|الشحن بكم|مصاريف الشحن|حق التوصيل"
        ),
        "ship_time_city": (
            "مدة التوصيل {to}|وقت التوصيل {to}|مدة الشحن {to}|مدة وصول الطلب {to}|سرعة التوصيل {to}|عدد أيام التوصيل {to}|"
            "موعد وصول الطلب {to}|كم يوم التوصيل {to}|متى يوصل الطلب {to}|كم يوم ياخذ الشحن {to}"
        ),
        "ship_cost_city": (
            "سعر التوصيل {to}|رسوم التوصيل {to}|تكلفة التوصيل {to}|سعر الشحن {to}|تكلفة الشحن {to}|قيمة التوصيل {to}|"
            "أجور الشحن {to}|أجرة التوصيل {to}|كم رسوم الشحن {to}|مصاريف الشحن {to}|حق التوصيل {to}|بكم الشحن {to}"
        ),
        "ship_city": (
            "إذا كنتم توصلون {to}|إذا فيه توصيل {to}|هل تشحنون {to}|إمكانية الشحن {to}|إمكانية التوصيل {to}|إذا عندكم شحن {to}|"
            "هل يوصل الشحن {to}|خدمة التوصيل {to}"
        ),
        "ship_abroad": (
            "إذا كنتم توصلون {to}|إذا فيه توصيل {to}|هل تشحنون {to}|إمكانية الشحن {to}|إمكانية التوصيل {to}|إذا عندكم شحن {to}|"
            "هل يوصل الشحن {to}|خدمة التوصيل {to}"
        ),
        "returns": (
            "سياسة الإرجاع|الإرجاع|شروط الإرجاع|طريقة الإرجاع|الاسترجاع|سياسة الاسترجاع|إرجاع المنتج|إرجاع الطلب|ترجيع المنتج|"
            "ترجيع الغرض|رد المنتج|استرداد المبلغ|المرتجعات|مدة الإرجاع|ارجاع شي شريته|كيف ارجع غرض|إعادة المنتج|إرجاع السلع|"
            "رجوع البضاعة"
        ),
        "exchange": (
            "سياسة الاستبدال|الاستبدال|شروط الاستبدال|طريقة الاستبدال|استبدال المنتج|استبدال المقاس|تبديل المقاس|تبديل اللون|"
            "تغيير المقاس|تغيير اللون|تبديل القطعة|مدة الاستبدال|كيف ابدل المقاس|ابدل القطعة|المقاس طلع صغير|المقاس طلع كبير"
        ),
        "cancel": (
            "إلغاء الطلب|طريقة الإلغاء|سياسة الإلغاء|إلغاء الطلبية|كيف الغي الطلب|كنسلة الطلب|الغاء طلبي|إلغاء الشراء|"
            "التراجع عن الطلب|الغي اللي طلبته|إلغاء طلب سويته"
        ),
        "payment": (
            "طرق الدفع|طريقة الدفع|وسائل الدفع|خيارات الدفع|الدفع|طرق السداد|وسائل السداد|السداد|الدفع عند الاستلام|"
            "الدفع بالبطاقة|الدفع كاش|البطاقات المقبولة|الدفع بمدى|الدفع بالفيزا|كيف ادفع|الدفع الإلكتروني|كيف اسدد|كيف احاسب|"
            "الدفع نقدا"
        ),
        "hours": (
            "ساعات العمل|أوقات العمل|أوقات الدوام|ساعات الدوام|مواعيد العمل|الدوام|دوامكم|مواعيد الفتح|وقت الفتح|وقت الإغلاق|"
            "متى تفتحون|متى تقفلون|أوقات الفتح والإغلاق|الساعة كم تفتحون|دوام الجمعة|أيام العمل|متى يقفل المحل|متى يسكر المحل|"
            "أيام الدوام"
        ),
        "price": (
            "سعر {p}|ثمن {p}|قيمة {p}|تكلفة {p}|كم سعر {p}|بكم {p}|كم يكلف {p}|السعر حق {p}|بكام {p}|كم تبيعون {p}|"
            "بكم تبيعون {p}|كم ثمن {p}"
        ),
        "available": (
            "توفر {p}|إذا عندكم {p}|هل عندكم {p}|إذا {p} متوفر|إذا فيه {p}|هل لديكم {p}|إذا تبيعون {p}|هل القى {p}|هل فيه {p}|"
            "هل باقي {p}"
        ),
        "absent": (
            "توفر {p}|إذا عندكم {p}|هل عندكم {p}|إذا {p} متوفر|إذا فيه {p}|سعر {p}|ثمن {p}|قيمة {p}|كم سعر {p}|بكم {p}|"
            "إذا تبيعون {p}|هل القى {p}|بكم تبيعون {p}"
        ),
        "products": (
            "المنتجات|منتجاتكم|قائمة المنتجات|الأصناف|الأصناف المتوفرة|البضاعة|البضاعة اللي عندكم|وش تبيعون|ايش عندكم|"
            "المنتجات المتوفرة|أنواع المنتجات|كل المنتجات|منتجات المتجر|اللي تبيعونه|السلع المتوفرة|شو عندكم منتجات|"
            "منتجات المحل|الأشياء اللي عندكم"
        ),
        "order": (
            "حالة الطلب {n}|حالة الطلب رقم {n}|طلبي رقم {n}|الطلب رقم {n}|وين الطلب {n}|وين طلبي {n}|متابعة الطلب {n}|"
            "مصير الطلب {n}|أخبار طلبي {n}|الطلبية رقم {n}|ليش تأخر الطلب {n}|تتبع الشحنة {n}|شحنتي رقم {n}|"
            "إذا وصل الطلب رقم {n}|إذا انشحن الطلب {n}"
        ),
        "order_ask": (
            "حالة طلبي|حالة الطلب|وين طلبي|متابعة طلبي|تتبع الطلب|مصير طلبي|أخبار طلبي|حالة الشحنة|تأخر طلبي|ليش تأخر طلبي|"
            "ليه طلبي ما وصل|وين وصلت شحنتي|تتبع الشحنة|إذا انشحن طلبي|سبب تأخير الطلب|إذا طلبي انشحن|إذا وصل طلبي"
        ),
        "location": (
            "موقعكم|عنوانكم|موقع المحل|عنوان المحل|مكان المحل|عنوان المتجر|موقع الفرع|مكانكم|اللوكيشن|وين المحل|عنوان الفرع|"
            "وين محلكم|كيف اوصل للمحل|طريق المحل|مكان الفرع|فروعكم|فين المحل|عنوان المعرض"
        ),
        "warranty": (
            "الضمان|مدة الضمان|سياسة الضمان|ضمان الأجهزة|ضمان السماعة|ضمان الساعة|الكفالة|مدة الكفالة|شروط الضمان|"
            "إذا عليها ضمان|إذا فيه ضمان|كم سنة ضمان السماعة|كفالة الجهاز|ضمان المنتج|هل فيه كفالة|تغطية الضمان"
        ),
        "discount": (
            "العروض|الخصومات|التخفيضات|كود الخصم|عروضكم|خصم|كوبون الخصم|العروض الحالية|عروض الأسبوع|إذا فيه خصم|إذا عندكم عروض|"
            "هل فيه تخفيض|كود تخفيض|التنزيلات|تنزيلات اليوم|اذا في عرض"
        ),
        "contact": (
            "رقم خدمة العملاء|طريقة التواصل|رقم التواصل|التواصل مع موظف|كيف اكلم موظف|رقمكم|رقم الدعم|كيف اكلم خدمة العملاء|"
            "طريقة التواصل معكم|أكلم إنسان|أكلم أحد من الموظفين|التحدث مع موظف|التحدث مع خدمة العملاء|تكلمني موظفة|تتصلون فيني|"
            "تتواصلون معي|تتصلوا بي"
        ),
        "identity": (
            "من انت|مين انت|اسمك|انت مين|هل انت روبوت|هل انت بوت|هل انت إنسان|هل انت شخص حقيقي|وش تقدر تسوي|انت بوت|من تكون|"
            "اذا انت روبوت|من يتكلم معي|اكلم بوت او انسان|اكلم مين"
        ),
    },
    "en": {
        "ship_general": (
            "delivery service|shipping service|delivery areas|shipping areas|cities you deliver to|cities you ship to|"
            "where you deliver|where you ship|home delivery|if you ship|if you deliver|whether you have delivery|"
            "areas covered by delivery|places you ship to"
        ),
        "ship_time": (
            "delivery time|shipping time|how long delivery takes|how long shipping takes|how many days shipping takes|"
            "when orders arrive|delivery speed|when an order would arrive|number of days for delivery|"
            "how long an order takes to get here|how fast you deliver"
        ),
        "ship_cost": (
            "shipping cost|delivery cost|delivery fee|shipping fee|delivery fees|price of shipping|price of delivery|"
            "delivery charges|cost of delivery|how much delivery costs|how much shipping is|shipping price|"
            "how many riyals delivery is|what i pay for shipping"
        ),
        "ship_time_city": (
            "delivery time {to}|shipping time {to}|how long delivery takes {to}|how long shipping takes {to}|"
            "how many days shipping takes {to}|when orders arrive {to}|delivery speed {to}|when an order would get {to}|"
            "number of days for delivery {to}|how long it takes {to}|how fast you deliver {to}"
        ),
        "ship_cost_city": (
            "shipping cost {to}|delivery cost {to}|delivery fee {to}|shipping fee {to}|delivery fees {to}|"
            "price of shipping {to}|delivery charges {to}|cost of delivery {to}|how much delivery costs {to}|"
            "how much shipping is {to}|shipping price {to}|how many riyals delivery is {to}|what i pay for shipping {to}"
        ),
        "ship_city": (
            "shipping {to}|delivery {to}|if you ship {to}|if you deliver {to}|whether you ship {to}|whether you deliver {to}|"
            "if there is delivery {to}|sending orders {to}|if an order can go {to}|getting an order delivered {to}|"
            "if {city} is covered"
        ),
        "ship_abroad": (
            "shipping {to}|delivery {to}|if you ship {to}|if you deliver {to}|whether you ship {to}|whether you deliver {to}|"
            "if there is delivery {to}|sending orders {to}|if an order can go {to}|getting an order delivered {to}|"
            "if {city} is covered"
        ),
        "returns": (
            "return policy|returns|refunds|refund policy|how to return a product|returning an item|returning something|"
            "return rules|return conditions|sending a product back|giving something back|getting a refund|"
            "getting my money back|how returns work|return process|how i return something i bought|returning my purchase"
        ),
        "exchange": (
            "exchange policy|exchanges|how to exchange a product|exchanging an item|exchanging the size|changing the size|"
            "changing the color|swapping the size|exchange rules|size exchange|how exchanges work|swapping an item|"
            "replacing the item|getting a bigger size|getting another color|if the size does not fit|exchange process"
        ),
        "cancel": (
            "cancellation|cancelling my order|how to cancel an order|order cancellation|cancelling|cancellation policy|"
            "how i cancel my order|if i can cancel my order|if it is too late to cancel|stopping my order|"
            "getting my order cancelled|cancelling my purchase"
        ),
        "payment": (
            "payment methods|payment options|ways to pay|how to pay|paying by card|paying in cash|cash on delivery|"
            "cards you accept|payment|forms of payment|paying with visa|paying with mada|apple pay|how i can pay|"
            "if i can pay cash|which cards work|payment types|if you take visa"
        ),
        "hours": (
            "opening hours|working hours|business hours|opening times|when you open|when you close|closing time|opening time|"
            "your hours|friday hours|the time you open|what time you close|when the shop opens|when the store closes|"
            "shop hours|if you are open on friday|the hours you work|until what time you are open"
        ),
        "price": (
            "price of {p}|cost of {p}|how much {p} costs|how much {p} is|the {p} price|what {p} costs|the price for {p}|"
            "the amount i pay for {p}|how much i pay for {p}|the cost for {p}"
        ),
        "available": (
            "if you have {p}|if you sell {p}|whether you have {p}|buying {p}|ordering {p}|if {p} is available|"
            "availability of {p}|if there is {p} in stock|getting {p} from you|purchasing {p}|if i can buy {p}"
        ),
        "absent": (
            "if you have {p}|if you sell {p}|whether you have {p}|buying {p}|ordering {p}|if {p} is available|price of {p}|"
            "cost of {p}|how much {p} costs|how much {p} is|availability of {p}|getting {p} from you|purchasing {p}|"
            "if i can buy {p}"
        ),
        "products": (
            "your products|product list|the products|what you sell|what products you have|your catalog|list of products|"
            "kinds of products|items you sell|things you sell|what i can buy|what is in your store|everything you sell|"
            "the items in the shop|the goods you have|all your products|what things you have"
        ),
        "order": (
            "order {n}|order number {n}|my order {n}|status of order {n}|where order {n} is|my order number {n}|order #{n}|"
            "what happened with order {n}|news of order {n}|why my order {n} is delayed|the progress of order {n}|"
            "if order {n} has shipped|the delay of order {n}|where my order {n} is now"
        ),
        "order_ask": (
            "my order|status of my order|where my order is|order status|my package|my order status|tracking my order|"
            "my late order|why my order is delayed|news of my order|what happened with my order|the progress of my order|"
            "where my package is|if my order has shipped|the delay of my order|my missing package"
        ),
        "location": (
            "location|address|shop address|where you are|where the shop is|your address|your location|the store location|"
            "directions|where your store is|how to get to your shop|how to find you|the street you are on|your branch|"
            "the area of the shop|finding your store|visiting your shop"
        ),
        "warranty": (
            "warranty|warranty policy|guarantee|warranty period|the warranty on the watch|the warranty on headphones|"
            "if there is a warranty|how long the warranty is|device warranty|years of warranty|what is covered by the warranty|"
            "warranty coverage|the guarantee on devices|if the watch is guaranteed|if a warranty is included"
        ),
        "discount": (
            "discounts|offers|promo code|coupons|discount code|current offers|deals|special offers|if there is a discount|"
            "if there are offers|promotions|sales|any deals|a sale|special deals|if there is a sale"
        ),
        "contact": (
            "customer service|your phone number|contacting you|talking to a human|speaking to someone|how to reach you|"
            "customer support|talking to an agent|how to contact support|speaking to a real person|someone calling me|"
            "an agent calling me back|talking to a person|having someone contact me"
        ),
        "identity": (
            "your name|who you are|what you are|if you are a bot|if you are human|whether you are a robot|yourself|"
            "what you can do|if i am talking to a bot|if this is a robot|if a real person is here|what to call you|"
            "if you are an ai"
        ),
    },
}
