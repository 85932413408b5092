"""English phrasings of each topic, in the notation of `phrases_ar.py`; HELD_OUT phrasings are never trained on."""

_SHIP_TO = [
    "(do|can|will|could|would) you (ship|deliver|send|post) {to}", "(do|can) you (ship|deliver|send) (orders|packages|my order|products|goods|things|items) {to}",
    "(is|are) (shipping|delivery|deliveries) {to} (available|possible|offered|okay)", "is there (shipping|delivery|a delivery service) {to}", "(do you have|do you offer|have you got) (shipping|delivery) {to}",
    "(shipping|delivery|ship|deliver) {to}", "i (live|am|stay) in {city}(,|) (do|can) you (deliver|ship)(| here| to me)", "i am from {city}(,|) (can|do) you (ship|deliver)(| there| to me)",
    "can i (order|buy|shop) from {city}", "i (want|need|would like) (delivery|shipping|my order shipped|it delivered|it sent) {to}", "does your (shipping|delivery|service) (cover|reach|include) {city}",
    "(is|are) {city} (covered|included|on your list)", "do you (cover|serve|reach) {city}", "if i order from {city} (will|does) it (arrive|reach me|get here)",
    "(is it possible|would it be possible) to (ship|deliver|send it) {to}", "{city} (delivery|shipping)",
]
_SHIP_TO_HELD_OUT = [
    "i was wondering if you ship {to}", "are you able to deliver {to}", "is it possible to have it delivered {to}", "my home is in {city}, do you ship there", "can my order be sent {to}",
    "do your deliveries reach {city}", "you ship {to}, right",
]

_BUYABLE = [
    "(do|did) you (have|sell|stock|carry|offer) {p}", "(have you got|you got) {p}", "is {p} (available|in stock|there)", "are there any {p}", "i (want|need|would like|am looking for) {p}",
    "i (want|would like) to (buy|order|get) {p}", "(looking for|searching for) {p}", "can i (buy|order|get) {p}(| here| from you)",
]
_PRICED = [
    "how much (is|are|does) {p}(| cost)", "(what is|what's|tell me) the (price|cost) of {p}", "(price|cost) (of|for) {p}", "{p} (price|cost|how much)", "how much (do you want|should i pay|do i pay) for {p}",
    "what does {p} cost", "what do you (charge|ask) for {p}", "how expensive (is|are) {p}",
]

TRAIN = {
    "greet_salam": ["(salam|assalamu alaikum|salam alaikum|as-salamu alaykum|peace be upon you|salam aleikum)(| everyone| brother| all| to you)"],
    "greet": ["(hi|hello|hey|hiya|greetings|howdy|hi there|hello there|hey there)(| everyone| team| all| friend| shop)", "good (morning|evening|afternoon|day)(| to you| team| all)", "(how are you|how is it going|how do you do|what's up|how are things)(| today| doing)"],
    "thanks": ["(thanks|thank you|many thanks|thx|cheers|thanks a lot|thank you so much|ty)(| for your help| very much| a lot| my friend| again)", "i (appreciate it|am grateful|appreciate your help|really appreciate this)", "(great|perfect|okay|good|nice)(,|) (thanks|thank you)", "(that helps|that was helpful|very helpful|you are great|you are kind)(| thanks| thank you)"],
    "bye": ["(bye|goodbye|bye bye|farewell|see you|see you later|see ya|take care|so long)(| everyone| then| friend| now| soon)", "(have a|have a very) (nice|good|great|lovely) (day|evening|night|one)", "good night(| everyone| to you)", "(talk to you|catch you) (later|soon)", "until (next time|then)"],
    "ship_city": _SHIP_TO,
    "ship_abroad": _SHIP_TO,
    "ship_general": [
        "(do|can|will) you (ship|deliver|send orders|offer delivery|have delivery|do shipping|do delivery|do home delivery)", "(is|are) (shipping|delivery|home delivery) (available|possible|offered)", "is there (shipping|delivery|home delivery|a delivery service)",
        "where do you (ship|deliver|send)(| to| orders)", "(which|what) (cities|places|areas|countries|regions) do you (ship to|deliver to|cover|serve)", "do you (ship|deliver) (everywhere|anywhere|to all cities|to homes|to my home|to the gulf|to my door)",
        "i (want|need|would like) (delivery|home delivery|shipping)", "(delivery|shipping) (areas|cities|zones|options)",
    ],
    "ship_time_city": [
        "how (long|many days|much time) (does|will|would) (shipping|delivery|it|the order|an order|my order) (take|need) {to}", "when (will|does|would|can) (my order|it|the order|the package|my package|an order) (arrive|get|reach|be delivered|come) {to}",
        "how (fast|quickly|soon) (do|can|will) you (ship|deliver) {to}", "(shipping|delivery) time {to}", "(what is|what's) the (shipping|delivery) time {to}", "how (long|many days) (is|for) (shipping|delivery|the delivery) {to}", "how many days {to}", "is (delivery|shipping) {to} (fast|slow|quick)",
        "(how long|how many days) until (it|my order|an order) (gets|arrives|comes) {to}",
    ],
    "ship_time": [
        "how (long|many days|much time) (does|will|would) (shipping|delivery|it|the order|an order|my order) (take|need)(| to arrive)", "when (will|does|would|can) (an order|it|the order|the package|orders) (arrive|get here|reach me|be delivered|come)(| usually| if i order today)",
        "how (fast|quickly|soon) (do|can|will) you (ship|deliver)", "(shipping|delivery) time", "(what is|what's) the (shipping|delivery) time", "how (long|many days) (is|for) (shipping|delivery|the delivery)", "is (delivery|shipping) (fast|slow|quick)",
    ],
    "ship_cost_city": [
        "how much (is|does|for|are) (shipping|delivery|the delivery|the shipping|delivery fees) (cost |){to}", "(what is|what's|tell me) the (shipping|delivery) (cost|price|fee|charge|rate) {to}", "(shipping|delivery) (cost|price|fee|charges|fees|rate) {to}",
        "(is|are) (shipping|delivery) {to} (free|expensive|cheap)", "how much (do you charge|do i pay|will it cost|should i pay|does it cost) (to ship|to deliver|for delivery|for shipping) {to}", "what do you charge for (delivery|shipping) {to}", "is there free (shipping|delivery) {to}", "(price|cost|fee) of (shipping|delivery) {to}",
    ],
    "ship_cost": [
        "how much (is|does|for|are) (shipping|delivery|the delivery|the shipping|delivery fees)(| cost)", "(what is|what's|tell me) the (shipping|delivery) (cost|price|fee|charge|rate)", "(shipping|delivery) (cost|price|fee|charges|fees|rate)", "(is|are) (shipping|delivery) (free|expensive|cheap)",
        "how much (do you charge|do i pay|will it cost|should i pay|does it cost) (to ship|to deliver|for delivery|for shipping)", "what do you charge for (delivery|shipping)", "(is there|do you have|do you offer) free (shipping|delivery)", "(price|cost|fee) of (shipping|delivery)",
    ],
    "returns": [
        "(can|could|may|how can|how do|how could) i (return|send back|give back|bring back) (my order|the product|an item|it|a product|this item|something i bought|the order|something)", "(what is|what's|explain|tell me) (your|the) (return|returns|refund) (policy|process|rules|conditions)", "(return|returns|refund) (policy|process|rules)", "do you (accept|allow|take|have) (returns|refunds)",
        "i (want|need|would like) (to return|to send back|to give back) (my order|the product|an item|it|this|something)", "i (want|need|would like) (a refund|my money back|to get a refund)", "how (long|many days) do i have to return (it|an item|my order|a product)", "(is|are) (returns|refunds|returning) (free|possible|allowed|accepted)", "i (do not|don't) like (it|the product|my order)(,|) can i (return it|send it back|get a refund)",
        "how do (returns|refunds) work", "can i get (a refund|my money back)",
    ],
    "exchange": [
        "(can|could|may|how can|how do) i (exchange|swap|change|replace) (my order|the product|an item|it|a product|the size|the color|this item)", "(what is|what's|explain|tell me) (your|the) exchange (policy|process|rules)", "exchange (policy|process|rules)", "do you (accept|allow|do|have) (exchanges|swaps|size exchanges)",
        "i (want|need|would like) (to exchange|to swap|to replace) (my order|the product|an item|it|this|the size)", "i (want|need|would like) (another|a different|a bigger|a smaller) (size|color)", "the (size|color) is (wrong|too small|too big|not right)(,|) (can i exchange it|can i change it|can i swap it|what can i do)", "i (got|received) the wrong (size|color)(|, can i change it|, can i swap it)", "(is|are) (exchanges|exchanging) (free|possible|allowed)", "how do exchanges work",
    ],
    "cancel": [
        "(can|could|may|how can|how do) i cancel (my order|the order|an order|it|my purchase)", "i (want|need|would like) to cancel (my order|the order|it|my purchase)", "(please |)cancel (my order|the order|my purchase|order)", "(what is|what's) the cancellation (policy|fee|process)", "(is it|is it still) possible to cancel(| my order| it)", "i changed my mind(,| and) (cancel it|cancel my order|do not send it|i do not want it)", "(cancellation|order cancellation)",
    ],
    "payment": [
        "(what|which) (payment methods|payment options|ways to pay|cards|payments|types of payment) (do you accept|are available|do you take|can i use|do you have|do you support)", "how (can|do|could|should) i pay(| for my order| you| here)", "(do|can) you (accept|take|support|have) (visa|mada|mastercard|apple pay|cash|cards|credit cards|cash on delivery|card payment|bank transfer|installments)",
        "can i pay (with|by|using) (visa|mada|mastercard|apple pay|cash|a card|credit card|my card)", "can i pay (on delivery|when it arrives|at the door|online|later|in cash)", "(payment|payment methods|payment options|ways to pay)", "is (cash on delivery|apple pay|mada|card payment|cash) (available|possible|accepted|okay)",
    ],
    "hours": [
        "(what time|when) do you (open|close|start|start work|shut)(| today| tomorrow| on friday)", "(what are|what's|tell me|what were) (your|the) (opening hours|working hours|hours|business hours|opening times|shop hours)", "(opening|working|business|shop|store) (hours|times)", "are you (open|closed|working)(| now| today| tomorrow| on friday| tonight| on the weekend)",
        "(is the|is your) (shop|store) (open|closed)(| now| today| on friday| tomorrow)", "(until when|how late|till when) are you open", "(when|what time) (does|is) the (shop|store) (open|close|closing|opening)", "which days (are you open|do you work|do you open)", "do you (open|work) (on friday|on weekends|today|at night|every day|on saturday)",
    ],
    "price": _PRICED,
    "available": _BUYABLE,
    "absent": _PRICED + _BUYABLE,
    "products": [
        "what (do you sell|products do you have|do you have|products do you sell|can i buy|are your products|items do you have|is in your shop|do you offer)(| here)", "(show|tell|give|send) me (your products|the products|what you sell|your catalog|your list|the catalog|what you have)", "(product|products) (list|catalog)", "(your products|catalog|list of products)", "(which|what kind of) (products|items|things|goods) (do you have|do you sell|are available|do you offer)", "i (want|would like) to see (your products|the catalog|what you have)",
    ],
    "order": [
        "where is (my order|order|the order|my package) (number |no |#|){n}", "(what is|what's) the status of (my order|order|the order) (number |no |#|){n}", "(order|my order) (number |no |#|){n}(| status| where is it| is late| has not arrived| please check)", "(track|check|follow) (order|my order|the order) (number |#|){n}",
        "(can you|could you|please) (track|check|look up|find) (my order|order|the order) (number |#|){n}", "(has|did) (order|my order) (number |#|){n} (shipped|arrived|ship|been sent|left)", "my order number is {n}", "when will (order|my order) (number |#|){n} (arrive|come|ship|be delivered)", "i (want|would like) to (track|check|follow) (order|my order) (number |#|){n}", "{n}", "(status of|status) (order|#|) {n}",
    ],
    "order_ask": [
        "where is (my order|the order|my package|my parcel|my stuff)(| now| please)", "(what is|what's) the status of (my order|the order|my package)", "(order|my order) (status|is late|has not arrived|did not arrive|is missing|never came)", "(track|check|follow) (my order|the order|my package)", "(can you|could you|please|how do i|how can i) (track|check|look up|find) (my order|the order|my package)",
        "(has|did) my order (shipped|arrived|ship|been sent|left)", "i (want|would like) to (track|check|follow) my order", "i (did not get|have not received|am waiting for|never got) (my order|my package|it yet)", "i ordered (last week|two days ago|yesterday|a week ago) and (nothing came|it is not here|it has not arrived)",
    ],
    "location": [
        "where (are you|is your shop|is the shop|is the store|is your store|are you located|is your location|is your branch)(| located| exactly)", "(what is|what's|send me|give me|tell me) (your|the) (address|location|shop address|store location)", "(address|location|shop address|store location|directions)", "do you have (a shop|a store|a branch|a physical store|branches|a showroom)(| i can visit)", "(how do i|how can i) (get to|find|reach|come to) (you|your shop|the store|the shop)", "(which|what) (street|district|city|area) are you (in|on)", "can i (visit you|come to your shop|visit the store|visit your shop)",
    ],
    "warranty": [
        "(do you have|is there|do you offer|do you give) (a warranty|a guarantee|warranty|any warranty)(| on devices| on products| on the headphones| on the watch)", "(what is|what's|tell me) (your|the) (warranty|guarantee)(| policy| period)", "how (long|many years) (is|does) the (warranty|guarantee)(| last| period)", "(warranty|guarantee)(| policy| period| information)", "(is|are) (the product|the headphones|the watch|it|the device) (under warranty|guaranteed|covered by warranty|covered)",
        "(the headphones|the watch|the device|it) (broke|stopped working|is defective|is broken)(,|) (is it under warranty|is there a warranty|what about the warranty)", "does (it|the watch|the device|the headset) (come with|have|include) (a warranty|a guarantee)",
    ],
    "discount": [
        "(do you have|is there|are there|have you got) (a discount|any discounts|a coupon|any offers|a promo code|a sale|discounts|offers|any deals|coupons)(| now| today| at the moment| for me)", "(give me|i want|can i get|can i have|i need) (a discount|a coupon|a promo code|a discount code|an offer)", "(what are|what's|tell me) (your|the) (offers|deals|discounts|promotions)(| today| now)", "(discounts|offers|promo code|coupon|discount|sale)", "when is the (sale|next sale|next offer)", "any (offers|deals|discounts|coupons)(| today| now)",
    ],
    "contact": [
        "(can|could|may|how can|how do) i (talk to|speak to|speak with|contact|reach|chat with) (a human|someone|an agent|support|customer service|a person|the manager|you|your team)", "i (want|need|would like) to (talk to|speak to|speak with|contact|reach) (a human|someone|an agent|support|customer service|a person|the manager)", "(please |)(call me|contact me|call me back|e-mail me|email me|get in touch with me)(| please| now)", "(connect|transfer|put) me (to|through to) (an agent|support|a human|someone|customer service)", "(customer service|customer support|human agent|support|your phone number|your email)",
    ],
    "identity": [
        "(who are you|what are you|what is your name|what's your name|introduce yourself|who is this)(| exactly| please)", "are you (a robot|a bot|human|a human|a machine|an ai|a real person|a model|chatgpt|a computer)(| or a human| or a bot)", "what can you (do|help with|help me with|answer)", "(who am i|am i) (talking to|chatting with|speaking with)(| a bot| a robot| a human| a person)", "(do you have a name|tell me about yourself|what kind of model are you)",
    ],
}

HELD_OUT = {
    "greet_salam": ["assalamu alaikum my brothers", "salam hello", "salam alaikum good morning", "peace be upon you my friend"],
    "greet": ["hello good morning", "hey how are you", "hi hope you are doing well", "good evening everyone", "hello dear shop"],
    "thanks": ["thank you for everything", "okay great, thanks a lot", "thanks for the help", "awesome, thank you so much", "i am thankful for your help"],
    "bye": ["ok bye", "goodbye and take care", "bye, have a nice day", "see you next time", "okay good night"],
    "ship_city": _SHIP_TO_HELD_OUT,
    "ship_abroad": _SHIP_TO_HELD_OUT,
    "ship_general": ["is home delivery something you offer", "what cities can you deliver to", "do you guys ship", "could you deliver to my house", "which areas do your deliveries cover"],
    "ship_time_city": ["how long before my package gets {to}", "what is the delivery time if i live in {city}", "how many days does it take to ship {to}", "how soon would an order arrive {to}", "when can i expect delivery {to}"],
    "ship_time": ["how long before my package gets here", "how many days does delivery usually take", "how soon would an order arrive", "when can i expect delivery", "what is your usual delivery time"],
    "ship_cost_city": ["how much would you charge to send it {to}", "what are the shipping fees {to}", "what would delivery {to} cost me", "do i pay for delivery {to}", "how many riyals is shipping {to}"],
    "ship_cost": ["how much would you charge to ship it", "what are the shipping fees", "what would delivery cost me", "do i pay for delivery", "how many riyals is shipping"],
    "returns": ["is it possible to return something", "what if i want to return the item", "how does the return process work", "i bought something and want to give it back", "could i have my money back please", "what are the conditions for returns"],
    "exchange": ["is it possible to exchange the size", "what if the size does not fit, can i swap it", "how does an exchange work", "i bought the wrong color, can i exchange it", "i need to swap it for a bigger size", "could you replace the item"],
    "cancel": ["is it too late to cancel my order", "i no longer want it, cancel please", "how do i go about cancelling an order", "can the order be cancelled", "please stop and cancel my purchase"],
    "payment": ["which cards can i use to pay", "what forms of payment do you take", "is it okay to pay cash", "may i pay by visa", "tell me the payment options", "do you take mada cards"],
    "hours": ["at what time does the shop open", "what hours are you open", "are you guys open on friday", "when does your store close", "could you tell me your opening hours", "till what time do you work"],
    "price": ["can you tell me how much {p} is", "how much would {p} cost me", "what price is {p}", "may i know the price of {p}", "what's the cost for {p}", "i'd like to know how much {p} costs"],
    "available": ["do you happen to have {p}", "could i order {p} from you", "is {p} something you sell", "i am interested in buying {p}", "would you have {p} in stock"],
    "absent": ["do you happen to have {p}", "could i order {p} from you", "may i know the price of {p}", "how much would {p} cost me", "i am interested in buying {p}"],
    "products": ["what sort of products do you sell", "can you list your products", "what things can i buy from your shop", "what is available in your store", "could you show me your catalog"],
    "order": ["any news about order {n}", "could you tell me where order {n} is", "what happened to my order {n}", "i am asking about order number {n}", "can i know the status of order #{n}", "why is order {n} late"],
    "order_ask": ["any news about my order", "what happened to my order", "why is my order late", "i still have not received my order", "could you tell me where my package is"],
    "location": ["where can i find your shop", "what is the address of the store", "which area is your shop in", "could you send me your location", "is there a store i can visit", "how do i get to your branch"],
    "warranty": ["how many years of warranty do i get", "does the watch come under warranty", "is a guarantee included", "what does the warranty cover", "are your devices guaranteed", "do the headphones have a warranty"],
    "discount": ["could i get a promo code", "are there any special offers today", "got any discounts", "is there a sale on now", "do you have a discount code for me", "what deals do you have"],
    "contact": ["let me talk to a real person", "is there someone i can speak to", "i'd like to speak with customer support", "can someone call me", "please let an agent contact me"],
    "identity": ["is this a bot", "am i speaking to a real person", "what should i call you", "tell me who you are", "are you some kind of ai"],
}

BEFORE = ["hi", "hello", "hey", "please", "excuse me", "quick question", "good morning", "i have a question", "sorry", "okay", "one question", "thanks", "salam", "so", "dear shop", "may i ask"]
AFTER = ["please", "thanks", "thank you", "asap", "my friend", "sir", "thanks in advance", "urgent"]
