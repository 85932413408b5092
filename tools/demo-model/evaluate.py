"""Scores the shipped model on held-out phrasings, by real greedy decoding, and shows some of its answers.

Usage: python evaluate.py [folder]
"""

import json
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from chat import encode_prompt, render
from data import make_held_out
from model import Llama, greedy
from phrases_other import KEEP_LINE

HELD_OUT_SEED = 2_000_003
FOLDER = Path(__file__).resolve().parents[2] / "models" / "demo"
_PLACEHOLDER = re.compile(r"\[\[[A-Z_]+:[0-9A-Z]+\]\]")


def load(folder: Path) -> tuple[Llama, Tokenizer]:
    """Loads a model folder, computing in f32 from the shipped weights."""
    model = Llama(json.loads((folder / "config.json").read_text()))
    weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    model.load_state_dict(weights)
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def score(model: Llama, tokenizer: Tokenizer, per_topic: int = 24) -> dict:
    """Returns exact-match rates on held-out phrasings (whole, by language, by topic) and how exactly placeholders are copied."""
    samples = make_held_out(HELD_OUT_SEED, per_topic)
    outputs = greedy(model, [encode_prompt(tokenizer, messages) for messages, _ in samples])
    exact, copied, misses = defaultdict(list), [], []
    for (messages, turn), output in zip(samples, outputs):
        text = tokenizer.decode(output, skip_special_tokens=True)
        right = text == turn.answer
        for group in ("all", turn.language, turn.topic):
            exact[group].append(right)
        if turn.placeholders:
            copied.append(_PLACEHOLDER.findall(text) == turn.placeholders)
        if not right:
            misses.append({"topic": turn.topic, "question": messages[-1]["content"], "expected": turn.answer, "answer": text})
    rates = {group: round(sum(values) / len(values), 4) for group, values in exact.items()}
    return {
        "held_out_questions": len(samples),
        "held_out_exact": rates.pop("all"),
        "held_out_exact_by_language": {language: rates.pop(language) for language in ("ar", "en")},
        "held_out_exact_by_topic": dict(sorted(rates.items())),
        "copy_questions": len(copied),
        "copy_exact": round(sum(copied) / len(copied), 4),
        "misses": misses,
    }


def golden_prompts() -> list[list[dict]]:
    """Returns the conversations that a loader in another language is tested with."""
    keep = {"role": "system", "content": KEEP_LINE}

    def user(text: str) -> dict:
        return {"role": "user", "content": text}

    return [
        [keep, user("هل تشحنون إلى جدة؟ رقمي [[PHONE:7QX2MA]]")],
        [user("هل تشحنون إلى جدة؟")],
        [{"role": "system", "content": "أنت مساعد متجر."}, user("وش طرق الدفع")],
        [user("بكم التوصيل للدمام")],
        [user("متى تفتحون؟")],
        [user("وين طلبي رقم 1234")],
        [user("do you ship to Jeddah?")],
        [keep, {"role": "system", "content": "You are a shop assistant."}, user("How much is the abaya? my email is [[EMAIL:0H9ZKT]]")],
        [user("السلام عليكم"), {"role": "assistant", "content": "وعليكم السلام، كيف أستطيع مساعدتك؟"}, user("ابغى ارجع الطلب")],
        [user("ما هي عاصمة اليابان؟")],
        [keep, user("ابغى ارجع المنتج الايبان [[IBAN:M4C8RV]]")],
        [user("x̧ 🙂 ¿? 你好\t\n")],
    ]


def golden(model: Llama, tokenizer: Tokenizer) -> list[dict]:
    """Returns each golden prompt with its text and ids and the greedy continuation."""
    prompts = golden_prompts()
    ids = [encode_prompt(tokenizer, messages) for messages in prompts]
    # One prompt a batch: no other row can change the sums.
    outputs = greedy(model, ids, batch_size=1)
    return [
        {"messages": messages, "prompt": render(messages), "prompt_ids": prompt, "answer_ids": output, "answer": tokenizer.decode(output, skip_special_tokens=True)}
        for messages, prompt, output in zip(prompts, ids, outputs)
    ]


def report(result: dict) -> None:
    """Prints the scores, and up to thirty of the questions that were answered wrongly."""
    print(f"held-out phrasings answered exactly: {result['held_out_exact']:.1%} of {result['held_out_questions']}  {result['held_out_exact_by_language']}")
    for topic, rate in result["held_out_exact_by_topic"].items():
        print(f"  {topic:16s} {rate:.1%}")
    print(f"placeholders copied exactly: {result['copy_exact']:.1%} of {result['copy_questions']}")
    for miss in result["misses"][:30]:
        print(f"  miss {miss['topic']}: {miss['question']!r} -> {miss['answer']}")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    torch.set_num_threads(1)
    model, tokenizer = load(folder)
    started = time.time()
    report(score(model, tokenizer))
    print(f"scored in {time.time() - started:.0f} s")
    for entry in golden(model, tokenizer):
        print(f"{entry['messages'][-1]['content']!r} -> {entry['answer']}")


if __name__ == "__main__":
    main()
