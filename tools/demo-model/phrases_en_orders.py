"""More English phrasings about orders, in the notation of `phrases_ar.py`: paying, tracking, cancelling, returning."""

_RETURNS = [
    (
        "(i want|i need|i'd like|can i|could i|how do i|how can i|may i|am i able|is it ok) (to |)(return|send back|give back|bring back) (this|"
        "the perfume|the headphones|the watch|the bag|my stuff|what i bought|an order|the thobe|an abaya|my items|the package|goods|things|"
        "the item i got)(| please| to you| to the shop|)"
    ),
    (
        "(do you|can you|will you) (take|accept|do|give|offer|allow) (returns|things back|it back|items back|refunds|my money back|money back|"
        "product returns)(| please| if i don't like it|)"
    ),
    (
        "(it|the product|my order|the item|my package) (arrived|came|is|was) (broken|damaged|faulty|wrong|defective|not what i ordered|bad)(|"
        " how do i return it| can i return it| what do i do| i want to return it| i want my money back|)"
    ),
    "(return|returns|refund|refunds|money back|return policy|refund policy|return time|return period)(| please| info| rules| possible|)",
    (
        "(how long|how many days|until when|what is the time limit) (can i return|to return|for returns|do i have for a return|are returns accepted|"
        "can i send it back)(| it| a product|)"
    ),
    "(give|send|i want|get) me (my money back|my money|a refund)",
    (
        "(i am|i'm) not (happy|satisfied|pleased) with (it|the product|my order|what i got|the item)(| can i return it| i want a refund|"
        " i want to return it|)"
    ),
    "what (happens|do i do|should i do) if i (don't like it|do not like the product|want to return it|want a refund|change my mind after delivery)",
]

_EXCHANGE = [
    (
        "(i want|i need|i'd like|can i|could i|how do i|how can i|may i|is it ok) (to |)(exchange|swap|change|switch|trade) (this|the thobe|"
        "the abaya|the headphones|the watch|the bag|my item|what i bought|the size i got|the color|my size|it for another|it for another color|sizes|"
        "it for a smaller one|the item i got)(| please|)"
    ),
    (
        "(the thobe|the abaya|it|the size|my thobe|my abaya) (is|came|was) (too small|too big|too tight|too long|too short|small|large|"
        "the wrong size|the wrong color)(| can you change it| can i swap it| i want to exchange| what can i do| exchange please|)"
    ),
    (
        "(do you|can you|will you) (exchange|swap|replace|change|do exchanges of) (items|sizes|it|products|colors|my item|the size|it for me|"
        "things)(| please| for free|)"
    ),
    "(exchange|exchanges|size change|swap|exchange policy|change size|exchange period)(| please| info| possible|)",
    "(how long|how many days|until when) (can i exchange|to exchange|for exchanges|do i have for an exchange|can i swap)(| it| a product|)",
    (
        "i (got|was sent|have|ordered) the wrong (size|color|one)(,|) (exchange it|swap it please|can you exchange it|how can i exchange it|"
        "i want another one)"
    ),
]

_CANCEL = [
    (
        "(i want|i need|i'd like|can i|could i|how do i|how can i|may i|is it possible|help me|want) (to |)(cancel|stop|undo|drop|call off|"
        "cancel out) (my order|the order|an order|the purchase|it before it ships|my recent order|what i ordered|this order|my orders|"
        "the whole order)(| please| now| today|)"
    ),
    (
        "(cancel|cancel it|cancel this|cancel order|stop my order|cancel that|do not send my order|don't ship it|stop the shipment|"
        "cancel everything)(| please| now| for me| i changed my mind|)"
    ),
    (
        "(i|we) (do not|don't|no longer) (want|need) (the order|my order|it|what i ordered|the package)(| anymore| any more|)(| cancel it|"
        " please cancel|)"
    ),
    "(is there|what is|do you have|any) (a cancellation fee|a fee for cancelling|your cancellation policy|fee to cancel|a charge if i cancel)",
    "(until when|how late|when|how soon) can i cancel(| my order| it| an order|)",
]

_PAYMENT = [
    (
        "(can|could|may|is it possible|do you let me|am i able|how) (i|to|me|we) (pay|pay you|settle|pay the bill) (by card|with card|in cash|"
        "with cash|cash on delivery|using mada|with visa|with mastercard|with apple pay|by bank transfer|in installments|when i receive it|"
        "after delivery|at delivery|to the driver|online|with credit card|with tabby|with my phone|upon delivery)(| please|)"
    ),
    (
        "(do you|do u|can you|you) (accept|take|support|have|allow|offer) (card|card payments|credit cards|debit cards|visa|visa cards|mastercard|"
        "mada|apple pay|google pay|paypal|stc pay|tabby|tamara|cash|cash payments|cod|installments|bank transfers|online payment|cheques|"
        "pay on delivery|cash on delivery)(| please| here|)"
    ),
    (
        "(payment|payments|pay|paying|how to pay|payment method|payment options|cash on delivery|cod|apple pay|mada|card payment|visa)(| please|"
        " info| options| possible| methods|)"
    ),
    (
        "(how|in what way|which way|where) (do i pay|can i pay|should i pay|do we pay|is payment made|does payment work|can i make the payment|"
        "do you take payment|would i pay)(| please| for it| for my order| online|)"
    ),
    (
        "(what|which) (payment|cards|methods of payment|payment types|kinds of payment|payment ways|pay options) (do you take|do you accept|"
        "do you support|are accepted|are ok|can i use|are possible|work here|methods are there)"
    ),
]

_WARRANTY = [
    (
        "(is there|do you give|do you offer|do you have|any|does it have|do i get|do they have|does it come with) (a warranty|warranty|a guarantee|"
        "guarantee|any guarantee|any warranty|a long warranty|two years of warranty)(| on it| on devices| for the watch| for the headphones|"
        " on the smart watch| on electronics| please| after i buy|)"
    ),
    (
        "(what|how long|how many years|how many months) (is the warranty|of warranty|is the guarantee|does the warranty last|of guarantee|"
        "does the guarantee last|is it guaranteed|is the watch guaranteed|is the device covered|warranty is there|warranty do you give)(|"
        " for the watch| for the headphones| on devices|)"
    ),
    "(warranty|guarantee|warranty info|warranty period|warranty length|warranty terms)(| please| on the watch| on headphones| for devices|)",
    (
        "(my|the) (watch|headphones|smart watch|headset|device) (stopped working|is broken|broke down|does not work|doesn't work|died|is faulty|"
        "broke)(| is it covered| is there a warranty| what about the guarantee| can you repair it| what do i do|)"
    ),
    (
        "(is|are) (the smart watch|the headset|devices|electronics|your watches|your headphones|my watch|everything) (guaranteed|covered|"
        "under guarantee|under warranty|warrantied)(| or not|)"
    ),
    (
        "(what if|if) (the watch|it|the device|the headset) (breaks|stops working|is defective|fails)(| is it covered| do you fix it|"
        " is there a warranty| what happens|)"
    ),
]

_ORDER = [
    (
        "(where|where's|wheres|when is|what about|how is|what's up with|what is happening with|what's with|check|track|find|locate|follow up on|"
        "look up|update me on|update on|update for|status for|info on|please check) (my order|order|the order|my package|my order number|order no|"
        "order number|my parcel|the shipment) (number |no |#|){n}(| please| now|)"
    ),
    (
        "(order|my order|order no|order number|ord|the order|my package) (number |no |#|){n}(| where| status please| please| not arrived|"
        " not here yet| is delayed| still not here| update| any update| is missing| when does it arrive| what's happening| check it|)"
    ),
    (
        "(did|has|was|is) (my order|order|order number|my package|the order) (number |#|){n} (ship|been shipped|shipped yet|delivered|on its way|"
        "sent|arrive yet|on the way|out for delivery|coming|late)(| yet| or not|)"
    ),
    (
        "(i have|i placed|i made|this is|here is|my number is|it is) (an order|order number|order|the order number|my order number) (number |#|){n}(|"
        " where is it| please check it| when will it come| it did not come| what is its status|)"
    ),
    "(still waiting|i am waiting|waiting|i'm still waiting) for (order|my order|order number) (number |#|){n}",
]

_ORDER_ASK = [
    (
        "(where|where's|wheres|what about|how is|what's up with|what is happening with|what's with|check|track|find|locate|update me on|"
        "any update on|update on|any word on|info on) (my order|my package|my parcel|my shipment|my delivery|the order i made|my stuff|my things)(|"
        " please| now| today|)"
    ),
    (
        "(my|the) (order|package|parcel|shipment|delivery) (is|has|did|was|still) (late|delayed|not here yet|not arrived|not come|missing|"
        "not delivered|taking too long|never arrived|not been delivered)(| where is it| what happened| please check|)"
    ),
    (
        "(did|has|was|is) my (order|package|parcel) (ship|been shipped|shipped yet|on its way|been sent out|sent yet|on the way|out for delivery|"
        "coming|lost)(| yet| or not|)"
    ),
    "(i|we) (am still waiting|have been waiting|am waiting) for (my order|my package|my parcel|a week for my order|days|my delivery)",
    (
        "(i|we) (did not receive|didn't receive|didn't get|haven't received|have not got|still don't have) (my order|my package|anything|my parcel|"
        "the order|my stuff)(| yet| so far|)"
    ),
    "(how|where) (can|do|could) i (track|follow|check|see|know the status of) (my order|my package|my shipment|the status|my parcel)",
    "(order|package|shipment) (tracking|status|update|progress)(| please|)",
]

MORE = {
    "returns": _RETURNS,
    "exchange": _EXCHANGE,
    "cancel": _CANCEL,
    "payment": _PAYMENT,
    "warranty": _WARRANTY,
    "order": _ORDER,
    "order_ask": _ORDER_ASK,
}
