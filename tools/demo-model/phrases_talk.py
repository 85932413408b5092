"""More of the small talk of shoppers, in both languages and in the notation of `phrases_ar.py`: hello, thanks, goodbye."""

MORE = {
    "ar": {
        "greet_salam": [
            (
                "(السلام عليكم|سلام عليكم|السلام عليكم ورحمة الله|سلام|السلام عليكم ورحمة الله وبركاته|سلامو عليكو|السلام عليكن) (يا طيب|أخي الكريم|"
                "اخي|أختي|حبايبي|يا غالي|يا رب بخير|شلونك|كيفك|كيف الحال|عساك طيب|مساء الخير|صباح النور|مرحبا بكم|اهلا|تحية طيبة|وبعد|عليكم جميعا|"
                "يا مرحبا|هلا|ايها الاخوة|يا أحباب|للجميع|يا ساتر|على الجميع)"
            ),
            "(تحية طيبة|مرحبا|اهلا|هلا|صباح الخير|مساء الخير) (السلام عليكم|والسلام عليكم|وسلام عليكم|السلام عليكم ورحمة الله)",
            "(سلام الله عليكم|سلام من الله عليكم|السلام عليك|سلاام|اسلام عليكم|السلام عليكوا|سلام عليك)(| يا اخي| ورحمة الله| ورحمة الله وبركاته)",
        ],
        "greet": [
            (
                "(مرحبا|هلا|هلا والله|أهلا|اهلين|هاي|هلو|الو|مرحبتين|يا هلا|أهلين وسهلين|مراحب|مساء النور|صباحو|ألو|مرحب|هالو|حياك|حياك الله|"
                "يا مرحبا|هلوو) (يا غالي|يا طيب|بالغالي|حبيبي|عزيزي|يا شباب|يا حلو|استاذ|اخي الكريم|كيفك|كيف حالك|كيف الحال|كيفك اليوم|شلونك|شخبارك|"
                "عامل ايه|اخبارك|كيف الصحة|كيف امورك|طال عمرك|وينكم|معكم زبون|حد هنا|في حدا|انا جديد هنا)"
            ),
            (
                "(صباح|مسا|مساء|صباحك|مساك|مساكم|صباحكم) (الخير|الورد|النور|الفل|السعادة|العسل|الياسمين|خير|ورد|سكر|الجمال|الله بالخير)(| عليكم|"
                " يا غالي| كيفك| شلونكم| اخوي| عليك| يا متجر| للجميع)"
            ),
            (
                "(كيف|كيفك|كيفكم|شلون|شلونك|اخبارك|ازيك|إزيك|ايش|وش) (الحال|حالك|حالكم|الأحوال|الدنيا|صحتك|يومك|اخبارك|أخبارك|علومك|عامل ايه|امورك|"
                "العلوم)(| اليوم| طيب| عساك بخير| ان شاء الله بخير)"
            ),
            "(هلا|يا هلا|مرحبا|اهلا) (وسهلا ومرحبا|بك|فيك|بكم جميعا|وغلا والله|ومسهلا|يا بعدي|ومليون هلا|ومرحبتين|الف)",
            (
                "(نهارك سعيد|يومك سعيد|طاب مساؤك|طاب صباحك|يسعد صباحك|يسعد مساك|يسعدلي صباحك|يعطيكم العافية كيفكم|عمت مساء|تحياتي|تحية|أهلا وسهلا|"
                "نورتوا|مرحبا كيف ممكن نبدأ)"
            ),
            "(في|فيه|هل) (أحد|احد|حدا|حد) (هنا|موجود|معي|يرد|يسمعني|فاضي)",
            "(انت|إنت|أنت) (موجود|معي|هنا|كيفك|طيب|بخير)",
        ],
        "thanks": [
            (
                "(شكرا|مشكور|تسلم|مشكورين|يسلمو|شكرا جزيلا|شكرا كثير|ألف شكر|تسلمي|ممنون|متشكر|شكرن|مشكوره|شكرا لك|شكرا لكم) (حبيبي|اخوي|أخي|يا غالي|"
                "يا بطل|على مساعدتك|على الخدمة|على وقتكم|على التوضيح|على الإجابة|على الرد السريع|على تعبك|على حسن التعامل|على المعلومات|على اهتمامكم|"
                "وما قصرت|الله يسعدك|الله يوفقك|كثير كثير|مرة|مره|جدا|خالص|كتير|على كل حال|استفدت كثير|على جهودكم|من قلبي)"
            ),
            (
                "(الله|ربي) (يسعدك|يسعدكم|يوفقك|يوفقكم|يبارك فيك|يبارك فيكم|يخليك|يخليكم|يسلمك|يعطيك الصحة|يكثر خيرك|يرضى عليك|يحفظك|يكرمك|"
                "يرحم والديك|يجزيك الخير|يقويك|يعطيكم ألف عافية)(| شكرا| يا رب| اخوي|)"
            ),
            "(تمام|ممتاز|حلو|زين|اوكي|طيب|رائع|جميل|خلاص) (شكرا|مشكور|تسلم|يعطيك العافية|شكرا لك|الف شكر|مشكورين|شكرا كثير|يسلمو|متشكرين|شكرا جزيلا)",
            (
                "(ما تقصر|ما تقصرون|ماقصرتوا|كفيت ووفيت|كلك ذوق|كلكم ذوق|من ذوقك|يسلم ايدك|تسلم ايدك|تسلم يدينك|ربنا يخليك|شاكر لك|شاكرين لكم|"
                "ممتن لك|ممتنين|أشكرك|اشكرك|أشكركم|نشكركم|جزيل الشكر|خالص الشكر|كل الشكر|لك الشكر|شكرا شكرا|شكراا|مقدر لك|حبيبي والله)(|"
                " على المساعدة| يا غالي| من القلب والله| جميعا)"
            ),
        ],
        "bye": [
            (
                "(مع السلامة|باي|وداعا|في أمان الله|الى اللقاء|إلى اللقاء|باي باي|بالسلامة|مع السلامه) (يا غالي|اخوي|حبيبي|يا شباب|اخي|الجميع|"
                "ونشوفكم|والله يحفظكم|وشكرا|وتصبحون على خير|أراكم لاحقا|للجميع|الحين|طيب|عزيزي|يا طيبين|والى لقاء قريب|أحبتي)"
            ),
            (
                "(يلا|يالله|طيب|اوكي|تمام|خلاص|حلو|زين|شكرا|مشكور|أوكي) (باي|باي باي|سلام|مع السلامة|في أمان الكريم|وداعا|سلام عليكم ومع السلامة|"
                "اشوفك|اشوفكم بعدين|نتكلم بعدين|في حفظ الله|تصبح على خير|بالسلامة|فمان الله|إلى لقاء قريب|مع السلامة الحين|اراكم|لازم اروح)"
            ),
            (
                "(فمان الله|فأمان الله|في امان الكريم|بأمان الله|أستودعك الله|استودعتكم الله|في وداعة الله|الله يحفظك ومع السلامة|الله معك|الله وياك|"
                "في رعاية الله وحفظه|دمت بخير|دمتم سالمين|نلتقي قريبا|نلتقي لاحقا|ألقاكم لاحقا|أراك لاحقا|أراكم على خير|إلى لقاء آخر|ليلة سعيدة|"
                "ليلتك سعيدة|نهارك سعيد مع السلامة|طابت ليلتكم|يومك سعيد باي|تصبحوا على خير|تصبحي على خير|بااي|سي يو)(| جميعا| اخوي| يا غالي|)"
            ),
            (
                "(اشوفك|أشوفك|نشوفك|نشوفكم|أشوفكم|اشوفكم|بشوفك|بشوفكم|القاك|نلقاك|أراك|أراكم|اراكم) (بخير|بعدين|بكرة|قريب|لاحقا|مرة ثانية|"
                "الأسبوع الجاي|إن شاء الله|على خير يارب|وقت ثاني|في المتجر|باذن الله)"
            ),
            "(انا|أنا) (ماشي|طالع|رايح|بمشي|استأذن|مغادر|خارج) (الحين|مع السلامة|باي|وداعا|سلام|فمان الله|نتكلم لاحقا)",
            "(أستأذن|استأذنكم|اترككم|اخليكم|نخليكم) (الحين|مع السلامة|في أمان الله وحفظه|في رعاية الله|وداعا|سلام)",
        ],
    },
    "en": {
        "greet_salam": [
            (
                "(salam|salaam|salam alaikum|assalamu alaikum|as-salamu alaikum|assalam alaikum|asalam alaikum|salam alaykum|assalamualaikum|"
                "salamu alaikum|slm)(,|) (bro|sister|brother how are you|dear friend|my friends|good morning to you|good afternoon|hello|hi there|"
                "guys how are you|to the team|my dear|sir|madam|everybody|wa rahmatullah|wa rahmatullahi wa barakatuh|from jeddah|to all of you|"
                "folks|and good evening|shop owners|habibi)"
            ),
            "(hi|hello|hey|good morning)(,|) (salam|salam alaikum|assalamu alaikum|peace be upon you)",
            "(salaam|slm|asalamu alaikum|assalamualaikum|alsalam alaikum|assalam o alaikum|salamalaikum)(| all| brother| everyone)",
            (
                "(peace|may peace and blessings) (be upon you all|be with you all|to everyone|and blessings be upon you|on you my brothers|"
                "upon you brothers)"
            ),
        ],
        "greet": [
            (
                "(hi|hello|hey|heya|hiya|hullo|helo|hii|heyy|yo|greetings|howdy|good morning|good afternoon|good evening|g'day)(,|) (there my friend|"
                "dear friend|sir|madam|everybody|folks|dear shop team|how are you|how are you doing|how's it going|how are you today|"
                "how is everything|is anybody here|is anyone here|anybody there|you there|shop|from riyadh|to you all|nice shop|i am back|"
                "i am new here|lovely people|bot|again my friend|people|how do you do|all of you)"
            ),
            (
                "(how are you|how is life|how's life|how is everything|how have things been|how goes it|how are you all|hope you're well|"
                "hope you are having a good day|wassup|sup|whats up|what is up|nice to meet you|pleased to meet you|good to see you|how you doing|"
                "how's your day|how is your day going|you ok|hope you are good)(| today| friend| my friend| guys| there)"
            ),
            (
                "(a|have a|wish you a) (good|great|wonderful|lovely|very good|pleasant|fine) (morning|afternoon|evening|day)(| to you| to all|"
                " everyone| dear| friends) (hi|hello)"
            ),
            (
                "(top of the morning|good day|morning|mornin|evening|good morning|good evening|good afternoon|gm)(| to you| sir| folks| guys|"
                " friends| everybody| dear team| to all of you)"
            ),
            "(is|are) (anyone|anybody|you|someone) (there|here|around|online)",
        ],
        "thanks": [
            (
                "(thanks|thank you|thx|many thanks|thank u|tysm|ty|thanks so much|thanks a million|thank you very much|big thanks|thank you kindly|"
                "thanks a bunch)(,|) (bro|buddy|man|friend|dear|a ton|for this|for your support|for the info|for the reply|for answering|"
                "for the fast answer|that was quick|this helped|it helps|for your patience|for helping|for all this|guys|that is all|that's all|"
                "so kind of you|you helped a lot|for everything you did|appreciated|sir|really|everyone|for the great service|for being there)"
            ),
            (
                "(ok|okay|alright|great|perfect|good|nice|cool|awesome|amazing|excellent|lovely|fine|super|wonderful|oh great|got it)(,|) (thanks|"
                "thank you|thx|many thanks|thanks so much|thank you very much|ty|thanks again|thank you so so much|much appreciated|thanks man|"
                "i appreciate it|thanks for that)"
            ),
            (
                "(i|we) (thank you|really thank you|appreciate it a lot|appreciate that|appreciate your time|am very thankful|am grateful for that|"
                "am much obliged|owe you|really appreciate your help|thank you all|cannot thank you enough)(| so much| really| guys)"
            ),
            (
                "(much appreciated|appreciated|you are the best|you're the best|you rock|you helped me a lot|that was very kind|how kind of you|"
                "so helpful|this was helpful|you've been helpful|god bless you|bless you|jazak allah|jazakallah khair|shukran|merci)(| thanks|"
                " thank you| friend)"
            ),
        ],
        "bye": [
            (
                "(bye|goodbye|good bye|bye bye|byee|cya|see ya|see you|farewell|cheerio|later|ciao|so long|take care|bye now|good night|goodnight)(,|"
                ") (guys|all|my friend|friend|dear|for now|and thanks|and thank you|then take care|see you soon|have a good one|have a great day|"
                "take care of yourself|until tomorrow|people|sir|until we meet again|folks|have a great evening|have a good night|talk soon|"
                "thanks for now|my friends|later)"
            ),
            (
                "(okay|alright|right|well|thanks|thank you|great|fine|cool)(,|) (bye|bye bye|goodbye then|good night|see you later|i am leaving|"
                "i have to go|gotta go|i must go|talk to you later|see ya|catch you later|that is all bye|bye then|later|goodbye now|"
                "see you tomorrow)"
            ),
            (
                "(i|i'll|we) (have to go|must go|must leave now|need to go|am leaving|am off|will see you|will talk to you later|will be back|go now|"
                "am going now)(| bye| now| goodbye| see you| take care)"
            ),
            (
                "(have|enjoy|wish you) (a nice|a good|a great|a lovely|a pleasant|your|a wonderful) (day|evening|night|weekend|week|rest of the day|"
                "one)(| bye| ahead| goodbye| everyone|)"
            ),
            (
                "(see you|meet you|catch you|talk to you|speak to you|till) (around|soon|tomorrow|later|next week|again|another time|in the shop|"
                "then|next month|again soon)(| bye| friend| guys|)"
            ),
            (
                "(sleep well|sweet dreams|good night|goodnight|nighty night|peace out|adios|ma salama|ma'a salama|all the best|best wishes|stay safe|"
                "be well)(| everyone| friend| and goodbye| guys|)"
            ),
        ],
    },
}
