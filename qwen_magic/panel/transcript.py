"""The turns of a conversation as a page shows them, and what must be told to a page that showed others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ..rendering.growing import GrowingHtml
from ..rendering.html import plain_html
from ..rendering.last_line import last_line
from ..reply import Reply
from .parts import prompt_parts, step_parts
from .protocol import Body, PageTurn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..store import Turn
    from .protocol import DropOp, TurnOp

_RESUMABLE = ("interrupted", "error", "filtered", "length")
_MOST_BODIES = 1000


class MarkedTurn(NamedTuple):
    """A turn as a page shows it.

    Attributes:
        turn: the turn.
        mark: what differs where its answer does.
        order: a number by which the turns are ordered.

    """

    turn: PageTurn
    mark: object
    order: int


def order_of(place: int, beside: Literal[-1, 0, 1] = 0) -> int:
    """Return the order of what is shown at a place, or before or after that."""
    return 3 * place + beside


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
) -> MarkedTurn:
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
    return MarkedTurn(
        PageTurn(
            key=key_of(conversation, turn.place),
            prompt=turn.source or turn.prompt,
            parts=prompt_parts(turn.parts, turn.prompt, turn.source),
            sent=turn.prompt if turn.source else "",
            from_cell=bool(turn.cell),
            system=turn.system,
            steps=step_parts(turn.steps, turn.answer),
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
        order_of(turn.place),
    )


class StoredTurns:
    """The turns of the store as pages show them, made once and again when they have changed.

    Args:
        bodies: the answers' HTML.
        facts: the lines below the answers of this session, by the numbers of their turns and their marks.

    """

    def __init__(self, bodies: Bodies, facts: Mapping[tuple[int, object], Sequence[str]]) -> None:
        self._bodies = bodies
        self._facts = facts
        self._made: dict[int, tuple[tuple[int, Turn, list[int]], MarkedTurn]] = {}

    def shown(self, turns: Sequence[Turn], conversation: int, versions: Mapping[int, list[int]]) -> list[MarkedTurn]:
        """Return turns as a page shows them.

        Args:
            turns: the turns.
            conversation: their conversation's number.
            versions: the numbers of their versions, by place.

        """
        before, self._made = self._made, {}
        for turn in turns:
            source = (conversation, turn, versions.get(turn.place, []))
            made = before.get(turn.id)
            if made is None or made[0] != source:
                facts = self._facts.get((turn.id, mark_of(turn.answer, turn.thinking)), ())
                made = source, stored_turn(turn, conversation, source[2], self._bodies, facts)
            self._made[turn.id] = made
        return [shown for _, shown in self._made.values()]


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
        steps=turn.steps,
    )


class ShownTurns:
    """The turns that the pages of a panel show, and what pages must be told so that they show others."""

    def __init__(self) -> None:
        self._shown: dict[str, MarkedTurn] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._shown

    def show(self, wanted: Sequence[MarkedTurn]) -> None:
        """Note that the pages are given all of it anew."""
        self._shown = {shown.turn["key"]: shown for shown in wanted}

    def mark(self, key: str, mark: object) -> None:
        """Note that an answer has become another on the pages."""
        if key in self._shown:
            self._shown[key] = self._shown[key]._replace(mark=mark)

    def changes(self, wanted: Sequence[MarkedTurn]) -> Iterator[DropOp | TurnOp]:
        """Yield what brings the pages from what they show to what they should."""
        new = {shown.turn["key"]: shown for shown in wanted}
        for key in [key for key in self._shown if key not in new]:
            del self._shown[key]
            yield {"op": "drop", "key": key}
        before = ""
        for key, shown in reversed(new.items()):
            old = self._shown.get(key)
            if old is shown:
                before = key
                continue
            if old is None or old.mark != shown.mark:
                yield {"op": "turn", "turn": shown.turn, "before": before}
            elif (changed := _without_answer(shown.turn)) != _without_answer(old.turn):
                if old.turn["state"] == "streaming":  # the pages have the HTML, not what it was made of
                    changed["text"] = shown.turn.get("text", "")
                yield {"op": "turn", "turn": changed, "before": before}
            before = key
        self._shown = new


def _without_answer(turn: PageTurn) -> PageTurn:
    rest = turn.copy()
    rest.pop("body", None)
    rest.pop("text", None)
    return rest
