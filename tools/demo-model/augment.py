"""Makes clean phrasings look like what people type: folded letters, lost marks, other digits, typing slips."""

import random

_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_TASHKEEL = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652"
_TATWEEL = "\u0640"
# Words that change nothing: a question does not depend on them, wherever they stand.
_FILLERS = {
    "ar": ("بس", "يعني", "والله", "الحين", "كمان", "طيب", "لو", "يا جماعة", "اليوم", "عادي", "برضه", "هنا", "لي", "ياخي"),
    "en": ("just", "really", "actually", "maybe", "then", "guys", "also", "by chance", "now", "perhaps", "kindly", "well", "folks"),
}
_FOLDS = (({"أ": "ا", "إ": "ا", "آ": "ا"}, 0.6), ({"ة": "ه"}, 0.4), ({"ى": "ي"}, 0.3), ({"ئ": "ي", "ؤ": "و"}, 0.2))
# Words of one meaning: dialects in Arabic, careless writing in English.
_SAME = {
    "ar": (
        "ابغى ابي عايز بدي أريد ودي حاب نبي بغيت", "وش ايش شو ايه شنو", "كيف شلون ازاي", "متى امتى ايمتى", "وين فين أين", "عندكم لديكم معكم عندكو",
        "اقدر أقدر بقدر فيني", "الحين الآن دلوقتي هلق", "تشحنون بتشحنوا تشحنوا تشحنو", "توصلون بتوصلوا توصلوا توصلو", "ترسلون بترسلوا ترسلوا",
        "تبيعون بتبيعوا تبيعوا", "المحل المتجر", "الطلبية الاوردر الطلب", "طلبي طلبيتي", "بكم بكام بقديش", "كم كام", "انت أنت إنت انتا", "تفتحون بتفتحوا تفتحوا",
        "تقفلون تسكرون بتقفلوا بتسكروا", "اجي آجي", "اشتري أشتري", "اللي الي", "ليش ليه", "مين من", "توصيل التوصيل", "شحن الشحن",
    ),
    "en": (
        "you u", "your ur", "are r", "please pls plz", "what's whats", "thanks thx", "can could", "i'm im", "don't dont", "shop store", "deliver ship", "delivery shipping",
        "want need", "where's wheres", "i'd id", "it's its", "i'll ill", "talk speak", "person human", "discount discounts", "and &", "for 4",
    ),
}
_SAME_BY_WORD = {language: {word: group.split() for group in groups for word in group.split()} for language, groups in _SAME.items()}


def restyle(text: str, language: str, rng: random.Random) -> str:
    """Puts other words of the same meaning in, now and then."""
    if rng.random() < 0.7:
        return text
    groups = _SAME_BY_WORD[language]
    return " ".join(rng.choice(groups[word]) if word in groups and rng.random() < 0.6 else word for word in text.split(" "))


def arabic_digits(text: str) -> str:
    """Writes the digits 0-9 as Arabic-Indic digits."""
    return text.translate(_ARABIC_DIGITS)


def made_up_word(language: str, rng: random.Random) -> str:
    """Returns a word that does not exist, so that unknown words beside a question do not change its answer."""
    letters = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي" if language == "ar" else "abcdefghijklmnopqrstuvwxyz"
    return "".join(rng.choices(letters, k=rng.randrange(3, 7)))


def _slip(word: str, rng: random.Random) -> str:
    """Drops, doubles or swaps one inner letter."""
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] * rng.randrange(2, 4) + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _mark_arabic(text: str, rng: random.Random) -> str:
    """Adds a few vowel marks or a stretched letter, rarely, as some shoppers do."""
    out = []
    for char in text:
        out.append(char)
        if "\u0621" <= char <= "\u064a" and rng.random() < 0.25:
            out.append(rng.choice(_TASHKEEL) if rng.random() < 0.8 else _TATWEEL)
    return "".join(out)


def question_mark(language: str, rng: random.Random) -> str:
    """Returns how a question ends; more often than not with no mark at all."""
    marks = ("", "", "؟", "؟", "?", " ؟", "؟؟", ".") if language == "ar" else ("", "", "?", "?", "?", " ?", "??", ".")
    return rng.choice(marks)


def capitalise(text: str, rng: random.Random) -> str:
    """Writes English as carefully or carelessly as people do."""
    kind = rng.random()
    if kind < 0.55:
        return " ".join("I" if word == "i" else word for word in (text[:1].upper() + text[1:]).split(" "))
    return text.lower() if kind < 0.85 else text


def augment(text: str, language: str, rng: random.Random, fillers: bool = True) -> str:
    """Returns a variant of a phrasing that means the same; half of the phrasings stay clean."""
    if rng.random() < 0.5:
        return text
    if language == "ar":
        for table, chance in _FOLDS:
            if rng.random() < chance:
                text = text.translate(str.maketrans(table))
        if rng.random() < 0.04:
            text = _mark_arabic(text, rng)
    if fillers and rng.random() < 0.2:
        words = text.split(" ")
        filler = made_up_word(language, rng) if rng.random() < 0.4 else rng.choice(_FILLERS[language])
        words.insert(rng.randrange(len(words) + 1), filler)
        text = " ".join(words)
    if rng.random() < 0.12:
        words = text.split(" ")
        at = rng.randrange(len(words))
        words[at] = _slip(words[at], rng)
        text = " ".join(words)
    return text
