"""How much `import qwen_magic` and `%load_ext` add to IPython's own start. Run it by hand; it is no test."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALONE = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
LOADED = ALONE + "import qwen_magic\nshell.run_line_magic('load_ext', 'qwen_magic')\n"
LIMIT = 0.25


def seconds(code: str, env: dict[str, str]) -> float:
    """Time a Python that runs the code."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main(runs: int = 10) -> None:
    """Print the medians, the difference and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": folder}
        seconds(LOADED, env)  # compiled once
        pairs = [(seconds(ALONE, env), seconds(LOADED, env)) for _ in range(runs)]
    alone, loaded = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"IPython alone          {alone:.3f} s (median of {runs})")
    print(f"with qwen_magic loaded {loaded:.3f} s")
    print(f"added                  {loaded - alone:.3f} s of at most {LIMIT} s, ratio {loaded / alone:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
