"""Every decoder and text function on random texts, a short time each; see `fuzzing` for longer ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from fuzzing import FOUND, fuzz
from properties import PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = float(os.environ.get("QWEN_MAGIC_FUZZ_SECONDS", "2"))
SEED = int(os.environ.get("QWEN_MAGIC_FUZZ_SEED", "1"))


@pytest.mark.parametrize("name", PROPERTIES)
def test_random_texts(name: str, record_property: Callable[[str, object], None]) -> None:
    result = fuzz(name, PROPERTIES[name], SECONDS, SEED)
    record_property("inputs", result.inputs)
    assert not result.failure, f"{name}, after {result.inputs} inputs: {result.failure}"
    assert result.inputs > 1


def test_what_is_kept_belongs_to_a_property() -> None:
    folders = {path.name for path in FOUND.iterdir() if path.is_dir()} if FOUND.exists() else set()
    assert folders <= {name.replace(" ", "-") for name in PROPERTIES}
