"""An answer that streams, as the pages show it, whoever asked: a panel or a cell."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..chat.question import kept_question
from ..events import Event, FileAnswer, Reset, Responder, Status, TextDelta, ThinkingDelta
from ..messages import Message
from ..rendering.growing import GrowingHtml, utf16_units
from ..rendering.last_line import Notes
from ..rendering.thoughts import Thoughts
from ..text.secrets import without_secrets
from .parts import prompt_parts, step_parts
from .protocol import PageTurn
from .transcript import MarkedTurn, key_of, mark_of, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..chat.exchange import Exchange
    from ..messages import File, Image
    from ..rendering.unreached import ToldTargets
    from ..reply import Reply
    from .protocol import Body, DeltaOp, PagePart, ThinkingGrowth
    from .transcript import Bodies

TICK = 0.05
"""Seconds between two deltas."""
_SLOW_TICK = 0.2
_FREE_DELTAS = 900
_CHARACTERS_FOR_ONE = 70
"""A delta costs some 800 bytes beside what it says: a slow answer of 100,000 characters is told less often."""
_NO_PLACE = 1 << 60
"""The place of an answer that is not kept: after all others."""


class LiveAnswer:
    """One answer while it streams: events come in, ops for the pages go out. Everything happens on the loop.

    Its life: it streams; then it is over and kept, and the store's turn takes its place; or it is over and nobody
    kept it (nothing came, or it could not be written), and it stays to be seen as it is.

    Args:
        exchange: the question, its turn, and the reply so far.
        conversation: the number of the conversation in which it is shown, or None.
        tell: takes the ops.
        told: the targets of which it was said below earlier answers that they were not reached.

    """

    def __init__(
        self,
        exchange: Exchange,
        conversation: int | None,
        tell: Callable[[LiveAnswer, DeltaOp], None],
        told: ToldTargets | None = None,
    ) -> None:
        self.exchange = exchange
        self._asked = kept_question(exchange.question)
        self.conversation = conversation
        self.place = exchange.turn.place if exchange.turn else _NO_PLACE
        self.key = key_of(conversation, self.place)
        self.over = self.kept = False
        self._tell = tell
        self._growing = GrowingHtml()
        self._thoughts = Thoughts(time.monotonic)
        self._heading_told = ""
        self._thoughts_told = 0
        self._rethought = False
        self._files: list[Image | File] = []
        self._files_told = 0
        self._notes = Notes(told)
        self._status = self._status_told = "asking"
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = 0.0
        self._deltas = 0
        self.facts: list[str] = []
        self.ending = ""

    @property
    def hides_later(self) -> bool:
        """Whether the turns after it belong to another branch."""
        return not self.over and self.exchange.question.position.branch

    def on_event(self, event: Event) -> None:
        """Take one event; the pages hear of it at the next tick."""
        self._notes.on_event(event)
        match event:
            case TextDelta(text):
                self._answered()
                self._growing.add(text)
            case Reset(text, thinking):
                self._answered()
                if text != self._growing.text:
                    self._growing.replace(text)
                if thinking != self._thoughts.text:
                    self._replace_thinking(thinking)
                    self._thoughts.stop()
            case ThinkingDelta(text):
                self._status = ""
                self._thoughts.add(text)
            case FileAnswer(file) if file not in self._files:
                self._answered()
                self._files.append(file)
            case Status(text):
                self._status = text
            case Responder(target) if not self._growing.text:
                self._status = f"asking {target}"
        self._arm()

    def finish(self, reply: Reply, note: str = "", *, kept: bool) -> None:
        """Tell the pages all of it, and how it ended.

        Args:
            reply: the answer.
            note: what else is to be said below it.
            kept: whether its turn is in the store.

        """
        if self._timer:
            self._timer.cancel()
        if reply.text != self._growing.text:
            self._growing.replace(reply.text)
        if reply.thinking != self._thoughts.text:
            self._replace_thinking(reply.thinking)
        self._thoughts.stop(reply.thinking_seconds)
        self._status = ""
        if op := self._delta(final=True):
            self._tell(self, op)
        self.facts = self._notes.lines(reply, note)
        self.ending = "" if reply.finish_reason == "stop" else reply.finish_reason
        self.over, self.kept = True, kept
        if not kept:
            self.key += f"x{id(self)}"

    def mark(self) -> object:
        """Return what tells this answer from another on the pages."""
        return mark_of(self._growing.text, self._thoughts.text) if self.over else ("live", id(self))

    def keep_body(self, bodies: Bodies) -> None:
        """Put the finished HTML where the store's turn will find it."""
        heading = self._thoughts.heading() if self._thoughts.size else ""
        bodies.put(self._growing.text, self._thoughts.text, self._growing.blocks(), heading)

    def shown(self, versions: Sequence[int], bodies: Bodies) -> MarkedTurn:
        """Return it as a page shows it; while it streams, with the finished blocks alone: see `catch_up`.

        Args:
            versions: the numbers of its turn's versions; one that is continued is among them.
            bodies: the answers' HTML.

        """
        question, turn = self._asked, self.exchange.turn
        own = turn.id if turn else 0
        known = () if self.over and not self.kept else versions  # what stands at its place now is another turn
        numbers = list(known) if own in known else [*known, own]
        number = numbers.index(own) + 1
        reply = self.exchange.reply
        if self.over:  # as the store would have it: the page's state is saved with the notebook
            text, reply = without_secrets(self._growing.text), reply.with_texts(without_secrets)
            body: Body = bodies.get(text, without_secrets(self._thoughts.text))
        else:
            text, body = "", {"thinking": "", "thought": "", "blocks": self._growing.finished()}
        shown = PageTurn(
            key=self.key,
            prompt=question.source or question.prompt,
            parts=prompt_parts(question.parts, question.prompt, question.source),
            sent=question.prompt if question.source else "",
            from_cell=bool(question.position.cell),
            system=question.system,
            steps=self._steps(reply),
            facts=self.facts,
            status=self._status_told,
            state="done" if self.over else "streaming",
            ending=self.ending,
            version=[number, len(numbers)],
            can=["regenerate", "edit", "delete"] if self.over else ["stop"],
            body=body,
            text=text,
        )
        before = self.over and question.position.replaces is None
        return MarkedTurn(shown, self.mark(), order_of(self.place, -1 if before else 1))

    def catch_up(self) -> DeltaOp:
        """Return the delta that brings a page that has just been given the finished blocks to where the others are."""
        op: DeltaOp = {"op": "delta", "key": self.key, "blocks": [], "keep": 0, "add": self._growing.tail}
        if self._heading_told:
            told = self._thoughts.text[: self._thoughts_told]
            op["thinking"] = {"keep": 0, "add": told, "thought": self._heading_told}
        return op

    def _answered(self) -> None:
        self._status = ""
        self._thoughts.stop()

    def _arm(self) -> None:
        if self._timer is None and not self.over:
            loop = asyncio.get_running_loop()
            affordable = self._deltas <= _FREE_DELTAS + len(self._growing.text) // _CHARACTERS_FOR_ONE
            tick = TICK if affordable else _SLOW_TICK
            self._timer = loop.call_later(max(0.0, self._told_at + tick - loop.time()), self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, self._told_at = None, loop.time()
        if op := self._delta():
            self._deltas += 1
            self._tell(self, op)
        if self._thoughts.running or self._growing.behind:
            self._arm()

    def _delta(self, *, final: bool = False) -> DeltaOp | None:
        """Return what is new, or None."""
        grown = self._growing.delta(final=final) if final or self._growing.due() else None
        thinking = self._thinking()
        new_files = self._files_told < len(self._files)
        if grown is None and thinking is None and not new_files and self._status == self._status_told:
            return None
        grown = grown or {"blocks": [], "keep": utf16_units(self._growing.tail), "add": ""}
        op: DeltaOp = {
            "op": "delta",
            "key": self.key,
            "blocks": grown["blocks"],
            "keep": grown["keep"],
            "add": grown["add"],
        }
        if "restart" in grown:
            op["restart"] = grown["restart"]
        if thinking:
            op["thinking"] = thinking
        if new_files:
            op["steps"], self._files_told = self._steps(self.exchange.reply), len(self._files)
        if self._status != self._status_told:
            op["status"] = self._status_told = self._status
        return op

    def _steps(self, reply: Reply) -> list[PagePart]:
        """Return what goes before the text; while it streams the reply has no files yet."""
        came = [Message("assistant", parts=self._files)] if self._files and not self.over else []
        return [*step_parts(reply.steps, reply.text), *step_parts(came, "")]

    def _thinking(self) -> ThinkingGrowth | None:
        """Return what is new of the thinking, or None."""
        rethought, self._rethought = self._rethought, False
        if not self._thoughts.size:
            return {"keep": 0, "add": "", "thought": ""} if rethought else None
        heading, told = self._thoughts.heading(), self._thoughts_told
        new = self._thoughts.since(told)
        if not new and heading == self._heading_told:
            return None
        keep = utf16_units(self._thoughts.text[:told])
        self._heading_told, self._thoughts_told = heading, self._thoughts.length
        return {"keep": keep, "add": new, "thought": heading}

    def _replace_thinking(self, text: str) -> None:
        self._thoughts.replace(text)
        self._heading_told, self._thoughts_told, self._rethought = "", 0, True
