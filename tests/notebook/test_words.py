"""Words that people type lead somewhere, and an error's useful part stands alone."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from recorder import Recorder

from qwen_magic.backends.local.kind import KIND as LOCAL
from qwen_magic.backends.openai.errors import http_error
from qwen_magic.backends.targets import parse_target
from qwen_magic.chat.advice import Advice
from qwen_magic.errors import ConnectError, TargetError
from qwen_magic.events import Responder, Status
from qwen_magic.notebook.cell_lines import keep_questions
from qwen_magic.rendering.last_line import Notes, last_line, lines_bundle
from qwen_magic.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Recorder() as server, Kernel(QWEN_TARGET=server.target) as kernel:
        kernel.run("%load_ext qwen_magic")
        yield kernel


@pytest.mark.parametrize(
    ("line", "leads"),
    [
        ("models", "%qwen targets TARGET"),
        ("list", "%qwen conversation list"),
        ("stop", "Interrupt the cell"),
        ("clear", "%qwen conversation new"),
        ("reset", "%qwen use default"),
        ("version", "qwen_magic 0."),
        ("login", "%qwen key"),
        ("hello", "%qwen ask hello"),
        ("Why is the sky blue?", "%qwen ask Why is the sky blue?"),
        ("ask --model gpt hello", "-t openai:URL#MODEL"),
        ("pull 7b", "no local model"),
        ("ask -t olama:qwen3 hello", "Did you mean ollama?"),
        ("ask -t openai:gpt-4o hello", "openai:https://api.openai.com/v1#gpt-4o"),
    ],
)
def test_what_people_type_leads_somewhere(kernel: Kernel, line: str, leads: str) -> None:
    run = kernel.run(f"%qwen {line}")
    said = run.error["traceback"][0]
    assert leads in said
    assert "Usage: " not in said
    assert not run.printed, "no empty bar of progress before it"


def test_options_behind_a_prompt_are_told_of(kernel: Kernel) -> None:
    run = kernel.run("%qwen ask hello --temperature 0.1")
    assert "--temperature was sent as text: write options before the prompt" in run.shown[-1]["text/plain"]
    run = kernel.run("%qwen ask what does ls --all do")
    assert "was sent as text" not in run.shown[-1]["text/plain"]


def test_only_our_questions_are_kept_from_ipython() -> None:
    assert keep_questions(["%qwen Why?\n"]) == ["%qwen Why? \n"]
    for line in ("%qwen?\n", "%qwen ?\n", "len?\n"):
        assert keep_questions([line]) == [line]


def test_the_line_below_an_answer_is_small_and_has_no_link(kernel: Kernel) -> None:
    bundle = kernel.run("%qwen ask hello").shown[-1]
    assert bundle["text/html"].startswith("<small")
    assert '<span title="openai:http://127.0.0.1:' in bundle["text/html"]
    assert ">m · 127.0.0.1:" in bundle["text/html"]
    assert "href" not in bundle["text/html"]
    assert "*`openai:http://" in bundle["text/markdown"]
    assert "&#35;" not in bundle["text/markdown"]


def test_the_line_below_an_answer_is_not_live() -> None:
    hostile = 'x<img src=x onerror=alert(1)> *a* http://h/" onmouseover="alert(1)#<b>'
    bundle = lines_bundle([hostile])
    assert "<img" not in bundle["text/html"] + bundle["text/markdown"]
    seen: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: seen.append(f"{tag} {[name for name, _ in attrs]}")  # type: ignore[method-assign]
    reader.feed(bundle["text/html"])
    assert seen == ["small ['style']", "span ['title']"]
    assert "<b>" not in bundle["text/html"] + bundle["text/markdown"]


def test_a_model_goes_first_and_a_day_is_written_as_people_do() -> None:
    reply = Reply("a", target="space:a/b", model="Qwen3", recorded="2026-11-27T01:42:34Z")
    assert last_line(reply, model_first=True) == "Qwen3 · space:a/b · replayed, recorded 27 Nov 2026"


def test_no_network_is_one_line() -> None:
    notes = Notes()
    for number in range(4):
        notes.on_event(Status(f"no such host: h{number}; trying another", "failover", f"space:a/{number}"))
    notes.on_event(Responder("local", "Qwen"))
    assert notes.lines(Reply("a", target="local"), "")[0] == "no network: 4 targets were not reached"
    notes.on_event(Status("the queue is full; trying another", "failover", "space:a/b"))
    lines = notes.lines(Reply("a", target="local"), "")
    assert lines[:2] == ["no network: 4 targets were not reached", "space:a/b: the queue is full; trying another"]


def test_an_unknown_address_names_itself() -> None:
    with pytest.raises(TargetError) as caught:
        parse_target("openai:gpt-4o")
    assert caught.value.hint == "Write the server's address too: openai:https://api.openai.com/v1#gpt-4o."


def test_a_long_wait_is_no_little_one() -> None:
    hints = [http_error(429, {"Retry-After": seconds}, "", "x").hint for seconds in ("3600", "300", "5")]
    assert "again in 1 hour;" in hints[0]
    assert "again in 5 minutes;" in hints[1]
    assert "again in" not in hints[2]


def test_no_size_is_told_of_weights_that_are_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    error = ConnectError("refused", target="ollama:x")
    Advice().on_failure(error)
    assert error.hint.endswith("%qwen use local (491 MB, once).")
    monkeypatch.setattr("qwen_magic.backends.local.weights.find", lambda _name: tmp_path)
    error = ConnectError("refused", target="ollama:x")
    Advice().on_failure(error)
    assert error.hint.endswith("%qwen use local.")
    assert LOCAL.stronger("local") == "local:1.5b"
