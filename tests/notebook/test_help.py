"""The help: its pages say what there is, and its examples run."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from servers.chat import ChatServer, Said
from test_commands import AskedKernel

from qwen_magic.backends.local.weights import find
from qwen_magic.errors import UsageError
from qwen_magic.loop import BackgroundLoop
from qwen_magic.notebook.commands.help import help_text, topic_text
from qwen_magic.notebook.commands.table import COMMANDS, GROUPS
from qwen_magic.notebook.commands.topics import EXAMPLES, TOPICS
from qwen_magic.notebook.magics import QwenMagics
from qwen_magic.notebook.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = """\
Here it is: $x^2$.

```python
def first(word):
    return word == word[::-1]
```

```json
["Jupiter", "Saturn", "Uranus"]
```

| fruit | colour |
|-------|--------|
| plum  | blue   |
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """Give a server that answers everything at once with some of everything."""
    loop = BackgroundLoop()
    server = ChatServer(Said(pieces=[ANSWER[:60], ANSWER[60:]]))
    loop.run(server.__aenter__())
    yield server
    loop.run(server.__aexit__())
    loop.close()


def test_the_examples_run(server: ChatServer) -> None:
    asked: dict[str, list[str]] = {}
    with AskedKernel(QWEN_TARGET=server.target) as kernel:
        assert kernel.run("%load_ext qwen_magic").status == "ok"
        runs = {}
        for topic, examples in EXAMPLES.items():
            if topic == "local":
                continue
            before = len(server.asked)
            for place, example in enumerate(examples):
                run = kernel.answer(example, "sk-a-key") if "%qwen key" in example else kernel.run(example)
                fails = examples[place + 1 : place + 2] == ("%qwen fix",)
                assert run.status == ("error" if fails else "ok"), (example, run.reply)
                runs[example] = run
            asked[topic] = [body["messages"][-1]["content"] for body in server.asked[before:]]
        assert [len(prompts) for prompts in asked.values()] == [4, 3, 2, 2, 0, 0, 2, 1, 1, 2, 1, 3, 2, 1, 0, 0, 0, 4]
        assert "coffee" in asked["variables"][0]
        assert "Tea is 2.5, all is 6.25 euros." in asked["variables"][0]
        assert asked["variables"][1] == "What does f'{total}' mean in Python?"
        assert "sorted(numbers" in asked["context"][0]
        assert "KeyError" in asked["fix"][0]
        assert "def mean" in asked["fix"][1]
        assert [prompt[:18] for prompt in asked["python"][1:3]] == ["Describe the apple", "Describe the plum "]
        assert "hunter2" not in runs[EXAMPLES["context"][2]].printed
        for line in ("%qwen fix", EXAMPLES["code"][0], "%qwen code 1"):
            following = runs[line].next_input
            assert following is not None, line
            assert "def first" in following[0]
        assert "thesis" in runs["%qwen conversation list"].printed
        assert "Propose three titles" in runs["%qwen conversation show thesis"].printed
        assert "Let us speak" in runs["%qwen conversation show --full"].shown[0]["text/markdown"]
        assert runs["%qwen targets"].printed.startswith("target ")
        assert "Jupiter" in runs[EXAMPLES["formats"][0]].answer
        assert "1 " in runs["%qwen replay status"].printed
        assert ANSWER in runs[EXAMPLES["python"][1]].printed
        assert kernel.value("len(notes)") == 2
        assert kernel.value("planets.value") == ["Jupiter", "Saturn", "Uranus"]
        assert kernel.value("open('thesis.md').read().count('Propose three titles')") == 1


@pytest.mark.skipif(find("0.5b") is None, reason="the weights are not in the cache")
def test_the_examples_of_the_local_model_run() -> None:
    pytest.importorskip("xllamacpp")
    with Kernel() as kernel:
        kernel.run("%load_ext qwen_magic\n%config QwenMagics.max_tokens = 60")
        for example in EXAMPLES["local"]:
            run = kernel.run(example, timeout=120)
            assert run.status == "ok", run.reply
        assert "local · Qwen" in run.shown[-1]["text/plain"]


def test_every_topic_is_short_and_readable() -> None:
    assert list(EXAMPLES) == list(TOPICS)
    for name, topic in TOPICS.items():
        lines = topic_text(name, GROUPS).splitlines()
        assert len(lines) <= 24, name
        assert all(len(line) <= 95 for line in lines), name
        assert topic.title in lines
        for example in EXAMPLES[name]:
            assert f"    {example.splitlines()[0]}" in lines


def test_everything_has_its_topic() -> None:
    for name, command in COMMANDS.items():
        for one in (command, *command.subcommands):
            page = topic_text(one.name or one.topic, GROUPS)
            assert TOPICS[one.topic].title in page
            assert page.startswith(f"%qwen {one.name}") or not name
    for option in OPTIONS:
        assert TOPICS[option.topic].title in topic_text(option.flags[-1], GROUPS)
        for flag in option.flags:
            assert topic_text(flag, GROUPS).startswith(", ".join(option.flags)), flag


@pytest.mark.parametrize(
    ("name", "line", "title"),
    [
        ("undo", "%qwen undo  take the last turn back", "Conversations"),
        ("conversation  undo", "%qwen conversation undo  take the last turn back", "Conversations"),
        ("conversation", "%qwen conversation [list|use|...]", "Conversations"),
        ("history", "%qwen history [NAME] [--full]  show a conversation", "Conversations"),
        ("min_p", "--min-p X  0 to 1", "Options for one answer"),
        ("%qwen undo", "%qwen undo  take the last turn back", "Conversations"),
        ("--dry-run", "--dry-run  show what would be sent, and send nothing", "What is sent"),
        ("dry_run", "--dry-run  show what would be sent, and send nothing", "What is sent"),
        ("-f", "-f, --format FORM  markdown, text, code, json, html or math", "How an answer is shown"),
        ("TARGETS", "%qwen targets [NAME...] [--check|--see]", "Where prompts go"),
    ],
)
def test_a_command_or_an_option_finds_its_topic(name: str, line: str, title: str) -> None:
    lines = topic_text(name, GROUPS).splitlines()
    assert lines[0].startswith(line)
    assert title in lines


@pytest.mark.parametrize(
    ("name", "close"), [("convesations", "conversations"), ("--dry-rum", "--dry-run"), ("undoo", "undo"), ("xyzzy", "")]
)
def test_an_unknown_topic_names_the_nearest(name: str, close: str) -> None:
    with pytest.raises(UsageError, match=f"no help on '{name}'") as caught:
        topic_text(name, GROUPS)
    assert (f"Did you mean %qwen help {close}?" in caught.value.hint) == bool(close)
    assert "The topics are ask, options" in caught.value.hint


def test_help_is_readable_and_names_the_topics() -> None:
    lines = help_text(GROUPS, everything=True).splitlines()
    assert max(map(len, lines)) < 150
    for name in TOPICS:
        assert re.search(rf"\b{name}\b", lines[-1] + lines[-2])
    for name in filter(None, COMMANDS):
        assert any(line.startswith(f"  %qwen {name} ") for line in lines), name
    for name in TOPICS:
        assert re.search(rf"\b{name}\b", help_text(GROUPS).partition("%qwen help TOPIC")[2])


def test_earlier_names_are_marked_as_such() -> None:
    text = help_text(GROUPS, everything=True)
    earlier = text.partition("Earlier names, which still work\n")[2].partition("\n\n")[0].splitlines()
    aliases = {command.name: command.alias_of for command in COMMANDS.values() if command.alias_of}
    assert len(earlier) == len(aliases) == 12
    for line, (name, now) in zip(earlier, aliases.items(), strict=True):
        assert re.fullmatch(rf"  %qwen {name}\b.*  now %qwen {now}", line)
        assert f"  %qwen {now} " in text
        assert f"; now %qwen {now}" in topic_text(name, GROUPS).splitlines()[0]
        assert f"%qwen {name} " not in help_text(GROUPS)
    assert "%qwen panel --save" in text
    assert "--save" not in help_text(GROUPS)


def test_help_in_a_kernel(server: ChatServer) -> None:
    with Kernel(QWEN_TARGET=server.target) as kernel:
        kernel.run("%load_ext qwen_magic")
        assert kernel.run("%qwen help").printed == help_text(GROUPS) + "\n"
        assert kernel.run("%qwen help all").printed == help_text(GROUPS, everything=True) + "\n"
        assert kernel.run("%qwen help variables").printed == topic_text("variables", GROUPS) + "\n"
        run = kernel.run("%qwen help variabels")
        assert run.error["ename"] == "UsageError"
        assert "Did you mean %qwen help variables?" in run.error["evalue"]
        for asked in ("%%qwen?", "%qwen?", "?%%qwen"):
            run = kernel.run(asked)
            assert run.reply
            [page] = [item["data"]["text/plain"] for item in run.reply["payload"] if item["source"] == "page"]
            assert "%%qwen [-t TARGET]" in page
            assert "Write a story about a cat" in page


def test_the_docstrings_examples_are_among_those_that_run() -> None:
    text = QwenMagics.qwen.__doc__ or ""
    examples = text.partition("Examples, each a cell:")[2]
    cells = [cell.strip() for cell in re.split(r"\n\s*\n", textwrap.dedent(examples)) if cell.strip()]
    assert 3 <= len(cells) <= 4
    known = [example for examples in EXAMPLES.values() for example in examples]
    assert all(cell in known for cell in cells), cells
