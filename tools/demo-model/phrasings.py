"""All phrasings of all topics in one place: training ones by weight, held-out ones, and the proof that they are apart."""

import math
import random
import re

import phrases_ar
import phrases_ar_delivery
import phrases_ar_shop
import phrases_en
import phrases_en_delivery
import phrases_en_orders
import phrases_en_shop
import phrases_offtopic
import phrases_other as other
import phrases_shared as shared
import phrases_talk
from augment import restyle
from held_out import HELD_OUT

PHRASES = {"ar": phrases_ar, "en": phrases_en}
_MORE = {
    "ar": (phrases_ar_delivery.MORE, phrases_ar_shop.MORE, phrases_talk.MORE["ar"]),
    "en": (phrases_en_delivery.MORE, phrases_en_orders.MORE, phrases_en_shop.MORE, phrases_talk.MORE["en"]),
}
# Said without a courtesy before or after it.
TALK = ("greet", "greet_salam", "thanks", "bye")
TOPICS = sorted(phrases_ar.TRAIN) + ["details", "offtopic"]
WORDS = {language: other.WORDS[language] + phrases_offtopic.WORDS[language] for language in PHRASES}
TRAIN = {
    language: {topic: templates + [text for more in _MORE[language] for text in more.get(topic, ())] for topic, templates in phrases.TRAIN.items()}
    | {"offtopic": other.OFFTOPIC_TRAIN[language] + phrases_offtopic.MORE[language]}
    for language, phrases in PHRASES.items()
}
_CHOICE = re.compile(r"\(([^()]*)\)")


def expand(template: str, rng: random.Random) -> str:
    """Makes each `(a|b|)` choice of a template."""
    text = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), template)
    return " ".join(text.split())


def expand_all(template: str) -> list[str]:
    """Returns every phrasing of a template, with its slots left in place."""
    match = _CHOICE.search(template)
    if match is None:
        return [" ".join(template.split())]
    return [text for part in match.group(1).split("|") for text in expand_all(template[: match.start()] + part + template[match.end() :])]


def normal(text: str) -> str:
    """Folds what augmentation varies, so that two phrasings that differ only in spelling count as one."""
    text = re.sub("[\u064b-\u0652\u0640]", "", text.lower())
    text = text.translate(str.maketrans("أإآةىئؤ", "اااهييو"))
    return " ".join(re.sub(r"[^\w{}\[\]:]+", " ", text).split())


def held_out_templates(topic: str, language: str) -> list[str]:
    """Returns the held-out phrasings of a topic."""
    return other.OFFTOPIC_HELD_OUT[language] if topic == "offtopic" else HELD_OUT[language][topic]


def _weight(template: str) -> float:
    """Returns how often a template is drawn: one with many phrasings more often, but by far not in proportion."""
    return math.prod(match.group(1).count("|") + 1 for match in _CHOICE.finditer(template)) ** 0.35


_WEIGHTS = {language: {topic: [_weight(template) for template in templates] for topic, templates in topics.items()} for language, topics in TRAIN.items()}
_HELD_OUT = {
    language: {normal(text) for topic in [*HELD_OUT[language], "offtopic"] for template in held_out_templates(topic, language) for text in expand_all(template)}
    for language in PHRASES
}


def is_held_out(text: str, language: str) -> bool:
    """Tells whether a text is one of the held-out phrasings."""
    return normal(text) in _HELD_OUT[language]


def training_phrasing(topic: str, language: str, rng: random.Random) -> str:
    """Returns one of the topic's own phrasings, or a shared carrier around one of its names, with the slots left in place.

    Now and then with other words of the same meaning, but never one of the held-out phrasings.
    """
    names = shared.NAMES[language].get(topic)
    if names and rng.random() < 0.3:
        template = rng.choice(shared.CARRIERS[language]).replace("{k}", rng.choice(names.split("|")))
    else:
        template = rng.choices(TRAIN[language][topic], _WEIGHTS[language][topic])[0]
    text = expand(template, rng)
    other_words = restyle(text, language, rng)
    return text if is_held_out(other_words, language) else other_words


def _bare(text: str, phrases) -> str:
    """Takes the courtesies off that training puts around any question, so that they cannot make a phrasing look new."""
    for before in phrases.BEFORE + phrases.BEFORE_TRAIN:
        text = text.removeprefix(before + " ").removeprefix(before + ", ")
    for after in phrases.AFTER + phrases.AFTER_TRAIN:
        text = text.removesuffix(" " + after).removesuffix(", " + after)
    return text


def check_disjoint() -> int:
    """Fails if a held-out phrasing is also a training phrasing; returns how many distinct training phrasings there are."""
    count = 0
    for language, phrases in PHRASES.items():
        seen = {normal(text) for templates in TRAIN[language].values() for template in templates for text in expand_all(template)}
        carriers = [text for template in shared.CARRIERS[language] for text in expand_all(template)]
        names = [name for topic in shared.NAMES[language].values() for name in topic.split("|")]
        seen |= {normal(carrier.replace("{k}", name)) for carrier in carriers for name in names}
        both = []
        for topic in [*HELD_OUT[language], "offtopic"]:
            held_out = [text for template in held_out_templates(topic, language) for text in expand_all(template)]
            both += [text for text in held_out if seen & {normal(text), normal(text if topic in TALK else _bare(text, phrases))}]
        for kind, train in other.DETAILS_TRAIN[language].items():
            names = other.DETAIL_NAMES[language][kind].split("|")
            forms = train + [form.replace("{k}", name) for form in other.DETAIL_FORMS[language] for name in names]
            known = {normal(text) for form in forms for text in expand_all(form)}
            both += [text for text in other.DETAILS_HELD_OUT[language][kind] if normal(text) in known]
        if both:
            raise SystemExit(f"held-out phrasings that are also trained on: {both}")
        count += len(seen)
    return count
