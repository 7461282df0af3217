"""Conversations across cells in real kernels: what each request carried, seen at the server."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kernels import Kernel
from recorder import Recorder
from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


def start(kernel: Kernel, server: Recorder) -> Kernel:
    run = kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
    assert run.status == "ok", run.reply
    return kernel


@pytest.fixture
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield start(kernel, server)


def ask(kernel: Kernel, server: Recorder, prompt: str, options: str = "", cell: str = "") -> list[tuple[str, str]]:
    """Run a cell; give what its request carried."""
    before = server.requests
    run = kernel.run(f"%%qwen {options}\n{prompt}", cell=cell)
    assert run.status == "ok", run.reply
    assert server.requests == before + 1
    return server.sent()


def failure(kernel: Kernel, code: str, *words: str) -> str:
    run = kernel.run(code)
    assert run.status == "error"
    (line,) = run.error["traceback"]
    for word in words:
        assert word in line
    return str(line)


def turns(*pairs: tuple[str, int]) -> list[tuple[str, str]]:
    """Give the messages of turns, each as its prompt and the number of the request that was answered."""
    found = []
    for prompt, number in pairs:
        found += [("u", prompt), ("a", f"A{number}({prompt})")]
    return found


def test_ten_cells_run_again_out_of_order(kernel: Kernel, server: Recorder) -> None:
    first = server.requests
    numbers: dict[str, tuple[str, int]] = {}

    def run(cell: str, prompt: str, before: list[str]) -> None:
        sent = ask(kernel, server, prompt, cell=cell)
        assert sent == [*turns(*(numbers[name] for name in before)), ("u", prompt)]
        numbers[cell] = (prompt, server.requests)

    cells = [f"c{number}" for number in range(10)]
    for place, cell in enumerate(cells):
        run(cell, f"question {place}", cells[:place])
    run("c3", "question 3, changed", cells[:3])
    run("c7", "question 7", cells[:7])  # the same text as before, after the changed one
    run("c3", "question 3, changed again", cells[:3])
    run("c0", "question 0", [])
    run("c9", "question 9", cells[:9])
    run("c10", "a new cell", cells)  # its context is everything, each cell at its last run
    run("c5", "question 5", cells[:5])
    assert server.requests == first + 17
    assert "conversation  " in kernel.run("%qwen").printed
    assert "11 turns" in kernel.run("%qwen").printed
    lines = kernel.run("%qwen history").printed
    assert [line[:20] for line in lines.splitlines() if line[:1].isdigit()] == [
        f"{n + 1}. {text}"[:20] for n, (text, _) in enumerate(numbers.values())
    ]


def test_without_a_cell_id_every_run_is_a_turn(kernel: Kernel, server: Recorder) -> None:
    ask(kernel, server, "once")
    one = server.requests
    assert ask(kernel, server, "once") == [*turns(("once", one)), ("u", "once")]


def test_several_questions_of_one_cell(kernel: Kernel, server: Recorder) -> None:
    code = "for name in 'xyz':\n    get_ipython().run_line_magic('qwen', f'ask {name}')"
    kernel.run(code, cell="loop")
    first = server.requests - 3
    everything = turns(("x", first + 1), ("y", first + 2), ("z", first + 3))
    assert ask(kernel, server, "after", cell="after") == [*everything, ("u", "after")]
    kernel.run(code, cell="loop")
    assert server.sent(-1) == [*turns(("x", first + 5), ("y", first + 6)), ("u", "z")]
    kernel.run(code.replace("xyz", "x"), cell="loop")
    assert server.sent() == [("u", "x")]


def test_new_alone_and_named(kernel: Kernel, server: Recorder) -> None:
    ask(kernel, server, "a", cell="1")
    a = server.requests
    assert ask(kernel, server, "alone", "--alone", cell="2") == [("u", "alone")]
    assert ask(kernel, server, "b", cell="3") == [*turns(("a", a)), ("u", "b")]
    b = server.requests
    assert ask(kernel, server, "first of the named", "-c plan", cell="4") == [("u", "first of the named")]
    named = server.requests
    assert ask(kernel, server, "c", cell="5") == [*turns(("a", a), ("b", b)), ("u", "c")]
    assert ask(kernel, server, "fresh", "--new", cell="6") == [("u", "fresh")]
    fresh = server.requests
    assert ask(kernel, server, "d", cell="7") == [*turns(("fresh", fresh)), ("u", "d")]
    sent = ask(kernel, server, "second of the named", "--conversation plan", cell="8")
    assert sent == [*turns(("first of the named", named)), ("u", "second of the named")]
    # The cells of the first conversation find their turns there, and later ones go where they went.
    assert ask(kernel, server, "b2", cell="3") == [*turns(("a", a)), ("u", "b2")]
    assert ask(kernel, server, "e", cell="9")[:2] == turns(("fresh", fresh))
    # The one with --new begins its conversation again, in its place.
    assert ask(kernel, server, "fresh2", "--new", cell="6") == [("u", "fresh2")]
    assert ask(kernel, server, "d", cell="7") == [*turns(("fresh2", server.requests - 1)), ("u", "d")]
    names = kernel.run("%qwen conversations").printed
    assert names.count(" 3 ") == 2
    assert "plan" in names


def test_a_cell_that_leaves_its_conversation(kernel: Kernel, server: Recorder) -> None:
    ask(kernel, server, "a", cell="1")
    a = server.requests
    ask(kernel, server, "b", cell="2")
    ask(kernel, server, "c", cell="3")
    c = server.requests
    assert ask(kernel, server, "b", "--new", cell="2") == [("u", "b")]
    assert ask(kernel, server, "c2", cell="3") == [*turns(("a", a)), ("u", "c2")]
    assert c


def test_the_system_prompt(kernel: Kernel, server: Recorder) -> None:
    assert "no system prompt" in kernel.run("%qwen system").printed
    kernel.run("%qwen system Answer in one word.")
    assert ask(kernel, server, "a", cell="1") == [("s", "Answer in one word."), ("u", "a")]
    assert ask(kernel, server, "system: Rhyme.\nb", cell="2")[0] == ("s", "Rhyme.")
    assert ask(kernel, server, "c", "-s Sing.", cell="3")[0] == ("s", "Sing.")
    assert ask(kernel, server, "d", cell="4")[0] == ("s", "Answer in one word.")
    assert ask(kernel, server, "e", "--alone", cell="5") == [("u", "e")]
    assert ask(kernel, server, "f", "--new", cell="6") == [("u", "f")]
    kernel.run("%config QwenMagics.system = 'The setting.'")
    assert ask(kernel, server, "f", "--new", cell="6")[0] == ("s", "The setting.")
    kernel.run("%qwen system Of the new one.")
    assert ask(kernel, server, "g", cell="7")[0] == ("s", "Of the new one.")
    assert kernel.run("%qwen system").printed == "Of the new one.\n"
    kernel.run("%qwen system --none")
    assert ask(kernel, server, "h", cell="8")[0] == ("s", "The setting.")


def test_undo_and_retry(kernel: Kernel, server: Recorder) -> None:
    failure(kernel, "%qwen undo", "no conversation yet")
    failure(kernel, "%qwen retry", "nothing to ask again")
    ask(kernel, server, "a", cell="1")
    a = server.requests
    ask(kernel, server, "system: Be kind.\nb", cell="2")
    b = server.requests
    kernel.run("%qwen retry --temperature 0.1 -o again")
    assert server.sent() == [("s", "Be kind."), *turns(("a", a)), ("u", "b")]
    assert server.body["temperature"] == 0.1
    assert kernel.value("again.text") == f"A{b + 1}(b)"
    assert ask(kernel, server, "c", cell="3") == [*turns(("a", a), ("b", b + 1)), ("u", "c")]
    assert "Taken back" in kernel.run("%qwen undo").printed
    assert "b" in kernel.run("%qwen undo").printed
    # The answer that was given before the retry is back.
    assert ask(kernel, server, "c", cell="3") == [*turns(("a", a), ("b", b)), ("u", "c")]
    for _ in "cba":
        kernel.run("%qwen undo")
    failure(kernel, "%qwen undo", "no turn")
    assert ask(kernel, server, "z", cell="9") == [("u", "z")]


@pytest.fixture
def profile(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a notebook that is opened again."""
    (tmp_path / "work").mkdir()
    for name in ("study", "other"):
        (tmp_path / "work" / f"{name}.ipynb").touch()
    return {"IPYTHONDIR": str(tmp_path / "ipython"), "JPY_SESSION_NAME": str(tmp_path / "work" / "study.ipynb")}


def test_resumed_after_a_restart(server: Recorder, profile: dict[str, str]) -> None:
    with Kernel(**profile) as kernel:
        start(kernel, server)
        failure(kernel, "%qwen resume", "no earlier conversation")
        ask(kernel, server, "a", cell="1")
        ask(kernel, server, "b", cell="2")
        ask(kernel, server, "p", "-c plan", cell="3")
        b = server.requests - 1
    database = Path(profile["IPYTHONDIR"]) / "profile_default" / "qwen_magic.sqlite"
    for path in database.parent.glob("qwen_magic.sqlite*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 or sys.platform == "win32"
    with Kernel(**profile) as kernel:
        start(kernel, server)
        assert ask(kernel, server, "a", cell="1") == [("u", "a")]  # nothing was resumed
        printed = kernel.run("%qwen resume study").printed
        assert "2 turns" in printed
        assert "b" in printed
        # Its cells find their turns there.
        assert ask(kernel, server, "b2", cell="2") == [*turns(("a", b - 1)), ("u", "b2")]
        assert ask(kernel, server, "c", cell="4")[-2:] == [("a", f"A{server.requests - 1}(b2)"), ("u", "c")]
        assert ask(kernel, server, "p2", "-c plan", cell="3") == [("u", "p2")]
        failure(kernel, "%qwen resume studi", "Did you mean study?")
        names = kernel.run("%qwen conversations").printed
        for name in ("study ", "study-2 ", "plan "):
            assert name in names


def test_resume_chooses_the_last_of_this_notebook(server: Recorder, profile: dict[str, str]) -> None:
    with Kernel(**profile) as kernel:
        ask(start(kernel, server), server, "a", cell="1")
    a = server.requests
    with Kernel(**{**profile, "JPY_SESSION_NAME": profile["JPY_SESSION_NAME"].replace("study", "other")}) as kernel:
        ask(start(kernel, server), server, "not this", cell="1")
    with Kernel(**profile) as kernel:
        start(kernel, server)
        kernel.run("%qwen resume")
        assert ask(kernel, server, "b", cell="2") == [*turns(("a", a)), ("u", "b")]


def test_a_notebook_of_any_name(server: Recorder, profile: dict[str, str]) -> None:
    path = Path(profile["JPY_SESSION_NAME"]).with_name(f"- \N{WORD JOINER}{'long ' * 40}.ipynb")
    path.touch()
    with Kernel(**{**profile, "JPY_SESSION_NAME": str(path)}) as kernel:
        ask(start(kernel, server), server, "a", cell="1")
        assert len(ask(kernel, server, "b", cell="2")) == 3
        assert "long long" in kernel.run("%qwen conversations").printed


def test_rename_delete_search_export_import(kernel: Kernel, server: Recorder, tmp_path: Path) -> None:
    ask(kernel, server, "How do whales breathe?", cell="1")
    ask(kernel, server, "And orcas?", cell="2")
    ask(kernel, server, "And Кашалот?", cell="2")
    kernel.run("%qwen rename 'the sea'")
    assert re.match(
        r"the sea · turn 2 · .* · another version\n    And orcas\?\n", kernel.run("%qwen search orca").printed
    )
    found = kernel.run("%qwen search whales").printed
    assert found.startswith("the sea · turn 1 · ")
    assert "\n    How do whales breathe?\n    A" in found
    assert "And" in kernel.run("%qwen search кашалот").printed
    assert "Nothing" in kernel.run("%qwen search camel").printed
    assert kernel.run('%qwen search "AND (').status == "ok"
    for suffix in ("md", "html", "json", "ipynb"):
        path = tmp_path / f"sea.{suffix}"
        assert "2 turns" in kernel.run(f"%qwen export {path} 'the sea'").printed
        assert "whales" in path.read_text(encoding="utf-8")
        failure(kernel, f"%qwen export {path}", "overwrite")
        assert kernel.run(f"%qwen export {path} 'the sea' --overwrite").status == "ok"
        if suffix in ("md", "html"):  # for people
            failure(kernel, f"%qwen import {path} from-{suffix}", ".json")
            continue
        assert kernel.run(f"%qwen import {path} from-{suffix}").status == "ok"
        sent = ask(kernel, server, "again")
        assert [text for role, text in sent if role == "u"] == ["How do whales breathe?", "And Кашалот?", "again"]
        assert len(sent) == 5
    failure(kernel, "%qwen import nothing.json", "nothing.json")
    failure(kernel, f"%qwen export {tmp_path}/sea.doc", ".md")
    failure(kernel, "%qwen rename from-json", "from-json")
    assert "deleted" in kernel.run("%qwen delete from-ipynb").printed
    failure(kernel, "%qwen delete from-ipynb", "no conversation")
    assert ask(kernel, server, "who am I?") == [("u", "who am I?")]  # the current one is gone
    kernel.run("%qwen resume 'the sea'")
    full = kernel.run("%qwen history --full").shown[0]
    assert "whales" in full["text/markdown"]


def test_one_family_and_its_earlier_names(kernel: Kernel, server: Recorder, tmp_path: Path) -> None:
    for code in ("%qwen conversation show", "%qwen history", "%qwen panel --save", "%qwen conversation show --full"):
        failure(kernel, code, "there is no conversation yet")
    assert kernel.run("%qwen conversation").printed == "There are no conversations yet.\n"
    ask(kernel, server, "Of whales?", cell="1")
    ask(kernel, server, "And of bees?", cell="2")
    kernel.run("%qwen conversation rename 'the sea'")
    assert "now: Rhyme." in kernel.run("%qwen conversation system Rhyme.").printed
    for now, earlier in (
        ("list", "conversations"),
        ("", "conversations"),
        ("show", "history"),
        ("show the sea", "history 'the sea'"),
        ("use 'the sea'", "resume the sea"),
        ("system", "system"),
        ("search bees", "search bees"),
    ):
        run = kernel.run(f"%qwen conversation {now}")
        assert run.printed, now
        assert run.printed == kernel.run(f"%qwen {earlier}").printed, now
    wholes = [
        kernel.run(code).shown[0]
        for code in ("%qwen conversation show --full", "%qwen history --full", "%qwen panel --save 'the sea'")
    ]
    assert "whales" in wholes[0]["text/markdown"]
    assert wholes[0] == wholes[1] == wholes[2]
    path = tmp_path / "sea.json"
    assert "2 turns" in kernel.run(f"%qwen conversation export {path} 'the sea'").printed
    assert "And of bees?" in kernel.run("%qwen conversation undo").printed
    assert kernel.run(f"%qwen conversation import {path} copy").status == "ok"
    assert [text for role, text in ask(kernel, server, "third") if role == "u"] == [
        "Of whales?",
        "And of bees?",
        "third",
    ]
    assert kernel.run("%qwen conversation new other").status == "ok"
    assert ask(kernel, server, "alone") == [("u", "alone")]
    assert "'the sea' is pinned" in kernel.run("%qwen conversation pin the sea").printed
    first = kernel.run("%qwen conversation list").printed.splitlines()[1]
    assert "the sea" in first, "others were used later"
    assert first.endswith("pinned")
    assert "not pinned any more" in kernel.run("%qwen conversation pin --off 'the sea'").printed
    assert "pinned" not in kernel.run("%qwen conversation list").printed
    failure(kernel, "%qwen pin nobody", "%qwen conversation pin NAME")
    failure(kernel, "%qwen conversation pin nobody", "no conversation 'nobody'")
    assert "3 turns" in kernel.run("%qwen conversation delete copy").printed
    assert "copy" not in kernel.run("%qwen conversation list").printed
    failure(kernel, "%qwen conversation lst", "Did you mean %qwen conversation list?")
    failure(kernel, "%qwen conversation the sea", "no command %qwen conversation the", "Write list, show, use")
    failure(kernel, "%qwen conversation use nobody", "no conversation 'nobody'")
    failure(kernel, "%qwen conversation delete", "delete needs a name")
    failure(kernel, "%qwen undo all", "%qwen conversation undo does not take 'all'", "%qwen help conversation undo")


def test_nothing_is_kept_with_history_off(server: Recorder, profile: dict[str, str]) -> None:
    folder = Path(profile["IPYTHONDIR"]) / "profile_default"
    with Kernel(**profile) as kernel:
        kernel.run("%load_ext qwen_magic\n%config QwenMagics.history = False")
        kernel.run(f"%qwen use {server.target}")
        ask(kernel, server, "secret a", cell="1")
        assert ask(kernel, server, "b", cell="2")[0] == ("u", "secret a")
        assert not list(folder.glob("qwen_magic*"))
        kernel.run("%config QwenMagics.history = True")
        assert len(ask(kernel, server, "c", cell="3")) == 5  # the conversation goes on, and is kept from here on
        assert list(folder.glob("qwen_magic*"))
        kernel.run("%config QwenMagics.history = False")
        assert len(ask(kernel, server, "only in memory", cell="4")) == 7
    everything = b"".join(path.read_bytes() for path in folder.glob("qwen_magic*"))
    assert b"only in memory" not in everything


@pytest.mark.parametrize("spoil", ["garbage", "newer"])
def test_a_database_that_cannot_be_used(server: Recorder, profile: dict[str, str], spoil: str) -> None:
    folder = Path(profile["IPYTHONDIR"]) / "profile_default"
    folder.mkdir(parents=True)
    path = folder / "qwen_magic.sqlite"
    if spoil == "garbage":
        path.write_bytes(b"this is no database " * 500)
    else:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
    before = path.read_bytes()
    with Kernel(**profile) as kernel:
        start(kernel, server)
        run = kernel.run("%%qwen\na", cell="1")
        assert run.status == "ok"
        assert "for this session only" in run.shown[-1]["text/plain"]
        assert len(ask(kernel, server, "b", cell="2")) == 3
    assert path.read_bytes() == before


def test_a_database_that_breaks_meanwhile(server: Recorder, profile: dict[str, str]) -> None:
    folder = Path(profile["IPYTHONDIR"]) / "profile_default"
    with Kernel(**profile) as kernel:
        start(kernel, server)
        ask(kernel, server, "a", cell="1")
        for path in folder.glob("qwen_magic.sqlite*"):
            path.write_bytes(b"broken " * 10_000)
        run = kernel.run("%%qwen\nb", cell="2")
        assert run.status == "ok", run.reply
        assert run.answer == f"A{server.requests}(b)"
        assert "for this session only" in run.shown[-1]["text/plain"]
        assert server.sent() == [*turns(("a", server.requests - 1)), ("u", "b")]
        assert "for this session only" not in kernel.run("%%qwen\nc", cell="3").shown[-1]["text/plain"]
        assert len(server.sent()) == 5


def test_keys_are_not_kept(server: Recorder, profile: dict[str, str]) -> None:
    key = "sk-proj-" + "aB3dE5fG7hJ9" * 4
    with Kernel(**profile) as kernel:
        start(kernel, server)
        ask(kernel, server, f"What is {key}?", cell="1")
        assert key in server.prompt
        assert all(key not in text for _, text in ask(kernel, server, "b", cell="2"))
    for path in (Path(profile["IPYTHONDIR"]) / "profile_default").glob("qwen_magic*"):
        assert key.encode() not in path.read_bytes()


SLOW = [f"w{number} " for number in range(400)]


def test_an_interrupted_answer_is_a_turn(profile: dict[str, str]) -> None:
    slow = streamed(*(part for word in SLOW for part in (chunk(word), 0.02)))
    script = Script(slow, streamed(chunk("fine")))
    with serving(script.app()) as url, Kernel(**profile) as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use openai:{url}/v1#m")
        run = kernel.start("%%qwen\ncount", cell="1")
        kernel.until(lambda: "w20" in str(run.displays))
        kernel.interrupt()
        kernel.wait(run)
        kernel.run("%%qwen\nand then?", cell="2")
        first, answer, second = script.bodies[-1]["messages"]
        assert (first["content"], second["content"]) == ("count", "and then?")
        assert "w20" in answer["content"]
        assert "interrupted" in kernel.run("%qwen history").printed


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_killed_in_mid_stream(profile: dict[str, str]) -> None:
    slow = streamed(*(part for word in SLOW for part in (chunk(word), 0.02)))
    script = Script(streamed(chunk("kept")), slow, streamed(chunk("fine")))
    with serving(script.app()) as url:
        load = f"%load_ext qwen_magic\n%qwen use openai:{url}/v1#m"
        with Kernel(**profile) as kernel:
            kernel.run(load)
            kernel.run("%%qwen\nfirst", cell="1")
            pid = kernel.value("__import__('os').getpid()")
            run = kernel.start("%%qwen\nthe open one", cell="2")
            kernel.until(lambda: "w20" in str(run.displays))
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        with Kernel(**profile) as kernel:
            kernel.run(load)
            printed = kernel.run("%qwen resume").printed
            assert "1 turn" in printed
            printed = kernel.run("%qwen history").printed
            assert "the open one" in printed
            assert "no answer was kept" in printed
            kernel.run("%%qwen\nsecond", cell="3")
            assert [message["content"] for message in script.bodies[-1]["messages"]] == ["first", "kept", "second"]


def test_a_failed_question_leaves_the_turn_of_its_cell(server: Recorder, kernel: Kernel) -> None:
    ask(kernel, server, "a", cell="1")
    a = server.requests
    assert kernel.run("%%qwen -t openai:http://127.0.0.1:9/v1#m\nb", cell="1").status == "error"
    assert ask(kernel, server, "c", cell="2") == [*turns(("a", a)), ("u", "c")]


def test_a_continued_answer_is_one_turn(kernel: Kernel, server: Recorder) -> None:
    parts: list[Any] = [streamed(chunk("one two "), chunk("", "length")), streamed(chunk("three"), chunk("", "stop"))]
    script = Script(*parts, streamed(chunk("fine")))
    with serving(script.app()) as url:
        kernel.run(f"%qwen use openai:{url}/v1#m")
        kernel.run("%%qwen\ncount", cell="1")
        assert kernel.run("%qwen continue", cell="2").status == "ok"
        kernel.run("%%qwen\nnext", cell="3")
        contents = [message["content"] for message in script.bodies[-1]["messages"]]
        assert contents[0] == "count"
        assert contents[1].split() == ["one", "two", "three"]
        assert len(contents) == 3


def test_two_kernels_in_one_conversation(server: Recorder, profile: dict[str, str]) -> None:
    with Kernel(**profile) as one, Kernel(**profile) as other:
        start(one, server)
        start(other, server)
        ask(one, server, "from one", "-c shared", cell="1")
        ask(other, server, "from the other", "-c shared", cell="2")
        sent = ask(one, server, "both", "-c shared", cell="3")
        assert [text for role, text in sent if role == "u"] == ["from one", "from the other", "both"]
        # The export is what both see.
        path = Path(profile["JPY_SESSION_NAME"]).with_suffix(".json")
        other.run(f"%qwen export {path} shared")
        assert len(json.loads(path.read_text(encoding="utf-8"))["turns"]) == 3
