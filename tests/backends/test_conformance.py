"""The suite for authors of backends, over our own backends, and over one that does everything wrong."""

from __future__ import annotations

import asyncio
import inspect
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from servers import web
from servers.chat import ChatServer, Said
from servers.web import ScriptedSpace

from qwen_magic.backends.base import Settings
from qwen_magic.backends.capabilities import TEXT_ALONE, Capabilities
from qwen_magic.backends.conformance import SECRETS, BackendConformance
from qwen_magic.backends.descriptions import Description
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.gradio.kind import GradioOptions
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import BusyError, ConnectError, LocalError, QwenError, UsageError
from qwen_magic.events import End, Event, Responder, Status, TextDelta, Usage, UsageReport
from qwen_magic.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from servers.plugin import ServerFactory

    from qwen_magic.backends.base import Backend
    from qwen_magic.request import Request

WORDS = ["one ", "two "] * 500


def nowhere() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def space(url: str, settings: Settings | None = None) -> SpaceBackend:
    return SpaceBackend(parse_target(f"space:{url}"), settings or Settings())


def openai(target: str, settings: Settings | None = None) -> OpenAIBackend:
    return OpenAIBackend(parse_target(target), settings or Settings())


@pytest.fixture(autouse=True)
def _no_outer_world(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


class TestScriptedSpace(BackendConformance):
    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Backend]:
        async with ScriptedSpace() as server:
            yield space(server.url)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[Backend]:
        async with ScriptedSpace() as server:
            server.stream = server.answer(WORDS, delay=0.05)
            yield space(server.url)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Backend]:
        yield space(nowhere())

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Backend]:
        async with ScriptedSpace() as server:
            server.fail(web.QUEUE_FULL, path="/join")
            yield space(server.url)

    def make(self, settings: Settings) -> Backend:
        return space("http://someone:conformance-user-password@127.0.0.1:9", settings)


class TestRealSpace(BackendConformance):
    prompt = "count 3 0"
    long_prompt = "count 400 0.05"
    version = "5.50.0"

    @pytest.fixture(autouse=True)
    def _servers(self, gradio_server: ServerFactory) -> None:
        self.url = gradio_server(self.version, "qwenlike").url

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Backend]:
        yield space(self.url)

    slow = answering

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Backend]:
        yield space(nowhere())

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Backend]:
        yield SpaceBackend(
            parse_target(f"space:{self.url}"), Settings(options={"space": GradioOptions(endpoint="/no_such_endpoint")})
        )

    def make(self, settings: Settings) -> Backend:
        options = {"space": GradioOptions(auth=("someone", SECRETS[1]))}
        return space("http://127.0.0.1:9", replace(settings, options=options))


class TestRealGradio3(TestRealSpace):
    version = "3.50.2"


class TestOpenAI(BackendConformance):
    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Backend]:
        said = Said(usage={"prompt_tokens": 3, "completion_tokens": 2}, thoughts=["hm"])
        async with ChatServer(said) as server:
            yield openai(server.target)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[Backend]:
        async with ChatServer(Said(WORDS, pause=0.05)) as server:
            yield openai(server.target)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Backend]:
        yield openai(f"openai:{nowhere()}/v1#tiny")

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Backend]:
        async with ChatServer(Said(status=401, body='{"error": {"message": "no such key"}}')) as server:
            yield openai(server.target)

    def make(self, settings: Settings) -> Backend:
        target = parse_target("openai:http://someone:conformance-user-password@127.0.0.1:9/v1#tiny")
        return OpenAIBackend(target, settings, key="conformance-key")


class TestLocal(BackendConformance):
    parameters = Parameters(temperature=0)
    unreachable_error = LocalError

    @pytest.fixture(autouse=True)
    def _weights(self, weights: Path, tmp_path: Path) -> None:
        self.weights = weights
        self.broken = tmp_path / "broken.gguf"
        self.broken.write_bytes(b"GGUF" + bytes(100))

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Backend]:
        yield LocalBackend(parse_target(f"local:{self.weights}"), Settings())

    slow = answering

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Backend]:
        yield LocalBackend(parse_target("local:/no/such.gguf"), Settings())

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Backend]:
        yield LocalBackend(parse_target(f"local:{self.broken}"), Settings())

    def make(self, settings: Settings) -> Backend:
        return LocalBackend(parse_target("local"), settings)


class TestStranger(BackendConformance):
    """The backend of another package."""

    long_prompt = "many words " * 2000

    @pytest.fixture(autouse=True)
    def _package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "stranger"))

    def parrot(self, name: str, settings: Settings | None = None) -> Backend:
        from parrot_backend import KIND

        target = KIND.parse(f"parrot:{name}", f"parrot:{name}")
        assert target is not None
        return KIND.make(target, settings or Settings())

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Backend]:
        yield self.parrot("polly")

    slow = answering

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Backend]:
        yield self.parrot("nobody")

    refusing = unreachable

    def make(self, settings: Settings) -> Backend:
        from parrot_backend import ParrotOptions

        return self.parrot("polly", replace(settings, options={"parrot": ParrotOptions(accent=SECRETS[1])}))


class Echo:
    """A backend without a server, that has at most one defect."""

    def __init__(self, settings: Settings, defect: str = "", failure: QwenError | None = None, words: int = 2) -> None:
        self.name = "" if defect == "no name" else "echo:"
        self.continues = False
        self.sends = frozenset() if defect == "sends nothing" else TEXT_ALONE
        self.settings, self.defect, self.failure, self.words = settings, defect, failure, words
        self.closed = 0
        self.asked = 0
        self.loop: object = None
        self.tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"Echo({vars(self.settings)})" if self.defect == "secret" else "Echo()"

    async def stream(self, session: object, request: Request, deadlines: object = None) -> AsyncGenerator[Event, None]:
        self.asked += 1
        if self.defect == "bound to a loop":
            self.loop = self.loop or asyncio.get_running_loop()
            assert self.loop is asyncio.get_running_loop()
        if self.defect == "answers once" and self.asked > 1:
            return
        if self.failure is not None:
            if self.defect == "an answer, then failure":
                yield TextDelta("so")
            self.failure.target = "" if self.defect == "no target" else self.name
            raise ValueError("no") if self.defect == "foreign error" else self.failure
        if self.defect != "no responder":
            yield Responder("another" if self.defect == "another's responder" else self.name)
        left = [name for name in request.parameters.given() if name != "temperature"]
        for _ in range(2 if self.defect == "warns twice" else 1):
            if left:
                yield Status(f"it does not take {', '.join(left)}", "warning", self.name)
        if left and self.defect == "fails on parameters":
            raise UsageError("no", target=self.name)
        if self.defect == "leaves a task":
            self.tasks.append(asyncio.ensure_future(asyncio.sleep(60)))
        try:
            for number in range(self.words):
                silent = self.defect == "says nothing" or (self.defect == "one at a time" and self.asked > 1)
                yield TextDelta("" if self.defect == "empty delta" and number else " " if silent else "word ")
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            if self.defect != "swallows cancellation":
                raise
        finally:
            if self.defect == "closes late":
                await asyncio.sleep(1)
        for _ in range(2 if self.defect == "usage twice" else 1):
            yield UsageReport(Usage(1, 2))
        for _ in range({"no end": 0, "ends twice": 2}.get(self.defect, 1)):
            yield End()

    async def context(self, session: object, deadlines: object = None) -> int | None:
        return -1 if self.defect == "no context" else None

    async def capabilities(self, session: object, deadlines: object = None) -> Capabilities:
        if self.defect == "raises on capabilities" and self.failure:
            raise self.failure
        return Capabilities(streams=True)

    async def describe(self, session: object, deadlines: object = None) -> Description:
        return Description("another" if self.defect == "describes another" else self.name, "echo")

    async def close(self) -> None:
        for task in self.tasks:
            task.get_loop().call_soon_threadsafe(task.cancel)
        self.closed += 1
        assert self.defect != "closes once" or self.closed < 2


class TestEcho(BackendConformance):
    """A backend without a server keeps to all of it, as long as it has no defect."""

    defect = ""

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Any]:
        yield Echo(Settings(), self.defect)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[Any]:
        yield Echo(Settings(), self.defect, words=1000)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[Any]:
        failure = BusyError("full") if self.defect == "another error" else ConnectError("no network")
        yield Echo(Settings(), self.defect, failure)

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Any]:
        yield Echo(Settings(), self.defect, BusyError("full"))

    def make(self, settings: Settings) -> Any:
        return Echo(settings, self.defect)


@pytest.mark.parametrize(
    ("defect", "test"),
    [
        ("no name", "its_attributes"),
        ("sends nothing", "its_attributes"),
        ("secret", "no_secret_shows"),
        ("no context", "what_it_tells_of_the_target"),
        ("describes another", "what_it_tells_of_the_target"),
        ("raises on capabilities", "what_it_tells_where_nobody_is"),
        ("no responder", "the_events_of_an_answer"),
        ("another's responder", "the_events_of_an_answer"),
        ("empty delta", "the_events_of_an_answer"),
        ("no end", "the_events_of_an_answer"),
        ("ends twice", "the_events_of_an_answer"),
        ("usage twice", "the_events_of_an_answer"),
        ("says nothing", "the_events_of_an_answer"),
        ("warns twice", "every_parameter_is_taken_or_named"),
        ("fails on parameters", "every_parameter_is_taken_or_named"),
        ("one at a time", "two_answers_at_once"),
        ("bound to a loop", "two_loops_in_turn"),
        ("closes late", "closing_an_answer"),
        ("leaves a task", "closing_an_answer"),
        ("leaves a task", "cancelling_an_answer"),
        ("closes late", "cancelling_an_answer"),
        ("swallows cancellation", "cancelling_an_answer"),
        ("answers once", "another_answer_after_one_that_was_stopped"),
        ("closes once", "closing_it_twice"),
        ("another error", "a_server_that_is_not_there"),
        ("foreign error", "a_server_that_is_not_there"),
        ("no target", "a_server_that_is_not_there"),
        ("an answer, then failure", "a_server_that_is_not_there"),
        ("foreign error", "a_server_that_refuses"),
        ("an answer, then failure", "a_server_that_refuses"),
    ],
)
async def test_each_defect_is_found(defect: str, test: str) -> None:
    suite = TestEcho()
    suite.defect, suite.soon = defect, 0.3  # type: ignore[misc]
    check = getattr(suite, f"test_{test}")
    checking = check() if inspect.iscoroutinefunction(check) else asyncio.to_thread(check)
    with pytest.raises((AssertionError, QwenError)):
        await checking


def test_each_check_has_a_defect_that_it_finds() -> None:
    (mark,) = test_each_defect_is_found.pytestmark  # type: ignore[attr-defined]
    tested = {f"test_{test}" for _, test in mark.args[1]}
    assert tested == {name for name in dir(BackendConformance) if name.startswith("test_")}


async def test_a_server_that_does_not_start_fails_the_test_with_its_own_error() -> None:
    class Suite(TestEcho):
        @asynccontextmanager
        async def answering(self) -> AsyncIterator[Any]:
            raise OSError("no port")
            yield

    with pytest.raises(OSError, match="no port"):
        await Suite().test_the_events_of_an_answer()


async def test_without_a_server_that_refuses_that_test_is_skipped() -> None:
    class Suite(TestEcho):
        refusing = BackendConformance.refusing  # type: ignore[assignment]

    with pytest.raises(pytest.skip.Exception):
        await Suite().test_a_server_that_refuses()
