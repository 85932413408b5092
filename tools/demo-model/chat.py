"""Turns conversations into token ids with the shipped chat template."""

import jinja2
from tokenizers import Tokenizer

from tokenizer import CHAT_TEMPLATE, IM_END

_TEMPLATE = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)


def render(messages: list[dict]) -> str:
    """Returns the prompt text that ends where the assistant's answer begins."""
    return _TEMPLATE.render(messages=messages, add_generation_prompt=True)


def encode_prompt(tokenizer: Tokenizer, messages: list[dict]) -> list[int]:
    """Returns the ids of `render`."""
    return tokenizer.encode(render(messages)).ids


def encode_training(tokenizer: Tokenizer, messages: list[dict]) -> tuple[list[int], list[bool]]:
    """Returns a conversation's ids, and for each whether it is part of an answer (and so is learned)."""
    ids, learned = [], []
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        # Each answer is encoded apart from its prompt, as it is when the model writes it token by token.
        prompt = tokenizer.encode(render(messages[:index])).ids
        answer = tokenizer.encode(message["content"] + IM_END).ids
        learned += [False] * (len(prompt) - len(ids)) + [True] * len(answer)
        ids = prompt + answer
    return ids, learned
