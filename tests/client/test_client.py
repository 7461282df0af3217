"""The client and its streams: what a program sees, in any loop, thread and end."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from servers.web import STALL, ScriptedSpace

from qwen_magic import Message, QwenClient, Reply
from qwen_magic.backends.gradio.kind import DEFAULT_SPACES
from qwen_magic.client import default_chain
from qwen_magic.errors import ConnectError, DisconnectError, QwenError, UsageError
from qwen_magic.events import End, Reset, Responder, Status, TextDelta
from qwen_magic.loop import BackgroundLoop, background_loop

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

ROOT = Path(__file__).parents[2]


class Server:
    """A scripted Space on a thread of its own, for synchronous tests."""

    def __init__(self, **attributes: object) -> None:
        self.loop = BackgroundLoop()
        self.space = ScriptedSpace()
        for name, value in attributes.items():
            setattr(self.space, name, value)

    def __enter__(self) -> ScriptedSpace:
        self.loop.run(self.space.__aenter__())
        return self.space

    def __exit__(self, *_: object) -> None:
        self.loop.run(self.space.__aexit__())
        self.loop.close()


@pytest.fixture
def server() -> Iterator[ScriptedSpace]:
    with Server() as space:
        yield space


def closed_port() -> str:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def test_text_then_reply(scripted_space: ScriptedSpace) -> None:
    target = f"space:{scripted_space.url}"
    async with QwenClient(target) as client:
        stream = client.stream("hi", system="sys")
        parts = [text async for text in stream]
        reply = stream.reply
    assert "".join(parts) == "Hello."
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason, reply.target) == ("Hello.", "stop", target)
    assert reply.first_token_seconds is not None
    assert 0 < reply.first_token_seconds <= reply.seconds
    assert reply.messages == (Message("system", "sys"), Message("user", "hi"), Message("assistant", "Hello."))


async def test_events_begin_with_the_target_and_end_with_the_end(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        events = [event async for event in client.stream("hi").events()]
    assert isinstance(events[0], Responder)
    assert events[-1] == End("stop")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Hello."


async def test_a_stream_is_iterated_once(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        stream = client.stream("hi")
        assert [text async for text in stream]
        with pytest.raises(UsageError, match="once"):
            [text async for text in stream]


async def test_nothing_is_sent_before_iteration(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        client.stream("hi")
        await asyncio.sleep(0.05)
        assert not scripted_space.requests
        with pytest.raises(UsageError):
            client.stream("")
        with pytest.raises(UsageError):
            client.stream("hi", nonsense=1)


async def test_the_provider_interface(scripted_space: ScriptedSpace) -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    parts = [
        part
        async for part in QwenClient.create_async_generator(
            model=f"space:{scripted_space.url}", messages=messages, proxy=None
        )
    ]
    assert "".join(parts) == "Hello."
    assert scripted_space.seen("/queue/join")[0].body["data"][2] == "be brief"


async def test_what_the_server_rewrites(scripted_space: ScriptedSpace) -> None:
    space = scripted_space

    def generating(text: str) -> bytes:
        return space.message("process_generating", output={"data": [[["replace", [], [["hi", text]]]] for _ in "abc"]})

    first = space.message("process_generating", output={"data": ["", [["hi", "Thinking"]], "s"]})
    last = space.message("process_completed", output={"data": ["", [["hi", "Answer B"]], "s"]}, success=True)
    space.stream = [first, generating("Answer A and more"), generating("Answer"), last]
    async with QwenClient(f"space:{space.url}") as client:
        stream = client.stream("hi")
        events = [event async for event in stream.events()]
        assert stream.reply.text == "Answer B"
        assert [e.text for e in events if isinstance(e, Reset)] == ["Answer A and more", "Answer"]
        again = client.stream("hi")
        assert "".join([text async for text in again]) == "ThinkingAnswer A and more B"
        assert again.reply.text == "Answer B"


async def test_an_error_after_the_first_token_keeps_the_answer(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = scripted_space.answer(["Hel", "lo"])[:4]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        stream = client.stream("hi")
        with pytest.raises(DisconnectError) as caught:
            [text async for text in stream]
    for reply in (caught.value.reply, stream.reply):
        assert reply is not None
        assert (reply.text, reply.finish_reason) == ("Hello", "error")
        assert reply.messages[-1] == Message("assistant", "Hello")
    assert scripted_space.url in str(caught.value)


async def test_a_cancelled_task_tells_the_server(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = [*scripted_space.answer(["Hel", "lo"])[:4], STALL]
    client = QwenClient(f"space:{scripted_space.url}")
    stream = client.stream("hi")
    task = asyncio.ensure_future(_drain(stream))
    while stream.reply.text != "Hello":
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stream.reply.text, stream.reply.finish_reason) == ("Hello", "interrupted")
    assert scripted_space.seen("/cancel")[0].body["event_id"] == scripted_space.event_id
    await client.aclose()


async def test_cancel_ends_the_iteration(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = [*scripted_space.answer(["Hel", "lo"])[:4], STALL]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        stream = client.stream("hi")
        events = []
        async for event in stream.events():
            events.append(event)
            if isinstance(event, TextDelta) and stream.reply.text == "Hello":
                await stream.cancel()
        assert events[-1] == End("interrupted")
        assert stream.reply.text == "Hello"
        assert scripted_space.seen("/cancel")


async def test_cancel_before_the_start(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        stream = client.stream("hi")
        await stream.cancel()
        assert [event async for event in stream.events()] == [End("interrupted")]
        assert not scripted_space.requests


async def test_aclose_stops_open_streams_and_leaves_nothing(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = [*scripted_space.answer(["Hel", "lo"])[:4], STALL]
    client = QwenClient(f"space:{scripted_space.url}")
    tasks = [asyncio.ensure_future(client.ask("hi")) for _ in range(3)]
    await scripted_space.wait_seen("/queue/data")
    await asyncio.sleep(0.1)
    await client.aclose()
    replies = await asyncio.gather(*tasks)
    assert {reply.finish_reason for reply in replies} == {"interrupted"}
    await asyncio.sleep(0.1)
    port = int(scripted_space.url.rpartition(":")[2])
    open_to_it = [c for c in psutil.Process().net_connections() if c.raddr and c.raddr.port == port]
    assert not [c for c in open_to_it if c.status == psutil.CONN_ESTABLISHED]
    ours = [t for t in asyncio.all_tasks() if "qwen_magic" in str(t.get_coro())]
    assert not ours


async def test_a_client_can_be_used_again_after_aclose(scripted_space: ScriptedSpace) -> None:
    client = QwenClient(f"space:{scripted_space.url}")
    for _ in range(2):
        assert (await client.ask("hi")).text == "Hello."
        await client.aclose()


async def test_a_chain_goes_on_to_the_next_target(scripted_space: ScriptedSpace) -> None:
    refused, good = f"space:{closed_port()}", f"space:{scripted_space.url}"
    async with QwenClient([refused, good]) as client:
        stream = client.stream("hi")
        events = [event async for event in stream.events()]
    assert stream.reply.target == good
    failover = [e for e in events if isinstance(e, Status) and e.kind == "failover"]
    assert len(failover) == 1
    assert good in failover[0].text
    assert failover[0].target == refused


async def test_a_chain_does_not_go_on_after_the_first_token(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = scripted_space.answer(["Hel", "lo"])[:4]
    async with ScriptedSpace() as other, QwenClient([f"space:{scripted_space.url}", f"space:{other.url}"]) as client:
        with pytest.raises(DisconnectError):
            await client.ask("hi")
        assert not other.requests


async def test_refused_is_one_line() -> None:
    url = closed_port()
    async with QwenClient(f"space:{url}") as client:
        with pytest.raises(ConnectError) as caught:
            await client.ask("hi")
    line = str(caught.value)
    assert url in line
    assert "\n" not in line
    assert caught.value.reply is not None
    assert caught.value.reply.finish_reason == "error"


async def test_a_target_for_one_answer_alone(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{closed_port()}") as client:
        assert (await client.ask("hi", target=f"space:{scripted_space.url}")).text == "Hello."


def test_ask_sync_without_a_loop(server: ScriptedSpace) -> None:
    client = QwenClient(f"space:{server.url}")
    assert client.ask_sync("hi").text == "Hello."
    client.close()


async def test_ask_sync_inside_a_running_loop(scripted_space: ScriptedSpace) -> None:
    with Server() as space:
        client = QwenClient(f"space:{space.url}")
        assert client.ask_sync("hi").text == "Hello."
        await client.aclose()


def test_ask_sync_raises_what_went_wrong() -> None:
    client = QwenClient(f"space:{closed_port()}")
    with pytest.raises(ConnectError):
        client.ask_sync("hi")
    client.close()


def test_one_client_in_several_loops_and_threads(server: ScriptedSpace) -> None:
    client = QwenClient(f"space:{server.url}")
    texts: list[str] = []

    def run() -> None:
        async def main() -> None:
            replies = await asyncio.gather(*(client.ask("hi") for _ in range(3)))
            texts.extend(reply.text for reply in replies)

        asyncio.run(main())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    texts.append(client.ask_sync("hi").text)
    client.close()
    gc.collect()  # an unclosed session would warn here, and warnings are errors
    assert texts == ["Hello."] * 13


def test_cancel_from_another_thread(server: ScriptedSpace) -> None:
    server.stream = [*server.answer(["Hel", "lo"])[:4], STALL]
    client = QwenClient(f"space:{server.url}")
    stream = client.stream("hi")
    future = background_loop().submit(_drain(stream))
    while stream.reply.text != "Hello":
        time.sleep(0.01)
    asyncio.run(stream.cancel())
    future.result(5)
    assert stream.reply.finish_reason == "interrupted"
    client.close()


def run_script(body: str, url: str, *options: str) -> str:
    """Run a script in which every warning is an error, and give what it prints."""
    script = textwrap.dedent(body).replace("URL", repr(f"space:{url}"))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *options, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    problems = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert not problems, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "use",
    [
        "async with QwenClient(URL) as client:\n        print((await client.ask('hi')).text)",
        "client = QwenClient(URL)\n    print((await client.ask('hi')).text)\n    await client.aclose()",
        "client = QwenClient(URL)\n    print((await client.ask('hi')).text)",
        "print(''.join([t async for t in QwenClient.create_async_generator(URL, [{'role':'user','content':'hi'}])]))",
        "print(''.join([t async for t in QwenClient(URL).stream('hi')]))",
    ],
)
def test_a_script_ends_without_a_warning(server: ScriptedSpace, use: str) -> None:
    script = f"import asyncio\nfrom qwen_magic import QwenClient\nasync def main():\n    {use}\nasyncio.run(main())"
    assert run_script(script, server.url) == "Hello.\n"


def test_a_script_that_breaks_off_ends_without_a_warning(server: ScriptedSpace) -> None:
    server.stream = server.answer(["Hel", "lo", "!"], delay=0.05)
    script = """
        import asyncio
        from qwen_magic import QwenClient
        async def main():
            async with QwenClient(URL) as client:
                async for text in client.stream("hi"):
                    print(text)
                    break
        asyncio.run(main())
    """
    assert run_script(script, server.url) == "Hel\n"
    assert server.seen("/cancel")


def test_a_synchronous_script(server: ScriptedSpace) -> None:
    script = "from qwen_magic import QwenClient\nprint(QwenClient(URL).ask_sync('hi').text)"
    assert run_script(script, server.url) == "Hello.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_under_uvloop(server: ScriptedSpace) -> None:
    script = """
        import uvloop
        from qwen_magic import QwenClient
        async def main():
            client = QwenClient(URL)
            print((await client.ask("hi")).text, client.ask_sync("hi").text)
            await client.aclose()
        uvloop.run(main())
    """
    assert run_script(script, server.url) == "Hello. Hello.\n"


@pytest.mark.parametrize("package", ["nest_asyncio", "nest_asyncio2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_beside_a_users_own_nest_asyncio(server: ScriptedSpace, package: str, when: str) -> None:
    apply = f"import {package}; {package}.apply()"
    script = f"""
        import asyncio, warnings
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        asyncio.set_event_loop(asyncio.new_event_loop())
        {apply if when == "before" else ""}
        from qwen_magic import QwenClient
        client = QwenClient(URL)
        print(client.ask_sync("hi").text)
        {apply if when == "after" else ""}
        print(client.ask_sync("hi").text)
        async def main():
            reply = await client.ask("hi")
            await client.aclose()  # nest_asyncio itself does not know of asynchronous generators
            return reply.text
        print(asyncio.get_event_loop().run_until_complete(main()))
        asyncio.get_event_loop().close()
    """
    assert run_script(script, server.url) == "Hello.\n" * 3


def test_a_fork_gets_a_loop_of_its_own() -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    script = """
        import os, asyncio, warnings
        warnings.simplefilter("ignore")
        from qwen_magic.loop import background_loop
        async def one():
            return 1
        assert background_loop().run(one()) == 1
        pid = os.fork()
        if pid == 0:
            os._exit(background_loop().run(one()))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert run_script(script, "") == "1\n"


async def test_the_background_loop_refuses_to_wait_for_itself() -> None:
    async def wait_inside() -> None:
        background_loop().run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="never end"):
        background_loop().run(wait_inside())


def test_closing_the_loop_ends_its_thread_and_it_can_start_again() -> None:
    loop = BackgroundLoop()
    for _ in range(3):
        assert loop.run(_value(5)) == 5
        assert loop.running
        loop.close()
        assert not loop.running
    assert not [t for t in threading.enumerate() if t.name == "qwen_magic" and t is not background_loop()._thread]


def test_iterate_ticks_and_cancels() -> None:
    loop = BackgroundLoop()
    cancelled, ended = threading.Event(), threading.Event()
    release = asyncio.Event()

    async def source():
        try:
            yield 1
            await asyncio.sleep(60)
            yield 2
        finally:
            cancelled.set()
            await release.wait()  # who closes does not wait for this
            ended.set()

    async def release_it():
        release.set()

    items = loop.iterate(source(), tick=0.05)
    assert next(items) == 1
    assert next(items) is None
    items.close()
    assert cancelled.wait(10)
    assert not ended.is_set()
    loop.submit(release_it()).result(10)
    assert ended.wait(10)
    loop.close()


def test_the_default_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    monkeypatch.setenv("QWEN_TARGET", "local, qwen-2-72b")
    assert [str(t) for t in default_chain()] == ["local", "qwen-2-72b"]
    monkeypatch.delenv("QWEN_TARGET")
    assert [str(t) for t in default_chain()] == list(DEFAULT_SPACES)  # no weights here, and none are fetched unasked


def test_errors_are_of_one_tree() -> None:
    from qwen_magic import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, BaseException)]
    assert len(classes) > 10
    assert all(issubclass(c, QwenError) for c in classes)


async def _value(value: int) -> int:
    return value


def _drain(stream) -> Coroutine[object, object, None]:
    async def drain() -> None:
        async for _ in stream.events():
            pass

    return drain()
