"""What turns cost in the long run, in short; `python tests/soak/turns.py` is the long form."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from turns import KINDS

TURNS = 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(400)
def test_a_turn_costs_the_same_later(kind: str) -> None:
    first, *_, last = KINDS[kind](TURNS)
    print(first, last)
    assert last.cpu < first.cpu * 2
    assert last.memory < first.memory * 1.2
    assert last.files <= first.files + 2
    assert last.threads <= first.threads + 2
    assert last.wire <= first.wire * 1.5
