"""A GGUF model on this machine: weights fetched on first use, run by llama.cpp in a child process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from contextlib import aclosing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING

import aiohttp

from ...errors import ConnectError, DisconnectError, EngineError, QwenError
from ...events import Event, Responder, Status
from ...messages import Image
from ..capabilities import TEXT_ALONE, Capabilities
from ..descriptions import Description
from ..openai.backend import OpenAIBackend
from ..openai.schemas import schema_forms, wraps
from ..openai.servers import SERVERS
from ..target import Target
from ..threads import in_thread
from . import known_weights, machine, weights, wheels
from .engine import CONTEXT, SLOTS, Address, Engine
from .hub_names import hub_name
from .known_weights import size_words
from .projectors import split_projector
from .small_models import SMALL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from ...request import Request
    from ..base import Deadlines, Settings

_STATUS_SECONDS = 0.25
_DEATH_SECONDS = 1.0
_SLOT_SECONDS = 0.05
_MB = 1_000_000
_SERVER = replace(SERVERS["llamacpp"], name="local", one_model=True, speaks_as="llamacpp")
"""Our own engine, which is asked with its own key."""
_CAPABILITIES = Capabilities(streams=True, history=True, system=True, images=False, schema=True)
"""Whether a model calls tools lies with its chat template."""


class LocalBackend:
    """Run one model on this machine.

    Args:
        target: a known model's short name, a place on the Hub, or a GGUF file's path.
        settings: the client's settings; its proxy and headers are not for this machine.

    Attributes:
        continues: the engine goes on with an answer that stands last in the messages.
        sends: text, and pictures where a projector is named.

    """

    continues = _SERVER.continues != "ask"

    def __init__(self, target: Target, settings: Settings) -> None:
        self.name = target.name
        self.model = weights.model_title(target.address)
        self.settings = settings
        self.schema_forms = schema_forms(_SERVER, self.model)
        self.schema_wraps = tuple(form for form in self.schema_forms if wraps(_SERVER, form))
        self._address, self._projector = split_projector(target.address)
        self.sends = TEXT_ALONE | {Image} if self._projector else TEXT_ALONE
        self._abilities = replace(_CAPABILITIES, images=bool(self._projector))
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(SLOTS)

    def __repr__(self) -> str:
        return f"LocalBackend({self.name!r})"

    @property
    def engine(self) -> Engine | None:
        """The engine, once the weights were found."""
        return self._engine

    async def stream(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - its proxy is not for loopback
        request: Request,
        deadlines: Deadlines | None = None,  # noqa: ARG002 - the engine is not waited for in vain
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        yield Responder(self.name, self.model)
        try:
            found: list[Address] = []
            async with aclosing(self._start(found)) as waiting:
                async for status in waiting:
                    yield status
            if (known := weights.model_title(self._address)) != self.model:  # the Hub has told which file it is
                self.model = known
                yield Responder(self.name, self.model)
            async with aclosing(self._in_a_slot(found[0], request)) as answer:
                async for event in answer:
                    yield event
        except QwenError as error:
            error.target = error.target or self.name
            raise

    async def context(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - its proxy is not for loopback
        deadlines: Deadlines | None = None,  # noqa: ARG002
    ) -> int | None:
        """Tell the context of one answer; a running engine is asked, for a model may take less than is usual."""
        engine = self._engine
        if engine is None or not engine.running:
            return CONTEXT
        server = self._server(await in_thread(engine.start))
        async with aiohttp.ClientSession(trust_env=False) as own:
            return await server.context(own)

    async def capabilities(
        self,
        session: aiohttp.ClientSession | None = None,  # noqa: ARG002 - nothing is asked
        deadlines: Deadlines | None = None,  # noqa: ARG002
    ) -> Capabilities:
        """Tell what the engine can do; see `Backend.capabilities`."""
        return self._abilities

    async def describe(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - nothing is asked
        deadlines: Deadlines | None = None,  # noqa: ARG002
    ) -> Description:
        """Tell what there is, without fetching or starting anything; see `Backend.describe`."""
        path, size = weights.find(self._address), _size_of(self._address)
        engine = self._engine
        try:
            software = f"llama.cpp (xllamacpp {version('xllamacpp')})"
            state = "running" if engine is not None and engine.running else "starts with the first question"
        except PackageNotFoundError:
            software, state = "", wheels.missing().what
        notes = [f"{SLOTS} answers at once"]
        if path is not None:
            notes.insert(0, f"the weights are here, {path.stat().st_size / _MB:.0f} MB")
        elif size:
            notes.insert(0, f"the weights are not here yet: {size_words(size)} are fetched first")
        elif hub_name(self._address):
            notes.insert(0, "the weights are not here yet: they are fetched from the Hub first")
        else:
            state = "these weights do not exist"
        if self._projector:
            notes.append(f"it sees with {PurePath(self._projector.rpartition(':')[2]).name}")
        return Description(
            self.name,
            "local",
            server=software,
            state=state,
            models=(self.model,),
            notes=tuple(notes),
            context=CONTEXT,
            capabilities=self._abilities,
        )

    async def close(self) -> None:
        """End the engine's process."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            await in_thread(engine.close)

    async def _start(self, found: list[Address]) -> AsyncGenerator[Status, None]:
        """Bring the weights here and the engine up; put its address into the list."""
        engine = self._engine
        if engine is not None and engine.running:
            found.append(await in_thread(engine.start))
            return
        wheels.check_installed()
        paths: list[Path] = []
        for address in filter(None, (self._address, self._projector)):
            async with aclosing(self._fetch(address, paths)) as waiting:
                async for status in waiting:
                    yield status
        yield Status(f"loading {self.model}", "loading", self.name)
        # Where we are cancelled here, the loading goes on, and the next answer has use of it.
        found.append(await in_thread(self._engine_for(*paths).start))

    async def _fetch(self, address: str, found: list[Path]) -> AsyncGenerator[Status, None]:
        """Bring the weights here, in a thread, which stops when we are cancelled."""
        stop, queue, loop = threading.Event(), asyncio.Queue[Status | None](), asyncio.get_running_loop()
        last = 0.0

        def progress(done: int, total: int, what: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _STATUS_SECONDS:
                last = now
                _tell(loop, queue, self._progress(done, total, what))

        def bring() -> Path:
            token, room = self.settings.hf_token or "", machine.available_memory()
            return weights.ensure(address, progress, stop, token=token, room=room)

        task = asyncio.ensure_future(in_thread(bring))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (status := await queue.get()) is not None:
                yield status
            found.append(await task)
        finally:
            stop.set()
            task.cancel()

    def _progress(self, done: int, total: int, what: str) -> Status:
        text = f"{what} {self.model}: {done / _MB:.0f} of {total / _MB:.0f} MB"
        return Status(text, "download" if what == "downloading" else "loading", self.name, done / total)

    def _engine_for(self, model: Path, projector: Path | None = None) -> Engine:
        with self._lock:
            if self._engine is None or (self._engine.model, self._engine.projector) != (model, projector):
                self._engine = Engine(model, projector)
            return self._engine

    def _server(self, address: Address) -> OpenAIBackend:
        place = Target(self.name, "openai", f"{address.url}/v1", server=_SERVER)
        # Without word of its progress the engine would not see, while it reads a prompt, that nobody listens.
        return OpenAIBackend(place, replace(self.settings, headers={}), address.key, {"return_progress": True})

    async def _in_a_slot(self, address: Address, request: Request) -> AsyncGenerator[Event, None]:
        """Ask when the engine has a place: from then on silence is a fault, which a wait for a place is not."""
        if not self._slots.acquire(blocking=False):
            yield Status("waiting for another answer to end", "queue", self.name)
            while not self._slots.acquire(blocking=False):  # who holds one may be on another loop
                await self.settings.clock.sleep(_SLOT_SECONDS)
        try:
            async with aclosing(self._answer(address, request)) as answer:
                async for event in answer:
                    yield event
        finally:
            self._slots.release()

    async def _answer(self, address: Address, request: Request) -> AsyncGenerator[Event, None]:
        server, engine = self._server(address), self._engine
        try:
            # No proxy, no headers and no cookies: this is our own process, on loopback.
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                aclosing(server.stream(session, request)) as answer,
            ):
                async for event in answer:
                    if not isinstance(event, Responder):
                        yield event
        except (ConnectError, DisconnectError) as error:
            death = await in_thread(lambda: engine.death(_DEATH_SECONDS)) if engine else ""
            if not death:
                raise
            raise EngineError(
                f"the engine stopped ({death})",
                hint="Ask again, and it is started again. It may have run out of memory.",
            ) from error


def _size_of(address: str) -> int:
    """Return the size of weights as far as it is known without asking, in bytes; else 0."""
    known = known_weights.KNOWN.get(address.lower()) or SMALL.get(address.lower())
    return known.size if known else 0


def _tell(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Status | None], status: Status) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
        loop.call_soon_threadsafe(queue.put_nowait, status)
