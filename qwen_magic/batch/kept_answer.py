"""An answer to one row, as it is kept: as small as it can be, for there may be a million of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from ..events import FinishReason, Usage
from ..reply import Reply, with_answer

if TYPE_CHECKING:
    from ..request import Request


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer to one row.

    Attributes:
        text: the answer.
        thinking: what the model thought before it; "" where that is not kept in memory.
        target: the target that gave it.
        model: the model's name, as far as it is known.
        finish_reason: why it ended.
        prompt_tokens: tokens read, or None.
        completion_tokens: tokens written, or None.
        estimated: whether the tokens are estimates.
        seconds: how long it took.
        date: when it came, in ISO 8601 and UTC.

    """

    text: str
    thinking: str
    target: str
    model: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: bool
    seconds: float
    date: str

    @classmethod
    def of(cls, reply: Reply, date: str, names: dict[str, str] | None = None) -> KeptAnswer:
        """Take what is kept out of a reply.

        Args:
            reply: the reply.
            date: when it came.
            names: names that were taken before: all rows have the same, and one text does for them.

        """
        usage, known = reply.usage, names if names is not None else {}
        return cls(
            reply.text,
            reply.thinking,
            known.setdefault(reply.target, reply.target),
            known.setdefault(reply.model, reply.model),
            known.setdefault(reply.finish_reason, reply.finish_reason),
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.estimated,
            reply.seconds,
            date,
        )

    @property
    def usage(self) -> Usage:
        """What it cost."""
        return Usage(self.prompt_tokens, self.completion_tokens, self.estimated)

    def reply(self, request: Request | None = None, *, recorded: bool = False) -> Reply:
        """Return it as a reply.

        Args:
            request: what was asked.
            recorded: whether it was given before this run.

        """
        return with_answer(
            Reply(
                text=self.text,
                thinking=self.thinking,
                usage=self.usage,
                target=self.target,
                model=self.model,
                finish_reason=cast("FinishReason", self.finish_reason),
                seconds=self.seconds,
                messages=request.messages if request else (),
                schema=request.schema if request else None,
                recorded=self.date if recorded else "",
            )
        )

    def without_thinking(self) -> KeptAnswer:
        """Return it without the thinking, of which a million rows would fill the memory."""
        if not self.thinking:
            return self
        return replace(self, thinking="")
