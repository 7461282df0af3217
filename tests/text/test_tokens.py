"""The estimate of tokens against the real tokenizer."""

from __future__ import annotations

import json
import time
import urllib.request
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import SAMPLES
from servers.environments import require_all

from qwen_magic.text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Counted by the tokenizer; `test_against_the_tokenizer` counts them anew.
COUNTS = {"English": 195, "Python": 316, "Russian": 288, "Chinese": 170, "math": 342, "JSON": 312}


@pytest.fixture(scope="module")
def count() -> Iterator[Callable[[str], int]]:
    """Give what counts tokens with the tokenizer in the local model's weights."""
    from qwen_magic.backends.local.engine import Engine
    from qwen_magic.backends.local.weights import ensure, find

    if find_spec("xllamacpp") is None and not require_all():
        pytest.skip("the local engine is not installed")
    if find("0.5b") is None and not require_all():
        pytest.skip("the weights are not in the cache; QWEN_MAGIC_TESTS=all fetches them")
    engine = Engine(ensure("0.5b"))
    address = engine.start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def tokenize(text: str) -> int:
        request = urllib.request.Request(
            f"{address.url}/tokenize",
            json.dumps({"content": text}).encode(),
            {"Authorization": f"Bearer {address.key}", "Content-Type": "application/json"},
        )
        with opener.open(request, timeout=10) as response:
            return len(json.load(response)["tokens"])

    yield tokenize
    engine.close()


def test_against_the_tokenizer(count: Callable[[str], int]) -> None:
    for name, text in SAMPLES.items():
        real = count(text)
        assert real == COUNTS[name]
        off = estimate_tokens(text) / real - 1
        print(f"{name:8} {len(text):5} characters, {real:4} tokens, estimated {off:+.1%}")
        for paragraph in text.split("\n\n"):
            if len(paragraph) > 100:
                assert estimate_tokens(paragraph) == pytest.approx(count(paragraph), rel=0.15), paragraph
    half = "".join(SAMPLES.values())
    assert estimate_tokens(half * 20) == pytest.approx(count(half * 20), rel=0.05)


@pytest.mark.parametrize("kind", SAMPLES)
def test_estimate(kind: str) -> None:
    assert estimate_tokens(SAMPLES[kind]) == pytest.approx(COUNTS[kind], rel=0.05)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" ", 1),
        ("a", 1),
        ("Hello, world!", 4),
        ("2026", 4),
        ("你", 1),
        ("\n\n", 1),
        ("        x", 2),
        ("it's", 2),
    ],
)
def test_small(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@given(st.text())
def test_any_text(text: str) -> None:
    tokens = estimate_tokens(text)
    assert (tokens > 0) == bool(text)
    assert tokens <= 4 * len(text)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_long_text_costs_what_its_parts_do(kind: str) -> None:
    text = SAMPLES[kind] + "\n"
    times = 200_000 // len(text) + 1
    assert estimate_tokens(text * times) == pytest.approx(estimate_tokens(text) * times, rel=0.005)


@pytest.mark.parametrize("unit", ["word ", "a", " ", "\n", "_", "字", "🎉", "'", "\u0301", " \r"])
def test_it_is_light(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    estimate_tokens(text)
    assert time.process_time() - started < 5
