"""Files fetched from servers that mean harm: addresses in every spelling, names that change, answers without end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.resolver import ThreadedResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_magic.backends import fetching
from qwen_magic.backends.fetching import fetch, is_own, is_public
from qwen_magic.errors import UsageError
from qwen_magic.notebook import attachments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "Zm9vYmFyc2VjcmV0"
HEAD = b"HTTP/1.1 200 OK\r\n"
NO_LENGTH = HEAD + b"\r\n"

NOT_PUBLIC = [
    *("::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "fec0::1", "4000::1", "5f00::1"),
    *(
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "192.0.0.192",
        "192.88.99.1",
        "3fff::1",
        "2001:db8::1",
        "100.100.100.200",
    ),
]
SPELLED = [
    *("127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "0", "127.0.0.1."),
    *(
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "127。0。0。1",
        "8.8.8.8@127.0.0.1",
        "u:p@127.0.0.1",
        "[::ffff:7f00:1]",
        "[::1%251]",
    ),
    *("127.0.0.1#@8.8.8.8", "127.0.0.1?@8.8.8.8", "[::127.0.0.1]", "169.254.43518", "2852039166", "LOCALHOST"),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_only_looks_public_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", SPELLED)
async def test_no_spelling_leads_to_this_machine_and_the_line_says_why(host: str) -> None:
    async with serving(lambda _: NO_LENGTH + b"reached") as (port, seen):
        where = host if any(sign in host for sign in "#?") else f"{host}:{port}"
        with pytest.raises(UsageError, match="is not an address of the public network"):
            await fetch(f"http://{where}/{SECRET}/a.png?token={SECRET}")
        assert not seen


async def test_this_machines_own_address_is_refused_where_it_is_a_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "is_public", lambda _: True)  # as on a machine in the middle of the public network
    assert is_own("127.0.0.1")
    async with serving(lambda _: NO_LENGTH + b"reached") as (port, seen):
        with pytest.raises(UsageError, match="is not an address of the public network"):
            await fetch(f"http://127.0.0.1:{port}/")
        assert not seen


async def test_a_name_that_changes_its_address_is_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses, asked = iter(["127.0.0.1", "127.0.0.5"]), []

    async def resolve(self: Any, host: str, port: int = 0, family: Any = 0) -> list[dict[str, Any]]:
        asked.append(host)
        one = next(addresses, "127.0.0.5")
        return [{"hostname": host, "host": one, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda _: redirect) as (port, seen):
        with pytest.raises(UsageError, match=r"rebound\.example is not an address of the public network"):
            await fetch(f"http://rebound.example:{port}/", lambda address: address == "127.0.0.1")
        assert len(seen) == 1
    assert len(asked) == 2  # what was checked is what is connected to: nothing is resolved in between


async def test_a_login_stays_with_its_own_server() -> None:
    async with serving(lambda _: NO_LENGTH + b"there") as (other, seen):
        place = f"http://localhost:{other}/b.txt".encode()
        redirect = b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
        async with serving(lambda _: redirect) as (port, first):
            found = await fetch(f"http://user:{SECRET}@127.0.0.1:{port}/a.txt", lambda address: "127." in address)
    assert found == ("b.txt", b"there")
    assert b"Authorization" in first[0]
    assert b"Authorization" not in seen[0]
    assert SECRET.encode() not in seen[0]


@pytest.mark.parametrize(
    ("beginning", "again", "words"),
    [
        (NO_LENGTH, b"x", "did not answer within"),
        (HEAD, b"X-A: b\r\n", "did not answer within|cannot be reached"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", "did not answer within|cannot be reached"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "did not answer within"),
        (b"", b"", "did not answer within"),
    ],
)
async def test_what_trickles_has_an_end(
    beginning: bytes, again: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_SECONDS", 0.5)
    async with serving(lambda _: beginning, again, every=0.02) as (port, _seen):
        with pytest.raises(UsageError, match=words):
            await asyncio.wait_for(fetch(f"http://127.0.0.1:{port}/{SECRET}", here), 20)


async def test_slow_redirects_together_have_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SECONDS", 1.0)
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda _: redirect, wait=0.4) as (port, seen):
        with pytest.raises(UsageError, match="did not answer within 1 s"):
            await fetch(f"http://127.0.0.1:{port}/", here)
        assert len(seen) < 5


async def test_what_has_no_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1_000_000)
    async with serving(lambda _: NO_LENGTH, b"x" * 60_000) as (port, _seen):
        with pytest.raises(UsageError, match="has more than"):
            await asyncio.wait_for(fetch(f"http://127.0.0.1:{port}/{SECRET}", here), 20)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: identity, br\r\n",
        b"Content-Encoding: \x80\xff\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"no header at all\r\n",
        b"X: " + b"y" * 100_000 + b"\r\n",
    ],
)
async def test_an_answer_that_is_none_is_one_line(head: bytes) -> None:
    async with serving(lambda _: HEAD + head + b"\r\nabc") as (port, _seen):
        fetching_it = fetch(f"http://127.0.0.1:{port}/?k={SECRET}", here)
        (found,) = await asyncio.gather(asyncio.wait_for(fetching_it, 20), return_exceptions=True)
    if isinstance(found, fetching.Fetched):
        assert len(found.data) <= 3  # what came is no more than was sent: nothing was unpacked
    else:
        assert isinstance(found, UsageError)
        assert SECRET not in f"{found}{found!r}"
        assert "\n" not in str(found)


places = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["http://[", "http://a:99999/", "//", "http:///x", "http://\ud800/", "http://%00/", "a://b", "http://x:y:z/"]
    ),
    st.builds(
        "{}://{}{}/{}".format,
        st.sampled_from(["http", "https", "file", "HTTP", "gopher"]),
        st.sampled_from(["", f"u:{SECRET}@", f"{SECRET}@"]),
        st.text(max_size=30),
        st.text(max_size=30),
    ),
)


@settings(deadline=None, max_examples=150)
@given(place=places)
def test_any_address_is_fetched_or_refused_in_one_line(place: str) -> None:
    async def resolve(*_: Any) -> Any:
        raise OSError("no name is known here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadedResolver, "resolve", resolve)
        with pytest.raises(UsageError) as caught:
            asyncio.run(fetch(place, lambda _: False))
    assert "\n" not in str(caught.value)
    if SECRET not in place.rpartition("@")[2]:
        assert SECRET not in f"{caught.value}{caught.value!r}"


def test_a_small_file_that_unpacks_to_a_large_table_is_refused_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "_MOST_UNPACKED", 10**6)
    book, table = tmp_path / "book.xlsx", tmp_path / "table.parquet"
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("sheet.xml", bytes(3 * 10**6))
    pyarrow = pytest.importorskip("pyarrow")
    importlib.import_module("pyarrow.parquet").write_table(pyarrow.table({"a": [1] * 400_000}), table)
    for path in (book, table):
        assert path.stat().st_size < 10**5
        with pytest.raises(UsageError, match=f"{path.name} unpacks to [23]"):
            attachments.attached([str(path)])


def here(address: str) -> bool:
    """Stand for the public network."""
    return address == "127.0.0.1"


@asynccontextmanager
async def serving(
    answer: Any, again: bytes | None = None, *, every: float = 0.0, wait: float = 0.0
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve bytes: an answer to each request, and what is sent behind it again and again."""
    seen: list[bytes] = []

    tasks: set[Any] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            await asyncio.sleep(wait)
            writer.write(answer(seen[-1]))
            while again is not None:
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(every)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
