"""``%qwen conversation``: look at the conversations, go on with one, take a turn back, search, keep and fetch them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...chat.conversations import named
from ...errors import UsageError
from ...text.counts import counted
from ...text.secrets import without_secrets
from ..options import read_words
from .command import Command, columns, dated, nothing_after, say, titled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...store import Conversation, Turn
    from ..session import NotebookSession

_PAGES = (".html", ".htm")
_BEGINNING = 100
"""Characters of a prompt or an answer in a list."""


def show_whole(session: NotebookSession, name: str) -> None:
    """Show all of a conversation as an output that stays; without a name that of the last question.

    Raises:
        UsageError: there is none.

    """
    from ..transcripts import show_conversation  # noqa: PLC0415 - only where it is asked for

    conversation = _chosen(session, name)
    show_conversation(conversation, session.memory.store.turns(conversation.id))


def _show(session: NotebookSession, rest: str) -> None:
    words = read_words(rest)
    name = " ".join(word for word in words if word != "--full")
    if "--full" in words:
        show_whole(session, name)
        return
    conversation = _chosen(session, name)
    store = session.memory.store
    turns = store.turns(conversation.id)
    lines = [titled(conversation)]
    if conversation.system:
        lines.append(f"system: {_beginning(conversation.system)}")
    for number, turn in enumerate(turns, 1):
        lines += ["", f"{number}. {_beginning(turn.source or turn.prompt)}", f"   {_beginning(turn.answer)}"]
        lines.append(f"   [{_facts(turn)}]")
    for turn in store.unanswered(conversation.id):
        lines += [
            "",
            f"-  {_beginning(turn.source or turn.prompt)}",
            f"   [{dated(turn.asked_at)} · no answer was kept]",
        ]
    say("\n".join(lines))


def _list(session: NotebookSession, rest: str) -> None:
    nothing_after("conversation list", rest)
    memory = session.memory
    current = memory.current
    found = [one for one in memory.store.conversations() if one.turns or one == current or one.pinned]
    if not found:
        say("There are no conversations yet.")
        return
    rows = [("", "name", "turns", "last used", "notebook", "")]
    rows += [
        (
            "*" if current and one.id == current.id else "",
            one.name,
            str(one.turns),
            dated(one.used_at),
            Path(one.notebook).name,
            "pinned" if one.pinned else "",
        )
        for one in sorted(found, key=lambda one: not one.pinned)
    ]
    say("\n".join([*columns(rows), "%qwen conversation use NAME continues one; * marks the one in use."]))


def _new(session: NotebookSession, rest: str) -> None:
    conversation = session.memory.create(" ".join(read_words(rest)))
    session.whereabouts.asked_in(conversation.id)
    say(f"The next prompt begins the conversation {conversation.name!r}.")


def _system(session: NotebookSession, rest: str) -> None:
    memory = session.memory
    conversation = memory.current
    if rest:
        conversation = conversation or memory.create()
        text = "" if rest == "--none" else rest
        memory.store.set_system(conversation.id, text)
        kept = memory.store.get(conversation.id).system
        said = f"is now: {kept}" if kept else "was removed"
        say(f"The system prompt of {conversation.name!r} {said}")
        if kept != text and without_secrets(text) != text:
            say("The key in it was left out: write it into the prompt that needs it.")
    elif conversation and conversation.system:
        say(conversation.system)
    else:
        say(session.settings.system or "There is no system prompt.")


def _use(session: NotebookSession, rest: str) -> None:
    memory = session.memory
    name = " ".join(read_words(rest))
    conversation = named(memory.store, name) if name else memory.earlier()
    if conversation is None:
        hint = "%qwen conversation list shows those of other notebooks."
        raise UsageError("this notebook has no earlier conversation", hint=hint)
    memory.choose(conversation)
    session.whereabouts.asked_in(conversation.id)
    turns = memory.store.turns(conversation.id)
    say(f"The next prompt continues {titled(conversation)}")
    if turns:
        say(f"Its last prompt was: {_beginning(turns[-1].source or turns[-1].prompt)}")


def _undo(session: NotebookSession, rest: str) -> None:
    nothing_after("conversation undo", rest)
    conversation = _chosen(session, "")
    turn = session.memory.store.undo(conversation.id)
    if turn is None:
        raise UsageError(
            f"{conversation.name!r} has no turn to take back",
            hint="%qwen conversation list shows how many turns each has.",
        )
    say(f"Taken back from {conversation.name!r}: {_beginning(turn.source or turn.prompt)}")


def _rename(session: NotebookSession, rest: str) -> None:
    words = read_words(rest)
    if len(words) not in (1, 2):
        raise UsageError(
            "%qwen conversation rename takes [NAME] NEW", hint="Put a name that has spaces into quotation marks."
        )
    conversation = _chosen(session, words[0] if len(words) > 1 else "")
    session.memory.store.rename(conversation.id, words[-1])
    say(f"{conversation.name!r} is now called {words[-1]!r}.")


def _pin(session: NotebookSession, rest: str) -> None:
    words = read_words(rest)
    conversation = _chosen(session, " ".join(word for word in words if word != "--off"))
    pinned = "--off" not in words
    session.memory.store.pin(conversation.id, pinned=pinned)
    say(f"{conversation.name!r} is {'pinned: it is listed first' if pinned else 'not pinned any more'}.")


def _delete(session: NotebookSession, rest: str) -> None:
    name = " ".join(read_words(rest))
    if not name:
        raise UsageError("%qwen conversation delete needs a name", hint="%qwen conversation list shows the names.")
    store = session.memory.store
    conversation = named(store, name)
    store.delete(conversation.id)
    say(f"{conversation.name!r} is deleted, with {counted(conversation.turns, 'turn')}.")


def _search(session: NotebookSession, rest: str) -> None:
    if not rest:
        raise UsageError(
            "%qwen conversation search needs words to search for", hint="Write %qwen conversation search WORDS."
        )
    found = session.memory.store.search(rest)
    if not found:
        say("Nothing was found.")
    for hit in found:
        other = "" if hit.in_force else " · another version"
        say(f"{hit.conversation.name} · turn {hit.number} · {dated(hit.turn.asked_at)}{other}")
        say("\n".join(f"    {piece}" for piece in (hit.asked, hit.answered) if piece))


def _export(session: NotebookSession, rest: str) -> None:
    from ...exports.files import export, write_file  # noqa: PLC0415 - only where it is asked for

    words = read_words(rest)
    names = [word for word in words if word != "--overwrite"]
    if len(names) not in (1, 2):
        raise UsageError(
            "%qwen conversation export takes FILE [NAME]", hint="FILE has to end in .md, .html, .json or .ipynb."
        )
    conversation = _chosen(session, names[1] if len(names) > 1 else "")
    store, path, overwrite = session.memory.store, Path(names[0]).expanduser(), "--overwrite" in words
    turns = store.turns(conversation.id)
    if path.suffix.lower() in _PAGES:
        from ...rendering.page import to_page  # noqa: PLC0415 - only where it is asked for

        write_file(path, to_page(conversation, turns), overwrite=overwrite)
    else:
        export(path, conversation, turns, overwrite=overwrite)
    others = sum(len(versions) - 1 for versions in store.versions(conversation.id).values())
    left_out = (
        f" {counted(others, 'other version')} of them {'is' if others == 1 else 'are'} not in it." if others else ""
    )
    say(f"{names[0]} now has {counted(len(turns), 'turn')} of {conversation.name!r}.{left_out}")


def _import(session: NotebookSession, rest: str) -> None:
    from ...exports import read  # noqa: PLC0415 - only where it is asked for

    words = read_words(rest)
    if len(words) not in (1, 2):
        raise UsageError("%qwen conversation import takes FILE [NAME]", hint="FILE has to end in .json, .ipynb or .md.")
    imported = read(Path(words[0]).expanduser())
    memory = session.memory
    conversation = memory.create(words[1] if len(words) > 1 else imported.name)
    session.whereabouts.asked_in(conversation.id)
    memory.store.set_system(conversation.id, imported.system)
    memory.store.extend(conversation.id, imported.turns)
    say(f"The next prompt continues {titled(memory.store.get(conversation.id))}")


def _chosen(session: NotebookSession, name: str) -> Conversation:
    """Return the conversation of that name; without one that of the last question."""
    memory = session.memory
    conversation = named(memory.store, name) if name else memory.used
    if conversation is None:
        raise UsageError(
            "there is no conversation yet", hint="Ask something first; %qwen conversation list shows the earlier ones."
        )
    return conversation


def _facts(turn: Turn) -> str:
    ending = turn.finish_reason if turn.finish_reason != "stop" else ""
    return " · ".join(part for part in (dated(turn.asked_at), turn.target, ending) if part)


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else f"{line[: _BEGINNING - 1]}…"


def _subcommand(
    word: str, arguments: str, help_: str, run: Callable[[NotebookSession, str], None], *completes: str
) -> Command:
    return Command(f"conversation {word}", arguments, help_, run, topic="conversations", completes=completes)


_SUBCOMMANDS = (
    _subcommand("list", "", "list all conversations", _list),
    _subcommand(
        "show",
        "[NAME] [--full]",
        "show a conversation; --full: all of it, as an output",
        _show,
        "conversation",
    ),
    _subcommand("use", "[NAME]", "continue NAME, or the last conversation of this notebook", _use, "conversation"),
    _subcommand("new", "[NAME]", "begin a conversation", _new),
    _subcommand("system", "[TEXT|--none]", "show or set the conversation's system prompt", _system),
    _subcommand("undo", "", "take the last turn back", _undo),
    _subcommand("rename", "[NAME] NEW", "give a conversation another name", _rename, "conversation"),
    _subcommand(
        "pin", "[NAME] [--off]", "list a conversation before the others; --off undoes that", _pin, "conversation"
    ),
    _subcommand("delete", "NAME", "delete a conversation", _delete, "conversation"),
    _subcommand("search", "WORDS", "search all conversations", _search),
    _subcommand(
        "export",
        "FILE [NAME] [--overwrite]",
        "write a conversation to FILE.md, .html, .json or .ipynb",
        _export,
        "file",
        "conversation",
    ),
    _subcommand("import", "FILE [NAME]", "read such a file, and continue its conversation", _import, "file"),
)
CONVERSATION = Command(
    "conversation",
    "[list|use|...]",
    "list, continue, rename, search or export conversations",
    _list,
    level="usual",
    topic="conversations",
    subcommands=_SUBCOMMANDS,
)
COMMANDS = (CONVERSATION,)
_NEW = ("pin",)
_EARLIER_WORDS = {"list": "conversations", "show": "history", "use": "resume"}
EARLIER = tuple(one.alias(_EARLIER_WORDS.get(one.word, one.word)) for one in _SUBCOMMANDS if one.word not in _NEW)
"""The names that these had when each was a command of its own."""
