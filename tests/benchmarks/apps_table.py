"""Print what comes of asking each layout of a public chat app on the Gradio that it was made for.

python tests/benchmarks/apps_table.py [NAME[@VERSION] ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from servers.gradio_server import GradioServer  # noqa: E402
from servers.layouts import FIELDS, LAYOUTS, examine  # noqa: E402


def main(wanted: list[str]) -> int:
    """Print the table; return how many rows are not right."""
    print(f"| app | Gradio | {' | '.join(FIELDS)} | said |\n|{'---|' * (len(FIELDS) + 3)}")
    bad = 0
    for name, versions in LAYOUTS.items():
        for version in versions:
            if wanted and not {name, f"{name}@{version}"} & set(wanted):
                continue
            try:
                with GradioServer(version, f"layouts/{name}", timeout=240) as server:
                    found = examine(server)
            except (RuntimeError, OSError) as error:
                print(f"| {name} | {version} | {error!r:.200} |", flush=True)
                bad += 1
                continue
            cells = [found.wrong.get(field, "yes") for field in FIELDS]
            print(f"| {name} | {version} | {' | '.join(cells)} | {'; '.join(found.said)} |", flush=True)
            bad += bool(found.wrong)
    return bad


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
