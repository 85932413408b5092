"""Generates the synthetic conversations: topics × phrasings × slots × the way people type, in Arabic and English."""

import random
from dataclasses import dataclass, field

import facts
import names
import phrases_other as other
from augment import arabic_digits, augment, capitalise, made_up_word, question_mark
from phrasings import PHRASES, TALK, TOPICS, WORDS, expand, held_out_templates, is_held_out, training_phrasing

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32, as in the gateway's placeholders

# Topics with slots or with open-ended questions need more samples than a fixed answer does.
_WEIGHTS = {"ship_city": 4, "ship_abroad": 3, "ship_time_city": 2, "ship_cost_city": 3, "price": 2, "available": 2, "absent": 2, "order": 4, "contact": 2, "location": 1.5, "hours": 1.5, "products": 1.5, "bye": 1.5, "greet_salam": 1.5, "identity": 1.5, "offtopic": 5, "greet": 1.5, "details": 3, "ship_time": 1.5, "ship_cost": 1.5, "ship_general": 2}


@dataclass
class Turn:
    """One question and its only right answer."""

    topic: str
    language: str
    question: str
    answer: str
    placeholders: list[str] = field(default_factory=list)


def code(rng: random.Random, repetitive: bool = False) -> str:
    """Returns a fresh random placeholder code, so that the model can only learn to copy.

    A repetitive code uses few different characters: after a repeated one the model has to look further back.
    """
    alphabet = rng.sample(CODE_ALPHABET, 3) if repetitive else CODE_ALPHABET
    return "".join(rng.choice(alphabet) for _ in range(6))


def _destination(place: str, language: str, rng: random.Random) -> str:
    """Returns a place with the preposition (or none) that a shopper might use."""
    if language == "en":
        return f"to {place}"
    attached = "لل" + place[2:] if place.startswith("ال") else "ل" + place
    return rng.choice((f"إلى {place}", f"إلى {place}", f"الى {place}", attached, attached, place, f"ل{place}", f"لمدينة {place}", f"على {place}", f"ل {place}"))


def _fill(template: str, topic: str, language: str, rng: random.Random, training: bool) -> tuple[str, dict]:
    """Fills the slots of a phrasing; returns the text and what the answer needs. Training knows more places and things."""
    text, slots = expand(template, rng), {}
    arabic = language == "ar"
    if "{to}" in text or "{city}" in text:
        if topic == "ship_abroad":
            place = rng.choice(names.ABROAD[language] if training and rng.random() < 0.4 else facts.ABROAD_AR if arabic else facts.ABROAD_EN)
        else:
            city = slots["city"] = rng.choice(facts.CITIES)
            spellings = city.ar_spellings if arabic else city.en_spellings
            place = rng.choice(spellings + names.CITY_SPELLINGS.get(city.en, {}).get(language, ()) if training else spellings)
        text = text.replace("{to}", _destination(place, language, rng)).replace("{city}", place)
    if "{gulf}" in text or "{place}" in text:
        place = rng.choice(names.GULF[language])
        text = text.replace("{gulf}", _destination(place, language, rng)).replace("{place}", place)
    if "{p}" in text:
        if topic == "absent":
            name = rng.choice(names.ABSENT[language] if training and rng.random() < 0.6 else facts.ABSENT_AR if arabic else facts.ABSENT_EN)
            if training and rng.random() < 0.06:
                name = made_up_word(language, rng)
        else:
            product = slots["product"] = rng.choice(facts.PRODUCTS)
            spellings = product.ar_spellings if arabic else product.en_spellings
            name = rng.choice(spellings + names.PRODUCT_SPELLINGS[product.en][language] if training and rng.random() < 0.4 else spellings)
        if arabic and rng.random() < 0.35:
            name = " ".join(word.removeprefix("ال") for word in name.split())
        text = text.replace("{p}", name if arabic else rng.choice(("the ", "the ", "", "a ", "your ")) + name)
    if "{n}" in text:
        number = "".join(rng.choices("0123456789", k=rng.randrange(3, 6)))
        slots["number"] = arabic_digits(number) if arabic and rng.random() < 0.3 else number
        text = text.replace("{n}", slots["number"])
    while "{x}" in text:
        # Now and then a word that nobody knows: what is unknown is not about the shop.
        text = text.replace("{x}", made_up_word(language, rng) if rng.random() < 0.2 else rng.choice(WORDS[language]), 1)
    while "{k}" in text:
        text = text.replace("{k}", str(rng.randrange(100)), 1)
    return text, slots


def _details(language: str, held_out: bool, rng: random.Random) -> tuple[str, str, str]:
    """Returns a phrase that carries a placeholder, the placeholder, and what the answer says about it."""
    kind = rng.choices(tuple(facts.REPEATS), weights=(6, 3, 1, 1, 1.5, 1.5))[0]
    phrases = (other.DETAILS_HELD_OUT if held_out else other.DETAILS_TRAIN)[language][kind]
    placeholder = f"[[{kind}:{code(rng, repetitive=not held_out and rng.random() < 0.15)}]]"
    form = rng.choice(phrases)
    if not held_out and rng.random() < 0.4:
        form = rng.choice(other.DETAIL_FORMS[language]).replace("{k}", rng.choice(other.DETAIL_NAMES[language][kind].split("|")))
    phrase = augment(expand(form, rng), language, rng, fillers=False)
    if language == "en":
        phrase = capitalise(phrase, rng)
    return phrase.format(placeholder), placeholder, facts.REPEATS[kind][0 if language == "ar" else 1].format(placeholder)


def make_turn(topic: str, language: str, rng: random.Random, held_out: str | None = None) -> Turn:
    """Makes one question and answer; `held_out` is the held-out template to ask with, None for a training phrasing."""
    pieces, slots, placeholders, repeats = [], {}, [], ""
    count = rng.choices((0, 1, 2), weights=(64, 32, 4) if held_out else (60, 32, 8))[0]
    if topic == "details":
        count = max(1, count)
    else:
        text, slots = _fill(held_out or training_phrasing(topic, language, rng), topic, language, rng, not held_out)
        while not held_out and is_held_out(text, language):
            text, slots = _fill(training_phrasing(topic, language, rng), topic, language, rng, True)
        text = augment(text, language, rng)
        phrases, around = PHRASES[language], rng.random()
        if topic not in TALK and "{n}" != (held_out or ""):
            openings, closings = (phrases.BEFORE, phrases.AFTER) if held_out else (phrases.BEFORE + phrases.BEFORE_TRAIN, phrases.AFTER + phrases.AFTER_TRAIN)
            joint = rng.choice((" ", " ", "، ", ", ", "\n") if language == "ar" else (" ", ", ", ", ", ". ", "! "))
            if around < 0.15:
                text = rng.choice(openings) + joint + text
            elif around < 0.25:
                text = text + (" " if language == "ar" else rng.choice((" ", ", "))) + rng.choice(closings)
            elif around < 0.31 and not held_out:
                # A greeting, a courtesy and then the question.
                text = rng.choice(openings) + joint + rng.choice(openings) + " " + text
        if language == "en":
            text = capitalise(text, rng)
        pieces.append(text + question_mark(language, rng))
    for _ in range(count):
        phrase, placeholder, repeat = _details(language, held_out is not None, rng)
        # Mostly after the question, now and then before it; the answer repeats placeholders in the shopper's order.
        if len(pieces) == 1 and rng.random() < 0.2:
            pieces.insert(0, phrase)
            placeholders.insert(0, placeholder)
            repeats = repeat + repeats
        else:
            pieces.append(phrase)
            placeholders.append(placeholder)
            repeats += repeat
    # A shopper who asks to be contacted and says where needs no request for a number.
    reachable = any(placeholder.startswith(("[[PHONE", "[[EMAIL")) for placeholder in placeholders)
    base = "contact_known" if topic == "contact" and reachable else topic
    question = rng.choice((" ", " ", " ", "، " if language == "ar" else ", ", "\n")).join(pieces)
    return Turn(topic, language, question, facts.answer(base, language, slots) + repeats, placeholders)


def system_messages(language: str, redacted: bool, rng: random.Random) -> list[dict]:
    """Returns the system messages before a conversation: the gateway's line if something was redacted, perhaps the shop's own."""
    shop = []
    if rng.random() < 0.4:
        sentences = other.SYSTEM[language if rng.random() < 0.7 else rng.choice(("ar", "en"))]
        shop = [" ".join(rng.sample(sentences, rng.choice((1, 1, 1, 2, 3))))]
    # The line is usually there exactly when it must be; the model has to copy without it as well.
    keep = [other.KEEP_LINE] if redacted and rng.random() < 0.85 else []
    texts = keep + shop if rng.random() < 0.8 else shop + keep
    return [{"role": "system", "content": text} for text in texts]


def make_copy_exercise(rng: random.Random) -> list[dict]:
    """Makes a short conversation whose answer is mostly a placeholder to repeat."""
    turn = make_turn("details", rng.choice(("ar", "en")), rng)
    return [{"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.answer}]


def make_conversation(rng: random.Random) -> list[dict]:
    """Makes a training conversation of one to three turns; every answer in it is trained on."""
    language = rng.choice(("ar", "ar", "ar", "en", "en"))
    weights = [_WEIGHTS.get(topic, 1) for topic in TOPICS]
    turns = [make_turn(topic, language, rng) for topic in rng.choices(TOPICS, weights, k=rng.choices((1, 2, 3), (62, 28, 10))[0])]
    if len(turns) > 1 and rng.random() < 0.3:
        turns[0] = make_turn(rng.choice(("greet", "greet_salam")), language, rng)
    messages = system_messages(language, any(turn.placeholders for turn in turns), rng)
    for turn in turns:
        messages += [{"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.answer}]
    return messages


def make_held_out(seed: int, per_topic: int = 24) -> list[tuple[list[dict], Turn]]:
    """Makes the held-out questions: `per_topic` for each topic and language, every held-out template used in turn."""
    samples = []
    for topic in TOPICS:
        for language in ("ar", "en"):
            templates = ["-"] if topic == "details" else held_out_templates(topic, language)
            for index in range(per_topic):
                # Each question has its own random numbers: what is trained on cannot change what is asked.
                rng = random.Random(f"{seed} {topic} {language} {index}")
                turn = make_turn(topic, language, rng, templates[index % len(templates)])
                messages = system_messages(language, bool(turn.placeholders), rng)
                if rng.random() < 0.15:
                    greeting = make_turn("greet", language, rng)
                    if not greeting.placeholders:
                        messages += [{"role": "user", "content": greeting.question}, {"role": "assistant", "content": greeting.answer}]
                samples.append((messages + [{"role": "user", "content": turn.question}], turn))
    return samples
