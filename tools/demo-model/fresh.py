"""Seventy questions written after the training data was fixed, each asked once, and once more with a phone number after it.

Usage: python fresh.py [folder]
"""

import random
import sys
from pathlib import Path

import torch

import facts
from chat import encode_prompt
from data import code
from evaluate import FOLDER, load
from model import greedy
from phrases_other import KEEP_LINE

# Topic and question; then what the answer needs: a city, a product or an order number.
ARABIC = (
    ("ship_city", "يا هلا، طلبيتي ممكن تجي على حايل؟", "Hail"), ("ship_city", "أنا طالبة في تبوك وودي أطلب منكم، يوصلني؟", "Tabuk"),
    ("ship_city", "عم بسأل إذا بتشحنوا عالدوحة", "Doha"), ("ship_city", "الكويت تبعثون لها؟", "Kuwait"),
    ("ship_abroad", "ابن عمي بالقاهرة، تقدرون توصلون له؟"), ("ship_abroad", "توصلون برا الخليج ولا لا؟"), ("ship_abroad", "فيه شحن لألمانيا؟"),
    ("ship_general", "الطلبات عندكم توصل البيت ولا نجي ناخذها؟"), ("ship_general", "تغطون أي مدن بالشحن؟"),
    ("ship_time", "إذا طلبت الليلة متى تقريبا بتكون عندي؟"), ("ship_time_city", "كم تاخذ الشحنة لين توصل أبها؟", "Abha"),
    ("ship_cost", "وكم بتحسبوا علينا التوصيل؟"), ("ship_cost_city", "شحن المدينة المنورة بكم يطلع؟", "Madinah"),
    ("returns", "الثوب ما ناسبني وحاب أرجعه لكم"), ("exchange", "أخذت مقاس لارج وطلع واسع، أبغى ميديم"), ("cancel", "كنسلوا الأوردر بليز"),
    ("payment", "لازم كاش ولا ينفع شبكة؟"), ("hours", "اليوم لين الساعة كم موجودين؟"), ("hours", "بتفتحوا امتى الصبح؟"),
    ("price", "الشنطة عندكم بكام؟", "bag"), ("price", "كم آخر سعر للعباية؟", "abaya"), ("available", "لسا عندكم تمر؟", "dates box"),
    ("absent", "أبحث عن خلاط كهربائي، موجود؟"), ("products", "شو في عندكم أشياء حلوة للبيع؟"), ("order", "طلبي رقم 48213 ما تحرك من مكانه", "48213"),
    ("order_ask", "لسا ما وصلتني الطلبية شو القصة؟"), ("location", "انتو بأي منطقة من الرياض؟"), ("location", "بدي اجي لعندكم، وين المحل بالزبط؟"),
    ("warranty", "لو خربت الساعة بعد شهر تصلحوها؟"), ("discount", "ما في كود خصم لأول طلب؟"), ("contact", "أبغى أكلم حد من عندكم مو روبوت"),
    ("identity", "إنت إنسان ولا برنامج؟"), ("offtopic", "مين أحسن لاعب بالعالم؟"), ("offtopic", "كم كيلو من الرياض لمكة؟"),
    ("greet", "هلا والله كيف الصباح"), ("greet_salam", "السلام عليكم يا جماعة الخير"), ("thanks", "تسلم والله ريحتني"), ("bye", "طيب أنا ماشي، مع السلامة"),
)
ENGLISH = (
    ("ship_city", "hey can you get a package to me in Dammam?", "Dammam"), ("ship_city", "Ship to Muscat?", "Muscat"),
    ("ship_abroad", "I'm in Germany, any chance you deliver here?"), ("ship_abroad", "Would you send an order over to Cairo?"),
    ("ship_general", "do you bring orders to people's homes?"), ("ship_time", "roughly how long until stuff shows up?"),
    ("ship_time_city", "when would something get to Jeddah if I buy it today?", "Jeddah"), ("ship_cost", "is there a charge for the delivery?"),
    ("ship_cost_city", "what's shipping to Dubai gonna cost me?", "Dubai"), ("returns", "I don't want this anymore, can I send it back?"),
    ("exchange", "The thobe doesn't fit me, I need a larger one"), ("cancel", "Forget my order please, cancel it"), ("payment", "Is Apple Pay fine with you?"),
    ("hours", "what time are you guys closing tonight?"), ("hours", "is Friday a day off for you?"), ("price", "how much are the headphones going for?", "headphones"),
    ("available", "got any dates left?", "dates box"), ("absent", "do you have any sofas?"), ("products", "so what kind of stuff do you have?"),
    ("order", "it's been a week since order 5521, where is it?", "5521"), ("order_ask", "My parcel still hasn't shown up"),
    ("location", "what part of the city are you in?"), ("warranty", "is the smart watch covered if it breaks?"), ("discount", "anything on sale this week?"),
    ("contact", "I'd rather talk with a human"), ("identity", "hold on, are you a robot?"), ("offtopic", "who is the best singer in the world?"),
    ("offtopic", "can you help me with my maths exam"), ("greet", "hiya, how's your morning?"), ("greet_salam", "salaam everyone, hope you are well"),
    ("thanks", "cheers mate, you've been really helpful"), ("bye", "alright I'm off, bye!"),
)


def questions() -> list[tuple[str, str, str, str]]:
    """Returns the language, the topic, the question and the one right answer of each."""
    out = []
    for language, asked in (("ar", ARABIC), ("en", ENGLISH)):
        for topic, question, *slot in asked:
            named = {city.en: {"city": city} for city in facts.CITIES} | {product.en: {"product": product} for product in facts.PRODUCTS}
            slots = named.get(slot[0], {"number": slot[0]}) if slot else {}
            out.append((language, topic, question, facts.answer(topic, language, slots)))
    return out


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    torch.set_num_threads(1)
    model, tokenizer = load(folder)
    rng, asked = random.Random(7), questions()
    placeholders = [f"[[PHONE:{code(rng)}]]" for _ in asked]
    phone = {"ar": "رقمي", "en": "my number is"}
    plain = [[{"role": "user", "content": question}] for _, _, question, _ in asked]
    with_phone = [
        [{"role": "system", "content": KEEP_LINE}, {"role": "user", "content": f"{question} {phone[language]} {placeholder}"}]
        for (language, _, question, _), placeholder in zip(asked, placeholders)
    ]
    outputs = greedy(model, [encode_prompt(tokenizer, messages) for messages in plain + with_phone])
    texts = [tokenizer.decode(output, skip_special_tokens=True) for output in outputs]
    right = {"ar": [], "en": []}
    for (language, topic, question, answer), text in zip(asked, texts):
        right[language].append(text == answer)
        if text != answer:
            print(f"  miss {topic}: {question} -> {text}")
    copied = [text.count(placeholder) == 1 for placeholder, text in zip(placeholders, texts[len(asked) :])]
    print(f"exact: {sum(map(sum, right.values()))} of {len(asked)}, " + ", ".join(f"{language} {sum(values)}/{len(values)}" for language, values in right.items()))
    print(f"placeholders copied when a phone number follows: {sum(copied)} of {len(copied)}")


if __name__ == "__main__":
    main()
