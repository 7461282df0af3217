"""What a job will cost before it costs anything: rows, tokens, seconds, money, and what some prompts look like."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..client.usage import Ledger
    from ..messages import Message
    from .prices import Price
    from .state import State
    from .work import Work

_SHOWN = 3
_MOST_COUNTED = 200
"""Prompts whose tokens are counted; of the others the shortest and the longest are."""
_USUAL_ANSWER = 50
"""Tokens that an answer to a row has where none has come yet and nobody limits it."""


@dataclass(frozen=True)
class Plan:
    """What a job will do.

    Attributes:
        rows: how many rows there are.
        different: how many different ones, of those that can be asked.
        known: how many of these already have an answer.
        to_ask: how many will be asked.
        skipped: rows that cannot be asked, such as those without a value.
        targets: the targets' names, in order.
        prompts: some prompts as they are sent.
        tokens: about how many tokens a prompt has: the least, the median, the most.
        prompt_tokens: about how many tokens all prompts have that will be asked.
        answer_tokens: about how many tokens all their answers will have.
        seconds: how long it will take at the measured speed, or None if no speed was measured.
        cost: what it will cost, or None if no price is known.
        notes: other notes on it.

    """

    rows: int
    different: int
    known: int
    to_ask: int
    skipped: int
    targets: tuple[str, ...]
    prompts: tuple[str, ...]
    tokens: tuple[int, int, int]
    prompt_tokens: int
    answer_tokens: int
    seconds: float | None
    cost: float | None
    notes: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """The plan in one line: "5,000 rows, 3,114 different, 1,200 known: 1,914 to ask"."""
        said = [counted(self.rows, "row"), f"{self.different:,} different"]
        said += [f"{self.known:,} known"] if self.known else []
        said += [f"{self.skipped:,} that cannot be asked"] if self.skipped else []
        return f"{', '.join(said)}: {self.to_ask:,} to ask"

    @property
    def costs(self) -> str:
        """Tokens, seconds and money in one line."""
        said = [f"≈ {self.prompt_tokens:,} tokens in and {self.answer_tokens:,} out"]
        said.append("its speed was not measured yet" if self.seconds is None else f"about {in_time(self.seconds)}")
        said.append("no price is known" if self.cost is None else f"about {in_money(self.cost)}")
        return ", ".join(said)

    def __str__(self) -> str:
        from ..text.terminal import safe_terminal  # noqa: PLC0415 - light import

        least, median, most = self.tokens
        lines = [self.head, f"target   {', '.join(self.targets)}"]
        if self.to_ask:
            lines += [
                f"prompts  about {least:,} tokens in the shortest, {median:,} in the median, {most:,} in the longest",
                f"in all   {self.costs}",
            ]
        lines += [f"note     {note}" for note in self.notes]
        for number, prompt in enumerate(self.prompts, 1):
            lines += ["", f"── prompt {number} of {self.to_ask:,}", prompt]
        return safe_terminal("\n".join(lines))


def make_plan(
    work: Work,
    state: State,
    numbers: Sequence[int],
    *,
    rows: int,
    targets: Sequence[str],
    price: Price | None,
    ledger: Ledger,
    at_once: int,
    max_tokens: int | None,
    notes: Sequence[str],
) -> Plan:
    """Make the plan of a job; nothing is sent.

    Args:
        work: all different requests.
        state: what is known of them.
        numbers: the requests that are to be asked.
        rows: how many rows there are.
        targets: the targets' names.
        price: what tokens cost, or None.
        ledger: what the client's answers cost so far.
        at_once: how many are asked at once, about.
        max_tokens: tokens that an answer may have, or None.
        notes: what else is to be said.

    """
    counts = _token_counts(work, numbers)
    mean = sum(counts) / len(counts) if counts else 0.0
    answer = _answer_tokens(state, max_tokens)
    read, written = round(mean * len(numbers)), round(answer * len(numbers))
    seconds = _seconds_each(state, ledger, targets[0])
    return Plan(
        rows=rows,
        different=len(work.keys),
        known=len(state.answers),
        to_ask=len(numbers),
        skipped=len(work.skipped),
        targets=tuple(targets),
        prompts=tuple(_shown(work.messages(number)) for number in numbers[:_SHOWN]),
        tokens=(min(counts), sorted(counts)[len(counts) // 2], max(counts)) if counts else (0, 0, 0),
        prompt_tokens=read,
        answer_tokens=written,
        seconds=None if seconds is None else seconds * len(numbers) / max(1, min(at_once, len(numbers))),
        cost=None if price is None else price.cost(read, written),
        notes=tuple(notes),
    )


def plan_of_all(plans: Sequence[Plan]) -> Plan:
    """Put plans of the same rows for several targets, which are asked side by side, into one."""
    open_ = [plan for plan in plans if plan.to_ask] or list(plans)
    seconds = [plan.seconds for plan in open_]
    costs = [plan.cost for plan in open_]
    return Plan(
        rows=sum(plan.rows for plan in plans),
        different=sum(plan.different for plan in plans),
        known=sum(plan.known for plan in plans),
        to_ask=sum(plan.to_ask for plan in plans),
        skipped=sum(plan.skipped for plan in plans),
        targets=tuple(name for plan in plans for name in plan.targets),
        prompts=open_[0].prompts,
        tokens=open_[0].tokens,
        prompt_tokens=sum(plan.prompt_tokens for plan in plans),
        answer_tokens=sum(plan.answer_tokens for plan in plans),
        seconds=None if None in seconds else max(filter(None, seconds), default=0.0),
        cost=None if None in costs else sum(filter(None, costs)),
        notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
    )


def in_time(seconds: float) -> str:
    """Write a span for people: "40 s", "3 min", "2.5 h"."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004


def in_money(cost: float) -> str:
    """Write what something costs, in the currency of the prices."""
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.4f}"


def _token_counts(work: Work, numbers: Sequence[int]) -> list[int]:
    """Estimate the tokens of some prompts, evenly over all, the shortest and the longest among them."""
    step = max(1.0, len(numbers) / _MOST_COUNTED)
    chosen = [numbers[int(place * step)] for place in range(min(len(numbers), _MOST_COUNTED))]
    return [work.tokens(number) for number in chosen]


def _answer_tokens(state: State, max_tokens: int | None) -> float:
    """Estimate the tokens of an answer: as those that are known, else as usual."""
    known = [answer.completion_tokens or 0 for answer in islice(state.answers.values(), _MOST_COUNTED)]
    if known:
        return sum(known) / len(known)
    return min(_USUAL_ANSWER, max_tokens or _USUAL_ANSWER)


def _seconds_each(state: State, ledger: Ledger, target: str) -> float | None:
    known = [answer.seconds for answer in islice(state.answers.values(), _MOST_COUNTED)]
    if known:
        return sum(known) / len(known)
    rows = [row for row in ledger.rows() if row.target == target and row.asked]
    return sum(row.seconds for row in rows) / sum(row.asked for row in rows) if rows else None


def _shown(messages: Sequence[Message]) -> str:
    from ..parts import Text, describe  # noqa: PLC0415 - light import

    said = [
        f"{message.role}: " * (len(messages) > 1)
        + "".join(part.text if isinstance(part, Text) else f"[{describe(part)}]" for part in message.parts)
        for message in messages
    ]
    return "\n".join(said)
