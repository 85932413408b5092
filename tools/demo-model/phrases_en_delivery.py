"""More English phrasings about delivery, in the notation of `phrases_ar.py`: where to, how long, for how much."""

_TO = [
    (
        "(do u|d'you|you|u|can u|can ya|will you|would you|could you guys|do you guys|can you guys|do you also|do you even|do you still|"
        "do you currently) (ship|deliver|send stuff|do delivery|do shipping|ship things|bring orders) {to}"
    ),
    "(any|is there any|do you have any|got any) (shipping|delivery|courier|service|way to get it|option to ship) {to}",
    "(and|what about|how about|so|also) (shipping|delivery|sending|delivering) {to}",
    "(what about|how about|and|is it ok for|also for) (customers in|people in|orders from|addresses in|my family in|) {city}",
    "{city}(| too| please| as well| possible| ok| delivery possible| shipping available)",
    (
        "i (live|am living|stay|reside|am|am based|work|moved) in {city}(,|) (can i order|can i get my order|do you ship here|will you deliver to me|"
        "is delivery possible|can you send it to me|does it reach me|do i get delivery|can you ship)"
    ),
    "(can|could|will) (i|we) (get|have|receive) (a delivery|my order|an order|things|it|the package) (in|shipped to|sent to|delivered to) {city}",
    (
        "i (want|need|would love|wish|am trying|plan) to (send a gift|order something|ship an order|get something delivered|have something sent|"
        "send a package) {to}"
    ),
    (
        "(if|when) i (live|am|order|stay) in {city}(,|) (do you deliver|can you ship it|can i still order|will you send it|is there delivery|"
        "will i get it)"
    ),
    (
        "(does|do|will|can) (shipping|your shipping|you guys|your couriers|your drivers|the shop|your store|your shop|your company) (deliver|ship|go|"
        "go all the way|send) {to}"
    ),
    "(is|are) (there delivery in|you delivering in|your service available in|you available in|your deliveries available in) {city}",
    "(wondering|just wondering|asking|wanted to ask|checking|want to know|tell me) if you (ship|deliver|can ship|can deliver|send) {to}",
    (
        "(my address|my house|my place|my office|the delivery address|my sister|my friend) is in {city}(| can you deliver| is that ok|"
        " do you ship there| will it reach| can you send it)"
    ),
    "(ship|send|deliver|post) (my order|it|this|something|a gift|the bag|one) {to}(| please| can you| possible)",
    "(is|would) (it|this) (be possible to ship|be possible to deliver|possible to get delivery|possible to send a gift|ok to ship) {to}",
    "(delivering|shipping|sending|you deliver|you ship|u ship|u deliver) {to}",
    "(why|so) (do you not|don't you|you don't|you do not) (ship|deliver) {to}",
]

_OUTSIDE = [
    (
        "(do you|do u|can you|will you|could you|do you guys|you) (ship|deliver|send|post|ship orders|ship things) (abroad|overseas|internationally|"
        "worldwide|outside the gulf|outside saudi|outside saudi arabia|outside the kingdom|to other continents|to foreign countries|"
        "out of the country|around the world|globally|to all countries|outside the region|outside the country|international)"
    ),
    "(is|do you have|do you offer|is there|any) (international|worldwide|overseas|global|foreign) (shipping|delivery)(| available| possible| too|)",
    "(international|worldwide|overseas|global|abroad) (shipping|delivery|orders)(| cost| time| please| possible| available)",
    (
        "i (live|am|work|study|am currently|stay) (abroad|overseas|outside saudi|in another country|outside the gulf|far away in europe|"
        "in a foreign country)(,|) (can you ship to me|do you deliver|can i order|will it reach me|do you ship)"
    ),
    "(can|could) (i|we|people) (order|buy|get delivery) from (abroad|overseas|outside the gulf|another country|outside saudi arabia)",
    "i (want|need) (it|my order|this) (shipped|sent|delivered) (abroad|overseas|internationally|out of the country|outside the gulf)",
    "shipping (abroad|overseas|internationally|worldwide|outside saudi|outside the gulf)",
]

_GENERAL = [
    (
        "(do u|can u|d'you|you guys|u guys|do you|will you|can you) (deliver|ship|do deliveries|bring it home|ship orders|deliver orders|"
        "have couriers|have a courier|deliver at home|drop it at my door|deliver to the door|deliver to my address|bring the order|"
        "deliver online orders)"
    ),
    (
        "(is|do you have|do you offer|any|got) (delivery|shipping|home delivery|door delivery|a courier|a delivery option)(| service| option| too|"
        " available)"
    ),
    "(delivery|shipping|home delivery|deliver|ship)(| please| available| possible| service| info)",
    (
        "(do you|can you|will you) (ship|deliver|send) (to the gulf|in the gulf|within the gulf|inside saudi|in saudi|across saudi arabia|"
        "within the kingdom|to gulf countries|to other cities|outside riyadh|all over the kingdom|nationwide|across the country)"
    ),
    "(do you|can you|do u|will you|do you guys) (ship|deliver|send orders) {gulf}",
    "(shipping|delivery) {gulf}",
    "i (live|am|stay) in {place}(,|) (do you deliver|can you ship|can i order|do you ship here)",
    (
        "(where|to where|where exactly|which places|to which cities|what places|which cities|how far) (do you deliver|do you ship|can you deliver|"
        "can you ship|will you deliver|do you guys deliver|do you send orders)(| to| exactly)"
    ),
    (
        "(tell me|show me|give me) (where you ship|where you deliver|the delivery areas|the cities you ship to|the shipping areas|"
        "which cities you cover)"
    ),
    (
        "(must|do) i (have to |need to |)(come|pick it up|collect it) (myself|at the shop|in person)(,|) or (do you deliver|is there delivery|"
        "can you ship it)"
    ),
    "(can|could|may) i (get|have) (it|my order|things|stuff|my shopping) (delivered|shipped|sent home|sent to my house|brought to my home)",
    "i (cannot|can't|do not want to) come to the shop(,|) (can you deliver|do you deliver|is there delivery|can you ship it)",
    "(how|tell me how) (does|do) (delivery|shipping|your delivery|your shipping|deliveries) work",
]

_TIME = [
    (
        "(when|what day|how soon|how fast|how quick) (will i get|do i get|can i get|will i receive|can i have|should it reach) (it|my order|"
        "the order|my package|the stuff|my things|my parcel)"
    ),
    (
        "(how long|how many days|how much time|what time) (do i wait|must i wait|do i have to wait|should i wait|is the wait|till it comes|"
        "until it arrives|does it normally take|until delivery|for my order to come)"
    ),
    "(do you have|is there|do you offer|can i get) (same day|next day|express|fast|quick|one day) (delivery|shipping)",
    "(delivery|shipping|arrival|waiting) (time|days|duration|period|speed|estimate)(| please| usually)",
    "(is|how) (the delivery|shipping|delivery|your delivery|your shipping) (fast|quick|long|slow|quick enough|same day)(| enough| or slow)",
    "if i (order|buy|pay) (now|today|tomorrow|tonight)(,|) when (will it come|does it arrive|do i get it|will it be here|will i receive it)",
    "(will|can|does) it (arrive|come|be here|get here) (today|tomorrow|this week|in two days|before friday|soon|quickly|by the weekend)",
    "(estimated|expected|average|usual|typical) (delivery|shipping|arrival) (time|date)",
    "(how many|what number of) days (for delivery|for shipping|to deliver|to get it|till i get it|do you need)",
]

_TIME_TO = [
    "(when|how soon|how fast) (will i get|can i get|will i receive|do i get) (it|my order|the package|my parcel) in {city}",
    (
        "(how long|how many days|how much time) (is the wait|must i wait|is it|to ship|to deliver|till it arrives|does it take to deliver|"
        "will it take) {to}"
    ),
    "(delivery|shipping|arrival) (time|days|duration|speed|estimate) {to}",
    (
        "i (live|am|stay) in {city}(,|) (when will it come|how long will it take|how many days|when do i get it|when will my order arrive|"
        "how long does shipping take)"
    ),
    "{city}(,|) (how many days|how long|delivery time|when does it arrive|how long for delivery)",
    "if i order (now|today|tomorrow) when (will it|does it|would it) (reach|arrive in|come to|be in|get to) {city}",
    "(shipping|delivery|ship|deliver|sending it) {to} (takes how long|how long|how many days|time|is how many days)",
    "(is there|do you have) (express|fast|same day|next day) (delivery|shipping) {to}",
]

_COST = [
    (
        "(how much|what) (do i pay|do you take|will i pay|should i pay|is it|do you want|is the fee|is the charge|"
        "do you guys charge) for (the delivery|delivery|shipping|the courier|the driver|deliveries|home delivery)"
    ),
    (
        "(is|do you have|do you do|any) (the delivery|delivery|shipping|home delivery|free delivery|free shipping) (free|for free|free of charge|"
        "paid|included|included in the price|extra|on big orders|at no cost)(| or not| or paid|)"
    ),
    "(delivery|shipping|courier|postage) (price|cost|fee|fees|charges|rates|prices|how much)(| please| in sar|)",
    (
        "(what|how much) (does|is|will) (the courier|delivering|postage|home delivery|shipping an order|a delivery|the delivery fee) (cost|be|"
        "cost me)(| in riyals|)"
    ),
    (
        "(do|will) you (charge|take|add|ask) (for delivery|for shipping|a delivery fee|money for delivery|extra for delivery|shipping fees|"
        "anything for delivery|delivery charges)"
    ),
    "who pays for (shipping|delivery)",
    "(any|is there a|is there any|do you have a) (delivery fee|shipping fee|delivery charge|shipping cost|fee for delivery|fee for shipping)",
]

_COST_TO = [
    (
        "(how much|what) (do i pay|do you take|will i pay|should i pay|is it|is the fee|is the charge|do you guys charge|"
        "do you ask) for (the delivery|delivery|shipping|the courier|home delivery) {to}"
    ),
    "(delivery|shipping|courier|postage) (price|cost|fee|fees|charges|rates|how much) {to}",
    (
        "i (live|am|stay) in {city}(,|) (how much is delivery|what is the delivery fee|how much is shipping|what do i pay for delivery|"
        "what does shipping cost)"
    ),
    "{city}(,|) (how much is delivery|delivery cost|shipping price|how much for shipping|delivery fee)",
    "(what|how much) (does|will|is) (the courier|delivering|postage|home delivery|shipping an order|a delivery|the fee) (cost |)(me |){to}",
    "if i (live|am|order) in {city}(,|) (what is the delivery fee|how much do i pay for shipping|how much is the delivery)",
    "(is|do you have) (the delivery|delivery|shipping|free delivery) {to} (free|paid|included|or is it paid)",
    "(shipping|delivery|sending it|ship|deliver) {to} (how much|costs how much|price|is how much|cost)",
]

MORE = {
    "ship_city": _TO,
    "ship_general": _GENERAL,
    "ship_abroad": _TO + _OUTSIDE + [
        "how (much|long) (is|does|for) (shipping|delivery) (cost |take |){to}",
        "(shipping|delivery) (cost|price|time) {to}",
    ],
    "ship_time": _TIME + ["how (long|many days) (is|for|to) (shipping|delivery) {gulf}"],
    "ship_time_city": _TIME_TO,
    "ship_cost": _COST + ["how much (is|for) (shipping|delivery) {gulf}"],
    "ship_cost_city": _COST_TO,
}
