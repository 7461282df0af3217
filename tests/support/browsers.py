"""A headless Chromium for tests, and what a server's pages are opened with."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from servers.environments import require_all
from tiers import tier_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-the-test"
DISABLED = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,Translate",
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup",  # two pages beside each page, of an address bar that nobody sees
)
"""What Playwright disables (of such options only the last one counts), and the last line."""
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(DISABLED)}",
]


def missing(reason: str) -> NoReturn:
    """Skip, or fail where everything is to be run."""
    if require_all():
        pytest.fail(reason)
    pytest.skip(reason)


KEPT: set[Any] = set()
"""Contexts that outlive a module, as they are handed on."""
_running: list[Any] = []
"""Playwright and its browser, while they run."""


def chromium() -> Any:
    """Give a headless Chromium: the one that runs, or else a new one."""
    if _running and _running[1].is_connected():
        return _running[1]
    stop_chromium()
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    path = os.environ.get("QWEN_MAGIC_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    playwright = sync_playwright().start()
    try:
        _running[:] = [playwright, playwright.chromium.launch(executable_path=path, args=ARGS)]
    except Error as error:
        playwright.stop()
        missing(f"no Chromium: {str(error).splitlines()[0]}")
    return _running[1]


def stop_chromium() -> None:
    """End the one that runs: its loop would be in the way of asynchronous tests."""
    KEPT.clear()
    if _running:
        playwright, browser = _running
        _running.clear()
        browser.close()
        playwright.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a headless Chromium, which goes on for the next module of browser tests; what a module opened is closed."""
    browser = chromium()
    yield browser
    for context in browser.contexts:
        if context not in KEPT:
            context.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the browser before a test of another tier."""
    if _running and tier_of(item) != "browser":
        stop_chromium()


def pytest_sessionfinish() -> None:
    """End the browser with the session."""
    stop_chromium()
