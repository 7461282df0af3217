"""Print how fast the local model answers on this machine: first token from nothing, first token warm, tokens a second.

Run it as ``python tests/benchmarks/local_speed.py [TARGET]``; the weights are fetched if they are not here.
"""

from __future__ import annotations

import statistics
import sys
import time

from qwen_magic import QwenClient

PROMPT = "Write a Python function that merges two sorted lists, and explain it."
RUNS = 5


def main() -> None:
    """Ask once from nothing, then several times."""
    client = QwenClient(sys.argv[1] if len(sys.argv) > 1 else "local")
    started = time.perf_counter()
    first = client.ask_sync(PROMPT, temperature=0, max_tokens=200)
    print(f"{first.model}: {time.perf_counter() - started:.1f} s for the first answer from nothing")
    print(f"first token from nothing: {first.first_token_seconds:.2f} s")
    warm, speeds = [], []
    for seed in range(RUNS):
        reply = client.ask_sync(f"{PROMPT} Variant {seed}.", temperature=0, max_tokens=200)
        begun = reply.first_token_seconds or 0.0
        warm.append(begun)
        speeds.append((reply.usage.completion_tokens or 0) / (reply.seconds - begun))
    client.close()
    print(f"first token, warm: median {statistics.median(warm):.2f} s of {RUNS}")
    print(f"tokens a second: median {statistics.median(speeds):.0f}, from {min(speeds):.0f} to {max(speeds):.0f}")


if __name__ == "__main__":
    main()
