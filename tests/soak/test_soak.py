"""What turns cost in the long run, in short; `python tests/soak/turns.py` is the long form."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from turns import KINDS, marks

TURNS = 150
LONG = int(os.environ.get("QWEN_MAGIC_SOAK", "0"))
"""Turns of the long form: 3,000 take about twenty minutes."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(400)
def test_a_turn_costs_the_same_later(kind: str) -> None:
    first, *_, last = marks(kind, TURNS)
    print(first, last)
    assert last.ratio < max(1, first.ratio) * 2
    assert last.memory < first.memory * 1.2
    assert last.files <= first.files + 2
    assert last.threads <= first.threads + 2
    assert last.wire <= first.wire * 1.5


@pytest.mark.soak
@pytest.mark.skipif(not LONG, reason="it takes long: QWEN_MAGIC_SOAK=3000 pytest -m soak")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(7200)
def test_a_turn_costs_the_same_much_later(kind: str) -> None:
    first, *later = marks(kind, LONG)
    for mark in later:
        print(mark)
        assert mark.ratio < max(1, first.ratio) * 1.2
        assert mark.memory < first.memory * 1.2
        assert mark.files <= first.files + 2
        assert mark.threads <= first.threads + 2
        assert mark.wire <= first.wire * 1.2
