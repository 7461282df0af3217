"""Fixtures: a front end with a browser, and an open panel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [
    str(TESTS / folder) for folder in ("notebook", "text", "rendering")
]  # their helpers: kernels, recorder, attacks

from lab_panel import Panel  # noqa: E402
from support.front_ends import FAILED  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory
    from support.front_ends import Book, Front


@pytest.fixture(scope="module")
def kind() -> str:
    """Name the front end; a module with another one has a fixture of its own."""
    return "jupyterlab"


@pytest.fixture(scope="module")
def front(kind: str, fronts: Callable[[str], Front], browser: Any, request: pytest.FixtureRequest) -> Iterator[Front]:
    """Give the front end, with a browser to open its notebooks in."""
    front, failed = fronts(kind), request.session.testsfailed
    front.browser = browser
    yield front
    front.close_books(hand_on=request.session.testsfailed == failed)


@pytest.fixture
def space(gradio_server: ServerFactory) -> GradioServer:
    """Give a Space that answers many at once."""
    return gradio_server("6.31.0", "qwenlike", QWEN_TEST_CONCURRENCY="40")


@pytest.fixture
def panel(front: Front, space: GradioServer, request: pytest.FixtureRequest) -> Iterator[Panel]:
    """Give a panel with a conversation of the test's own, in a notebook that a module's tests share.

    The notebook's cells `Book.OTHER` and `Book.SPARE` are for the tests.
    """
    name = f"{request.module.__name__}.ipynb"
    book: Book | None = front.books.get(name)
    if book is None:
        book = front.open(name, f"%load_ext qwen_magic\n%qwen use space:{space.url}", "%qwen panel", "", "")
        book.run(0)
        book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    panel.button("New conversation").click()
    panel.wait_turns(0)
    yield panel
    if request.node.stash.get(FAILED, False):  # the next test shall not suffer for it
        print(f"the page:\n{book.page.inner_text('body')[:3000]}")
        book.close()
    else:
        panel.settle()
