"""What we sent to be let in, taken out of what a server says of it: some repeat the key that they refuse."""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ..errors import QwenError, ServerError
from ..text.secrets import without_secrets
from .hidden import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LEAST = 8
"""Characters from which a key is one: "EMPTY" and "ollama" are not."""
_OF_HTTP = frozenset({"accept", "accept-encoding", "accept-language", "connection", "content-type", "user-agent"})


def sent_secrets(
    headers: Mapping[str, str], login: tuple[str, str] | None = None, query: str = "", token: str | None = None
) -> frozenset[str]:
    """Return what a server may repeat that nobody else is to see.

    Args:
        headers: what is sent with each request; of "Bearer KEY" the key alone is secret, too.
        login: user and password, or None.
        query: what stands behind the path.
        token: a further token, or None.

    """
    found = [login[1] if login else "", token or "", *(value for _, value in parse_qsl(query))]
    for name, value in headers.items():
        if name.lower() not in _OF_HTTP:
            found += [value, value.rpartition(" ")[2]]
    return frozenset(Hidden(secret) for secret in found if len(secret) >= _LEAST)


def without_echoes(text: str, secrets: Iterable[str]) -> str:
    """Take secrets out of a text, and the beginning of one where the text was cut."""
    given = sorted(filter(None, secrets), key=len, reverse=True)
    text = re.sub("|".join(map(re.escape, given)), "…", text) if given else text
    if text.endswith("…"):
        begun = [secret[:size] for secret in given for size in range(_LEAST // 2, len(secret))]
        cut = max((one for one in begun if text.endswith(f"{one}…")), key=len, default="")
        text = f"{text[: len(text) - len(cut) - 1]}…"
    return text


def said(words: str, secrets: Iterable[str]) -> str:
    """Return a failure's words as they may be shown: a server may repeat the prompt, and a key that is in it."""
    return without_secrets(without_echoes(words, secrets))


@contextmanager
def unechoed(secrets: Iterable[str]) -> Iterator[None]:
    """Take secrets, ours and those of prompts, out of the errors that are raised inside the block.

    Of what breaks off from outside only that goes on: the frames that it went through hold what was sent, in variables
    that are not ours, and some tracebacks show variables.
    """
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt) as error:
        raise type(error)(*error.args) from None
    except QwenError as error:
        error.what, error.hint = said(error.what, secrets), without_echoes(error.hint, secrets)
        error.args = tuple(said(str(one), secrets) for one in error.args)
        if isinstance(error, ServerError):
            error.server_message = said(error.server_message, secrets)
        raise
