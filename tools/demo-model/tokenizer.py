"""Trains the byte-level BPE tokenizer.

Copying a placeholder must be easy for a tiny model, so `[[PHONE:` and its like and `]]` are single tokens, and so is each
character of the code: the pre-tokenizer isolates every digit and every capital letter that starts no lower-case word.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from facts import REPEATS

END_OF_TEXT, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

# English words (a capital only at the start), single capitals, Arabic words with their marks, single digits, single
# white-space characters, and anything else character by character. No look-around: the Rust loader uses a plain engine.
WORDS = " ?[A-Z]?[a-z]+|[A-Z]| ?[\u0621-\u065F\u066E-\u06D3]+|\\p{N}|\\s|[^\\s]"

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learns the merges on texts without placeholders; the whole vocabulary, added tokens included, has `vocab_size` entries."""
    brackets = [f"[[{kind}:" for kind in REPEATS] + ["]]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(brackets),
        special_tokens=[END_OF_TEXT, IM_START, IM_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in brackets])
    return tokenizer


def tokenizer_config(context: int) -> dict:
    """Returns the fields of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": IM_END,
        "pad_token": END_OF_TEXT,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        "chat_template": CHAT_TEMPLATE,
    }
