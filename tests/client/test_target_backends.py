"""A client's backends: one for each target, until they are let go of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from qwen_magic.backends.base import Settings
from qwen_magic.backends.targets import parse_chain
from qwen_magic.client import target_backends
from qwen_magic.client.target_backends import TargetBackends

if TYPE_CHECKING:
    import pytest

    from qwen_magic.backends.target import Target

ONE, OTHER = parse_chain("openai:http://127.0.0.1:1/v1#a,openai:http://127.0.0.1:1/v1#b")


class Made:
    """A backend that notes that it was closed."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self.target, self.settings, self.closed = target, settings, 0

    async def close(self) -> None:
        self.closed += 1


async def test_one_for_each_target_until_they_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_backends, "make_backend", Made)
    backends, settings = TargetBackends(), Settings()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda target: backends.of(target, settings), [ONE, OTHER] * 50))
    assert {id(backend) for backend in found} == {id(found[0]), id(found[1])}
    assert [backend.target for backend in found[:2]] == [ONE, OTHER]  # type: ignore[attr-defined]
    await backends.close()
    assert [backend.closed for backend in found[:2]] == [1, 1]  # type: ignore[attr-defined]
    assert not backends
    assert backends.of(ONE, settings) is not found[0]
