"""What a long answer costs on IOPub, in a real kernel. Run it by hand; it is no test."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "notebook")]

from kernels import Kernel  # noqa: E402
from servers.gradio_server import GradioServer  # noqa: E402

SETUP = "%load_ext qwen_magic\n%config QwenMagics.target = 'space:{}'"


def main() -> None:
    """Print the table."""
    print(f"{'characters':>10} {'form':>9} {'seconds':>8} {'messages':>9} {'MB':>6} {'displays':>9}")
    with GradioServer("6.31.0", "qwenlike") as server, Kernel() as kernel:
        kernel.run(SETUP.format(server.url))
        for length in (10_000, 100_000):
            for form in ("markdown", "text"):
                run = kernel.run(f"%%qwen -f {form}\nmarkdown {length} 0", 600)
                if run.status != "ok":
                    sys.exit(f"the cell failed: {run.reply}")
                took = run.idle_at - run.sent
                print(
                    f"{length:>10} {form:>9} {took:>8.1f} {len(run.messages):>9} {run.size / 1e6:>6.2f} "
                    f"{len(run.displays):>9}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
