"""Ask on one line, and what can be done with the last answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...text.terminal import escaped
from ..options import OPTIONS, all_but, read_options
from ..row_options import ROW_FIELDS
from .command import Command, nothing_after, say

if TYPE_CHECKING:
    from ...reply import Reply
    from ..session import NotebookSession

_ASK_OPTIONS = all_but(*(name for name in ROW_FIELDS if name != "yes"))
_CONTINUE_OPTIONS = ("target", "output", "append", "format", "next", "replay")
_RETRY_OPTIONS = all_but(
    *("conversation", "new", "alone", "context", "attach", "pages", "fetch", "see", "raw", "eval", "replace"),
    *ROW_FIELDS,
)
_LATE = re.compile(r"\S\s+(--[a-z][a-z-]+)(?:[ =]\S+)?\s*\Z")
_BOTH_BLOCKS = "Give the number of one block, or no number for all of the code."


def _ask(session: NotebookSession, rest: str) -> Reply | None:
    options, prompt = read_options(rest, _ASK_OPTIONS)
    return session.ask(options, prompt, _late_options(prompt))


def _late_options(prompt: str) -> tuple[str, ...]:
    """Say that options at a prompt's end were sent as text."""
    found = _LATE.search(prompt)
    known = {flag for option in OPTIONS for flag in option.flags}
    return (f"{found[1]} was sent as text: write options before the prompt",) if found and found[1] in known else ()


def _continue(session: NotebookSession, rest: str) -> Reply | None:
    options, rest = read_options(rest, _CONTINUE_OPTIONS)
    nothing_after("continue", rest)
    return session.continue_(options)


def _retry(session: NotebookSession, rest: str) -> Reply | None:
    options, rest = read_options(rest, _RETRY_OPTIONS)
    nothing_after("retry", rest)
    return session.retry(options)


def _code(session: NotebookSession, rest: str) -> None:
    from ...rendering.cell_code import block_code, cell_code, nth_block  # noqa: PLC0415 - only where it is asked for
    from ..next_cell import replace  # noqa: PLC0415

    words = rest.split()
    replaces = "--replace" in words
    words = [word for word in words if word != "--replace"]
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        raise UsageError(f"%qwen code does not take {rest!r}", hint=_BOTH_BLOCKS)
    code = ""
    if not words:
        code, session.chat.picked = session.chat.picked, ""  # what was picked in a panel is meant once
    if not code:
        reply = session.last_reply
        if reply is None:
            raise UsageError("there is no answer yet", hint="Ask something in a %%qwen cell first.")
        blocks = reply.code_blocks
        code = block_code(nth_block(blocks, int(words[0]))) if words else cell_code(blocks)
    if not code:
        raise UsageError("the last answer has no code block", hint="Its text is in qwen_magic.last_reply().")
    said = replace(session.shell, code) if replaces else session.next_cells.put_once(code)
    say(escaped(code))
    if said:
        say(said)


def _keep(session: NotebookSession, rest: str) -> None:
    if session.compared is None:
        raise UsageError("no answers were compared yet", hint="Ask with %%qwen --compare -t A,B.")
    if not rest.strip().isdecimal():
        raise UsageError(
            "%qwen keep needs the number of an answer",
            hint="Give the number above an answer: %qwen keep 2.",
        )
    reply = session.compared.keep(session.chat, int(rest))
    say(f"The conversation continues with the answer of {reply.target}.")


def _usage(session: NotebookSession, rest: str) -> None:
    nothing_after("usage", rest)
    say(str(session.client.usage))


COMMANDS = (
    Command("ask", "[OPTIONS] PROMPT", "ask a prompt on one line", _ask, all_but(), level="usual", topic="ask"),
    Command(
        "continue",
        "[-t TARGET] [-o NAME]",
        "continue the last answer where it stopped",
        _continue,
        _CONTINUE_OPTIONS,
        level="usual",
        topic="ask",
    ),
    Command(
        "retry",
        "[OPTIONS]",
        "ask the last prompt again, in its place",
        _retry,
        _RETRY_OPTIONS,
        level="usual",
        topic="ask",
    ),
    Command(
        "code",
        "[N] [--replace]",
        "put the last code, or a panel's, into the next cell",
        _code,
        level="usual",
        topic="code",
    ),
    Command("keep", "N", "continue with one of the answers that --compare showed", _keep, topic="targets"),
    Command("usage", "", "show the tokens and the time of this session, by target", _usage, level="usual", topic="ask"),
)
