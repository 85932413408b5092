"""More off-topic questions: whatever is not about this shop gets the same honest answer.

Notation as in `phrases_ar.py`; `{x}` is any word of WORDS or of `phrases_other.WORDS`, `{k}` a small number.
"""

MORE = {
    "ar": [
        "(من|مين) (هو|هي|كان|يكون) (رئيس|ملك|مؤسس|مخترع|مكتشف|مدرب|لاعب|مؤلف|زوجة|أفضل لاعب في|أغنى رجل في|أول من وصل إلى) {x}",
        "(ما|ايش|وش|شو|ايه) (هي |هو |)(عاصمة|عملة|ديانة|علم|مساحة|أكبر مدينة في|أطول جبل في|أعمق|أسرع|أصغر|لون|اسم) {x}",
        "(كم|كام) (عمر|عدد|طول|ارتفاع|وزن|بعد|مساحة|سعر سهم|سرعة|درجة حرارة|عدد سكان|يبعد|يزن|كيلو) (القمر|الشمس|المريخ|الفيل|النهر|الجبل|البرج|{x})",
        "(كم|كام|احسب لي|احسب) (يساوي|حاصل جمع|حاصل ضرب|ناتج|) {k} (+|زائد|ناقص|في|على|×|جمع|ضرب) {k}",
        "(كم|كام) (واحد زائد واحد|اثنين زائد اثنين|عشرة ناقص أربعة|ستة في سبعة|نصف المئة|جذر تسعة)",
        (
            "(قول|قل|احكيلي|احك|اعطيني|هات|خبرني|عندك|سمعني|قلي|ابغى) (لي |لنا |)(نكتة|نكته|قصة|حكاية|لغز|حزورة|شعر|بيت شعر|معلومة|مثل شعبي|خبر|"
            "فزورة|قصة قصيرة|طرفة|قصيدة)(| حلوة| قصيرة| جديدة| عن {x}| لو سمحت)"
        ),
        "(كيف|شلون|ازاي|ايش اخبار|وش|شو) (الجو|الطقس|حالة الجو|درجة الحرارة)(| بكرة| عندكم| في الرياض| في {x}| هالايام| الأسبوع الجاي| برا)",
        (
            "(هل|) (تحب|بتحب|تفضل|تكره|جربت|تشجع) (القهوة أكثر أو الشاي|الهلال|النصر|الاتحاد|برشلونة|كرة السلة|السباحة|البيتزا|الأفلام|السفر|الشتاء|"
            "القطط|{x})"
        ),
        "(من|مين) (فاز|ربح|كسب|بيكسب|سيفوز|انتصر) (في |ب|)(الدوري|المباراة|الانتخابات|مباراة أمس|السباق|الأولمبياد|كأس آسيا|كأس الملك|{x})",
        (
            "(متى|امتى) (رمضان|العيد|الصلاة|أذان المغرب|المباراة|الامتحان|تبدأ المدارس|رأس السنة|ينزل الراتب|اليوم الوطني|الإجازة|يوم عرفة)(| هالسنة|"
            " القادم| اليوم)"
        ),
        (
            "(كيف|ازاي|شلون|طريقة|وصفة|مقادير|علمني) (أطبخ|اطبخ|اسوي|أعمل|أعد|تحضير|طبخ|عمل) (المندي|البرياني|الكيك|الملوخية|الشاورما|المقلوبة|الرز|"
            "القهوة التركية|البسكويت|السلطة|{x})"
        ),
        "(كيف|ازاي|شلون) (أتعلم|انحف|أنقص وزني|أربي|اذاكر|أنام بسرعة|أصير غني|أتزوج|أسافر إلى|ألعب|أتكلم|أصلح|أكتب|اسوي حساب في|احمل) {x}",
        "(ما|وش|ايش|شو|ايه) (معنى|تفسير|تعريف|مرادف|ضد|جمع|مفرد|إعراب|أصل) (كلمة |جملة |اسم |حلم |)(المنام|{x})",
        "(ترجم|ترجملي|ترجم لي) (هذا|النص|الكلام|كلمة|للإنجليزي|من العربي للانجليزي|هالجملة|هذه الكلمة|المقال)(| للإنجليزية| إلى الفرنسية| {x})",
        (
            "(لماذا|ليش|ليه) (البحر|القمر|الدم|العشب|السماء|الثلج|النار|البشر|الطيور|القطط|الناس|النوم|{x}) (مالح|يضيء|أحمر|أخضر|ملونة|أبيض|حارة|"
            "يحلمون|تهاجر|تخاف|مهم|يختفي)"
        ),
        (
            "(أين|وين|فين) (تعيش|يعيش|ولد|مات|تقع|توجد|عاش|يوجد|دفن) (الأسود|البطاريق|الجمال|نيوتن|مكتبة الإسكندرية|الأهرامات|برج إيفل|المتنبي|"
            "الحيتان|القارة القطبية|{x})"
        ),
        (
            "(من|مين) (كتب|ألف|اخترع|رسم|اكتشف|بنى|غنى|أخرج|مثل في|لحن) (الأهرامات|التلفون|الكهرباء|الموناليزا|ألف ليلة وليلة|هذه القصيدة|هذا الفيلم|"
            "الأغنية|البنسلين|{x})"
        ),
        (
            "(اقترح|رشح|انصحني|عطني|وش تنصح) (لي |علي |ب|)(فيلم|مسلسل|كتاب|رواية|مطعم|مكان سياحي|فندق|لعبة|أغنية|تطبيق|اسم بنت|اسم ولد|هواية|جامعة|"
            "تخصص)(| حلو| في {x}| عن {x}| كوميدي| جديد| للأطفال)"
        ),
        (
            "(اكتب|ألف|سوي|اعمل|صمم|ارسم) (لي |)(رسالة|مقال|موضوع تعبير|كود|برنامج|خطبة|سيرة ذاتية|شعر غزل|قصيدة حب|بحث|إيميل للمدير|خطة|صورة|أغنية|"
            "دعاء)(| عن {x}| بلغة بايثون| قصير)"
        ),
        "(حل|ساعدني في|ساعدني ب) (الواجب|مسألة رياضيات|واجب الفيزياء|هذا السؤال في العلوم|المعادلة|الاختبار|البحث|امتحان الكيمياء|واجبي)",
        (
            "(اشرح|فسر|علمني|حدثني|كلمني|احكي لي|لخص لي) (لي |عن |)(الفيزياء|نظرية النسبية|الحرب العالمية|الفلسفة|الثقب الأسود|الذرة|السيرة النبوية|"
            "النحو|الخلية|العثمانيين|المذهب|تاريخ {x}|{x})"
        ),
        (
            "(وش|ايش|شو|ما|ايه) (رأيك|رايك) (في|ب|عن) (الزواج|الرئيس|الانتخابات|الدين|الحكومة|كريستيانو|ميسي|الحياة|الطلاق|المستقبل|الذكاء الاصطناعي|"
            "الحكام|{x})"
        ),
        "(كم|ايش) (الساعة|التاريخ|اليوم|الوقت) (الآن|الحين|كم|في مكة|في لندن|دلوقتي|الهجري)",
        "(كم|وش) (عمرك|راتبك|طولك|وزنك|لونك المفضل|هوايتك|أكلتك المفضلة|جنسيتك|برجك)",
        "(هل |)(انت|أنت) (متزوج|حزين|سعيد|تعبان|جوعان|ذكي|غبي|مسلم|عندك مشاعر|تنام|تحبني|زعلان)",
        "(احبك|أحبك|تتزوجني|انا زعلان|انا حزين|انا جوعان|ملل|طفشان|زهقان|سولف معي|غني لي|ارقص|العب معي)",
        "(دعاء|أذكار|آية|حديث|حكم|فتوى|تفسير سورة) (السفر|الصباح|المساء|النوم|عن الصبر|الصيام|البقرة|عن الأم|{x})",
        "(سعر|كم سعر) (الدولار|برميل النفط|البيتكوين|سهم أرامكو|اليورو|صرف الريال)",
        "(نتيجة|نتائج|اخبار|أخبار|موعد|ترتيب) (المباراة|الدوري|الهلال والنصر|الانتخابات|الطقس|العالم|الاقتصاد|السوق|المشاهير|{x})",
        "(عندي|أشعر ب|ما علاج|وش علاج|علاج) (صداع|كحة|ألم في البطن|أرق|زكام|حساسية|وجع ظهر)(| وش اسوي| ما الحل)",
        "(هل |)(الأرض|القمر|المريخ|الكون|الشمس|الماء|الزمن|{x}) (كروية|مسطحة|فيه حياة|حقيقي|يدور|كبير|نهائي|أكبر من {x}|يتنفس|موجود فعلا)",
        "(ما الفرق بين|قارن بين|ايش الفرق بين|الفرق بين) {x} و{x}",
        "(كم|ايش) (مسافة|المسافة) (بين |من |)(الأرض والشمس|الرياض ومكة|{x} و{x}|هنا إلى {x})",
        "(احجز|ابغى احجز|احجز لي) (تذكرة طيران|فندق|طاولة في مطعم|موعد عند الدكتور|تكسي|رحلة إلى {x})",
        "(شغل|افتح|سكر|طفي) (الموسيقى|التلفزيون|النور|يوتيوب|الأغنية|المكيف)",
        "(كيف|وين|متى) {x} {x}(| {x})",
        (
            "(ما|ماذا|هل|لماذا|كيف) (يحدث|يأكل|يشرب|تأكل|يفكر|يعمل|تتكون|تعمل|نشأ|نشأت|تطير|يتنفس) (الدماغ|القلب|البطريق|الزرافة|الطائرات|الغيوم|"
            "الحاسوب|النحل|الأسماك|البركان|{x})"
        ),
    ],
    "en": [
        (
            "(who|what) (is|was) the (president|king|queen|founder|inventor|prime minister|author|coach|richest man|first man|tallest man|"
            "best player|leader|national bird|flag|official language|religion|highest mountain|deepest lake|oldest city) (of|in|on) (germany|spain|"
            "korea|the moon|russia|mexico|the world|england|australia|{x})"
        ),
        (
            "(what is|what's|whats|name|tell me) the (capital|currency|language|population|area|flag|largest city|national dish|anthem|"
            "symbol) of (germany|spain|egypt|korea|australia|russia|turkey|norway|mexico|{x})"
        ),
        (
            "(tell|give|sing|read|write|say) (me |us |)(a|some|another|one more) (joke|story|riddle|fun fact|poem|bedtime story|pun|quote|secret|"
            "song|fairy tale|limerick|rap|haiku|tongue twister)(| please| about {x}| now|)"
        ),
        (
            "(what is|what's|whats|calculate|compute|how much is|solve) (two plus two|six times seven|ten minus four|the square root of nine|"
            "one plus one|half of ninety|{k} (+|-|*|plus|minus|times|divided by) {k}|nine times nine|three plus eight)"
        ),
        (
            "(how is|how's|what is|what's|whats) the (weather|temperature|forecast|traffic|news|sky|wind)(| like| tomorrow| outside| in riyadh|"
            " in london| this week| in {x}|)"
        ),
        "(will it|is it|does it) (rain|going to rain|snow|be sunny|hot outside|cold|get dark)(| today| tomorrow| in {x}| tonight|)",
        (
            "(who|which team|which country) (won|will win|is winning|lost|scored in) (the match|the game|the election|the final|the champions league|"
            "the race|the super bowl|yesterday's game|the olympics|the league|{x})"
        ),
        (
            "(how do i|how can i|how to|teach me to|show me how to|what is the recipe for) (cook|make|bake|prepare|grill|fry) (pasta|cake|"
            "pizza dough|chicken curry|a sandwich|fish|soup|bread|eggs|an omelette|pancakes|kabsa|biryani|{x})"
        ),
        (
            "(how do i|how can i|how to|help me) (learn|lose|get|fix|build|draw|sleep|write|become|install|study|train|play|code|speak|"
            "code in) (french|weight|rich|my car|a house|a cat|better|a letter|famous|windows|for exams|my dog|the guitar|python|a website|chinese|"
            "{x})"
        ),
        (
            "(do you|did you|would you|can you) (like|love|hate|prefer|enjoy|eat|drink|watch|play|dream about|believe in|remember|know how to play|"
            "miss|see) (music|basketball|tea|movies|cats|me|chess|ghosts|love|god|pizza|summer|baseball|travelling|tennis|{x})"
        ),
        "(what|how) (does|do) (the word|the phrase|the term|the name|) (freedom|peace|justice|{x}) mean(| in arabic| in french|)",
        (
            "(translate|spell|pronounce|define|rephrase|proofread|summarize) (this|this text|hello|the word {x}|good morning|this paragraph|my essay|"
            "the article|the following|{x})(| to french| into english| into spanish| for me|)"
        ),
        (
            "(why|how come) (is|are|do|does) (the grass|the ocean|blood|fire|snow|birds|cats|people|the sun|stars|ice|leaves|babies|dogs|we|"
            "{x}) (green|salty|red|hot|white|fly|purr|dream|bright|shine|slippery|fall|cry|bark|sleep|exist)"
        ),
        (
            "(where|how|when) (do|did|does) (lions|penguins|whales|camels|dinosaurs|kangaroos|shakespeare|einstein|tigers|the romans|pandas|newton|"
            "{x}) (live|sleep|eat|die out|come from|study|hunt|born|exist|lay eggs|write)"
        ),
        (
            "(who|when) (wrote|invented|painted|built|discovered|composed|directed|founded|sang) (hamlet|the telephone|the mona lisa|the pyramids|"
            "gravity|this song|titanic|the eiffel tower|penicillin|this book|the bible|electricity|{x})"
        ),
        (
            "(recommend|suggest|find|tell) (me |)(a|some|any) (good |)(movie|book|novel|restaurant|hotel|song|series|game|podcast|name for a baby|"
            "hobby|university|holiday place|comedy|thriller|app|workout)(| please| about {x}| in {x}| for tonight| to read| to watch|)"
        ),
        (
            "(write|compose|draft|generate|create|draw|design) (me |)(an email to my boss|a love letter|an essay|a speech|python code|a cv|a program|"
            "a picture|a song|a story|a website|a tweet|a haiku|a business plan|a birthday wish|a cover letter)(| about {x}| for my friend|"
            " for school|)"
        ),
        (
            "(help me with|do|solve|check|answer) (my homework|my math homework|this equation|this physics problem|my exam|the chemistry question|"
            "this puzzle|my assignment|a riddle|this sudoku)"
        ),
        (
            "(explain|describe|tell me about|teach me|talk about|what do you know about|give me a summary of) (relativity|black holes|"
            "the second world war|photosynthesis|philosophy|evolution|quantum physics|the ottoman empire|the french revolution|the brain|grammar|"
            "the roman empire|biology|modern art|buddhism|the universe|{x})"
        ),
        (
            "(what do you think|what is your view|what's your opinion|tell me your opinion) (about|on|of) (marriage|the president|religion|elections|"
            "messi|ronaldo|life|climate change|immigration|the war|democracy|love|capitalism|{x})"
        ),
        "(what|tell me) (time|day|date|year|month) is (it|today|it now|it in london|it in tokyo|tomorrow)(| please| now|)",
        "(how|what) (old|tall|heavy|smart|is your age|is your favorite color|is your favorite food|is your religion|is your horoscope)(| are you|)",
        "(are|were) you (married|sad|happy|hungry|tired|in love|angry|single|alive|conscious|religious|stupid|bored)(| today| right now|)",
        (
            "(i love you|marry me|i am sad|i am bored|i am hungry|sing for me|dance|play a game with me|entertain me|i feel lonely|i hate mondays|"
            "what a day|tell me something|let us play chess|i want to sleep)"
        ),
        (
            "how (far|big|old|hot|deep|long|fast|heavy|high|many people are on|many stars are in|much does) (is|are|) (the sun|mars|mount everest|"
            "the universe|an elephant|a cheetah|the nile|the milky way|the atlantic|jupiter|a whale|the galaxy|sound|a rocket|{x})(| in kilometers|"
            " from here| weigh|)"
        ),
        (
            "(price of|what is the price of|how is) (bitcoin|oil on the market|apple stock|the dollar|tesla shares|the euro|the stock market)(|"
            " today| now|)"
        ),
        "(what's the |what is the |)difference between {x} and {x}",
        (
            "(is|are) (the earth|mars|the moon|god|time|the universe|aliens|ghosts|water|tomato|{x}) (flat|round|real|alive|infinite|bigger than {x}|"
            "wet|a fruit|made of {x}|dangerous|old)"
        ),
        (
            "(i have|how to cure|what helps with|treat) (a headache|a cold|a fever|back pain|the flu|insomnia|stomach ache|a cough)(|"
            " what should i do| any advice|)"
        ),
        (
            "(book|reserve|find|order) (me |)(a flight|a hotel room|a taxi|a table for two|a doctor appointment|train tickets|an uber)(| to {x}|"
            " please| tonight|)"
        ),
        "(play|turn on|turn off|open|close) (music|the lights|the tv|youtube|spotify|the window|my calendar|a video)(| please|)",
        "(what|where|who|why|when|how) {x} {x}(| {x})",
        (
            "(what|how) (do|does|can) (bees|a heart|planes|clouds|computers|volcanoes|giraffes|fish|atoms|magnets|rainbows|{x}) (eat|work|fly|form|"
            "breathe|think|erupt|look like|do|sleep|see)"
        ),
        "(set|start) (an alarm|a timer|a reminder)(| for {k} minutes| for tomorrow|)",
        "what (movie|song|team|city|animal|book) (is|are) (best|the best|number one|good|popular)(| in {x}| now|)",
    ],
}

WORDS = {
    "ar": (
        "ألمانيا إسبانيا روسيا المكسيك أستراليا السويد النرويج الأرجنتين البرتغال كوريا القارة المحيط الجزيرة الغابة الكهف القطب الكوكب المجرة "
        "الذرة الخلية الدماغ القلب الدم العظام العضلات الفيروس اللقاح الدواء المستشفى الصداع النحلة النملة البطريق الزرافة الأرنب الذئب الدلفين "
        "الحوت العنكبوت الفراشة المسرح الشعر القصيدة المتحف اللوحة الكتابة القراءة الفلسفة المنطق الأدب النحو الكيك البيتزا الملوخية الشاورما "
        "المندي الشاي العصير السكر الملح الفلفل الطماطم البطاطس التفاح الموز البرتقال العنب السلم الدستور الانتخابات القانون المحكمة الشرطة الجيش "
        "الضرائب البنك الأسهم الذهب النفط البيتكوين الهندسة الطب المحاماة الزراعة الصناعة التجارة الصيد السياحة التخييم الجري اليوغا الملاكمة التنس "
        "السلة الطائرة برشلونة ميلان الأهلي ميسي رونالدو محمود فاطمة يوسف مريم نيوتن داروين نابليون الإسكندر صلاح الدين هارون الرشيد الأهرامات برج "
        "إيفل الهند تايلاند القهقهة الدموع الغضب الأمل الوحدة النجاح الفشل الشجاعة"
    ).split(),
    "en": (
        "germany spain russia mexico australia sweden norway argentina portugal korea continent island jungle cave pole planet galaxy atom cell "
        "brain heart blood bones muscles virus vaccine medicine hospital headache bees ants penguins giraffes rabbits wolves dolphins whales "
        "spiders butterflies theatre poetry museum paintings writing reading philosophy logic literature grammar pizza burgers tea juice sugar salt "
        "pepper tomatoes potatoes apples bananas oranges grapes elections law court police army taxes bank gold oil bitcoin engineering medicine "
        "farming fishing tourism camping running yoga boxing basketball volleyball barcelona messi ronaldo napoleon darwin cleopatra pyramids "
        "eiffel tower laughter tears anger hope loneliness success failure courage robots satellites rockets gravity oxygen carbon fossils glaciers "
        "hurricanes deserts hamlet batman minecraft netflix instagram facebook spain twitter python javascript linux windows homework exam teacher "
        "wife husband baby birthday christmas summer holiday visa passport hostel train subway bicycle race marathon olympics referee goalkeeper "
        "violin drums opera jazz"
    ).split(),
}
