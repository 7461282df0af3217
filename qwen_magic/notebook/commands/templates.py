"""``%qwen template``: prompts that are kept under names, for ``/NAME`` in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError, one_line
from ...templates import add_template, read_templates, remove_template
from ...text.secrets import without_secrets
from .command import Command, columns, nothing_after, say

if TYPE_CHECKING:
    from ..session import NotebookSession

_BEGINNING = 70
"""Characters of a template in the list."""


def _list(_session: NotebookSession, rest: str) -> None:
    nothing_after("template list", rest)
    found = read_templates()
    if not found:
        say("There are no templates yet. %qwen template add NAME TEXT adds one.")
        return
    rows = [(f"/{name}", one_line(text, _BEGINNING)) for name, text in found.items()]
    say("\n".join([*columns(rows), "In the panel, /NAME puts one into the prompt."]))


def _add(session: NotebookSession, rest: str) -> None:
    name, _, text = rest.partition(" ")
    if not name:
        raise UsageError("%qwen template add needs a name", hint="Write %qwen template add NAME TEXT.")
    text = text.strip() or _last_prompt(session)
    before = add_template(name, text)
    name = name.removeprefix("/").lower()
    kept = read_templates().get(name, "")
    say(f"/{name} is kept: {one_line(kept, _BEGINNING)}")
    if before not in ("", kept):
        say(f"It replaces: {before}")
    if without_secrets(text) != text:
        say("The key in it was left out: write it into the prompt that needs it.")


def _remove(_session: NotebookSession, rest: str) -> None:
    if not rest:
        raise UsageError("%qwen template remove needs a name", hint="%qwen template lists the names.")
    text = remove_template(rest)
    say(f"/{rest.strip().removeprefix('/').lower()} is removed. It was: {text}")


def _last_prompt(session: NotebookSession) -> str:
    """Return the last prompt as it was written: it may have several lines, which a command's line cannot."""
    memory = session.memory
    conversation = memory.used if memory.exists else None
    turns = memory.store.turns(conversation.id) if conversation else []
    if not turns:
        hint = "Write %qwen template add NAME TEXT, or ask the prompt first."
        raise UsageError("there is no prompt yet to make a template from", hint=hint)
    return turns[-1].source or turns[-1].prompt


_SUBCOMMANDS = (
    Command("template list", "", "list all templates", _list, topic="templates"),
    Command("template add", "NAME [TEXT]", "keep a prompt, or the last one asked, as /NAME", _add, topic="templates"),
    Command(
        "template remove",
        "NAME",
        "remove a template, and print it",
        _remove,
        topic="templates",
        completes=("template",),
    ),
)
COMMANDS = (
    Command(
        "template",
        "[list|add|remove]",
        "keep prompts, for /NAME in the panel",
        _list,
        topic="templates",
        subcommands=_SUBCOMMANDS,
    ),
)
