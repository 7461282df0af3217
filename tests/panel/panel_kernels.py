"""Kernels with a panel, and the server that they ask."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from comms import FrontEnd, PanelUser
from kernels import Kernel
from recorder import Recorder
from servers.apps.script import markdown
from servers.openai_like import chunk, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Counter(Recorder):
    """A recorder that also answers at its time: "count N DELAY", "limit", "break", "text N DELAY"; asked to go on, it does."""

    def _answered(self, body: dict[str, Any], request: Any) -> Any:
        prompts = [message["content"] for message in body["messages"]]
        goes_on = prompts[-1].startswith("Your answer was cut off")
        prompt, said = (prompts[-3], prompts[-2].split()) if goes_on else (prompts[-1], [])
        command, *numbers = prompt.split()
        if command == "text":
            pieces = [markdown(int(numbers[0]))[place : place + 16] for place in range(0, int(numbers[0]), 16)]
            delay = float(numbers[1])
        elif command in ("count", "limit", "break"):
            count, delay = (int(numbers[0]), float(numbers[1])) if numbers else (30, 0.01)
            words = [f"w{number} " for number in range(count)]
            pieces = words[max(0, len(said) - 5) :]
        else:
            return super()._answered(body, request)
        if command in ("limit", "break") and not said:
            pieces = pieces[:10]
        timed = [part for piece in pieces for part in ((chunk(piece), delay) if delay else (chunk(piece),))]
        if command == "break" and not said:
            return streamed(*timed, {"error": {"message": "out of memory"}})(body, request)
        return streamed(*timed, chunk("", "length" if command == "limit" and not said else "stop"))(body, request)


@contextmanager
def front_end(server: Counter) -> Iterator[FrontEnd]:
    """Give the front end of a kernel that asks the server."""
    with Kernel(OPENAI_API_KEY="sk-of-the-environment-0123456789") as kernel:
        front = FrontEnd(kernel)
        run = kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        assert run.status == "ok", run.reply
        yield front


def opened(front: FrontEnd, code: str = "%qwen panel") -> PanelUser:
    """Open a panel, and give its user."""
    run = front.kernel.run(code)
    assert run.status == "ok", run.reply
    assert not run.printed, run.printed
    return PanelUser(front, front.shown(run))


def turns(server: Counter, *numbers: int) -> list[tuple[str, str]]:
    """Give the messages of turns, by the numbers of the requests that were answered."""
    found = []
    for number in numbers:
        prompt = server.sent(number - 1)[-1][1]
        found += [("u", prompt), ("a", f"A{number}({prompt})")]
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    """Give the server that a module's panels ask."""
    with Counter() as counter:
        yield counter


@pytest.fixture
def front(server: Counter) -> Iterator[FrontEnd]:
    """Give the front end of a kernel of the test's own."""
    with front_end(server) as front:
        yield front


@pytest.fixture
def user(front: FrontEnd) -> PanelUser:
    """Give the user of a panel that was opened by the command."""
    return opened(front)
