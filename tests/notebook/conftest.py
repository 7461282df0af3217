from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from thinker import Thinker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory


@pytest.fixture
def space(gradio_server: ServerFactory) -> GradioServer:
    """Give a Space that answers many at once."""
    return gradio_server("6.31.0", "qwenlike", QWEN_TEST_CONCURRENCY="40")


@pytest.fixture(scope="module")
def _module_kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(_module_kernel: Kernel, space: GradioServer) -> Kernel:
    """Give the module's kernel, with the magic loaded and its target the Space."""
    _load(_module_kernel, space)
    return _module_kernel


@pytest.fixture
def fresh_kernel(space: GradioServer) -> Iterator[Kernel]:
    """Give a kernel of the test's own, ready likewise."""
    with Kernel() as kernel:
        _load(kernel, space)
        yield kernel


def _load(kernel: Kernel, space: GradioServer) -> None:
    run = kernel.run(
        f"%reload_ext qwen_magic\n%config QwenMagics.target = 'space:{space.url}'\nimport qwen_magic, asyncio"
    )
    assert run.status == "ok", run.reply


@pytest.fixture(scope="module")
def thinker() -> Iterator[Thinker]:
    """Give a server that thinks."""
    server = Thinker()
    yield server
    server.close()
