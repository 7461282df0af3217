"""The first sign of life of a session's first question: it is there before what the question needs is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import FreshKernel
from recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCH = """
import sys
loaded, publish = [], get_ipython().display_pub.publish
def watched(*args, **kwargs):
    loaded.append(any(name in sys.modules for name in ("aiohttp", "qwen_magic.client.client", "qwen_magic.panel.panel")))
    return publish(*args, **kwargs)
get_ipython().display_pub.publish = watched
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


@pytest.mark.parametrize("line", ["%qwen ask hello", "%%qwen\nhello", "%qwen panel"])
def test_it_is_there_before_the_imports(server: Recorder, line: str) -> None:
    with FreshKernel(QWEN_TARGET=server.target) as kernel:
        kernel.run("%load_ext qwen_magic")
        kernel.run(WATCH)
        run = kernel.run(line)
        assert run.status == "ok", run.reply
        assert "starting" in run.drawn[0].content["data"]["text/plain"]
        assert kernel.value("loaded[:1]") == [False]
        assert kernel.value("loaded[-1]") is True
        assert not [bundle for bundle in run.shown if "starting" in str(bundle)]
        if "panel" not in line:
            assert run.answer.endswith("(hello)")
            again = kernel.run(line)
            assert "starting" not in str([message.content for message in again.drawn])


def test_it_is_gone_where_nothing_is_asked(server: Recorder) -> None:
    with FreshKernel(QWEN_TARGET=server.target) as kernel:
        run = kernel.run("%load_ext qwen_magic\n%qwen fix")
        assert run.status == "error"
        assert "starting" in run.drawn[0].content["data"]["text/plain"]
        assert run.shown == []
