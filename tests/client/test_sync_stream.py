"""Answers streamed by a plain ``for``, and clients that are let go of while an answer streams."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time

import pytest
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.errors import QwenError, UsageError
from qwen_magic.loop import background_loop

SLOW = streamed(*(part for number in range(200) for part in (chunk(f"w{number} "), 0.02)))


def test_text_comes_as_it_is_written() -> None:
    script = Script(streamed(chunk("one "), 0.3, chunk("two"), chunk("", "stop")))
    with serving(script.app()) as url, QwenClientSync(url) as client:
        stream = client.stream_sync("hello", "Be brief.", temperature=0.1)
        first = next(stream)
        assert (first, stream.reply.finish_reason) == ("one ", "interrupted")
        assert first + "".join(stream) == "one two"
        assert (stream.reply.text, stream.reply.finish_reason) == ("one two", "stop")
        assert script.bodies[0]["temperature"] == 0.1
        assert [message["role"] for message in script.bodies[0]["messages"]] == ["system", "user"]


@pytest.mark.parametrize("way", ["break", "close", "with", "raise"])
def test_it_stops_when_its_user_goes_away(way: str) -> None:
    script = Script(SLOW)
    with serving(script.app()) as url, QwenClientSync(url) as client:
        stream = client.stream_sync("count")
        if way == "break":
            for _ in stream:
                break
        elif way == "with":
            with stream:
                next(stream)
        elif way == "close":
            next(stream)
            stream.close()
        else:
            with contextlib.suppress(ZeroDivisionError):
                for text in stream:
                    assert len(text) / 0
        reply_of = client._streams
        del stream
        gc.collect()
        end = time.monotonic() + 20
        while reply_of and time.monotonic() < end:
            time.sleep(0.05)
        assert not reply_of


def test_what_is_wrong_is_said_at_once_or_where_it_is_iterated() -> None:
    client = QwenClient("openai:http://127.0.0.1:9/v1#m", connect_timeout=5)
    with pytest.raises(UsageError):
        client.stream_sync("")
    with pytest.raises(QwenError):
        list(client.stream_sync("hello"))
    client.close()


def test_a_client_that_is_retired_lets_its_answers_end() -> None:
    script = Script(streamed(chunk("one "), 0.5, chunk("two"), chunk("", "stop")))
    with serving(script.app()) as url:
        client = QwenClient(f"openai:{url}/v1#m")
        stream = client.stream_sync("hello")
        first = next(stream)
        background_loop().run(client.retire())
        assert first + "".join(stream) == "one two"
        end = time.monotonic() + 20
        while client._backends and time.monotonic() < end:
            time.sleep(0.05)
        assert not client._backends
        idle = QwenClient(f"openai:{url}/v1#m")
        asyncio.run(idle.retire())


class QwenClientSync:
    """A client for a with statement of synchronous code."""

    def __init__(self, url: str) -> None:
        self._client = QwenClient(f"openai:{url}/v1#m")

    def __enter__(self) -> QwenClient:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()
