"""Files that are fetched by their address: from the public network alone, whatever a name or a redirect says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from qwen_magic.backends import fetching
from qwen_magic.backends.fetching import fetch, is_public
from qwen_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path.removeprefix("/to/")))
            self.send_header("Set-Cookie", "a=b")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/gone" else 200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(b"x" * 5000)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with serving() as server:
        yield server


def here(address: str) -> bool:
    """Stand for the public network."""
    return address == "127.0.0.1"


PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::", "ff02::1", "fe80::1%eth0", "no address"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_ones_own_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_an_address_of_the_public_network_is() -> None:
    assert all(map(is_public, ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8")))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_this_machine_is_never_asked(server: ThreadingHTTPServer, host: str) -> None:
    server.seen.clear()  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"(?:not an address of the public network|cannot be reached)"):
        await fetch(f"http://{host}:{server.server_port}/a.png")
    assert not server.seen  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["http://127.0.0.2:{port}/secret", "http://[::1]:{port}/", "//127.0.0.3:{port}/x"])
async def test_a_redirect_leads_to_no_private_address(server: ThreadingHTTPServer, place: str) -> None:
    server.seen.clear()  # type: ignore[attr-defined]
    target = place.format(port=server.server_port)
    with pytest.raises(UsageError, match="not an address of the public network"):
        await fetch(f"http://127.0.0.1:{server.server_port}/to/{target}", here)
    assert [unquote(path) for path, _ in server.seen] == [f"/to/{target}"]  # type: ignore[attr-defined]


async def test_a_name_that_stands_for_a_private_address_is_refused(server: ThreadingHTTPServer) -> None:
    answers = iter([True])  # of the address that is written; what the name stands for is refused

    def first_alone(_address: str) -> bool:
        return next(answers, False)

    url = f"http://127.0.0.1:{server.server_port}/to/http://localhost:{server.server_port}/b"
    with pytest.raises(UsageError, match="localhost is not an address of the public network"):
        await fetch(url, first_alone)


async def test_a_file_is_fetched_through_redirects(server: ThreadingHTTPServer) -> None:
    server.seen.clear()  # type: ignore[attr-defined]
    base = f"http://127.0.0.1:{server.server_port}"
    found = await fetch(f"{base}/to/{base}/plots/my%20plot.png?token=1", here)
    assert (found.name, found.data) == ("my plot.png", b"x" * 5000)
    assert all("Cookie" not in headers for _, headers in server.seen)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone", "answered 404"),
        ("/packed", "compressed the file"),
        ("/to/ftp://127.0.0.1/x", "only an http or https address is fetched"),
        ("/to/file:///etc/passwd", "only an http or https address is fetched"),
    ],
)
async def test_one_line_says_why_it_is_not_fetched(server: ThreadingHTTPServer, path: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        await fetch(f"http://127.0.0.1:{server.server_port}{path}", here)
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_too_large_is_not_read_to_its_end(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="more than"):
        await fetch(f"http://127.0.0.1:{server.server_port}/a", here)


async def test_redirects_have_an_end(server: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/end"
    for _ in range(7):
        url = f"http://127.0.0.1:{server.server_port}/to/{url}"
    with pytest.raises(UsageError, match="redirects again and again"):
        await fetch(url, here)
