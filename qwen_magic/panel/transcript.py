"""The turns of a conversation as a page shows them, and what must be told to a page that showed others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from ..rendering.growing import GrowingHtml
from ..rendering.html import plain_html
from ..rendering.last_line import last_line
from ..reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import NotRequired

    from ..store import Turn

Op = dict[str, Any]
"""What a page is told; `panel.js` does it."""
_RESUMABLE = ("interrupted", "error", "length")
_MOST_BODIES = 1000


class Body(TypedDict):
    """An answer as safe HTML: the thinking, the line above it, the finished blocks."""

    thinking: str
    thought: str
    blocks: list[str]


class PageTurn(TypedDict):
    """A turn as a page shows it.

    Attributes:
        key: what the page knows it by: its conversation and its place.
        prompt: the prompt as it was written.
        sent: the prompt as it was sent, where that differs, or "".
        from_cell: whether a cell asked it.
        system: the system prompt that was in force, or "".
        facts: the lines below the answer.
        status: what is being waited for, or "".
        state: whether the answer still streams.
        ending: how it ended, where not by itself.
        version: which one is shown, from 1, and of how many.
        can: what the user can do with it.
        body: the answer; absent in an update that does not change it.
        text: the answer's Markdown; absent likewise.

    """

    key: str
    prompt: str
    sent: str
    from_cell: bool
    system: str
    facts: list[str]
    status: str
    state: Literal["streaming", "done"]
    ending: str
    version: list[int]
    can: list[str]
    body: NotRequired[Body]
    text: NotRequired[str]


class Shown(NamedTuple):
    """A turn, and a mark that differs where its answer does."""

    turn: PageTurn
    mark: object


def key_of(conversation: int | None, place: int) -> str:
    """Return what a page knows the turn at a place by; all its versions have the same."""
    return f"{conversation or 0}.{place}"


def mark_of(text: str, thinking: str) -> object:
    """Return what tells one answer from another."""
    return hash((text, thinking))


class Bodies:
    """The answers' HTML, made once."""

    def __init__(self) -> None:
        self._bodies: dict[object, Body] = {}

    def get(self, text: str, thinking: str) -> Body:
        """Return the HTML of an answer."""
        mark = mark_of(text, thinking)
        body = self._bodies.get(mark)
        if body is None:
            growing = GrowingHtml()
            growing.add(text)
            growing.delta(final=True)
            body = self.put(text, thinking, growing.blocks())
        return body

    def put(self, text: str, thinking: str, blocks: list[str], thought: str = "thought") -> Body:
        """Keep the HTML of an answer that was made as it came."""
        while len(self._bodies) >= _MOST_BODIES:
            del self._bodies[next(iter(self._bodies))]
        stripped = thinking.strip()
        body = Body(thinking=plain_html(stripped), thought=thought if stripped else "", blocks=blocks)
        self._bodies[mark_of(text, thinking)] = body
        return body


def stored_turn(
    turn: Turn, conversation: int, versions: Sequence[int], bodies: Bodies, facts: Sequence[str] = ()
) -> Shown:
    """Return a turn of the store as a page shows it.

    Args:
        turn: the turn.
        conversation: its conversation's number.
        versions: the numbers of its versions.
        bodies: the answers' HTML.
        facts: the lines below the answer, where more is known than what the store has.

    """
    ending = turn.finish_reason if turn.finish_reason in _RESUMABLE else ""
    can = ["continue"] if ending and turn.answer.strip() else []
    return Shown(
        PageTurn(
            key=key_of(conversation, turn.place),
            prompt=turn.source or turn.prompt,
            sent=turn.prompt if turn.source else "",
            from_cell=bool(turn.cell),
            system=turn.system,
            facts=list(facts) or [last_line(reply_of(turn))],
            status="",
            state="done",
            ending=ending,
            version=[versions.index(turn.id) + 1 if turn.id in versions else 1, max(1, len(versions))],
            can=[*can, "regenerate", "edit", "delete"],
            body=bodies.get(turn.answer, turn.thinking),
            text=turn.answer,
        ),
        mark_of(turn.answer, turn.thinking),
    )


def reply_of(turn: Turn) -> Reply:
    """Return a turn's answer as the reply that it was, without its messages."""
    return Reply(
        text=turn.answer,
        thinking=turn.thinking,
        usage=turn.usage,
        target=turn.target,
        model=turn.model,
        finish_reason=turn.finish_reason or "interrupted",
        seconds=turn.seconds,
    )


class Sent:
    """What the pages of a panel show, and what they must be told so that they show something else."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._shown

    def show(self, wanted: Sequence[Shown]) -> None:
        """Note that the pages are given all of it anew."""
        self._shown = {shown.turn["key"]: shown for shown in wanted}

    def mark(self, key: str, mark: object) -> None:
        """Note that an answer has become another on the pages."""
        if key in self._shown:
            self._shown[key] = Shown(self._shown[key].turn, mark)

    def changes(self, wanted: Sequence[Shown]) -> Iterator[Op]:
        """Yield what brings the pages from what they show to what they should."""
        new = {shown.turn["key"]: shown for shown in wanted}
        for key in [key for key in self._shown if key not in new]:
            del self._shown[key]
            yield {"op": "drop", "key": key}
        before = ""
        for key, shown in reversed(new.items()):
            old = self._shown.get(key)
            if old is None or old.mark != shown.mark:
                yield {"op": "turn", "turn": shown.turn, "before": before}
            elif (meta := _meta(shown.turn)) != _meta(old.turn):
                if old.turn["state"] == "streaming":  # the pages have the HTML, not what it was made of
                    meta["text"] = shown.turn.get("text", "")
                yield {"op": "turn", "turn": meta, "before": before}
            before = key
        self._shown = new


def _meta(turn: PageTurn) -> dict[str, Any]:
    return {name: value for name, value in turn.items() if name not in ("body", "text")}
