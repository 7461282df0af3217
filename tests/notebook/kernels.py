"""A real kernel, spoken to over its sockets, with every IOPub message as it came: when, and how many bytes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session
from kernel_processes import start_kernel
from support.light_imports import PYTHONPATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

ROOT = Path(__file__).parents[2]


@dataclass
class Message:
    """One message on IOPub; `size` counts all its frames."""

    kind: str
    content: dict[str, Any]
    transient_id: str
    time: float
    size: int


@dataclass
class Run:
    """What came of one cell."""

    code: str
    sent: float
    messages: list[Message] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    idle_at: float = 0.0
    earlier: set[str] = field(default_factory=set)
    """The displays of the kernel, which a panel of an earlier cell may update."""

    @property
    def over(self) -> bool:
        """Whether the kernel answered, and is idle again."""
        return bool(self.idle_at) and self.reply is not None

    @property
    def status(self) -> str:
        assert self.reply is not None
        return str(self.reply["status"])

    @property
    def drawn(self) -> list[Message]:
        """The displays and their updates."""
        return [message for message in self.messages if message.kind in ("display_data", "update_display_data")]

    @property
    def displays(self) -> list[dict[str, str]]:
        """The bundles as a notebook saves them, each at its last update."""
        bundles: dict[str, dict[str, str]] = {}
        for number, message in enumerate(self.drawn):
            key = message.transient_id or str(number)
            if message.kind != "display_data" and key not in bundles:
                assert key in self.earlier, "an update of a display that is not there"
                continue
            bundles[key] = message.content["data"]
        return list(bundles.values())

    @property
    def shown(self) -> list[dict[str, str]]:
        """The saved bundles that show something."""
        return [bundle for bundle in self.displays if any(bundle.values())]

    @property
    def answer(self) -> str:
        """The saved answer: everything but the last line."""
        return "\n\n".join(bundle["text/plain"] for bundle in self.shown[:-1])

    @property
    def printed(self) -> str:
        return "".join(message.content["text"] for message in self.messages if message.kind == "stream")

    @property
    def error(self) -> dict[str, Any]:
        """What the error output holds."""
        errors = [message.content for message in self.messages if message.kind == "error"]
        assert len(errors) == 1, [message.content for message in self.messages]
        return errors[0]

    @property
    def next_input(self) -> tuple[str, bool] | None:
        """What was put into the next cell, and whether it is to replace this one."""
        assert self.reply is not None
        found = [item for item in self.reply.get("payload", []) if item["source"] == "set_next_input"]
        return (found[0]["text"], found[0]["replace"]) if found else None

    @property
    def size(self) -> int:
        """Bytes on IOPub."""
        return sum(message.size for message in self.messages)


class Kernel:
    """An ipykernel with the package importable.

    Args:
        python: another interpreter than the tests' own.
        env: what is set in its environment.

    """

    _fresh = False

    def __init__(self, *, python: str = sys.executable, **env: str) -> None:
        self._env = env
        self._python = python
        self._runs: dict[str, Run] = {}
        self._displays: set[str] = set()
        self.allow_stdin = False
        """Whether cells may ask for input, as those of consoles may."""
        self.hearers: list[Callable[[Message], None]] = []
        """Are told of all messages on IOPub, whatever their parent."""

    def __enter__(self) -> Self:
        try:
            self._open()
        except TimeoutError:  # another process may have taken one of its ports before it came to that
            self._runs.clear()
            self._open()
        return self

    def _open(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="qwen-magic-kernel-")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "IPYTHON", "HF_"))}
        env |= {"PYTHONPATH": PYTHONPATH, "IPYTHONDIR": self._folder, "JUPYTER_RUNTIME_DIR": self._folder}
        env |= {"XDG_DATA_HOME": self._folder, **self._env}
        file = Path(self._folder) / "kernel.json"
        _, self._info = write_connection_file(str(file), ip="127.0.0.1", key=uuid.uuid4().hex.encode())
        self._process = start_kernel(self._python, file, env, self._folder, fresh=self._fresh)
        self._context = zmq.Context()
        self._session = Session(key=str(self._info["key"]).encode())
        info = self._info
        self._shell = self._connect(zmq.DEALER, info["shell_port"])
        self._control = self._connect(zmq.DEALER, info["control_port"])
        self._iopub = self._connect(zmq.SUB, info["iopub_port"])
        self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
        try:
            self._wait_for_iopub()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._context.destroy(linger=0)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, kind: int, port: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.rcvhwm = 0
        socket.connect(f"tcp://127.0.0.1:{port}")
        return socket

    def _wait_for_iopub(self) -> None:
        # A subscription takes a moment: what is said before that is never heard.
        end = time.monotonic() + 60
        while time.monotonic() < end:
            run = self.start("")
            try:
                self.until(lambda run=run: run.over, 1.0)  # type: ignore[misc]
            except TimeoutError:
                continue
            return
        raise TimeoutError("the kernel did not answer")

    def start(self, code: str, cell: str = "", *, stop_on_error: bool = True) -> Run:
        """Send a cell, with its id as JupyterLab sends it, and do not wait; an error aborts what waits behind it."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": self.allow_stdin,
            "stop_on_error": stop_on_error,
        }
        run = Run(code, time.monotonic(), earlier=self._displays)
        message = self._session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        self._runs[message["header"]["msg_id"]] = run
        self._session.send(self._shell, message)
        return run

    def run(self, code: str, timeout: float = 150, cell: str = "") -> Run:
        """Run a cell to its end."""
        return self.wait(self.start(code, cell), timeout)

    def post(self, kind: str, content: dict[str, Any], subshell: str = "") -> Run:
        """Send a message that has no reply, over a subshell where one is named; what it causes is in the run."""
        run = Run(kind, time.monotonic(), earlier=self._displays)
        message = self._session.msg(kind, content)
        if subshell:
            message["header"]["subshell_id"] = subshell
        self._runs[message["header"]["msg_id"]] = run
        self._session.send(self._shell, message)
        return run

    def subshell(self) -> str:
        """Make a subshell, as JupyterLab does for each widget's messages; return its id, "" where there are none."""
        self._session.send(self._control, self._session.msg("create_subshell_request", {}))
        if not self._control.poll(5000):
            return ""
        _, parts = self._session.feed_identities(self._control.recv_multipart())
        return str(self._session.deserialize(parts)["content"].get("subshell_id", ""))

    def complete(self, code: str, cursor: int | None = None) -> tuple[list[str], str]:
        """Press Tab, at the end or elsewhere; give the matches, and what of the code they take the place of."""
        place = len(code) if cursor is None else cursor
        run = Run(code, time.monotonic(), earlier=self._displays)
        message = self._session.msg("complete_request", {"code": code, "cursor_pos": place})
        self._runs[message["header"]["msg_id"]] = run
        self._session.send(self._shell, message)
        self.wait(run)
        assert run.reply is not None
        assert run.reply["cursor_end"] == place
        return run.reply["matches"], code[run.reply["cursor_start"] : place]

    def wait(self, run: Run, timeout: float = 150) -> Run:
        """Wait for the end of a cell."""
        self.until(lambda: run.over, timeout)
        return run

    def until(self, predicate: Callable[[], Any], timeout: float = 60) -> None:
        """Read messages until something is so."""
        end = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > end:
                raise TimeoutError(f"not in {timeout:g} s: {self._runs}")
            self.read(0.05)

    def read(self, seconds: float) -> None:
        """Read what comes within a time, and return after the first."""
        poller = zmq.Poller()
        poller.register(self._iopub, zmq.POLLIN)
        poller.register(self._shell, zmq.POLLIN)
        for socket, _ in poller.poll(int(seconds * 1000)):
            self._take(socket)

    def _take(self, socket: zmq.Socket[bytes]) -> None:
        frames = socket.recv_multipart()
        now = time.monotonic()
        _, parts = self._session.feed_identities(frames)
        try:
            message = self._session.deserialize(parts)
        except ValueError:  # an interrupt fell into ipykernel's sending of it
            return
        run = self._runs.get(message["parent_header"].get("msg_id", ""))
        content = message["content"]
        if socket is self._shell:
            if run:
                run.reply = content
            return
        transient = content.get("transient") or {}
        heard = Message(message["msg_type"], content, transient.get("display_id", ""), now, sum(map(len, frames)))
        if message["msg_type"] == "display_data" and heard.transient_id:
            self._displays.add(heard.transient_id)
        for hear in self.hearers:
            hear(heard)
        if run is None:
            return
        run.messages.append(heard)
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            run.idle_at = now

    def interrupt(self) -> float:
        """Interrupt the kernel as a front end does; return when."""
        now = time.monotonic()
        self._process.interrupt()
        return now

    def kill(self) -> None:
        """End the kernel at once, as a crash would."""
        self._process.kill()

    def value(self, expression: str) -> Any:
        """Give what an expression is worth, as far as its repr can be read back."""
        import ast

        run = self.run(f"print(repr({expression}))")
        assert run.status == "ok", run.reply
        return ast.literal_eval(run.printed)


class FreshKernel(Kernel):
    """A kernel in which nothing of other packages is imported yet that it does not import by itself."""

    _fresh = True


def kernels(**env: str) -> Iterator[Kernel]:
    """Give one kernel, for a fixture."""
    with Kernel(**env) as kernel:
        yield kernel


def ok(run: Run) -> Run:
    """Give a run that went well."""
    assert run.status == "ok", run.reply
    return run
