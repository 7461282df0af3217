"""Fixtures for the tests: Gradio servers, kept for the session, and a scripted Space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
import pytest_asyncio

from .environments import MODERN, OLD, existing, require_all
from .gradio_server import GradioServer
from .web import ScriptedSpace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


_KEPT = 3
"""Servers that run at the same time; each takes some 100 MB."""


class ServerFactory(Protocol):
    """The `gradio_server` fixture: a running server of a version and an app, one for equal arguments."""

    def __call__(self, version: str, app: str, **env: str) -> GradioServer:
        """Give it, started when there is none or it is dead."""


def skip_without(version: str) -> None:
    """Skip the test when the environment is absent and is not to be made."""
    if existing(version) is None and not require_all():
        pytest.skip(
            f"no environment of Gradio {version}: run tests/servers/environments.py, or set QWEN_MAGIC_TESTS=all"
        )


# Of a module's scope, so that its tests of one version stand together and share servers.
@pytest.fixture(scope="module", params=list(MODERN))
def gradio_version(request: pytest.FixtureRequest) -> str:
    """Run the test once for each version of Gradio with today's protocol."""
    skip_without(request.param)
    return str(request.param)


@pytest.fixture(scope="module", params=list(OLD))
def old_version(request: pytest.FixtureRequest) -> str:
    """Run the test once for each older version, of which each has a queue protocol of its own."""
    skip_without(request.param)
    return str(request.param)


@pytest.fixture(scope="session")
def _gradio_servers() -> Iterator[dict[tuple[object, ...], GradioServer]]:
    servers: dict[tuple[object, ...], GradioServer] = {}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def gradio_server(_gradio_servers: dict[tuple[object, ...], GradioServer]) -> ServerFactory:
    """Give the factory of servers; a test gets each with an empty log."""
    cleared: set[int] = set()

    def factory(version: str, app: str, **env: str) -> GradioServer:
        skip_without(version)
        key = (version, app, *sorted(env.items()))
        server = _gradio_servers.pop(key, None)
        if server is None or not server.alive():
            if server is not None:
                server.stop()
            server = GradioServer(version, app, timeout=60, **env).start()
        _gradio_servers[key] = server  # the last one used stands last
        for idle in list(_gradio_servers)[:-_KEPT]:
            _gradio_servers.pop(idle).stop()
        if id(server) not in cleared:
            cleared.add(id(server))
            server.clear_log()
        return server

    return factory


@pytest_asyncio.fixture
async def scripted_space() -> AsyncIterator[ScriptedSpace]:
    """Give a scripted Space that runs on the test's own loop."""
    async with ScriptedSpace() as space:
        yield space
