"""The PYTHONPATH of processes that tests start: this package, and no import that takes seconds for what no test needs."""

from __future__ import annotations

import os
from pathlib import Path

_TESTS = Path(__file__).parents[1]
PYTHONPATH = os.pathsep.join([str(_TESTS.parent), str(_TESTS / "support/light")])
