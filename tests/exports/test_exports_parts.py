"""Turns that are more than text as Markdown, JSON and notebooks: nothing of them is lost, and a person sees them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from support.examples import examples
from support.message_strategies import PROMPTS, STEPS, TEXTS
from test_exports import CONVERSATION, NASTY, TURNS, display, each_form

from qwen_magic.errors import UsageError
from qwen_magic.exports import export, from_json, from_markdown, from_notebook, read, to_json, to_markdown, to_notebook
from qwen_magic.exports.readable import LARGEST_SHOWN
from qwen_magic.messages import File, Image, Message, Part, Text, ToolCall, ToolResult
from qwen_magic.store import Turn
from qwen_magic.text.safe import safe_markdown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

CAT = b"\x89PNG cat"
CAT_64 = base64.b64encode(CAT).decode()
FULL = Turn(
    "What is ?\nAnd this?",
    "A **cat**.",
    thinking="hm",
    system=CONVERSATION.system,
    target="local",
    finish_reason="stop",
    asked_at=1_700_000_000.5,
    parts=(
        Text("What is "),
        Image(CAT, name="cat [1].png", detail="low"),
        Text("?\nAnd this?"),
        Image(url="https://x.org/a_b.png", name="b"),
        Image(b"<svg/>", "image/svg+xml", "c.svg"),
        File(b"a,b\n", "text/csv", "a.csv"),
    ),
    steps=(
        Message("assistant", ["Let me see.", ToolCall("c1", "look", '{"at": "cat.png", "x": "```"}')]),
        Message("tool", parts=[ToolResult("c1", "a cat\n<b>bold</b>", "look"), Image(CAT, "image/gif")]),
        Message("assistant", ["A **cat**.", Image(CAT, "image/webp", "answer")]),
    ),
)


@each_form
def test_everything_comes_back(write: Callable[..., str], understand: Callable[[str], Any]) -> None:
    turns = [TURNS[0], FULL, TURNS[1]]
    text = write(CONVERSATION, turns)
    assert list(understand(text).turns) == turns
    assert list(understand(text.replace("\n", "\r\n")).turns) == turns or write is to_json or write is to_notebook


TURN = st.builds(
    lambda prompt, answer, steps, text: Turn(
        prompt.text,
        steps[-1].text if steps and text is None else text or answer,
        parts=prompt.parts,
        steps=steps,
        finish_reason="stop",
    ),
    PROMPTS,
    TEXTS,
    STEPS,
    st.none() | TEXTS,
)


@settings(max_examples=examples(80))
@given(turns=st.lists(TURN, max_size=3))
@each_form
def test_any_turn_comes_back(write: Callable[..., str], understand: Callable[[str], Any], turns: list[Turn]) -> None:
    assert list(understand(write(CONVERSATION, turns)).turns) == turns


@each_form
@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_comes_back_in_each_part(
    write: Callable[..., str], understand: Callable[[str], Any], text: str
) -> None:
    steps = (
        Message("assistant", [text, ToolCall(text, text, text), Image(CAT, name=text)]),
        Message("tool", parts=[ToolResult(text, text, text), File(CAT, name=text)]),
    )
    parts = (Text("a" + text), Image(CAT, name=text), Text(text + "b"), File(b"", name=text))
    turns = [
        Turn(f"a{text}{text}b", text, parts=parts, steps=steps, finish_reason="stop"),
        Turn("another text", "yet another", parts=parts, steps=steps, finish_reason="stop"),
        Turn(text, text, parts=(Text("x"),), steps=(Message("assistant", text),), finish_reason="stop"),
    ]
    assert list(understand(write(CONVERSATION, turns)).turns) == turns


@pytest.mark.parametrize("suffix", [".json", ".ipynb"])
def test_a_file_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    cut = replace(FULL, parts=(Text("cut \ud83d"), Image(CAT, name="\ud83d\ude00")), prompt="cut \ud83d")
    export(path, CONVERSATION, [FULL, cut])
    first, second = read(path).turns
    assert first == FULL
    assert (second.prompt, second.parts) == ("cut \ufffd", (Text("cut \ufffd"), Image(CAT, name="😀")))


@each_form
def test_what_is_text_alone_is_of_the_first_version(
    write: Callable[..., str], understand: Callable[[str], Any]
) -> None:
    assert re.search(r'"version": 1\b', write(CONVERSATION, TURNS))
    assert re.search(r'"version": 2\b', write(CONVERSATION, [*TURNS, FULL]))
    assert not re.search('"(?:steps|parts|part)"', write(CONVERSATION, TURNS))


# For the eye


def test_markdown_shows_pictures_calls_and_results() -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(to_markdown(CONVERSATION, [FULL]))
    for shown in (
        "<blockquote>\n<p>What is</p>\n</blockquote>",
        f'<img src="data:image/png;base64,{CAT_64}" alt="cat [1].png" />',
        "<em>[image b https://x.org/a_b.png]</em>",
        "<em>[image c.svg image/svg+xml 6 B]</em>",
        "<em>[file a.csv text/csv 4 B]</em>",
        "<em>tool call look</em>",
        '<code class="language-json">{&quot;at&quot;: &quot;cat.png&quot;, &quot;x&quot;: &quot;```&quot;}\n</code>',
        "<em>tool result look</em>",
        '<code class="language-text">a cat\n&lt;b&gt;bold&lt;/b&gt;\n</code>',
        f'<img src="data:image/gif;base64,{CAT_64}" alt="" />',
        "<p>A <strong>cat</strong>.</p>",
    ):
        assert shown in html, shown
    assert html.count("cat</strong>") == 1, "the answer stands there once"
    assert "<a " not in html
    assert re.findall('src="([^"]{5})', html) == ["data:"] * 3, "nothing is fetched"


def test_markdown_for_the_eye_names_pictures_and_has_no_bytes() -> None:
    text = to_markdown(CONVERSATION, [FULL], marked=False)
    assert "<!--" not in text
    assert "data:" not in text
    assert CAT_64 not in text
    html = MarkdownIt().render(safe_markdown(text))
    assert "<em>[image cat [1].png image/png 8 B]</em>" in html
    assert "<img" not in html


@settings(max_examples=examples(60))
@given(turn=TURN)
def test_no_value_ends_its_comment(turn: Turn) -> None:
    lines = to_markdown(CONVERSATION, [replace(turn, answer="")]).split("\n")
    assert all(line.count("--") == 2 for line in lines if line.startswith("<!-- qwen_magic"))


@pytest.mark.parametrize("name", ["](http://x.org) ![", "<script>alert(1)</script>", "a\n\nb", "*`_`*", "\\", "]"])
def test_a_name_is_shown_and_nothing_else(name: str) -> None:
    parts: list[Part] = [Image(CAT, name=name), File(CAT, name=name), Image(url="https://x.org", name=name)]
    turn = Turn("", "", parts=tuple(parts), steps=(Message("assistant", [ToolCall("1", name)]),), finish_reason="stop")
    html = MarkdownIt("js-default", {"html": True}).render(to_markdown(CONVERSATION, [turn]))
    html = re.sub("<!--.*?-->", "", html)
    assert html.count("<img ") == 1
    assert not re.search("<(?:script|a|b|code)[ >]", html.replace('<code class="language-json">', ""))
    shown = escapeHtml(" ".join(name.split()))
    assert f"<em>tool call {shown}</em>" in html
    assert f"<em>[file {shown} application/octet-stream 8 B]</em>" in html


def test_a_picture_that_would_make_a_page_slow_is_named_and_comes_back(nbformat: ModuleType) -> None:
    large = Turn("", parts=(Image(bytes(LARGEST_SHOWN + 1), name="l.png"),), finish_reason="interrupted")
    small = replace(large, parts=(Image(bytes(LARGEST_SHOWN)),))
    text = to_markdown(CONVERSATION, [large, small])
    assert text.count("](data:image/png") == 1
    assert r"image l\.png image\/png 2 MB" in text
    assert list(from_markdown(text).turns) == [large, small]
    notebook = nbformat.reads(to_notebook(CONVERSATION, [large, small]), as_version=4)
    named, attached, _ = notebook.cells[2:]
    assert list(named.outputs[0].data) == ["text/plain"]
    assert [list(bundle) for bundle in attached.attachments.values()] == [["image/png"]]
    assert list(from_notebook(nbformat.writes(notebook)).turns) == [large, small]


def test_markdown_that_was_edited_is_understood() -> None:
    text = to_markdown(CONVERSATION, [FULL])
    edited = (
        text.replace("> What is ", "> What on earth is ")
        .replace("A **cat**.", "A cat, yes.")
        .replace("a cat\n<b>", "2\n<b>")
    )
    (turn,) = from_markdown(edited).turns
    assert turn.prompt == "What on earth is ?\nAnd this?"
    assert turn.parts[0] == Text("What on earth is ")
    assert turn.parts[1:] == FULL.parts[1:]
    assert turn.answer == turn.steps[-1].text == "A cat, yes."
    assert turn.steps[1].text == "2\n<b>bold</b>"
    assert turn.steps[0] == FULL.steps[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"](data:image/png;base64,{CAT_64})", "](cat.png)"),
        (f"](data:image/png;base64,{CAT_64})", "](data:image/png;base64,?)"),
        ('"type": "image"', '"type": "video"'),
        ('"type": "image"', '"type": ["image"]'),
        ('qwen_magic: step {"role": "assistant"}', "qwen_magic: other {}"),
        ('qwen_magic: step {"role": "tool"}', 'qwen_magic: step {"role": "user"}'),
        ('qwen_magic: step {"role": "tool"}', "qwen_magic: step {}"),
        ("````json\n", "````json"),
    ],
)
def test_markdown_whose_parts_cannot_be_read(old: str, new: str) -> None:
    text = to_markdown(CONVERSATION, [FULL])
    assert old in text
    with pytest.raises(UsageError) as caught:
        from_markdown(text.replace(old, new))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_mark_says_nothing_of_parts_that_the_page_does_not_have() -> None:
    text = to_markdown(CONVERSATION, [TURNS[1]])
    turn = re.sub(r"qwen_magic: turn \{", 'qwen_magic: turn {"parts": 5, "steps": [], ', text)
    assert list(from_markdown(turn).turns) == [TURNS[1]]


# Notebooks


def test_the_notebook_is_valid_and_shows_what_the_turn_is_made_of(nbformat: ModuleType) -> None:
    text = to_notebook(CONVERSATION, [FULL])
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert list(notebook.cells[2].attachments.values()) == [{"image/png": CAT_64}]
    shown = [dict(output.data) for output in notebook.cells[3].outputs]
    assert shown == [
        {"text/plain": "[image b https://x.org/a_b.png]"},
        {"text/plain": "[image c.svg image/svg+xml 6 B]"},
        {"text/plain": "[file a.csv text/csv 4 B]"},
        {"text/plain": "Let me see."},
        {"text/plain": '[tool call look({"at": "cat.png", "x": "```"})]'},
        {"text/plain": "[tool result look]\na cat\n<b>bold</b>"},
        {"image/gif": CAT_64, "text/plain": "[image image/gif 8 B]"},
        {"image/webp": CAT_64, "text/plain": "[image answer image/webp 8 B]"},
        {"text/markdown": "A **cat**.", "text/plain": "A **cat**."},
        {"text/plain": "local · 2023-11-14 22:13 UTC"},
    ]
    assert notebook.cells[3].source == f"%%qwen\nsystem: {FULL.system}\nWhat is ?\nAnd this?"
    assert list(from_notebook(nbformat.writes(notebook)).turns) == [FULL], "as Jupyter saves it"


def test_a_cell_that_was_run_again_has_its_new_answer_and_not_the_old_steps() -> None:
    notebook = json.loads(to_notebook(CONVERSATION, [FULL]))
    notebook["cells"][3]["outputs"] = [display("new", "new"), display("*qwen-3 · 1.0 s*", "qwen-3 · 1.0 s")]
    (turn,) = from_notebook(json.dumps(notebook)).turns
    assert (turn.answer, turn.steps, turn.parts, turn.target) == ("new", (), FULL.parts, "qwen-3")
    notebook["cells"][3]["source"] = "%%qwen\nanother"
    (turn,) = from_notebook(json.dumps(notebook)).turns
    assert (turn.prompt, turn.answer, turn.parts) == ("another", "new", ())


# JSON


EXPORTED = json.loads(to_json(CONVERSATION, [FULL]))


@pytest.mark.parametrize(
    "values",
    [
        {"parts": 5},
        {"parts": [5]},
        {"parts": [{"type": "tool_call", "id": "1", "name": "f"}]},
        {"parts": [{"type": "image", "data": "?"}]},
        {"steps": {}},
        {"steps": [{"role": "assistant"}]},
        {"steps": [{"role": "tool", "parts": []}]},
    ],
)
def test_json_whose_parts_cannot_be_read(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(json.dumps({**EXPORTED, "turns": [{**EXPORTED["turns"][0], **values}]}))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_messages_with_parts_and_tools_become_turns() -> None:
    said = [
        Message("system", "Be brief."),
        Message("user", ["What is ", Image(CAT), "?"]),
        Message("assistant", parts=[ToolCall("1", "look")]),
        Message("tool", parts=[ToolResult("1", "a cat")]),
        Message("assistant", "A cat."),
        Message("user", "And then?"),
        Message("assistant", parts=[ToolCall("2", "look")]),
        Message("tool", parts=[ToolResult("2", "")]),
        Message("user", "Draw it."),
        Message("assistant", [Image(CAT)]),
        Message("user", "plain"),
        Message("assistant", "1"),
        Message("assistant", "2"),
    ]
    one, two, three, four = from_json(json.dumps([message.as_dict() for message in said])).turns
    assert (one.prompt, one.parts, one.answer, one.steps) == ("What is ?", said[1].parts, "A cat.", tuple(said[2:5]))
    assert (two.prompt, two.parts, two.answer, two.steps) == ("And then?", (), "", tuple(said[6:8]))
    assert (three.answer, three.steps) == ("", (said[9],))
    assert (four.answer, four.steps, four.system) == ("1\n\n2", (), "Be brief.")
    assert [turn.finish_reason for turn in (one, two, three, four)] == ["stop", "interrupted", "stop", "stop"]


def test_a_message_that_cannot_be_taken_is_named_by_its_number() -> None:
    with pytest.raises(UsageError, match=r"message 2: part 1: it is of type 'video_url'\. Give texts"):
        from_json('[{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "video_url"}]}]')
    with pytest.raises(UsageError, match="there is an answer before the first prompt"):
        from_json('[{"role": "tool", "tool_call_id": "1", "content": "x"}]')
