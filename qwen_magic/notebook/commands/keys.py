"""``%qwen key``: ask for a server's key, and keep it."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...backends.targets import key_at, key_names
from ...errors import UsageError
from ..waiting import Interrupted
from .command import Command, say

if TYPE_CHECKING:
    from ..session import NotebookSession

_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[0-9a-fA-F:.]+\]|[\w-]+(?=:\d))(?::\d{1,5})?")
_NO_KEY_CHARACTER = re.compile(r"[^!-~]")


def _key(session: NotebookSession, rest: str) -> None:
    words = rest.split()
    names = [word for word in words if word != "--session"]
    if len(names) != 1:
        # What stands there may be the key itself, so it is not said again.
        hint = "Write %qwen key dashscope; you are then asked for the key. Delete a key that you wrote into the cell."
        raise UsageError("%qwen key takes the name of one server", hint=hint)
    name, variable = _server(names[0])
    key = _ask_for_key(name, variable)
    kept = session.client.settings.keys.set(name, key, keep="--session" not in words)
    session.client.forgive()  # what left a target out may have been the want of a key
    if not key:
        said = f"The key for {name} is deleted."
        if variable and os.environ.get(variable):
            said += f" The one in {variable} is used now."
    elif kept:
        said = f"The key for {name} is kept in the system's keyring."
    elif "--session" in words:
        said = f"The key for {name} is kept for this session."
    else:
        said = f"The key for {name} is kept for this session: there is no keyring here that could hold it."
    say(said)


def _server(name: str) -> tuple[str, str]:
    """Find the name under which a server's key is kept, and the environment variable that may hold it, or ""."""
    word, known = name.removesuffix(":"), key_names()
    if word.lower() in known:
        return word.lower(), known[word.lower()]
    url = name[name.find("http") :] if "://" in name else f"http://{word}"
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host):
        # It is not said again: it may be a key that was pasted here.
        close = difflib.get_close_matches(word.lower(), known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(
            "there is no server of that name",
            hint=f"{hint}The names are {', '.join(known)}; for another server give its HOST:PORT.",
        )
    return key_at(url) or (host, "")


def _ask_for_key(name: str, variable: str) -> str:
    import getpass  # noqa: PLC0415 - a kernel puts its own in the module's place

    from IPython.core.error import StdinNotImplementedError  # noqa: PLC0415

    try:
        key = getpass.getpass(f"Key for {name} (leave it empty to delete the kept one): ").strip()
    except (StdinNotImplementedError, EOFError):
        hint = (
            f"Set {variable} in the environment."
            if variable
            else "Run it where you can type an answer, such as a notebook."
        )
        if name not in key_names():
            hint = "Set OPENAI_API_KEY, and OPENAI_BASE_URL to that server, in the environment."
        raise UsageError("you cannot be asked for a key here", hint=hint) from None
    except KeyboardInterrupt:
        raise Interrupted("no key was changed") from None
    if _NO_KEY_CHARACTER.search(key):
        raise UsageError(
            "that is not a key: it has spaces or other characters that a key cannot have", hint="Copy it again."
        )
    return key


COMMANDS = (
    Command(
        "key", "NAME [--session]", "ask you for a server's key, and keep it", _key, topic="keys", completes=("server",)
    ),
)
