"""How much `import qwen_magic` and `%load_ext` add to IPython's own start. Run it by hand; it is no test."""

from __future__ import annotations

import os
import resource
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


def seconds(code: str, env: dict[str, str]) -> tuple[float, float]:
    """Time a Python that runs the code: by the clock, and its processor's time, which a busy machine adds little to."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, cpu


def main(runs: int = 10) -> None:
    """Print the medians, the differences and the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": folder, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's modules are compiled once
        seconds(LOADED, env)
        pairs = [(seconds(ALONE, env), seconds(LOADED, env)) for _ in range(runs)]
    for place, name in enumerate(("by the clock", "processor")):
        alone, loaded = (statistics.median(run[place] for run in times) for times in zip(*pairs, strict=True))
        added = f"added {loaded - alone:.3f} s of at most {LIMIT} s, ratio {loaded / alone:.2f}"
        print(
            f"{name:12}  IPython alone {alone:.3f} s, with qwen_magic loaded {loaded:.3f} s, {added} (medians of {runs})"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
