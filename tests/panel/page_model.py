"""What a page shows of a panel, made from the ops alone, as `panel.js` makes it."""

from __future__ import annotations

import html
from copy import deepcopy
from typing import Any


class PageModel:
    """One view of a panel.

    Attributes:
        view: its id.
        ready: whether it has had its first "reset"; until then all else is not for it.
        turns: the turns in order: what they say, and of the answer `blocks`, `tail`, `thinking` and `thought`.
        said: the notices, each with its kind.
        files: what was offered as a download: names and texts.
        found: the conversations that were listed last.
        unsent: the prompt that was refused last.
        attached: what goes along with the next prompt.
        suggested: what could stand at the cursor, by what was typed.
        deltas: how many it has done.

    """

    def __init__(self, view: str) -> None:
        self.view = view
        self.ready = False
        self.turns: list[dict[str, Any]] = []
        self.said: list[tuple[str, str]] = []
        self.unsent = ""
        self.files: list[tuple[str, str]] = []
        self.found: dict[str, Any] = {}
        self.attached: list[dict[str, Any]] = []
        self.suggested: dict[str, list[dict[str, Any]]] = {}
        self.deltas = 0

    def take(self, op: dict[str, Any]) -> None:
        """Do what the kernel says."""
        if op.get("view", self.view) not in ("", self.view):
            return
        if op["op"] == "reset":
            self.ready = True
            self.turns = [_fresh(turn) for turn in op["turns"]]
        elif op["op"] == "say":
            self.said.append((op["kind"], op["text"]))
            self.unsent = op.get("unsent", "")
        elif op["op"] == "focus":
            pass
        elif op["op"] == "found":
            self.found = op
        elif op["op"] == "attached":
            self.attached = op["files"]
        elif op["op"] == "suggest":
            self.suggested[op["typed"]] = op["suggestions"]
        elif op["op"] == "file":
            self.files.append((op["name"], op["text"]))
        elif self.ready:
            {"turn": self._turn, "drop": self._drop, "delta": self._delta}[op["op"]](op)

    def turn(self, key: str) -> dict[str, Any]:
        """Return a turn; the kernel names none that the page does not have."""
        (turn,) = (turn for turn in self.turns if turn["key"] == key)
        return turn

    def _turn(self, op: dict[str, Any]) -> None:
        new = _fresh(op["turn"])
        keys = [turn["key"] for turn in self.turns]
        if new["key"] in keys:
            self.turns[keys.index(new["key"])].update(new)
            return
        assert "blocks" in new, "a turn that the page does not have comes without its answer"
        self.turns.insert(keys.index(op["before"]) if op["before"] else len(keys), new)

    def _drop(self, op: dict[str, Any]) -> None:
        self.turns.remove(self.turn(op["key"]))

    def _delta(self, op: dict[str, Any]) -> None:
        turn = self.turn(op["key"])
        self.deltas += 1
        if op.get("restart"):
            turn.update(blocks=[], tail="")
        if op["blocks"]:
            turn.update(blocks=turn["blocks"] + op["blocks"], tail="")
        turn["tail"] = grown(turn["tail"], op)
        if thinking := op.get("thinking"):
            turn.update(thinking=grown(turn["thinking"], thinking), thought=thinking["thought"])
        turn["status"] = op.get("status", turn["status"])
        turn["steps"] = op.get("steps", turn["steps"])

    def shown(self) -> list[dict[str, Any]]:
        """Return what a reader sees: how the answers are cut into blocks does not matter."""
        return [seen(turn) for turn in self.turns]


def grown(text: str, step: dict[str, Any]) -> str:
    """Let a text grow by a step, whose `keep` counts as JavaScript does."""
    units = text.encode("utf-16-le", "surrogatepass")
    assert 0 <= 2 * step["keep"] <= len(units), "more is to be kept than there is"
    added: str = step["add"]
    return units[: 2 * step["keep"]].decode("utf-16-le", "surrogatepass") + added


def seen(turn: dict[str, Any]) -> dict[str, Any]:
    """Return what a reader sees of a turn that `_fresh` or a page made."""
    rest = {name: value for name, value in turn.items() if name not in ("blocks", "tail", "thinking")}
    return {**rest, "answer": "".join([*turn["blocks"], turn["tail"]]), "thinking": turn["thinking"].strip()}


def saved(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a page shows that has only the trait `turns`."""
    return [seen(_fresh(turn)) for turn in turns]


def _fresh(turn: dict[str, Any]) -> dict[str, Any]:
    new = deepcopy(turn)
    if body := new.pop("body", None):
        thinking = html.unescape(body["thinking"])
        new |= {"blocks": body["blocks"], "tail": "", "thinking": thinking, "thought": body["thought"]}
    return new
