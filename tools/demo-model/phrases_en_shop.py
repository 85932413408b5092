"""More English phrasings about the shop itself, in the notation of `phrases_ar.py`: what it sells, where it is, when it is open."""

_LOCATION = [
    (
        "(where|whereabouts|where exactly|where in riyadh|in which street|on what street|in which city|which part of riyadh|in what area|"
        "what city) (are you|are you guys|is the shop|is your store|is your shop|is it|is the showroom|are you based|is the store|is your place|"
        "is this shop|is your branch)(| located| at| situated| please| now|)"
    ),
    (
        "(send|share|give|drop|tell|text) me (the|your|a) (location|address|pin|map|directions|store address|google maps link|shop location|"
        "location pin|exact address|full address|exact location)(| please|)"
    ),
    (
        "(location|address|your location|your address|shop address|store address|map|directions|where|exact address|branch|branches|store location|"
        "where r u|where are u)(| please| pls| on the map| of the shop| of the store)"
    ),
    (
        "(i want|i would like|i need|i am coming|i plan|i'd love|can i come|am i able) to (visit|see|come to|drop by|visit you at|walk into|"
        "shop at) (the shop|your shop|your store|the store|the showroom|the branch)(| where is it| how| in person| today|)"
    ),
    (
        "(can|could|may) (i|we) (visit|come over|come by|drop by|come in|pick up from the shop|shop in person|buy at the store|see the store|"
        "come to you|collect my order from the shop|come in person)"
    ),
    (
        "(do you|have you) (have|got|own|run) (a|an|any) (physical shop|real shop|branch in riyadh|actual store|location in riyadh|store in jeddah|"
        "showroom|place i can visit|shop i can walk into|offline store|local store)"
    ),
    (
        "(how|which way) (do i|can i|do we|should i) (get there|find your place|find the store|drive to the shop|come to the shop|"
        "get to your location|get to the store|find your shop|reach your store)"
    ),
    (
        "(is|are) (your shop|the shop|your store|the store|you) (in riyadh|in jeddah|only online|near the center|far|a physical shop|"
        "on tahlia street|in olaya|near me|online only|close by)"
    ),
    (
        "(which|what) (street|city|district|neighborhood|town|place) (is your shop|is the shop|are you|is your store|do i go to|is your branch|"
        "is it)(| in| on| at| located in)"
    ),
    (
        "(looking for|trying to find|i cannot find|can't find|help me find) (your shop|the shop|your store|your location|the address|the store)(|"
        " where is it|)"
    ),
    (
        "what('s| is) (the exact address|your exact location|the shop's address|the location of the shop|the address of your shop|"
        "your store's address|the store's location|the way to your shop)"
    ),
]

_HOURS = [
    (
        "(when|what time|at what hour|which hours|from when|since when) (do you|do you guys|does your shop|does the store|does the shop|"
        "do you people|are you|is the store|is your shop) (open|close|start|opening|closing|finish|open up|opened|closed|shut|start working|"
        "open in the morning|close at night|open on friday|open tomorrow)(| today| usually| on fridays| on saturday| in ramadan|)"
    ),
    (
        "(are you|is the shop|is the store|is your shop|r u|will you be|you) (open|closed|working|still open|already open|open late|open early|"
        "open for business)(| now| today| tomorrow| tonight| on friday| on fridays| on saturday| on weekends| right now| at night| in the morning|"
        " after 9| at 8| this evening|)"
    ),
    (
        "(until|till|up to|how late|how early) (what time|when|which hour) (are you open|do you stay open|is the shop open|can i come|do you open|"
        "is the store open|are you there)"
    ),
    (
        "how (late|early|long) (are you open|do you open|do you close|is the shop open|do you stay open|is the store open|can i come)(| today|"
        " on friday|)"
    ),
    (
        "(what|tell me|give me|send me|may i know) (are your|your|the|are the|is your) (hours|working times|working days|open hours|schedule|timings|"
        "timing|opening and closing times|friday hours|weekend hours|store hours|hours of operation|opening days|office hours|days off)(| please|"
        " today|)"
    ),
    (
        "(hours|opening hours|timings|timing|working hours|store hours|schedule|open now|open today|open friday|opening time|closing time|"
        "friday hours|working days)(| please| pls| for the shop|)"
    ),
    (
        "(can|could) i (come|visit|pass by|drop by|stop by) (now|today|tonight|on friday|tomorrow morning|at 9|this evening|on saturday)(|"
        " are you open| is the shop open|)"
    ),
    "(which|what) days (are you closed|do you close|are you off|is the shop open|is the store open|do you guys work)",
    (
        "(do you|do you guys|does the shop|does the store) (work|open|operate|close) (on friday|on fridays|on weekends|on sunday|on holidays|"
        "in the evening|at noon|late|every day|all day|24 hours|during ramadan|on saturday)"
    ),
]

_PRODUCTS = [
    (
        "(what|which) (do you guys sell|do u sell|are you selling|do you carry|stuff do you sell|goods do you sell|things do you sell|"
        "kind of things do you sell|type of products do you have|do you have for sale|is for sale|can we buy|can i get here|is on sale in the shop|"
        "do you stock|have you got|products are there|products are available|kind of shop is this|all do you sell|else do you sell|"
        "items do you offer)(| in your shop| here| please|)"
    ),
    (
        "(show|tell|send|give|list) (me |us |)(your products|all products|the items|your items|all items|your menu|the list|what you have|"
        "what you sell|everything you have|your stock|your collection|the product list|a catalog|the catalogue|what is available|what's available)(|"
        " please|)"
    ),
    "(your|the|all|product|full|items) (products|catalogue|catalog|items|list|product list|range|collection|menu|stock|inventory)(| please| list|)",
    (
        "(do you have|is there|can i see|could i see|may i see|can i get|i want) (a catalog|a catalogue|a product list|a menu|a list of items|"
        "the list of products|your catalogue|your products|your collection|what you have|a list of what you sell)"
    ),
    (
        "what('s| is) (in stock|in the shop|in the store|on offer in the store|available to buy|your product range|available|for sale|"
        "in your catalog|there to buy)(| today| now| here|)"
    ),
    (
        "i (am looking|want to look|would like to look|want to shop|am just looking) (around|at your products|at what you have|at what you sell|"
        "for ideas what you sell)"
    ),
    (
        "(what|which) (things|products|items|goods|stuff) (can you offer|could i buy|can one buy|do you offer|are sold here|are in your store|"
        "are you selling)(| here| now| me|)"
    ),
]

_CONTACT = [
    (
        "(can|could|may|is it possible|how can|how do|where can|how could) (i|to|we) (call|phone|reach|contact|talk to|speak to|speak with|message|"
        "email|get in touch with|chat with|write to|ask|get hold of|text|whatsapp) (you|you guys|someone|somebody|a real human|a real employee|"
        "the owner|a manager|the staff|customer care|customer support|the support team|an employee|a live agent|your team|a representative|sales|"
        "the company|an actual person)(| please| directly| now| by phone|)"
    ),
    (
        "(i want|i need|i would like|i have|want|need|gotta|let me) (to talk to|to speak to|to speak with|to contact|to call|to chat with|speak to|"
        "talk with|to reach|to get in touch with) (a real person|somebody|a live person|a representative|a manager|your manager|the boss|"
        "customer care|customer support|you|you guys|an employee|the store|sales|support staff|a human please|a human being|an operator|the team|"
        "someone real)"
    ),
    (
        "(call|phone|ring|contact|text|message|email|write|reach|get back to) me(| please| today| asap| tomorrow| when you can| as soon as possible|"
        " on whatsapp| on my phone| back now| later)"
    ),
    (
        "(what is|what's|give me|send me|tell me|do you have|share|may i have|can i have|i need|is there) (your phone number|your number|"
        "a phone number|your email|your whatsapp|a whatsapp number|your contact number|your contact info|contact details|the customer service number|"
        "a hotline|the support number|an email address|the shop's phone number|a number to call|a support line|your contacts|the number of the shop)"
    ),
    (
        "(human|agent|real person|operator|representative|live agent|customer care|support|contact|contact us|contact info|phone number|whatsapp|"
        "call me|manager|helpline|speak to human|talk to agent)(| please| now| pls|)"
    ),
    (
        "(can|could|will|would|please have|have|let|ask) (someone|somebody|anyone|a human|an employee|a person|your manager|one of you|"
        "the sales team|a real agent|customer support|your agent) (to call me|call me please|contact me please|reach me|ring me back|help me|"
        "phone me|speak with me|reply to me|talk to me now|get in touch with me|message me|give me a call)"
    ),
    (
        "i (have|want to make|want to file|would like to make|got) (a complaint|a problem|an issue|a suggestion|some feedback)(|"
        " and want to talk to someone| who do i contact| can i talk to a person| call me|)"
    ),
    (
        "(transfer|connect|switch|pass|forward|hand) me (over to|to|through to) (a real person|a live agent|a manager|customer care|the sales team|"
        "an operator|an employee|a human agent)"
    ),
]

_IDENTITY = [
    (
        "(who|what) (are you|r u|are u|exactly are you|is this|is speaking|am i talking to|am i speaking with|am i chatting with|is answering|"
        "is on the line|is replying|is your name|do they call you|do i call you|is writing)(| please| really| exactly| now| here|)"
    ),
    (
        "(are|r|aren't) (you|u) (a bot|a chatbot|a robot|human|a real human|real|a person|a living person|an actual human|an ai|ai|an ai model|"
        "a language model|a machine|automated|gpt|chatgpt|a program|software|an employee|a virtual assistant|an assistant|the shop assistant|"
        "a man or a woman|a girl|smart)(| or what| or a human| or a machine| or real| by any chance|)"
    ),
    (
        "(am i|is it|is this|are we) (talking to|chatting with|speaking with|texting|texting with|writing to) (a bot|a robot|a human|a real human|"
        "an ai|a machine|someone|a person|a chatbot|an employee|a real employee|a computer)(| or a human| or a person| now|)"
    ),
    (
        "(is this|is it) (a chatbot|an automatic reply|a real person|an ai|automatic|a robot|a human|chatgpt|a live agent|a computer|a program|"
        "an assistant|someone real)(| or a human| answering| talking| replying|)"
    ),
    (
        "(what|how) (can|could|would|are) you (do|help|help with|do for me|help me|know|assist with|able to do|capable of|answer|be of help)(| here|"
        " exactly| today|)"
    ),
    (
        "(what's|what is|whats|tell me|may i know|can i know|do you have) (your name|ur name|a name|your purpose|your job|your role|your function|"
        "who you are|what you are|what are you|about yourself|your abilities)(| please|)"
    ),
    "(who|which company) (made|built|created|trained|programmed|designed) you",
    "(introduce|describe|explain) (yourself|who you are|what you are|yourself to me)(| please| briefly|)",
    "(do i|can i) (talk|speak|chat) (with|to) (a bot|a machine|an ai|a computer|a robot) (here|now|or a human)",
    "(do you|can you) (speak|understand) (arabic|english|both languages|other languages)",
    "(you|u) (a bot|human|real|robot|an ai|a person)(| right| or not|)",
]

_DISCOUNT = [
    (
        "(do you have|are there|is there|any|have you|you got|do you offer|do you give|do u have) (any |a |some |)(discount|discounts|offers|coupon|"
        "coupons|promo|promo codes|deals|sales|vouchers|voucher code|student discount|sale|special prices|promotion|promotions|coupon code|bargains|"
        "clearance|offer)(| now| right now| today| this week| currently| for new customers| for students| on perfume| going on| please| for me|"
        " these days|)"
    ),
    (
        "(can|could|may) (i|you|we) (get|have|give me|make|do|offer) (a discount|some discount|a better price|a lower price|a deal|a coupon|a code|"
        "a voucher|a cheaper price|it cheaper|a special price)(| please| for me| on this|)"
    ),
    (
        "(offers|deals|promo|coupons|vouchers|sale|discount|promotions|discount code|coupon code|any sale|any offer|any discount|any promo)(| please|"
        " now| today| this week|)"
    ),
    (
        "(when|what) (is|are|will) (the next sale|the sale|there be offers|new offers coming|the latest offers|the current deals|your best deals|"
        "today's offers|the newest discounts|on sale)(| start|)"
    ),
    "i (want|need|am looking for|have|would love) (a discount|some offers|a promo code|a coupon|a good deal|discounts|a cheaper price)",
    "(lower|reduce|drop) the price(| please| a bit| for me|)",
]

_PRICED = [
    (
        "(how much|how much for|price|cost|price for|price of|what's the price of|whats the price of|how much r|how much is|tell me the price for|"
        "give me the price of|what about the price of|how pricey is) {p}(| please| pls| now| today| there| at your shop|)"
    ),
    "(what|how much) (do|would|will|must|should) i (pay|have to pay|spend|give) (for|on) {p}",
    (
        "i (want|need|would like|am interested in|plan) (to buy|to know the price of|to get|to order) {p}(,|) (how much|how much is it|"
        "what is the price|what does it cost|price please)"
    ),
    "(is|are) {p} (expensive|cheap|pricey|costly|affordable)",
    "{p} (price|how much|cost|price please|how much is it|what price|for how much|costs how much)",
    "(what|how much) (is|are|does|do) {p} (cost|priced at|worth|sell for|going for|go for)(| here| now|)",
]

_BUYABLE = [
    (
        "(do you have|do u have|you have|do you guys have|got|have you got|do you sell|do u sell|do you guys sell|you sell|do you stock|do you offer|"
        "is there|are there|any|do you carry|sell) {p}(| here| in stock| for sale| in your shop| available| left| or not| please|)"
    ),
    "(can|may|where can|how can|how do) i (buy|get|find|order|purchase|have) {p}(| here| from you| now| online| at your place|)",
    (
        "i (want|need|wanna buy|would like|am after|am interested in|wish to buy|want to purchase|am searching for|would love|wanna get) {p}(|"
        " please| from your shop| today|)"
    ),
    "(is|are) {p} (available|in stock|for sale|sold|still available|there|in your shop|still there)(| now| today| here| or not|)",
    "(looking for|need|want|searching|in search of|shopping for) {p}(| please|)",
]

MORE = {
    "location": _LOCATION,
    "hours": _HOURS,
    "products": _PRODUCTS,
    "contact": _CONTACT,
    "identity": _IDENTITY,
    "discount": _DISCOUNT,
    "price": _PRICED,
    "available": _BUYABLE,
    "absent": _PRICED + _BUYABLE,
}
