"""The tests' own servers: each app behaves on each version as the other tests take for granted."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from servers import web
from servers.gradio_server import GradioServer

if TYPE_CHECKING:
    from servers.plugin import ServerFactory

TUPLES = [["q1", "a1"]]
MESSAGES = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]
PARTS = [{"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in MESSAGES]


class Talk:
    """The bare protocol: a config, joins, and streams read to their end."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url, self.root = http, url, url
        self.config: dict[str, Any] = {}

    async def open(self) -> Talk:
        async with self.http.get(self.url + "/config") as response:
            self.config = await response.json()
        self.root = self.url + (self.config.get("api_prefix") or "")
        return self

    async def join(self, name: str, data: list[Any], session: str) -> tuple[int, dict[str, Any]]:
        index = next(d["id"] for d in self.config["dependencies"] if d["api_name"] == name)
        body = {"data": data, "fn_index": index, "session_hash": session}
        async with self.http.post(self.root + "/queue/join", json=body) as response:
            return response.status, {"fn_index": index, **await response.json()}

    async def read(self, session: str) -> list[dict[str, Any]]:
        async with self.http.get(self.root + "/queue/data", params={"session_hash": session}) as response:
            content = await response.read()
        return [json.loads(line[5:]) for line in content.split(b"\n") if line.startswith(b"data:")]

    async def call(self, name: str, data: list[Any], session: str | None = None) -> list[dict[str, Any]]:
        session = session or f"s-{name}"
        status, _ = await self.join(name, data, session)
        assert status == 200
        return await self.read(session)


@pytest.fixture
async def http() -> Any:
    jar = aiohttp.CookieJar(unsafe=True)  # the default one keeps no cookies of a bare IP address
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), cookie_jar=jar) as session:
        yield session


def completed(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return next(m for m in messages if m["msg"] == "process_completed")


def generating(messages: list[dict[str, Any]]) -> list[list[Any]]:
    return [m["output"]["data"] for m in messages if m["msg"] == "process_generating"]


async def test_qwenlike(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    talk = await Talk(http, server.url).open()
    assert talk.config["version"] == gradio_version
    history = PARTS if gradio_version >= "6" else TUPLES
    messages = await talk.call("model_chat", ["count 5 0.01", history, "Be brief."])
    assert len(generating(messages)) == 5
    start, end = server.log()
    assert (start["fn"], start["prompt"], start["system"]) == ("model_chat", "count 5 0.01", "Be brief.")
    assert len(start["history"]) == len(history)
    assert (end["event"], end["yields"], end["id"]) == ("done", 5, start["id"])
    assert "w0 w1 w2 w3 w4" in json.dumps(completed(messages)["output"]["data"])
    assert completed(await talk.call("clear_session", []))["output"]["data"] == ["", []]


@pytest.mark.parametrize("kind", ["tuples", "messages"])
async def test_chatinterface(
    gradio_version: str, kind: str, gradio_server: ServerFactory, http: aiohttp.ClientSession
) -> None:
    if gradio_version >= "6" and kind == "tuples":
        pytest.skip("Gradio 6 knows messages alone")
    server = gradio_server(gradio_version, "chatinterface", QWEN_TEST_CHAT_TYPE=kind)
    talk = await Talk(http, server.url).open()
    name = "respond" if gradio_version >= "6" else "chat"
    extras = ["SYS", 100, 0.5, 0.9]
    messages = await talk.call(name, ["echo abcdefgh", None, *extras], kind)
    assert completed(messages)["output"]["data"][0] == "abcdefgh"
    await talk.call(name, ["and then?", None, *extras], kind)
    first, second = server.calls("respond")
    assert first["history"] == []
    assert first["extra"] == {"max_tokens": 100, "temperature": 0.5, "top_p": 0.9}
    assert "abcdefgh" in json.dumps(second["history"])


async def test_chatinterface_takes_a_history_through_its_hidden_functions(
    gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession
) -> None:
    server = gradio_server(gradio_version, "chatinterface")
    talk = await Talk(http, server.url).open()
    extras = ["SYS", 100, 0.5, 0.9]
    if gradio_version.startswith("4"):
        await talk.call("_clear_and_save_textbox", ["third?"], "hidden")
        await talk.call("_stream_fn", [None, [*TUPLES, ["third?", None]], *extras], "hidden")
    else:
        await talk.call("lambda", [PARTS if gradio_version >= "6" else TUPLES], "hidden")
        await talk.call("respond" if gradio_version >= "6" else "chat", ["third?", None, *extras], "hidden")
    (call,) = server.calls("respond")
    assert call["prompt"] == "third?"
    assert "a1" in json.dumps(call["history"])
    assert len(call["history"]) == (2 if gradio_version >= "6" else 1)


async def test_misc(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    server = gradio_server(gradio_version, "misc")
    talk = await Talk(http, server.url).open()
    answers = {
        name: await talk.call(name, ["0.2" if name == "silent" else "2 0.1"])
        for name in (
            *("rewrite", "grerror", "grerror_first", "quota", "crash", "plain", "notes", "slow", "silent"),
            *("unicode", "deletes", "deletes_json", "thinking"),
        )
    }
    ends = {name: completed(messages)["success"] for name, messages in answers.items()}
    assert [name for name, success in ends.items() if not success] == [
        "grerror",
        "grerror_first",
        "quota",
        "crash",
    ]
    counts = {name: len(generating(messages)) for name, messages in answers.items()}
    assert counts["rewrite"] == 6
    assert counts["grerror"] == counts["crash"] == counts["slow"] == 2
    assert counts["grerror_first"] == counts["quota"] == counts["plain"] == 0
    assert completed(answers["crash"])["output"] == {"error": None}
    assert "Try again in 0:09:48." in completed(answers["quota"])["output"]["error"]
    if gradio_version >= "5":
        assert completed(answers["quota"])["output"]["title"] == "ZeroGPU quota exceeded"
    assert [m["level"] for m in answers["notes"] if m["msg"] == "log"] == ["info", "warning"]
    assert [m["progress_data"][0]["desc"] for m in answers["notes"] if m["msg"] == "progress"] == [
        "Loading weights",
        "Warming up",
    ]
    said = completed(answers["unicode"])["output"]["data"][0]
    assert "\u2028" in said
    assert "\u0085" in said
    edits = [edit for data in generating(answers["deletes"])[1:] for edit in data[0]]
    deletes = [path for action, path, _ in edits if action == "delete"]
    assert [2] in deletes
    if gradio_version >= "5":
        assert any(path[-1] < 0 for path in deletes), deletes
    titles = json.dumps(generating(answers["thinking"]))
    assert "Thinking" in titles
    assert "Thought for 1 second" in titles
    failed = {e["fn"]: e["yields"] for e in server.log() if e["event"] == "failed"}
    assert failed == {"grerror": 2, "grerror_first": 0, "quota": 0, "crash": 2}


async def test_misc_chats(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    server = gradio_server(gradio_version, "misc")
    talk = await Talk(http, server.url).open()
    history = PARTS if gradio_version >= "6" else MESSAGES
    messages = await talk.call("messages_chat", ["hello", history, "S"])
    assert "Turns before: 1. System: S." in json.dumps(completed(messages))
    messages = await talk.call("long", ["3000000", []])
    assert len(json.dumps(completed(messages), ensure_ascii=False)) > 3_000_000
    assert len(generating(messages)) == 46


async def test_a_cancel_is_seen(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    talk = await Talk(http, server.url).open()
    _, joined = await talk.join("model_chat", ["count 200 0.05", [], "S"], "c")
    reading = asyncio.create_task(talk.read("c"))
    await asyncio.to_thread(server.wait_log, lambda e: e["event"] == "start")
    await asyncio.sleep(0.3)
    async with http.post(talk.root + "/cancel", json={"session_hash": "c", **joined}) as response:
        assert (await response.json()) == {"success": True}
    assert completed(await reading)["output"] == {}
    end = await asyncio.to_thread(server.wait_log, lambda e: e["event"] != "start")
    assert end["event"] == "cancelled"
    assert 0 < end["yields"] < 50


async def test_a_full_queue(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    server = gradio_server(gradio_version, "qwenlike", QWEN_TEST_QUEUE_MAX="1")
    talk = await Talk(http, server.url).open()
    first, _ = await talk.join("model_chat", ["count 20 0.05", [], "S"], "q1")
    await asyncio.to_thread(server.wait_log, lambda e: e["event"] == "start")
    second, _ = await talk.join("model_chat", ["hello", [], "S"], "q2")
    status, refused = await talk.join("model_chat", ["hello", [], "S"], "q3")
    assert (first, second, status) == (200, 200, 503)
    assert refused["detail"] == "Queue is full. Max size is 1 and size is 1."
    await asyncio.gather(talk.read("q1"), talk.read("q2"))


async def test_login_and_kill(gradio_version: str, gradio_server: ServerFactory, http: aiohttp.ClientSession) -> None:
    gradio_server(gradio_version, "qwenlike")  # skips where there is no environment
    with GradioServer(gradio_version, "qwenlike", QWEN_TEST_AUTH="user:pw") as server:
        async with http.get(server.url + "/config") as response:
            assert response.status == 401
        async with http.post(server.url + "/login", data={"username": "user", "password": "pw"}) as response:
            assert response.status == 200
        server.kill()
        assert not server.alive()
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(server.url + "/config")


async def test_scripted_space(scripted_space: web.ScriptedSpace, http: aiohttp.ClientSession) -> None:
    space = scripted_space
    talk = await Talk(http, space.url).open()
    messages = await talk.call("model_chat", ["hi", [], "sys"])
    assert completed(messages)["output"]["data"] == ["", [["hi", "Hello."]], "sys"]
    assert messages[-1]["msg"] == "close_stream"
    assert space.seen("/queue/join")[0].body["data"] == ["hi", [], "sys"]
    assert space.seen("/queue/join")[0].cookies == {"spaces-replica": "replica-1"}
    space.fail(web.too_many("2"), path="/queue/join", requests=1)
    space.fail(web.asleep(502), path="/config", seconds=0.2)
    async with http.post(space.url + "/queue/join", json={}) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "2")
    async with http.get(space.url + "/config") as response:
        assert (response.status, response.content_type) == (502, "text/html")
    await asyncio.sleep(0.25)
    await talk.open()
    space.stages = ["SLEEPING", "APP_STARTING"]
    stages = []
    for _ in range(3):
        async with http.get(space.url + "/api/spaces/Qwen/Qwen2-72B-Instruct/runtime") as response:
            stages.append((await response.json())["stage"])
    assert stages == ["SLEEPING", "APP_STARTING", "RUNNING"]


async def test_scripted_streams_break(scripted_space: web.ScriptedSpace, http: aiohttp.ClientSession) -> None:
    space = scripted_space
    space.streams = [
        [b'data: {"msg":"process_gen', web.CUT],
        [web.STALL],
        [web.HEARTBEATS],
        [web.SESSION_NOT_FOUND, web.CUT],
    ]
    with pytest.raises(aiohttp.ClientPayloadError):
        await Talk(http, space.url).read("x")
    for beats in (False, True):
        async with http.get(space.url + "/queue/data") as response:
            chunk = asyncio.create_task(response.content.readany())
            done, _ = await asyncio.wait([chunk], timeout=0.2)
            assert bool(done) is beats
            if done:
                assert b'"heartbeat"' in chunk.result()
            chunk.cancel()
    async with http.get(space.url + "/queue/data") as response:
        assert b'"session_not_found":true' in await response.content.readline()
