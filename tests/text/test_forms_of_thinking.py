"""How models mark their thinking, and the tokens that end their turn: whole and cut at every place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.end_tokens import EndTokens, without_end_tokens
from qwen_magic.text.thinking import ThinkingSplitter, split_thinking

SHAPES = [
    ("Let me reason…\n</think>The answer is 4.", "The answer is 4.", "Let me reason…"),
    ("Let me reason.</think>\n\nThe answer.", "The answer.", "Let me reason."),
    ("[THINK]draft 5[/THINK]The answer is 4.", "The answer is 4.", "draft 5"),
    ("<thought>draft</thought>\nThe answer.", "The answer.", "draft"),
    ("<seed:think>draft</seed:think>The answer.", "The answer.", "draft"),
    ("<reasoning>draft</reasoning>The answer.", "The answer.", "draft"),
    ("<Think>\ndraft\n</Think>\n\nThe answer.", "The answer.", "draft"),
    ("\u25c1think\u25b7draft\u25c1/think\u25b7The answer.", "The answer.", "draft"),
    ("draft\n\u25c1/think\u25b7The answer.", "The answer.", "draft"),
    ("<|begin_of_thought|>draft<|end_of_thought|>\n\n<|begin_of_solution|>The answer.", "The answer.", "draft"),
    (
        "<|channel|>analysis<|message|>draft<|end|><|start|>assistant<|channel|>final<|message|>The answer.",
        "The answer.",
        "draft",
    ),
    ("<|channel|>final<|message|>The answer.", "The answer.", ""),
    ("<think>Aİİ</think>b", "b", "Aİİ"),
    ("Write `</think>` at its end.", "Write `</think>` at its end.", ""),
    ("It ends with </think> in the text.", "It ends with </think> in the text.", ""),
    ("```html\n<think>\n</think>\n```\n", "```html\n<think>\n</think>\n```\n", ""),
    ("See [link](a) and [THINK] there.", "See [link](a) and [THINK] there.", ""),
    ("[1, 2]\n[/think", "[1, 2]\n[/think", ""),
    ("the <reasoning> tag and </reasoning>\n", "the <reasoning> tag and </reasoning>\n", ""),
]


def split(pieces: list[str]) -> tuple[str, str]:
    splitter, answer, thinking = ThinkingSplitter(), "", ""
    for piece in [piece for part in pieces for piece in splitter.feed(part)] + splitter.close():
        if piece.kind == "text":
            answer += piece.text
        elif piece.kind == "thinking":
            thinking += piece.text
        else:
            answer, thinking = "", piece.text
    return answer, thinking


@pytest.mark.parametrize(("text", "answer", "thinking"), SHAPES)
def test_a_form_of_thinking(text: str, answer: str, thinking: str) -> None:
    assert split_thinking(text) == (answer, thinking)
    for size in range(1, len(text)):
        assert split([text[start : start + size] for start in range(0, len(text), size)]) == (answer, thinking)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "a", " ", "\n", "<", "[", "`", "<|end|>"]))
)
def test_any_cut_gives_the_same(parts: list[str]) -> None:
    assert split(parts) == split(["".join(parts)]) == split(list("".join(parts)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hi<|im_end|>", "Hi"),
        ("Hi</s>", "Hi"),
        ("Hi<|eot_id|>\n", "Hi"),
        ("Hi<|im_end|><|endoftext|>", "Hi"),
        ("<|im_end|> is a token", "<|im_end|> is a token"),
        ("a < b", "a < b"),
        ("x[", "x["),
        ("<|im_e", "<|im_e"),
        ("```\n</s>\n```", "```\n</s>\n```"),
        ("", ""),
    ],
)
def test_tokens_at_the_end(text: str, left: str) -> None:
    assert without_end_tokens(text) == left
    for size in range(1, len(text)):
        tokens = EndTokens()
        given = "".join(tokens.feed(text[start : start + size]) for start in range(0, len(text), size))
        assert given + tokens.close() == left


@given(st.text("<|im_end>/s[] \na", max_size=60))
def test_nothing_else_is_lost(text: str) -> None:
    left = without_end_tokens(text)
    assert text.startswith(left)
    assert left == text or any(token in text[len(left) :] for token in ("<|im_end|>", "</s>", "<|end|>"))
