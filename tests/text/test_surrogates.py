"""Halves of surrogate pairs are joined or replaced, wherever a text is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.text.surrogates import SurrogateJoiner, mended

CASES = [
    ("", ""),
    ("plain", "plain"),
    ("\ud83d\ude00", "😀"),
    ("a\ud83d", "a\ufffd"),
    ("\ude00a", "\ufffda"),
    ("\ude00\ud83d", "\ufffd\ufffd"),
    ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ("😀\ud83dé", "😀\ufffdé"),
]
odd = st.text(st.characters() | st.sampled_from("\ud83d\ude00\udfff\ud800a"), max_size=30)


@pytest.mark.parametrize(("text", "whole"), CASES)
def test_mended(text: str, whole: str) -> None:
    assert mended(text) == whole


@given(odd, st.lists(st.integers(0, 30)))
def test_cut_anywhere(text: str, cuts: list[int]) -> None:
    joiner = SurrogateJoiner()
    places = [0, *sorted(cuts), len(text)]
    pieces = [joiner.feed(text[begin:end]) for begin, end in itertools.pairwise(places)]
    for piece in pieces:
        piece.encode()
    assert "".join(pieces) + joiner.close() == mended(text)
    mended(text).encode()


async def test_an_answer_with_halves() -> None:
    pieces = ["A cat: \ud83d", "\ude00, half of one: \ud83d", " and \udc08", ".", "\ud83d"]
    thinking = [{"choices": [{"index": 0, "delta": {"reasoning_content": half}}]} for half in ("so \ud83d", "\ude00")]
    with serving(Script(streamed(*thinking, *map(chunk, pieces), chunk("", "stop")), models=["m"]).app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            stream = client.stream("Hello")
            said = [text async for text in stream]
    assert stream.reply.text == "A cat: 😀, half of one: \ufffd and \ufffd.\ufffd"
    assert stream.reply.thinking == "so 😀"
    assert "".join(said) == stream.reply.text
