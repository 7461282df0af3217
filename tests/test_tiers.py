"""Every test has one tier, and the table of tiers names files that are there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import TIER_OF, TIERS, holds_none_of, tier_of, work_unit

ROOT = Path(__file__).parents[1]


def test_the_table_names_files_that_are_there() -> None:
    assert [name for name in TIER_OF if not (ROOT / name).exists()] == []


def test_a_test_has_one_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert sum(mark.name in TIERS for mark in item.own_markers) == 1, item.nodeid


def test_a_file_that_is_not_read_holds_none_of_the_tests(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        path, tier = item.nodeid.partition("::")[0], tier_of(item)
        assert not holds_none_of(path, tier), item.nodeid
        assert not holds_none_of(path, f"not browser and not model or {tier}"), item.nodeid


@pytest.mark.parametrize(
    ("expression", "unread"),
    [
        ("unit", {"server", "kernel", "browser", "model"}),
        ("unit or server", {"kernel", "browser", "model"}),
        ("not browser and not model", {"browser", "model"}),
        ("model", set()),
        ("", set()),
        ("unit and slow", set()),
    ],
)
def test_which_files_are_read(expression: str, unread: set[str]) -> None:
    files = {
        "unit": "tests/test_tiers.py",
        "server": "tests/backends/test_space.py",
        "kernel": "tests/notebook/test_kernel.py",
        "browser": "tests/panel/test_page.py",
        "model": "tests/backends/test_local.py",
    }
    assert {tier for tier, path in files.items() if holds_none_of(path, expression)} == unread


def test_a_unit_test_opens_no_connection() -> None:
    with socket.socket() as sock, pytest.raises(AssertionError, match="opens no connection"):
        sock.bind(("127.0.0.1", 0))


def test_a_unit_test_starts_no_process() -> None:
    with pytest.raises(AssertionError, match="starts no process"):
        subprocess.run([sys.executable, "-c", ""], check=False)


def test_what_one_worker_runs() -> None:
    assert work_unit("tests/text/test_sse.py::TestIt::test_a[b]") == "tests/text/test_sse.py"
    assert work_unit("tests/panel/test_page.py::test_a") == work_unit("tests/notebook/test_browser.py::test_b")
    assert work_unit("tests/panel/test_panel_lab.py::test_a") == work_unit("tests/panel/test_shown_lab.py::test_b")
    assert work_unit("tests/panel/test_panel_lab.py::test_a") != work_unit("tests/panel/test_page.py::test_b")
    assert work_unit("tests/backends/test_space.py::test_a[5.50.0-b]") == work_unit(
        "tests/servers/test_servers.py::test_b[5.50.0]"
    )
    assert work_unit("tests/backends/test_space.py::test_a[15.50.0]") == "tests/backends/test_space.py"
    assert work_unit("tests/backends/test_gradio_recordings.py::test_a[5.50.0]").endswith("recordings.py")
    assert work_unit("tests/backends/test_local.py::test_a") == work_unit("tests/test_readme.py::test_b") == "model"
