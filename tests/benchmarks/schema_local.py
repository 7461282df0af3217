"""How well each rung of the ladder holds the local 0.5B to a shape: 60 extractions and 40 classifications.

    python tests/benchmarks/schema_local.py [RUNG ...] [--first N]

Printed per rung: valid at once, valid at last (asked again at most twice), right, asks for each valid value, seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import Any

from schema_cases import MOOD, PERSON, classifications, extractions

from qwen_magic import QwenClient
from qwen_magic.backends.local import backend
from qwen_magic.errors import SchemaError

RUNGS = ("json_schema", "tool", "json_object", "prompt")


@dataclass
class Tally:
    at_once: int = 0
    at_last: int = 0
    right: int = 0
    asks: int = 0
    asked: int = 0


class OneRung(backend.LocalBackend):
    """The local model, held in one way alone."""

    rung = "prompt"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.schema_forms = (self.rung,)
        self.schema_wraps = ("tool", "json_object")


async def ask(client: QwenClient, prompt: str, schema: str, right: Any, tally: Tally) -> None:
    tally.asked += 1
    try:
        reply = await client.ask(prompt, schema=schema, temperature=0, seed=1, max_tokens=200)
    except SchemaError as error:
        tally.asks += getattr(error.reply, "asks", 1)
        return
    tally.asks += reply.asks
    tally.at_once += reply.asks == 1
    tally.at_last += 1
    tally.right += reply.value == right


async def measure(rung: str, first: int) -> None:
    backend.LocalBackend = type("Held", (OneRung,), {"rung": rung})  # type: ignore[misc, assignment]
    tallies = {"extractions": Tally(), "classifications": Tally()}
    began = time.perf_counter()
    async with QwenClient("local") as client:
        for text, known in extractions()[:first]:
            await ask(client, f"Extract the person from this text: {text}", PERSON, known, tallies["extractions"])
        for text, mood in classifications()[:first]:
            await ask(client, f"What is the mood of this text? {text}", MOOD, mood, tallies["classifications"])
    seconds = time.perf_counter() - began
    for name, tally in tallies.items():
        each = tally.asks / tally.at_last if tally.at_last else 0.0
        print(
            f"{rung:12} {name:16} of {tally.asked:3}: valid at once {tally.at_once:3}, at last {tally.at_last:3}, "
            f"right {tally.right:3}, asks for each valid value {each:.2f}",
            flush=True,
        )
    print(f"{rung:12} {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rungs", nargs="*", default=list(RUNGS))
    parser.add_argument("--first", type=int, default=60)
    options = parser.parse_args()
    for name in options.rungs or RUNGS:
        asyncio.run(measure(name, options.first))
