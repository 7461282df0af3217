from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # never the developer's own

sys.path.insert(0, str(Path(__file__).parent / "support/light"))
sys.path.insert(0, str(Path(__file__).parent))

from support.examples import examples
from tiers import TIER_OF, TIERS, OnlyPython, holds_none_of, tier_of, work_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell hands it to what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(  # nothing here that a slow machine fails
    "own", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("own")

pytest_plugins = ["servers.plugin", "support.browsers", "support.front_ends"]

_only_python = OnlyPython()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # To read all files takes longer than most tiers' tests of Python alone.
    expression = str(config.getoption("markexpr", ""))
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(config.rootpath):
        return None
    return holds_none_of(collection_path.relative_to(config.rootpath).as_posix(), expression) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        tier = tier_of(item)
        item.own_markers = [mark for mark in item.own_markers if mark.name not in TIERS]
        item.add_marker(getattr(pytest.mark, tier))
    if hasattr(config, "workerinput"):  # what takes long begins first, so that no worker is alone at the end
        items.sort(key=lambda item: -TIERS.index(TIER_OF.get(item.nodeid.partition("::")[0], "unit")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByWorkUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return work_unit(nodeid)

    config.option.loadscopereorder = False  # the workers have put them in order
    return ByWorkUnit(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    if tier_of(item) == "unit":
        for _ in _only_python.watch():
            return (yield)
    return (yield)
