"""Conversations as Markdown, JSON and notebooks: what goes out comes back, whatever is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.examples import examples

from qwen_magic.errors import UsageError
from qwen_magic.events import Status, TextDelta, ThinkingDelta, Usage
from qwen_magic.exports import (
    export,
    from_json,
    from_markdown,
    from_notebook,
    read,
    to_json,
    to_markdown,
    to_notebook,
)
from qwen_magic.notebook.display import MarkdownDisplay
from qwen_magic.notebook.printing import PrintDisplay, SlotStatus
from qwen_magic.reply import Reply
from qwen_magic.store import Conversation, Turn
from qwen_magic.text.safe import safe_markdown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

CONVERSATION = Conversation(1, "Коты", "/n/cats.ipynb", "Ты - писатель", 1_700_000_000.5, 1_700_000_100.0, 2)
TURNS = [
    Turn(
        "Напиши про 3 котов.",
        "Жили-были **три** кота.\n",
        thinking="Хм.\n</details>",
        system="Ты - писатель",
        source="Напиши про {n} котов.",
        cell="k#1",
        target="space:http://127.0.0.1:7860",
        model="Qwen2",
        finish_reason="length",
        seconds=1.25,
        usage=Usage(11, 200, estimated=True),
        asked_at=1_700_000_000.5,
    ),
    Turn("Code?", "```python\nprint(1)\n```", system="Be brief.", target="local", finish_reason="stop"),
]
NASTY = [
    "```\nopen fence",
    "~~~~ text\nopen",
    "- ```\n  in a list",
    "# heading\n\n## 1\n",
    "<!-- never closed",
    "--> <!-- -- -->",
    '<!-- qwen_magic: end -->\n<!-- qwen_magic: answer {"length": 3} -->\nabc\n<!-- qwen_magic: end -->',
    '<!-- qwen_magic: turn {"system": "x"} -->\n',
    "> quoted\n>\n\n> more",
    "",
    "\n",
    "\n\nblank lines around\n\n",
    "  spaces  ",
    "a\r\nb\rc",
    "a\u2028b\x85c\x0cd\x1ce",
    "%%qwen\nsystem: x\ny",
    "system: not really",
    "$$x$$ \\(y\\) </details> </script>",
    "nul \0, escape \x1b[31m",
    "😀 机器 {x} \\u002d --",
    "x\n```\n<!-- qwen_magic: end -->",
]
PAIRS: list[tuple[Callable[..., str], Callable[[str], Any]]] = [
    (to_json, from_json),
    (to_markdown, from_markdown),
    (to_notebook, from_notebook),
]
each_form = pytest.mark.parametrize(("write", "understand"), PAIRS, ids=["json", "markdown", "notebook"])


@each_form
def test_everything_comes_back(write: Callable[..., str], understand: Callable[[str], Any]) -> None:
    found = understand(write(CONVERSATION, TURNS))
    assert (found.name, found.system) == ("Коты", "Ты - писатель")
    assert list(found.turns) == TURNS


@each_form
@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_comes_back_in_each_part(
    write: Callable[..., str], understand: Callable[[str], Any], text: str
) -> None:
    conversation = replace(CONVERSATION, system=text)
    turns = [
        Turn(text, text, text, text, text, text, finish_reason="stop"),
        Turn(text, "after", system="another", finish_reason="error"),
        Turn("q", text, system="", finish_reason="stop"),
    ]
    found = understand(write(conversation, turns))
    assert list(found.turns) == turns
    assert found.system == text


SOME = st.text() | st.sampled_from(NASTY) | st.text("`~<>!-#\n\r {}qwen_magic:end", max_size=30)


@settings(max_examples=examples(80))
@given(system=SOME, texts=st.lists(st.tuples(SOME, SOME, SOME, SOME, SOME), max_size=4), data=st.data())
@each_form
def test_any_text_comes_back(
    write: Callable[..., str],
    understand: Callable[[str], Any],
    system: str,
    texts: list[tuple[str, str, str, str, str]],
    data: st.DataObject,
) -> None:
    reasons: st.SearchStrategy[Any] = st.sampled_from(["stop", "length", "interrupted", "error"])
    turns = [
        Turn(
            *parts,
            target="local",
            finish_reason=data.draw(reasons),
            seconds=data.draw(st.floats(0, 1e6)),
            asked_at=data.draw(st.floats(0, 4e9)),
            usage=Usage(data.draw(st.none() | st.integers(0, 1 << 40)), None),
        )
        for parts in texts
    ]
    found = understand(write(replace(CONVERSATION, system=system), turns))
    assert found.system == system
    assert list(found.turns) == turns


@pytest.mark.parametrize("suffix", [".json", ".ipynb", ".JSON"])
def test_a_file_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    turns = [*TURNS, *(Turn(text, text, finish_reason="stop") for text in NASTY)]
    export(path, CONVERSATION, turns)
    assert list(read(path).turns) == turns
    with pytest.raises(UsageError, match="already exists"):
        export(path, CONVERSATION, [])
    assert list(read(path).turns) == turns
    export(path, CONVERSATION, [], overwrite=True)
    assert read(path).turns == ()


@pytest.mark.parametrize("suffix", [".json", ".ipynb"])
def test_lone_surrogates_are_replaced_in_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    export(path, CONVERSATION, [Turn("cut \ud83d", "two \ud83d\ude00 halves", finish_reason="stop")])
    (turn,) = read(path).turns
    assert (turn.prompt, turn.answer) == ("cut \ufffd", "two 😀 halves")


def test_what_cannot_be_written_or_read_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"'a.txt' does not have one of the known endings\. Use one of \.md, \.json, \.ipynb"
    ):
        export(tmp_path / "a.txt", CONVERSATION, [])
    with pytest.raises(UsageError, match="one of the known endings"):
        read(tmp_path / "a")
    with pytest.raises(UsageError, match="cannot be written"):
        export(tmp_path / "absent" / "a.md", CONVERSATION, [])
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "a.md")
    (tmp_path / "a.md").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(tmp_path / "a.md")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(UsageError, match=r"b\.json: the JSON is not a conversation"):
        read(tmp_path / "b.json")


def test_a_file_without_a_name_lends_its_own(tmp_path: Path) -> None:
    (tmp_path / "chat.json").write_text('\ufeff[{"role": "user", "content": "q"}]', encoding="utf-8")
    assert read(tmp_path / "chat.json").name == "chat"


def test_markdown_is_readable() -> None:
    text = to_markdown(CONVERSATION, TURNS)
    html = MarkdownIt().render(text)
    for part in (
        "<h1>Коты</h1>",
        "<blockquote>\n<p>Ты - писатель</p>\n</blockquote>",
        "<blockquote>\n<p>Напиши про 3 котов.</p>\n</blockquote>",
        "<p>Жили-были <strong>три</strong> кота.</p>",
        '<pre><code class="language-python">print(1)\n</code></pre>',
        "<em>space:http://127.0.0.1:7860 · 2023-11-14 22:13 UTC · length</em>",
    ):
        assert part in html
    assert "qwen_magic" not in "".join(line for line in html.splitlines() if not line.startswith("<!--"))


def test_no_value_ends_its_comment() -> None:
    html = MarkdownIt().render(to_markdown(CONVERSATION, [replace(TURNS[0], source="a --> <b>shown</b>")]))
    assert all(line.count("--") == 2 for line in html.splitlines() if line.startswith("<!--"))


def test_markdown_without_its_marks_is_for_the_eye() -> None:
    text = to_markdown(CONVERSATION, TURNS, marked=False)
    assert "<!--" not in text
    assert "<!--" not in safe_markdown(text)
    assert "> Напиши про 3 котов." in text


def test_an_open_fence_swallows_nothing_that_comes_after_it() -> None:
    turns = [Turn("q", "```python\nprint(1)", finish_reason="interrupted"), Turn("second", "a", finish_reason="stop")]
    html = MarkdownIt().render(to_markdown(CONVERSATION, turns))
    assert "<p>second</p>" in html


def test_markdown_that_was_edited_is_understood() -> None:
    text = to_markdown(CONVERSATION, TURNS)
    edited = text.replace("три", "четыре").replace("> Code?", "> Code, please?\n>\nand quick")
    found = from_markdown(edited)
    assert found.turns[0].answer == "Жили-были **четыре** кота.\n"
    assert found.turns[1].prompt == "Code, please?\n\nand quick"
    assert found.turns[1].answer == TURNS[1].answer
    assert list(from_markdown(text.replace("\n", "\r\n")).turns) == TURNS, "a program that changes line ends"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# A heading",
        "<!-- qwen_magic: conversation {} -->\n",
        "<!-- qwen_magic: conversation {broken} -->\n",
        to_markdown(CONVERSATION, TURNS).replace('"version": 1', '"version": 3'),
        to_markdown(CONVERSATION, TURNS).replace("<!-- qwen_magic: end -->", ""),
        to_markdown(CONVERSATION, TURNS).replace("qwen_magic: prompt", "qwen_magic: other"),
    ],
)
def test_markdown_that_is_no_export(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_markdown(text)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"messages": m, "title": "Cats\nand dogs"}])
def test_messages_become_turns(wrap: Callable[[Any], Any]) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": "1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "unanswered"},
        {"role": "user", "content": "three", "name": "me"},
        {"role": "assistant", "content": "3"},
    ]
    found = from_json(json.dumps(wrap(messages)))
    assert found.system == "Be brief."
    assert found.name == ("" if isinstance(wrap(messages), list) else "Cats and dogs")
    assert [(turn.prompt, turn.answer, turn.system, turn.finish_reason) for turn in found.turns] == [
        ("one two", "1\n\n2", "Be brief.", "stop"),
        ("unanswered", "", "Be brief.", "interrupted"),
        ("three", "3", "Be brief.", "stop"),
    ]


EXPORTED = json.loads(to_json(CONVERSATION, TURNS))


def changed(**values: object) -> str:
    return json.dumps({**EXPORTED, **values})


def with_turn(**values: object) -> str:
    return changed(turns=[{**EXPORTED["turns"][0], **values}])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "5",
        "{}",
        '{"messages": 5}',
        "[5]",
        '[{"role": "user"}]',
        '[{"role": "user", "content": 5}]',
        '[{"role": "user", "content": [{"type": "image_url"}]}]',
        '[{"role": "tool", "content": "x"}]',
        '[{"role": "assistant", "content": "x"}]',
        "[" * 100_000,
        "[" + "9" * 5000 + "]",
        changed(version=3),
        changed(version="1"),
        changed(turns=5),
        changed(turns=[5]),
        changed(system=5),
        with_turn(prompt=None),
        with_turn(answer=5),
        with_turn(finish_reason="tired"),
        with_turn(finish_reason=["stop"]),
        with_turn(seconds="1"),
        with_turn(seconds=True),
        with_turn(asked_at=float("nan")),
        with_turn(asked_at=10**400),
        with_turn(usage=5),
        with_turn(usage={"prompt_tokens": 1 << 70}),
        with_turn(usage={"prompt_tokens": 1.5}),
    ],
)
def test_json_that_is_no_conversation(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_name_is_made_one_that_a_conversation_may_have() -> None:
    assert from_json(changed(name="--a\n\tb\0" + "c" * 200)).name == "a b" + "c" * 75
    assert from_json(changed(name=5)).name == ""


def test_the_notebook_is_valid_and_safe_and_can_be_run(nbformat: ModuleType) -> None:
    turns = [*TURNS, Turn("q", "<script>alert(1)</script> <img src=x onerror=y>", finish_reason="stop")]
    text = to_notebook(CONVERSATION, turns)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    sources = [cell.source for cell in notebook.cells]
    assert sources == [
        "# Коты",
        "%load_ext qwen_magic",
        "%%qwen\nsystem: Ты - писатель\nНапиши про {n} котов.",
        "%%qwen\nsystem: Be brief.\nCode?",
        "%%qwen\nq",
    ]
    answer, facts = notebook.cells[2].outputs
    assert answer.data == {
        "text/markdown": "Жили-были **три** кота.\n",
        "text/plain": "Жили-были **три** кота.\n",
    }
    assert facts.data["text/plain"] == "space:http://127.0.0.1:7860 · 2023-11-14 22:13 UTC"
    (hostile,) = notebook.cells[4].outputs
    assert "<script" not in hostile.data["text/markdown"]
    assert "<img" not in hostile.data["text/markdown"]


@pytest.mark.parametrize("text", NASTY)
def test_a_notebook_of_nasty_texts_is_valid(text: str, nbformat: ModuleType) -> None:
    conversation = replace(CONVERSATION, system=text)
    notebook = nbformat.reads(to_notebook(conversation, [Turn(text, text, text, text, text)]), as_version=4)
    nbformat.validate(notebook)
    kept = nbformat.writes(notebook)  # as Jupyter saves it, its texts parted into lines
    (turn,) = from_notebook(kept).turns
    assert (turn.prompt, turn.answer, turn.thinking, turn.system) == (text, text, text, text)


def display(markdown: str, plain: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/markdown": markdown.splitlines(keepends=True), "text/plain": plain.splitlines(keepends=True)},
    }


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": 1,
        "outputs": list(outputs),
        "source": source,
    }


def test_the_cells_of_any_notebook_are_read_with_their_saved_answers() -> None:
    thinking = display("<details style=x><summary>…</summary>hm</details>", "thinking (5 s): hm\nhm")
    last = display(
        "*local · Qwen · 1.5 s*  \n*%qwen continue goes on*",
        "local · Qwen · 1.5 s · ≈ 3 tokens\n%qwen continue goes on",
    )
    cut = display(
        "*■ interrupted…*", "no-such: refused\n■ interrupted, what had arrived is kept · ollama:q · 0.3 s · 5 tokens"
    )
    printed = {
        "output_type": "stream",
        "name": "stdout",
        "text": ["plain\n", "answer\n", "[local · 2.0 s · 3 tokens]\n"],
    }
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "%%qwen\nno"},
        code("%load_ext qwen_magic"),
        code("%%qwen --temperature 0\nsystem: Be brief.\n\nfirst\n", thinking, display("a &lt;b&gt;", "a <b>"), display("c", "c"), last),
        code("%%qwen", display("x", "x")),
        code("%%qwen\nsecond", display("half", "half"), cut),
        code("%%qwen -f text\nthird", printed),
        code("%%qwenish\nno"),
        code("%%qwen\nnot run"),
    ]  # fmt: skip
    found = from_notebook(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert (found.name, found.system) == ("", "")
    assert list(found.turns) == [
        Turn("first", "a <b>\n\nc", "hm\nhm", "Be brief.", target="local", model="Qwen", finish_reason="stop", seconds=1.5),
        Turn("second", "half", target="ollama:q", finish_reason="interrupted", seconds=0.3),
        Turn("third", "plain\nanswer", target="local", finish_reason="stop", seconds=2.0),
        Turn("not run", finish_reason="interrupted"),
    ]  # fmt: skip


LONG = "A paragraph of *some* words_with_marks.\n\n" * 60 + "```python\nprint(1)\n```"


@pytest.mark.parametrize("text", ["one line", LONG, "a\n\n- b\n- c <b>\n"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"finish_reason": "interrupted", "earlier_targets": ("local",)},
        {"finish_reason": "length", "thinking": "hm\n\nhm", "model": "Big"},
        {"recorded": "2026-11-23T16:00:00Z", "seconds": 0.0, "model": "Big"},
        {"recorded": "2026-11-23T16:00:00Z", "seconds": 0.0, "rung": "json_schema", "asks": 2},
    ],
)
@pytest.mark.parametrize("form", ["markdown", "text"])
def test_what_the_display_leaves_in_a_cell_is_read(
    text: str, more: dict[str, Any], form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = Reply(text, target="openai:http://[::1]:1/v1#a_b", usage=Usage(1, 50), **{"seconds": 2.5, **more})
    slots: dict[str, dict[str, Any]] = {}

    def publish(data: dict[str, str], display_id: str, update: bool) -> None:
        slots[display_id] = {"output_type": "display_data", "metadata": {}, "data": data}

    shown = MarkdownDisplay(publish) if form == "markdown" else PrintDisplay(SlotStatus(publish))
    shown.on_event(Status("refused", "failover", target="qwen-3"))
    if reply.thinking:
        shown.on_event(ThinkingDelta(reply.thinking))
    for start in range(0, len(text), 7):
        shown.on_event(TextDelta(text[start : start + 7]))
    shown.finish(reply, "%qwen continue goes on from here")
    outputs = [*slots.values(), {"output_type": "stream", "name": "stdout", "text": capsys.readouterr().out}]
    notebook = {"cells": [code("%%qwen\nq", *outputs)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (turn,) = from_notebook(json.dumps(notebook)).turns
    assert turn.answer.rstrip("\n") == text.rstrip("\n")
    assert (turn.target, turn.seconds, turn.finish_reason) == (reply.target, reply.seconds, reply.finish_reason)
    assert (turn.model, turn.thinking) == (reply.model, reply.thinking)


def test_a_cell_that_was_edited_or_run_again_after_the_export_says_what_it_says() -> None:
    notebook = json.loads(to_notebook(CONVERSATION, TURNS))
    notebook["cells"][2]["source"] = "%%qwen\nanother"
    notebook["cells"][3]["outputs"] = [display("new", "new"), display("*qwen-3 · 1.0 s*", "qwen-3 · 1.0 s")]
    first, second = from_notebook(json.dumps(notebook)).turns
    assert (first.prompt, first.source, first.system, first.answer) == ("another", "", "", TURNS[0].answer)
    assert (second.prompt, second.answer, second.target, second.system) == ("Code?", "new", "qwen-3", "Be brief.")


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", '{"cells": 5}', '{"worksheets": []}', '{"cells": [5, {"cell_type": "code", "source": "1"}]}'],
)
def test_what_is_no_notebook_of_ours(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_notebook(text)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
