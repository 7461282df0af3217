"""One way to ask, as a cell, a panel and plain Python have it, so that one table of tests runs against all three."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from kernels import Kernel

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.errors import QwenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

_TURNS = "[(t.prompt, t.answer, t.finish_reason, t.source) for t in {memory}.store.turns({memory}.used.id)]"


class Asker(Protocol):
    """Who asks in a session.

    Attributes:
        name: which front end it is.

    """

    name: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def ask(self, prompt: str) -> str:
        """Ask, wait for the end, and return what was said of a failure, or ""."""

    def go_on(self) -> None:
        """Go on with the last answer where it broke off."""

    def set(self, name: str, value: Any) -> None:
        """Set one of the session's settings."""

    def turns(self) -> list[tuple[str, str, str, str]]:
        """Return the turns of the conversation: prompt, answer, finish reason, source."""

    def recorded(self) -> str:
        """Return when the last answer was recorded, where it is a replayed one, else ""."""


class PlainAsker:
    """Plain Python: no IPython, no widget."""

    name = "plain"

    def __init__(self, target: str, folder: Path) -> None:
        self._folder = folder
        self.session = ChatSession(PlainSettings(target))

    def __enter__(self) -> Self:
        self._before = os.getcwd()
        os.chdir(self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.session.client.close()
        self.session.close()
        os.chdir(self._before)

    def ask(self, prompt: str) -> str:
        session = self.session
        draft = session.draft(prompt)
        position = session.memory.position()
        question = draft.question(position, position.system or session.settings.system)
        try:
            asyncio.run(session.exchange(question).run())
        except QwenError as error:
            return str(error)
        return ""

    def go_on(self) -> None:
        last = self.session.last
        assert last is not None
        going = self.session.continuation(last.question, last.reply, last.turn, parameters=last.request.parameters)
        going.run_here()

    def set(self, name: str, value: Any) -> None:
        setattr(self.session.settings, name, value)

    def turns(self) -> list[tuple[str, str, str, str]]:
        memory = self.session.memory
        return list(eval(_TURNS.format(memory="memory"))) if memory.used else []

    def recorded(self) -> str:
        return self.session.last.reply.recorded if self.session.last else ""


class _InKernel:
    """A session in a real kernel.

    Args:
        target: who is asked.
        folder: where the kernel works.

    """

    def __init__(self, target: str, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        ipython = str(self._folder / "ipython")
        self.kernel = self._stack.enter_context(Kernel(IPYTHONDIR=ipython, JPY_SESSION_NAME=""))
        self.do(f"import os; os.chdir({str(self._folder)!r}); get_ipython().starting_dir = os.getcwd()")
        self.do(f"%load_ext qwen_magic\n%qwen use {self._target}\nimport qwen_magic")
        self.do("session = get_ipython().magics_manager.registry['QwenMagics'].session.chat")
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self) -> None:
        """Make what it asks with."""

    def do(self, code: str) -> None:
        run = self.kernel.run(code)
        assert run.status == "ok", run.reply

    def set(self, name: str, value: Any) -> None:
        self.do(f"%config QwenMagics.{name} = {value!r}")

    def turns(self) -> list[tuple[str, str, str, str]]:
        return list(self.kernel.value(f"session.memory.used and {_TURNS.format(memory='session.memory')} or []"))

    def recorded(self) -> str:
        return str(self.kernel.value("session.last.reply.recorded if session.last else ''"))


class CellAsker(_InKernel):
    """Cells of a notebook."""

    name = "cell"

    def ask(self, prompt: str) -> str:
        run = self.kernel.run(f"%%qwen\n{prompt}")
        return "" if run.status == "ok" else str(run.error["evalue"])

    def go_on(self) -> None:
        self.do("%qwen continue")


class PanelAsker(_InKernel):
    """A chat panel beside the cells."""

    name = "panel"

    def begin(self) -> None:
        self.do("panel = qwen_magic.ChatPanel()\nsaid = []\nshow = panel.show_op")
        self.do("panel.show_op = lambda op: (said.append(op['text']) if op['op'] == 'say' else None, show(op))")

    def ask(self, prompt: str) -> str:
        self.do(f"said.clear(); before = session.last; panel.ask({prompt!r}); panel.wait(30)")
        error = self.kernel.value("str(session.last.error or '') if session.last is not before else ''")
        return error or " ".join(self.kernel.value("list(said)"))

    def go_on(self) -> None:
        self.do(
            "from qwen_magic.panel.transcript import key_of\npanel._do(lambda chat: chat.continue_(key_of(chat.screen.number, chat.screen.turns[-1].place)))"
        )
        self.do("import time; time.sleep(0.3); panel.wait(30)")


@contextmanager
def asking(kind: str, target: str, folder: Path) -> Iterator[Asker]:
    """Give who asks: "plain", "cell" or "panel"."""
    made: dict[str, Any] = {"plain": PlainAsker, "cell": CellAsker, "panel": PanelAsker}
    folder.mkdir(exist_ok=True)
    with made[kind](target, folder) as asker:
        yield asker
