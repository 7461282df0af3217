"""A Hub on loopback, which sends to a CDN on another port as the real one does: real aiohttp servers in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "hf_made-up-token-for-tests"


@dataclass(frozen=True)
class Asked:
    """A request that came: to which server, for what, with what."""

    server: str
    path: str
    range: str
    token: str


@dataclass
class FakeHub:
    """What the Hub holds, how it misbehaves, and what it was asked."""

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    sent: bytes | None = None
    hashes: bool = True
    page: int = 1000
    down: int = 0
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    cdn: str = ""

    def requests(self, server: str) -> list[Asked]:
        return [one for one in self.asked if one.server == server]

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}/tree/main", self._tree)
        app.router.add_get("/{owner}/{name}/resolve/main/{path:.+}", self._resolve)
        app.router.add_get("/blob/{owner}/{name}/{path:.+}", self._blob)
        return app

    def _note(self, request: web.Request) -> str:
        headers = request.headers
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        server = "cdn" if self.cdn.endswith(request.host) else "hub"
        self.asked.append(Asked(server, request.path, headers.get("Range", ""), token))
        return token

    async def _tree(self, request: web.Request) -> web.Response:
        token, repo = self._note(request), "{owner}/{name}".format(**request.match_info)
        if self.down:
            return web.Response(status=self.down)
        if new := self.moved.get(repo):
            raise web.HTTPTemporaryRedirect(f"/api/models/{new}/tree/main?{request.query_string}")
        if repo not in self.repos or (repo in self.private and token != TOKEN):
            status = 404 if token else 401
            return web.json_response({"error": "Repository not found"}, status=status)
        entries = [{"type": "directory", "oid": "a" * 40, "size": 0, "path": "folder"}]
        for path, content in self.repos[repo].items():
            entry = {"type": "file", "oid": "b" * 40, "size": len(content), "path": path}
            if self.hashes:
                entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        begin = int(request.query.get("cursor", 0))
        headers = {}
        if len(entries) > begin + self.page:
            # The real Hub names itself there, though it was asked through a mirror.
            there = f"https://huggingface.co{request.path}?recursive=true&cursor={begin + self.page}"
            headers["Link"] = f'<{there}>; rel="next"'
        return web.json_response(entries[begin : begin + self.page], headers=headers)

    async def _resolve(self, request: web.Request) -> web.Response:
        token, repo = self._note(request), "{owner}/{name}".format(**request.match_info)
        path = request.match_info["path"]
        if new := self.moved.get(repo):
            raise web.HTTPTemporaryRedirect(f"/{new}/resolve/main/{path}")
        if repo in self.gated and token != TOKEN:
            return web.Response(status=403 if token else 401, headers={"X-Error-Code": "GatedRepo"})
        if path not in self.repos.get(repo, {}):
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        raise web.HTTPFound(f"{self.cdn}/blob/{repo}/{path}?signature=s")

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        repo, path = "{owner}/{name}".format(**request.match_info), request.match_info["path"]
        content = self.repos[repo][path] if self.sent is None else self.sent
        asked = request.http_range
        begin = asked.start or 0
        response = web.StreamResponse(status=206 if request.headers.get("Range") else 200)
        response.content_length = len(content) - begin
        if begin:
            response.headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        await response.prepare(request)
        if self.cuts:
            await response.write(content[begin : begin + self.cuts.pop(0)])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(content[begin:])
        await response.write_eof()
        return response


@contextlib.contextmanager
def serving_fake_hub() -> Iterator[FakeHub]:
    """Serve a Hub and its CDN until the block ends."""
    hub, loop, begun = FakeHub(), asyncio.new_event_loop(), threading.Event()
    runners = [web.AppRunner(hub.app()) for _ in range(2)]

    async def begin() -> None:
        for runner in runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        hub.url, hub.cdn = (f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners)
        begun.set()

    async def end() -> None:
        for runner in runners:
            await runner.cleanup()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(begin())
        loop.run_forever()
        loop.run_until_complete(end())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert begun.wait(30)
    try:
        yield hub
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
