"""Every test has one tier, and the table of tiers names files that are there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import TIER_OF, TIERS

ROOT = Path(__file__).parents[1]


def test_the_table_names_files_that_are_there() -> None:
    assert [name for name in TIER_OF if not (ROOT / name).exists()] == []


def test_a_test_has_one_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert sum(mark.name in TIERS for mark in item.own_markers) == 1, item.nodeid


def test_a_unit_test_opens_no_connection() -> None:
    with socket.socket() as sock, pytest.raises(AssertionError, match="opens no connection"):
        sock.bind(("127.0.0.1", 0))


def test_a_unit_test_starts_no_process() -> None:
    with pytest.raises(AssertionError, match="starts no process"):
        subprocess.run([sys.executable, "-c", ""], check=False)
