from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # never the developer's own

sys.path.insert(0, str(Path(__file__).parent))

from tiers import TIERS, OnlyPython, tier_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Many examples are for CI; a quick run has a few of each.
settings.register_profile("quick", max_examples=15)
settings.register_profile("ci", max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "quick")

pytest_plugins = ["servers.plugin"]

_only_python = OnlyPython()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = tier_of(item)
        item.own_markers = [mark for mark in item.own_markers if mark.name not in TIERS]
        item.add_marker(getattr(pytest.mark, tier))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    if tier_of(item) == "unit":
        for _ in _only_python.watch():
            return (yield)
    return (yield)
