"""What is said of targets that were not reached: once, and not below each answer of a session without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NO_NETWORK = re.compile(
    r"no such host|network is (?:unreachable|down)|no route to host|name resolution", re.IGNORECASE
)
_SILENT = re.compile(r"no connection within|cannot connect to (?!127\.|localhost|\[?::1)|the proxy cannot be reached")
_LEFT_OUT = "left out for up to"


@dataclass(frozen=True)
class Failure:
    """A target that did not answer.

    Attributes:
        target: its name; of several that are left out, their names with commas between them.
        text: what is said of it.

    """

    target: str
    text: str

    @property
    def line(self) -> str:
        """What stands below an answer."""
        return f"{self.target}: {self.text}"

    @property
    def unreached(self) -> bool:
        """Whether nothing of it was reached, so that it lies at the network."""
        return bool(_NO_NETWORK.search(self.text) or _SILENT.search(self.text))

    @property
    def left_out(self) -> frozenset[str]:
        """The targets that were not asked, for they had failed before; empty where it is no such line."""
        return frozenset(self.target.split(", ")) if self.text.startswith(_LEFT_OUT) else frozenset()


class ToldTargets:
    """The targets of which a front end has said in this session that they were not reached."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Return them, as they are now."""
        return self._names

    def add(self, failures: Iterable[Failure]) -> None:
        """Note those of which it is said now."""
        self._names |= {failure.target for failure in failures if failure.unreached}

    def answered(self, target: str) -> None:
        """Note that a target answered: where it had not been reached, the next failure is news again."""
        if target in self._names:
            self._names = frozenset()


def failure_lines(failures: Sequence[Failure], told: frozenset[str]) -> list[str]:
    """Say which targets failed: several that were not reached in one line, and nothing of what was told before.

    Args:
        failures: in the order in which they came.
        told: the targets of which it was said before that they were not reached.

    """
    news = [
        failure
        for failure in failures
        if not (failure.unreached and failure.target in told) and not (failure.left_out and failure.left_out <= told)
    ]
    away = [failure for failure in news if failure.unreached]
    others = [failure.line for failure in news if not failure.unreached]
    if len(away) < 2:  # noqa: PLR2004 - one of them says why
        return [failure.line for failure in news]
    network = all(_NO_NETWORK.search(failure.text) for failure in away)
    why = "no network: " if network else ""
    because = "" if network else f" ({away[0].text.partition(';')[0]})"
    return [f"{why}{len(away)} targets were not reached{because}", *others]
