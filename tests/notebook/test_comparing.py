"""``%%qwen --compare`` in a real kernel: several answers at once, and the one that the conversation goes on with."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from kernels import Kernel
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic.notebook.compare_display import Columns, PrintedColumns
from qwen_magic.rendering.columns import Column, columns_html, columns_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Servers:
    """Three servers: two that write slowly, and one that fails."""

    def __init__(self, stack: ExitStack) -> None:
        self.one, self.two = Script(self._slow("one"), models=["m"]), Script(self._slow("two"), models=["m"])
        self.bad = Script(refused(404, {"error": {"message": "no such model"}}), models=["m"])
        self.urls = [stack.enter_context(serving(script.app())) for script in (self.one, self.two, self.bad)]

    @staticmethod
    def _slow(name: str) -> Any:
        pieces = [part for number in range(20) for part in (chunk(f"{name}{number} "), 0.08)]
        return streamed(chunk("<b onclick=x>**bold**</b> "), *pieces, chunk("", "stop"))

    def targets(self, *places: int) -> str:
        return ",".join(f"openai:{self.urls[place]}/v1#m" for place in places)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(scope="module")
def kernel(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("profile")
    with Kernel(IPYTHONDIR=str(folder)) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {servers.targets(0)}").status == "ok"
        assert kernel.run("%%qwen\nMy name is Ada.").status == "ok"
        yield kernel


def test_answers_come_side_by_side_and_one_is_kept(kernel: Kernel, servers: Servers) -> None:
    run = kernel.run(f"%%qwen --compare -t {servers.targets(0, 1, 2)} -o replies\nWhat is my name?")
    assert run.status == "ok", run.reply
    (slot,) = [bundle for bundle in run.shown if "text/html" in bundle]
    assert "one19" in slot["text/html"]
    assert "two19" in slot["text/html"]
    assert "no such model" in slot["text/html"]
    assert "<strong>bold</strong>" in slot["text/html"]
    assert "onclick" not in slot["text/html"].replace("&lt;b onclick", "")
    texts = [message.content["data"].get("text/plain", "") for message in run.drawn]
    assert any("one3" in text and "two3" in text and "one19" not in text for text in texts)  # both while they come
    assert kernel.value("[len(replies), replies[1].finish_reason, bool(replies[2].text)]") == [3, "stop", False]
    for script in (servers.one, servers.two, servers.bad):
        assert [message["content"] for message in script.bodies[-1]["messages"]][::2] == [
            "My name is Ada.",
            "What is my name?",
        ]
    assert "What is my name" not in kernel.run("%qwen history").printed
    assert servers.urls[1] in kernel.run("%qwen keep 2").printed
    assert kernel.run("%%qwen\nand then?").status == "ok"
    sent = [message["content"] for message in servers.one.bodies[-1]["messages"]]
    assert len(sent) == 5
    assert "two19" in sent[3]
    assert kernel.run("%qwen conversation undo").status == "ok"
    assert servers.urls[0] in kernel.run("%qwen keep 1").printed  # another one, in its place
    kernel.run("%%qwen\nand now?")
    sent = [message["content"] for message in servers.one.bodies[-1]["messages"]]
    assert len(sent) == 5
    assert "one19" in sent[3]


def test_what_is_wrong_is_one_line(kernel: Kernel, servers: Servers) -> None:
    asked = len(servers.one.bodies)
    for line, words in {
        f"%%qwen --compare -t {servers.targets(0)}\nhi": "--compare needs several targets",
        f"%%qwen --compare -n -t {servers.targets(0, 1)}\nhi": "contradict each other",
        "%qwen keep 7": "there is no answer 7",
        "%qwen keep two": "Give the number",
    }.items():
        run = kernel.run(line)
        assert words in run.error["evalue"], line
        assert len(run.error["traceback"]) == 1
    assert len(servers.one.bodies) == asked
    run = kernel.run(f"%%qwen --compare -t {servers.targets(2, 2)}\nhi")
    assert "no such model" in run.error["evalue"]
    assert "there is no answer 1" in kernel.run("%qwen keep 1").error["evalue"]


def test_an_interrupt_keeps_what_came(kernel: Kernel, servers: Servers) -> None:
    run = kernel.start(f"%%qwen --compare -t {servers.targets(0, 1)}\nstop me")
    kernel.until(lambda: any("two1 " in message.content["data"].get("text/plain", "") for message in run.drawn))
    kernel.interrupt()
    kernel.wait(run)
    assert run.error["traceback"] == [f"Interrupted: {run.error['evalue']}"]
    assert "two1 " in run.shown[-1]["text/plain"]
    assert "two19" not in run.shown[-1]["text/plain"]
    assert servers.urls[1] in kernel.run("%qwen keep 2").printed
    history = kernel.run("%qwen history").printed
    assert "stop me" in history
    assert "two1" in history


def test_what_cannot_even_begin_is_said(servers: Servers) -> None:
    asked = len(servers.one.bodies)
    with Kernel(QWEN_REPLAY="only") as kernel:
        assert kernel.run("%load_ext qwen_magic").status == "ok"
        run = kernel.run(f"%%qwen --compare -t {servers.targets(0, 1)}\nnever recorded")
    assert "no recorded answer" in run.error["evalue"]
    assert run.shown[-1]["text/plain"].count("no recorded answer") == 2
    assert len(servers.one.bodies) == asked


def test_a_login_is_not_shown(kernel: Kernel, servers: Servers) -> None:
    host = servers.urls[2].removeprefix("http://")
    run = kernel.run(f"%%qwen --compare -t space:http://ada:SECRETWORD@{host},{servers.targets(1)}\nhi")
    assert run.status == "ok"
    assert not [
        message for message in run.messages if message.kind != "execute_input" and "SECRETWORD" in str(message.content)
    ]


def test_columns_are_drawn_when_it_is_time_and_steer_nothing() -> None:
    now, sent = [0.0], []
    display = Columns(lambda bundle, slot, known: sent.append((bundle, slot, known)), lambda: now[0])
    column = Column(1, "a \x1b]0;x\x07<i>", "text \x1b[31m<script>x</script>")
    for step in range(100):
        now[0] = step / 100
        display.draw([Column(1, "a", str(step))])
    assert len(sent) <= 5
    display.draw([column], final=True)
    bundle = sent[-1][0]
    assert "\x1b" not in str(bundle)
    assert "<script>" not in bundle["text/html"]
    assert "<i>" not in bundle["text/html"]
    assert len({slot for _, slot, _ in sent}) == 1
    assert [known for _, _, known in sent] == [False] + [True] * (len(sent) - 1)


def test_a_terminal_gets_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    display = PrintedColumns()
    display.draw([Column(1, "a", "half"), Column(2, "b", "whole", over=True)])
    assert capsys.readouterr().out == ""
    display.draw([Column(1, "a", "first", over=True), Column(2, "b", "whole", over=True)])
    assert capsys.readouterr().out == "── 1: a\nfirst\n\n── 2: b\nwhole\n\n"
    display.draw([Column(1, "a", "first", over=True), Column(2, "b", "whole", over=True)], final=True)
    assert capsys.readouterr().out == ""


def test_columns_stand_below_each_other_in_text() -> None:
    columns = [Column(1, "a", "x"), Column(2, "b", "", "it failed")]
    assert columns_plain(columns) == "── 1: a\nx\n\n── 2: b\nit failed"
    assert columns_html(columns).count("flex:1 1 300px") == 2
