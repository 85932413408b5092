"""Trains the demonstration model from nothing and writes the model folder.

Deterministic: fixed seeds, fixed thread count and deterministic algorithms, so the same versions on the same kind of
processor give the same weights.

Usage: python train.py [--steps N] [--out FOLDER]
"""

import argparse
import json
import math
import random
import re
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

from chat import encode_training
from data import make_conversation, make_copy_exercise
from evaluate import FOLDER, golden, load, report, score
from model import CONFIG, Llama
from phrasings import check_disjoint
from tokenizer import tokenizer_config, train_tokenizer

SEED = 20240501
# One thread: the matrices are so small that a second one waits more than it works, and the sums keep one order.
THREADS = 1
TOKENIZER_CONVERSATIONS = 12_000
BATCH = 24
POOL_BATCHES = 32
# Copying is learned first and alone, on short texts: within mixed conversations it is not found for thousands of steps.
COPY_STEPS = 480
COPY_PEAK_RATE = 3e-3
PEAK_RATE = 2.2e-3
WARMUP_STEPS = 60


def make_tokenizer() -> Tokenizer:
    """Learns the vocabulary on generated conversations whose placeholder codes are taken out."""
    rng, texts = random.Random(SEED), []
    for _ in range(TOKENIZER_CONVERSATIONS):
        messages = make_conversation(rng)
        texts += [f"{message['role']}\n" + re.sub(r"\[\[[A-Z_]+:[0-9A-Z]{6}\]\]", "", message["content"]) for message in messages]
    return train_tokenizer(texts, CONFIG["vocab_size"])


def batches(tokenizer: Tokenizer, steps: int):
    """Yields padded token ids and targets (-100 where nothing is learned); conversations of like length share a batch."""
    rng = random.Random(SEED + 1)
    for start in range(0, steps, POOL_BATCHES):
        make = make_copy_exercise if start < COPY_STEPS else make_conversation
        pool = [encode_training(tokenizer, make(rng)) for _ in range(BATCH * POOL_BATCHES)]
        pool.sort(key=lambda sample: len(sample[0]))
        groups = [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
        rng.shuffle(groups)
        for group in groups[: steps - start]:
            width = max(len(ids) for ids, _ in group)
            tokens = torch.zeros(len(group), width, dtype=torch.long)
            targets = torch.full((len(group), width), -100)
            for row, (ids, learned) in enumerate(group):
                tokens[row, : len(ids)] = torch.tensor(ids)
                targets[row, : len(ids) - 1] = torch.where(torch.tensor(learned[1:]), torch.tensor(ids[1:]), -100)
            yield tokens, targets


def rate(step: int, steps: int) -> float:
    """Returns the learning rate: it rises and falls once while copying is practised, and once more for all the rest."""
    if step < COPY_STEPS:
        done, length, peak = step, COPY_STEPS, COPY_PEAK_RATE
    else:
        done, length, peak = step - COPY_STEPS, steps - COPY_STEPS, PEAK_RATE
    return peak * min((done + 1) / WARMUP_STEPS, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done / length)))


def train(model: Llama, tokenizer: Tokenizer, steps: int) -> int:
    """Runs all optimiser steps, printing the loss now and then; returns how many tokens were seen."""
    decayed = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    rest = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], betas=(0.9, 0.98), fused=True)
    started, seen, total, count = time.time(), 0, 0.0, 0
    for step, (tokens, targets) in enumerate(batches(tokenizer, steps)):
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps)
        learned = targets != -100
        # Only the positions of answers are scored: most of a batch is questions.
        loss = F.cross_entropy(model.logits(model(tokens)[learned]), targets[learned])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        seen, total, count = seen + tokens.numel(), total + loss.item(), count + 1
        if (step + 1) % 50 == 0:
            elapsed = time.time() - started
            print(f"step {step + 1}/{steps}  loss {total / count:.4f}  {seen / elapsed:.0f} tokens/s  {elapsed:.0f} s", flush=True)
            total, count = 0.0, 0
    return seen


def write(folder: Path, model: Llama, tokenizer: Tokenizer) -> None:
    """Writes the folder that a generic loader reads."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "tokenizer_config.json", tokenizer_config(CONFIG["max_position_embeddings"]))
    write_json(folder / "generation_config.json", {"bos_token_id": CONFIG["bos_token_id"], "eos_token_id": CONFIG["eos_token_id"], "pad_token_id": CONFIG["pad_token_id"], "do_sample": False, "temperature": 0.0, "max_new_tokens": 128})


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    # Every tensor is written before it is read, so filling fresh memory would only cost time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.set_num_threads(THREADS)

    started = time.time()
    phrasings = check_disjoint()
    tokenizer = make_tokenizer()
    model = Llama(CONFIG)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters, {phrasings:,} training phrasings before slots, tokenizer of {tokenizer.get_vocab_size()} entries")
    seen = train(model, tokenizer, options.steps)
    seconds = time.time() - started
    write(options.out, model, tokenizer)

    # What is scored is what was written: the rounded weights, read back.
    shipped, tokenizer = load(options.out)
    result = score(shipped, tokenizer)
    report(result)
    del result["misses"]
    facts = {"parameters": parameters, "training_seconds": round(seconds), "threads": THREADS, "seed": SEED, "steps": options.steps}
    facts |= {"training_conversations": options.steps * BATCH, "training_tokens": seen, "training_phrasings": phrasings}
    write_json(options.out / "scores.json", result | facts)
    write_json(options.out / "golden.json", golden(shipped, tokenizer))


if __name__ == "__main__":
    main()
