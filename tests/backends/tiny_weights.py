"""Made-up weights, small ones, and those who carry them: a hub on loopback, and wheels in a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sys
import textwrap
import threading
import time
import zipfile
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_magic.backends.local.known_weights import Weights

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = random.Random(7).randbytes(250_000)
TINY = Weights(
    name="tiny",
    title="Tiny",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    repo="Someone/Tiny-GGUF",
    filename="tiny.gguf",
    package="tiny-weights-part",
    version="1.0",
    part_size=100_000,
)
ROOT = Path(__file__).parents[2]


@dataclass
class Hub:
    """A hub on loopback: what it serves, and what it was asked for."""

    content: bytes = CONTENT
    status: int = 200
    ranges: bool = True
    cut_at: int | None = None
    pause: float = 0.0
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serve the made-up weights as the Hub does."""
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/Someone/Tiny-GGUF/resolve/main/tiny.gguf"
            asked = self.headers["Range"]
            state.asked.append(asked)
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.ranges else 0
            body = state.content[begin:]
            self.send_response(206 if begin and state.status == 200 else state.status)
            self.send_header("Content-Length", str(len(body)))
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(state.content) - 1}/{len(state.content)}")
            self.end_headers()
            if state.cut_at is not None:
                body = body[: max(0, state.cut_at - begin)]
            with contextlib.suppress(ConnectionError):
                for place in range(0, len(body), 10_000):
                    self.wfile.write(body[place : place + 10_000])
                    time.sleep(state.pause)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def make_wheels(folder: Path, content: bytes = CONTENT, only: tuple[int, ...] = (1, 2, 3)) -> None:
    for number in only:
        name = f"tiny_weights_part{number}"
        part = content[(number - 1) * TINY.part_size : number * TINY.part_size]
        with zipfile.ZipFile(folder / "wheels" / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('never imported')\n")
            wheel.writestr(f"{name}/data/part{number:02}.bin", part)
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(
                f"{info}/WHEEL",
                "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            wheel.writestr(f"{info}/RECORD", "")


def files(folder: Path) -> list[str]:
    return sorted(path.name.replace(TINY.sha256, "X") for path in (folder / "cache/models").iterdir())


def part(folder: Path) -> Path:
    return folder / f"cache/models/{TINY.sha256}.gguf.part"


def script(code: str) -> list[str]:
    """Return the command of another process that knows the made-up weights."""
    head = f"""
        from qwen_magic.backends.local import weights
        weights.KNOWN["tiny"] = weights.Weights(**{asdict(TINY)!r})
    """
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
