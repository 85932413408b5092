"""Asks one question through the official OpenAI SDK: only base_url and key differ."""

import os
import sys
from pathlib import Path

from openai import APIStatusError, OpenAI

server = os.environ.get("KALEEM_SERVER", "127.0.0.1:8080").removeprefix("http://")
key = os.environ.get("KALEEM_API_KEY") or Path("kaleem-data/demo.key").read_text().strip()
question = sys.argv[1] if len(sys.argv) > 1 else "هل تشحنون إلى جدة؟"
client = OpenAI(base_url=f"http://{server}/v1", api_key=key)

try:
    # "auto" lets the router choose; metadata={"task": "faq"} tells it what the question is for.
    chunks = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in chunks:
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="", flush=True)
        if chunk.usage:
            print(f"\n  {chunk.model}: {chunk.usage.prompt_tokens} tokens in, {chunk.usage.completion_tokens} out")

    # The same without a stream; what it cost and what is left of the quota stand in headers.
    answer = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": question}]
    )
    print(answer.parse().choices[0].message.content)
    for header in ["x-request-id", "x-kaleem-cost-pico-usd", "x-quota-day-requests-remaining"]:
        print(f"  {header}: {answer.headers[header]}")
except APIStatusError as error:
    # `code` is the reason of docs/errors.md in lower case; branch on it, not on the message.
    sys.exit(f"{error.code}: {error.message}")
