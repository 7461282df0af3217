"""A headless Chromium for tests, and what a server's pages are opened with."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from servers.environments import require_all

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a headless Chromium. Not for the session: its loop would be in the way of asynchronous tests."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    path = os.environ.get("QWEN_MAGIC_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        except Error as error:
            missing(f"no Chromium: {str(error).splitlines()[0]}")
        yield browser
        browser.close()
