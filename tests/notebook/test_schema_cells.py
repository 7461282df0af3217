"""`--schema` in a real kernel: the value, the table in which it is drawn, and what is said below it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

NASTY = "<img src=x onerror=alert(1)> a|b *c* $x$ \x1b[31mred"
ROWS = [{"name": NASTY, "age": 1}, {"name": "Bo", "age": 2}]


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    def answer(prompt: str, number: int) -> str:
        if "cities" in prompt:
            return json.dumps({"value": ROWS})
        if "never" in prompt or "does not fit" in prompt:
            return '{"name": "Ann", "age": "forty"}'
        if "second" in prompt:
            return "no" if number % 2 else '{"name": "Ann", "age": "x"}'
        return '{"name": "Ann", "age": 40, "mood": "happy"}'

    with Recorder(answer) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        yield kernel


def printed(kernel: Kernel, code: str) -> str:
    run = kernel.run(f"print({code})")
    assert run.status == "ok", run.reply
    return run.printed.strip()


def test_a_line_of_text_is_a_schema(kernel: Kernel, server: Recorder) -> None:
    run = kernel.run('%%qwen --schema "name, age int, mood: happy|sad|neutral" -o person\nWho is it?')
    assert run.status == "ok"
    assert printed(kernel, "person.value") == "{'name': 'Ann', 'age': 40, 'mood': 'happy'}"
    assert "| name | Ann |" in run.answer
    assert "| mood | happy |" in run.answer
    last = run.shown[-1]["text/plain"]
    assert "held to its schema by json_schema, asked once" in last
    assert server.body["response_format"]["json_schema"]["strict"] is True
    assert printed(kernel, "person.steps") == "()"


def test_a_name_of_the_notebook_is_a_schema(kernel: Kernel) -> None:
    kernel.run(
        "from dataclasses import dataclass\nfrom enum import Enum\n"
        "class Mood(Enum):\n    HAPPY = 'happy'\n    SAD = 'sad'\n"
        "@dataclass\nclass Person:\n    name: str\n    age: int\n    mood: Mood\n"
        "class shapes:\n    one = Person\n"
        "rows = '[name, age int]'"
    )
    for name in ("Person", "shapes.one"):
        assert kernel.run(f"%%qwen --schema {name} -o person\nWho?").status == "ok"
        assert printed(kernel, "person.value").startswith("Person(name='Ann', age=40, mood=<Mood.HAPPY")
    run = kernel.run("%%qwen --schema rows -o found\nThe cities?")
    assert printed(kernel, "[row['age'] for row in found.value]") == "[1, 2]"
    assert run.status == "ok"


def test_rows_are_drawn_as_a_table_in_which_nothing_is_live(kernel: Kernel) -> None:
    run = kernel.run('%%qwen --schema "[name, age int]"\nThe cities?')
    html = "\n".join(bundle.get("text/markdown", "") for bundle in run.shown)
    assert "| name | age |\n| --- | --- |\n" in html
    assert "| Bo | 2 |" in html
    assert "<img" not in html
    assert r"a\|b" in html
    assert not any("\x1b" in text for bundle in run.displays for text in bundle.values())
    tables = [message.content["data"].get("text/markdown", "") for message in run.drawn]
    assert any("| name | age |" in table for table in tables)


def test_what_does_not_fit_is_one_line_and_the_answer_is_kept(kernel: Kernel, server: Recorder) -> None:
    before = server.requests
    run = kernel.run('%%qwen --schema "name, age int" -o broken\nnever fits')
    assert run.status == "error"
    assert server.requests - before == 3
    traceback = "\n".join(run.error["traceback"])
    assert run.error["ename"] == "SchemaError"
    assert "\n" not in traceback
    assert 'age: "forty" is not an integer' in traceback
    assert printed(kernel, "broken.text") == '{"name": "Ann", "age": "forty"}'
    assert "forty" in run.answer
    assert "asked 3 times" in run.shown[-1]["text/plain"]
    assert "continue" not in run.shown[-1]["text/plain"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"name, age itn"', 'field 2, "age itn": itn is not a type'),
        ("Persn", "no Persn in this notebook"),
        ("shapes.two", "shapes has no two"),
        ('""', "the schema is empty"),
        ("count", "--schema count: a schema of type int"),
    ],
)
def test_what_is_no_schema_is_refused_before_anything_is_sent(
    kernel: Kernel, server: Recorder, written: str, said: str
) -> None:
    kernel.run("class shapes: pass\ncount = 3")
    before = server.requests
    run = kernel.run(f"%%qwen --schema {written}\nWho?")
    assert run.status == "error"
    assert said in re.sub(r"\x1b\[[\d;]*m", "", "\n".join(run.error["traceback"]))
    assert server.requests == before


def test_it_is_recorded_and_replayed_with_its_schema(kernel: Kernel, server: Recorder) -> None:
    cell = '%%qwen --replay --alone --schema "name, age int, mood" -o one\nWho is recorded?'
    kernel.run(cell)
    before = server.requests
    run = kernel.run(cell)
    assert server.requests == before
    assert printed(kernel, "one.value['age']") == "40"
    assert printed(kernel, "one.rung, one.asks, bool(one.recorded)") == "json_schema 1 True"
    assert "held to its schema by json_schema, asked once" in run.shown[-1]["text/plain"]
    assert "| name | Ann |" in run.answer
    kernel.run(cell.replace("age int", "age float"))
    assert server.requests == before + 1


def test_a_dry_run_shows_the_form(kernel: Kernel, server: Recorder) -> None:
    before = server.requests
    run = kernel.run('%%qwen --dry-run --schema "name, age int"\nWho?')
    assert '"age": integer' in run.printed
    assert server.requests == before


def test_plain_text_in_a_terminal_form(kernel: Kernel) -> None:
    run = kernel.run('%%qwen -f text --schema "[name, age int]"\nThe cities?')
    assert "| Bo | 2 |" in run.printed
    assert "\x1b" not in run.printed
    assert "\\" not in run.printed


def test_tab_completes_names_that_are_schemas(kernel: Kernel) -> None:
    kernel.run("class Colour(Enum):\n    RED = 'red'\nnumber = 3")
    kernel.run(
        "from qwen_magic.notebook.completion import complete\nsession = get_ipython().magics_manager.registry['QwenMagics'].session"
    )
    found = printed(kernel, "complete(session, '%%qwen --schema ', 0, 16).texts")
    assert "Colour" in found
    assert "'int'" in found
    assert "number" not in found


def test_a_retry_keeps_the_schema(kernel: Kernel, server: Recorder) -> None:
    kernel.run('%%qwen --new --schema "name, age int, mood" -o first\nWho is asked again?')
    before = server.requests
    assert kernel.run("%qwen retry -o again").status == "ok"
    assert server.requests == before + 1
    assert printed(kernel, "again.value == first.value") == "True"
