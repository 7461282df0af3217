"""Print the table of faults on the wire by backend.

python -m faults.table [WORD ...]   (in tests/; only the faults whose names hold one of the words)
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from faults.catalogue import all_faults  # noqa: E402
from faults.running import BACKENDS, Result, run_all  # noqa: E402


async def main(words: list[str]) -> int:
    """Print the table; return how many cases are wrong."""
    faults = [fault for fault in all_faults() if not words or any(word in fault.name for word in words)]
    print("| fault | backend, stage | result | s | kept | line | wrong |\n|---|---|---|---|---|---|---|")
    bad = 0
    counts: dict[str, Counter[str]] = {}
    for backend in BACKENDS:
        begin = time.monotonic()
        results = await run_all(faults, backend) if faults else []
        for result in results:
            print(row(result), flush=True)
            counts.setdefault(backend, Counter())[result.ended] += 1
        wrong = sum(bool(result.wrong) for result in results)
        bad += wrong
        counts.setdefault(backend, Counter())["wrong"] = wrong
        counts[backend]["seconds"] = round(time.monotonic() - begin)
    for backend, found in counts.items():
        print(f"{backend}: {', '.join(f'{count} {name}' for name, count in found.items())}")
    return bad


def row(result: Result) -> str:
    """Write a case as a line of the table."""
    line = result.line.replace("|", "/")[:160]
    where = result.backend if result.backend != "gradio" else f"gradio, {result.stage}"
    return (
        f"| {result.fault.name} | {where} | {result.ended} | {result.seconds:.1f} | {result.text[:20]!r} "
        f"| {line} | {'; '.join(result.wrong)} |"
    )


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(main(sys.argv[1:]))))
