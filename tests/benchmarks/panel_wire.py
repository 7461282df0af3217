"""What an answer of 100,000 characters costs a panel on IOPub, in a real kernel, at a fast and at a model's own pace.

Run: python tests/benchmarks/panel_wire.py [SECONDS ...]
"""

from __future__ import annotations

import statistics
import sys
from itertools import pairwise
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "notebook"), str(TESTS / "panel")]

from comms import FrontEnd  # noqa: E402
from kernels import Kernel  # noqa: E402
from servers.apps.script import cut, markdown  # noqa: E402
from servers.openai_like import Script, chunk, serving, streamed  # noqa: E402

LENGTH = 100_000


def measure(seconds: float) -> str:
    """Stream the answer in so many seconds; tell what came over the wire."""
    pieces = cut(markdown(LENGTH), max(4, int(LENGTH / seconds / 50)))
    paced = [part for piece in pieces for part in (chunk(piece), seconds / len(pieces))]
    with serving(Script(streamed(*paced, chunk("", "stop")), models=["m"]).app()) as url, Kernel() as kernel:
        front = FrontEnd(kernel)
        kernel.run(f"from qwen_magic import ChatPanel\npanel = ChatPanel(target='openai:{url}/v1#m')\npanel")
        (panel,) = (widget for widget in front.widgets.values() if "activity" in widget.state)
        front.send(panel, {"action": "send", "text": "Tell me all."})
        kernel.until(lambda: panel.state["saved"] and not panel.state["activity"]["streaming"], 2 * seconds + 60)
    times = [at for at, op in panel.ops if op["op"] == "delta"]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    return (
        f"{times[-1] - times[0]:>8.0f} {len(panel.heard):>9} {panel.size / 1e6:>6.2f} {statistics.median(gaps):>11.2f}"
    )


def main() -> None:
    """Print the table."""
    print(f"{'seconds':>8} {'messages':>9} {'MB':>6} {'median gap':>11}")
    for seconds in map(float, sys.argv[1:] or ["20", "250"]):
        print(measure(seconds), flush=True)


if __name__ == "__main__":
    main()
