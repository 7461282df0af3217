"""How long a kernel's first question shows nothing: from its being sent to its first display, in fresh kernels.

    python tests/benchmarks/first_sign.py [KERNELS]

Each kernel loads the extension in one cell and asks in the next, a target where nobody answers. What the kernel itself
takes for a cell is measured beside it, by one that displays something at once.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebook"))

from kernels import Kernel, Run

ASKED = "%%qwen -t openai:http://127.0.0.1:9/v1#m\nhello"
PLAIN = "from IPython.display import display, Markdown\ndisplay(Markdown('*now*'))"


def shown_after(run: Run) -> float:
    """Give the milliseconds until the first display of a cell."""
    return 1000 * (run.drawn[0].time - run.sent)


def main(kernels: int) -> None:
    """Measure and print."""
    first, second, plain = [], [], []
    for _ in range(kernels):
        with Kernel() as kernel:
            plain.append(shown_after(kernel.run(PLAIN)))
            kernel.run("%load_ext qwen_magic")
            first.append(shown_after(kernel.run(ASKED)))
            second.append(shown_after(kernel.run(ASKED)))
    for name, times in (("first question", first), ("second question", second), ("a plain display", plain)):
        print(f"{name:16} {statistics.median(times):6.0f} ms (median), {max(times):6.0f} ms at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
