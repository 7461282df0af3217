"""What hearing a cell's output costs: 100,000 prints in a kernel without the extension, with it, and without it again."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "notebook")]

from kernels import Kernel  # noqa: E402

PRINT = """
import time
begin = time.perf_counter()
for number in range(100_000):
    print(number)
seconds = time.perf_counter() - begin
"""


def main(runs: int = 3) -> None:
    """Print the shortest of some runs for each, and the ratio."""
    found = {}
    with Kernel() as kernel:
        for name, code in (("without", ""), ("with", "%load_ext qwen_magic"), ("unloaded", "%unload_ext qwen_magic")):
            kernel.run(code)
            times = []
            for _ in range(runs):
                kernel.run(PRINT)
                times.append(kernel.value("seconds"))
            found[name] = min(times)
            print(f"{name:9} {found[name]:.2f} s")
    print(f"ratio     {found['with'] / found['without']:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
