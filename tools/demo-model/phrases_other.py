"""Questions that have nothing to do with the shop, phrases that carry a placeholder, and shops' own system prompts."""

# `{x}` is any word of WORDS, `{k}` a small number.
OFFTOPIC_TRAIN = {
    "ar": [
        "(ما|ما هي|ايش|وش|شو) (عاصمة|عملة|مساحة|لغة) {x}", "(من|مين) (هو|هي|كتب|اخترع|رسم|فاز في|رئيس|ملك|صاحب|اكتشف) {x}",
        "(اكتب|اكتبي|الف|قل|اعطني|احكي) (لي |)(قصيدة|قصة|نكتة|شعر|مقال|رسالة|حكاية|أغنية) (عن |){x}",
        "(كم|كام) (يساوي|حاصل|ناتج) {k} (+|-|زائد|ضرب|ناقص|على) {k}",
        "(كيف|شلون|ازاي) (الطقس|الجو|حال الطقس|الحرارة)( في| ب|) {x}",
        "(ترجم|ترجمة|ما معنى|وش معنى|شو يعني|معنى كلمة|معنى) {x}(| بالإنجليزي| بالفرنسي)",
        "(كيف|ازاي|شلون|طريقة) (أطبخ|اسوي|أتعلم|العب|أصلح|أزرع|أرسم|عمل|تحضير|أذاكر|أنام|أكتب) {x}",
        "(متى|كم) (تأسست|كانت|بدأت|مباراة|عمر|طول|وزن|عدد سكان|تاريخ) {x}",
        "(ما|وش|ايش|شو) (رأيك في|رأيك ب|أفضل|أجمل|أكبر|أطول|سبب|فائدة|قصة) {x}",
        "(لماذا|ليش|ليه) {x} {x}", "(هل|) (تحب|تعرف|سمعت عن|تؤمن ب|شفت) {x}", "(أين|وين|فين) (تقع|يعيش|ولد|توجد) {x}",
        "(اشرح|فسر|علمني|حدثني عن|تكلم عن|لخص) (لي |){x}", "(اقترح|رشح) (لي |)(فيلم|كتاب|مطعم|لعبة|اسم|رحلة|تطبيق)(| عن| في) {x}",
        "{x} {x} {x}", "{x} و{x} {x} {x} {x}", "{x}", "(من فاز|مين كسب|كم نتيجة) (في |)(مباراة|كأس|بطولة|سباق) {x}",
        "(احسب|حل) (لي |)(مسألة|معادلة|{k} في {k})", "(ما|كم) (الوقت|التاريخ|اليوم) (الآن |)في {x}",
        "كم (عدد|مسافة|سرعة|ارتفاع) {x}",
    ],
    "en": [
        "(what is|what's) the (capital|currency|language|area|history|meaning|population) of {x}",
        "who (is|was|wrote|invented|painted|won|discovered|built) {x}",
        "(write|tell|give|sing) me a (poem|story|joke|song|letter|fact|riddle) about {x}",
        "(what is|what's|how much is|calculate) {k} (+|-|plus|times|minus|divided by) {k}",
        "(how is|what is|what's) the (weather|temperature|time|news) in {x}",
        "(translate|define|spell) {x}(| into french| in arabic|)",
        "how (do|can|should) i (cook|learn|play|fix|grow|draw|make|study|sleep|train|build) {x}",
        "(when|why) (did|does|was|is|do) {x} (start|end|happen|fly|change|fall|matter)",
        "(what do you think of|do you like|have you seen|have you heard of|do you know) {x}",
        "what is the (best|biggest|fastest|oldest|most beautiful) {x}", "(explain|summarize|describe|teach me|talk about) {x}",
        "(recommend|suggest) a (movie|book|restaurant|game|name|trip|song) (about|in|for) {x}", "{x} {x} {x}", "{x} and {x} {x}",
        "{x}", "how (many|old|tall|far|heavy) (is|are) {x}", "where (is|was|does) {x} (live|born|located|from)",
        "(solve|compute) (this equation|{k} times {k})", "(who|which team) won the {x} (game|cup|race)", "why is {x} {x}",
        "can {x} {x}",
    ],
}

OFFTOPIC_HELD_OUT = {
    "ar": [
        "من رئيس فرنسا", "ما هي عاصمة اليابان", "احك لي نكتة مضحكة", "كيف الجو اليوم", "مين فاز بكأس العالم",
        "كم يساوي خمسة زائد ثلاثة", "اكتب قصيدة عن البحر", "كيف أطبخ الكبسة", "هل تحب كرة القدم", "ما معنى كلمة حب",
        "كم عمر الأرض", "وش تفسير الحلم",
        "علمني البرمجة", "أين يعيش الدب القطبي", "لماذا السماء زرقاء", "من كتب هذه الرواية", "رشح لي فيلم رعب",
        "ترجم هذه الجملة إلى الإنجليزية", "كم سرعة الضوء", "ما هو أطول نهر في العالم", "حل هذه المسألة الرياضية",
        "حدثني عن التاريخ الإسلامي", "وش رأيك في السياسة", "كم المسافة إلى القمر",
    ],
    "en": [
        "who is the president of france", "what is the capital of japan", "tell me a funny joke", "how is the weather today",
        "who won the world cup", "what is five plus three", "write a poem about the sea", "how do i cook rice",
        "do you like football", "what does love mean", "how old is the earth", "can you interpret my dream",
        "teach me programming", "where do polar bears live", "why is the sky blue", "who wrote this novel",
        "recommend a horror movie", "translate this sentence into arabic", "how fast is light",
        "what is the longest river in the world", "solve this math problem", "tell me about ancient history",
        "what is your opinion on politics", "how far away is the moon",
    ],
}

WORDS = {
    "ar": (
        "مصر فرنسا اليابان الهند البرازيل إيطاليا كندا الصين لندن القمر الشمس المريخ البحر الجبل النهر الصحراء السماء الأرض النجوم المطر الثلج الشتاء الصيف الربيع القطط الكلاب الأسد الفيل الدب الطيور الحصان السمك الحب الصداقة السعادة الحزن "
        "الحياة الحلم النوم الوقت العلم التاريخ الجغرافيا الرياضيات الفيزياء الكيمياء البرمجة الحاسوب الإنترنت الذكاء السياسة الاقتصاد الحرب السلام الحكومة الرئيس الملك المدرسة الجامعة المعلم الطالب الطبيب المهندس الشاعر الكبسة الأرز الخبز الكيك الشوربة "
        "المعكرونة الدجاج السلطة كرة القدم الدوري الهلال النصر الكأس المباراة اللاعب الفريق السباحة الشطرنج الرواية الفيلم المسلسل الأغنية الموسيقى الرسم البيانو الضوء الكهرباء الطائرة القطار السفينة الفضاء أينشتاين المتنبي نيوتن شكسبير ديناصور بركان زلزال "
        "الإنجليزية الفرنسية جملة كلمة أزرق أخضر كبير سريع جميل يطير يسبح ينام يركض العالم الحرارة النبات الشجرة الوردة القهوجي الجريدة الأخبار الإسلامي الأندلس الرومان الفراعنة الخوف رعب مضحكة مسألة حديقة شاطئ مطار فندق زواج صديقي أخي أمي جدي خمسة ثلاثة سبعة عشرة"
    ).split(),
    "en": (
        "france japan india brazil italy canada china rome the moon the sun mars the sea a mountain the river the desert the sky the earth stars rain snow winter summer spring cats dogs lions elephants bears birds a horse fish love friendship happiness sadness life a dream sleep time science "
        "history geography math physics chemistry programming computers the internet intelligence politics economics war peace the government the president the king school university teachers students doctors engineers poets rice bread cake soup pasta chicken salad football tennis the league "
        "the cup a match players teams swimming chess novels movies series songs music painting piano light electricity planes trains ships space einstein newton shakespeare dinosaurs volcano earthquake french english sentence word blue green big fast beautiful fly swim run world heat "
        "plants trees roses newspapers ancient romans pharaohs fear horror funny problem garden beach airport hotel wedding brother mother grandfather five three seven ten river opinion planet animal ocean language machine learning bitcoin stocks weather guitar camel"
    ).split(),
}

# What carries a placeholder beside a question (or alone): `{}` is the placeholder.
DETAILS_TRAIN = {
    "ar": {
        "PHONE": [
            "(ممكن|ياليت|تقدرون|ابغاكم) (ترسلون|تكلموني|تتواصلون|تدقون|تراسلوني) (على|على رقمي|ع) {}",
            "ممكن تكلموني على {}", "كلموني {}", "جوالي هو {}", "ابغى تتصلون على {}", "هذا رقم جوالي {}", "حطوا رقمي {}",
            "رقمي {}", "جوالي {}", "رقم جوالي {}", "هذا رقمي {}", "وهذا رقمي {}", "تلفوني {}", "رقم تليفوني {}", "موبايلي {}",
            "اتصلوا علي {}", "كلموني على {}", "واتس {}", "رقم الواتساب {}", "للتواصل {}", "{}", "هاتفي {}",
            "وجوالي {}", "وهذا جوالي {}", "على هذا الرقم {}", "اتصلوا فيني {}", "رقم التواصل {}", "تلفون {}", "موبايل {}", "جوال {}", "رقم {}", "اتصل علي {}",
            "كلمني على {}", "ارسلوا لي واتساب على {}", "واتسابي {}", "الرقم {}", "هذا الرقم {}", "رقمي الجديد {}", "رقم الجوال: {}",
            "اتصلوا بي على الرقم {}", "رقمي هو {}", "تواصلوا معي على {}", "الجوال: {}", "دقوا علي {}",
        ],
        "EMAIL": [
            "(ممكن|ياليت|تقدرون) (ترسلون|ترسلوا|تراسلوني|تبعتوا) (على|لي على|ع) {}",
            "ممكن ترسلون على {}", "اكتبوا على {}", "هذا بريدي الإلكتروني {}", "ايميلي {}", "بريدي {}", "بريدي الإلكتروني {}", "هذا ايميلي {}", "الإيميل: {}", "راسلوني على {}", "ارسلوا لي على {}",
            "وايميلي {}", "وهذا بريدي {}", "بريد {}", "ايميل {}", "راسلوني {}", "الايميل حقي {}", "ارسلوها على ايميلي {}",
            "{}", "عنواني الإلكتروني {}", "ابعتولي على {}", "إيميلي هو {}",
        ],
        "SA_NATIONAL_ID": [
            "رقم هويتي {}", "هويتي {}", "الهوية {}", "رقم الهوية {}", "هذه هويتي {}", "{}", "رقم الهوية الوطنية {}",
            "بطاقة الأحوال {}",
        ],
        "SA_IQAMA": ["رقم إقامتي {}", "إقامتي {}", "الإقامة {}", "رقم الإقامة {}", "اقامتي رقم {}", "{}", "هذا رقم اقامتي {}"],
        "IBAN": [
            "الايبان {}", "رقم الآيبان {}", "حسابي {}", "رقم حسابي {}", "حولوا على {}", "ايباني {}", "{}", "هذا حسابي البنكي {}",
            "رجعوا المبلغ على {}",
        ],
        "CREDIT_CARD": [
            "بطاقتي {}", "رقم بطاقتي {}", "رقم البطاقة {}", "الفيزا {}", "هذه بطاقتي {}", "{}", "رقم الفيزا {}",
            "ادفع ببطاقتي {}",
        ],
    },
    "en": {
        "PHONE": [
            "(you may|please|kindly|could you|just) (reach|text|phone|contact|message|call) me (on|at|via) {}",
            "you may reach me on {}", "my cellphone is {}", "please ring {}", "text me at {}", "my contact is {}", "phone me on {}",
            "my number is {}", "my phone is {}", "call me on {}", "call me at {}", "phone: {}", "here is my number {}",
            "my mobile {}", "{}", "my phone number is {}", "whatsapp {}", "reach me on {}", "contact me at {}",
            "number {}", "phone {}", "tel {}", "and my number is {}", "my number {}", "call {}", "my whatsapp is {}", "my no is {}", "this number {}", "my phone {}",
            "mobile number {}", "this is my number: {}",
        ],
        "EMAIL": [
            "(please|kindly|could you|you may) (write|mail|send it|answer) (to|me at|to me at) {}",
            "this is my e-mail {}", "write me at {}", "my mail address is {}", "my email is {}", "my e-mail is {}", "email: {}", "write to me at {}", "here is my email {}", "{}", "send it to {}",
            "mail {}", "email {}", "my email {}", "and my email is {}", "e-mail me on {}", "reply to {}",
            "contact me by mail {}", "email me at {}",
        ],
        "SA_NATIONAL_ID": [
            "my id is {}", "my id number is {}", "national id {}", "id: {}", "{}", "here is my id {}", "my national id is {}",
        ],
        "SA_IQAMA": ["my iqama is {}", "iqama number {}", "my iqama number is {}", "iqama: {}", "{}", "here is my iqama {}"],
        "IBAN": [
            "my iban is {}", "iban {}", "iban: {}", "my bank account is {}", "send the money to {}", "{}", "here is my iban {}",
            "my account number is {}",
        ],
        "CREDIT_CARD": [
            "(charge|debit|bill|pay with|take it from) my (card|visa|credit card) {}",
            "my card is {}", "my card number is {}", "card: {}", "charge my card {}", "{}", "here is my card {}", "my visa is {}",
            "credit card {}",
        ],
    },
}

# Composed ways to give a detail: `(a|b|)` is a choice, `{k}` one of the names in DETAIL_NAMES, `{}` the placeholder.
DETAIL_FORMS = {
    "ar": [
        "(هذا|وهذا|هذي|تفضل|خذ|سجل|اكتب|عندك|طيب) {k} {}", "{k} (تبعي|مالي|الخاص بي|عندي|هو|:|كالتالي) {}", "(ارسلت لكم|حبيت اعطيكم|بعطيكم|اعطيك) {k} {}",
    ],
    "en": [
        "(here is|here's|take|note|save|write down|and|also) (my|the) {k} {}", "(my|our) {k} (is|:|would be|=) {}", "i (give|send|gave|sent) you (my|the) {k} {}",
    ],
}
DETAIL_NAMES = {
    "ar": {
        "PHONE": "رقمي|جوالي|رقم الجوال|رقم التلفون|موبايلي|رقم الواتس|تلفوني",
        "EMAIL": "ايميلي|بريدي|البريد|عنوان بريدي|الايميل",
        "SA_NATIONAL_ID": "هويتي|رقم الهوية|بطاقة الهوية|رقم السجل المدني",
        "SA_IQAMA": "إقامتي|رقم الإقامة|الاقامة|رقم اقامتي",
        "IBAN": "الآيبان|ايباني|حسابي|رقم الايبان|رقم حسابي البنكي",
        "CREDIT_CARD": "بطاقتي|رقم البطاقة|بطاقة الائتمان|الفيزا|رقم الفيزا",
    },
    "en": {
        "PHONE": "phone|number|mobile|phone number|whatsapp|telephone",
        "EMAIL": "email|e-mail|email address|inbox",
        "SA_NATIONAL_ID": "id|national id|identity number|id card",
        "SA_IQAMA": "iqama|iqama number|residence number",
        "IBAN": "iban|bank iban|account number|bank account",
        "CREDIT_CARD": "card|credit card|visa|card number",
    },
}

DETAILS_HELD_OUT = {
    "ar": {
        "PHONE": ["رقم هاتفي {}", "تراه جوالي {}", "ممكن تتصلوا على {}", "ورقمي {}", "تلقوني على {}"], "EMAIL": ["البريد الإلكتروني {}", "بريدي لو احتجتوا {}", "اكتبوا لي على {}"], "SA_NATIONAL_ID": ["رقمي في الهوية {}", "هذا رقم هويتي {}"],
        "SA_IQAMA": ["هذه إقامتي {}", "رقم الاقامة حقي {}"], "IBAN": ["هذا الايبان حقي {}", "رقم الحساب {}"], "CREDIT_CARD": ["هذا رقم بطاقتي {}", "بطاقة الفيزا {}"],
    },
    "en": {
        "PHONE": ["you can call me on {}", "this is my phone {}", "my cell is {}", "ring me at {}"], "EMAIL": ["this is my email {}", "you can write to {}", "my mail is {}"], "SA_NATIONAL_ID": ["this is my id {}", "id number {}"],
        "SA_IQAMA": ["this is my iqama {}", "the iqama is {}"], "IBAN": ["this is my iban {}", "account iban {}"], "CREDIT_CARD": ["this is my card {}", "use my card {}"],
    },
}

# The gateway's own line, sent before the conversation when something was redacted.
KEEP_LINE = "Keep tokens of the form [[TYPE:XXXXXX]] unchanged."

# Sentences of shops' own system prompts: the model must answer the same with any of them, or with none.
SYSTEM = {
    "ar": [
        "أنت مساعد متجر.", "أنت مساعد ودود لمتجر إلكتروني.", "أجب بإيجاز.", "أجب بلغة العميل.", "لا تخترع أسعارًا.",
        "أنت مساعد خدمة العملاء في متجر سعودي.", "ساعد العميل في أسئلته.", "كن مهذبًا ومختصرًا.", "استخدم اللغة العربية الفصحى.",
        "أنت كليم، مساعد المتجر.", "لا تشارك بيانات العملاء.", "إذا لم تعرف الجواب فقل لا أعرف.",
    ],
    "en": [
        "You are a shop assistant.", "You are a helpful assistant.", "You are a friendly assistant of an online shop.",
        "Answer briefly.", "Answer in the customer's language.", "Do not invent prices.",
        "You are the customer service assistant of a Saudi shop.", "Be polite and concise.",
        "Help the customer with questions about the shop.", "You are Kaleem, the shop's assistant.", "Never share customer data.",
        "If you do not know the answer, say so.",
    ],
}
