"""What goes into an endpoint's inputs: messages, parameters, the model, and the user's own values. No I/O."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...messages import Image, Message, split_system
from .endpoints import Endpoint, Input, Payload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...request import Request
    from .protocol import HistoryFormat

_OFF = re.compile(r"\b(no|non|not|off|false|disabled?|without|fast|none|never)\b", re.IGNORECASE)


def build(
    endpoint: Endpoint,
    request: Request,
    inputs: Mapping[str, Any] | None,
    target: str,
    model: str = "",
    files: Sequence[Any] = (),
) -> Payload:
    """Put a request into the form that an endpoint takes.

    Args:
        endpoint: the endpoint.
        request: at most one system message, first, the prompt last; the parameters go into the inputs that are for
            them, and ``extra`` by an input's parameter name or label, over all else.
        inputs: values by an input's parameter name or label, over all but ``extra``.
        target: the target's name, for errors.
        model: the model to ask, "" for the app's own choice.
        files: what stands for the prompt's pictures, as `pictures.upload_pictures` gives it.

    Returns:
        The payload; its warnings name all that the endpoint does not take.

    Raises:
        UsageError: an input or a model that the endpoint does not have.

    """
    parameters, (system, turns) = request.parameters, split_system(request.messages)
    prompt, warnings = turns[-1].text, []
    earlier = turns[:-1]
    if earlier and endpoint.history is None:
        prompt = _transcript(earlier, prompt)
        warnings.append("it takes no history, so the earlier turns were put in front of the prompt")
        earlier = []
    if system and not endpoint.takes("system"):
        prompt = f"{system}\n\n{prompt}"
        warnings.append("it takes no system prompt, so it was put in front of the prompt")
    history = format_history(earlier, endpoint.history) if endpoint.history else []
    sent = history
    if endpoint.pending and endpoint.history:
        sent = format_history([*earlier, Message(turns[-1].role, prompt)], endpoint.history)
    multimodal = endpoint.takes("multimodal") or endpoint.multimodal
    message = {"text": prompt, "files": list(files)} if multimodal else prompt
    warnings += left_out(turns[:-1])
    own = [dict(parameters.extra), dict(inputs or {})]
    given = {**parameters.given(), **({"model": model} if model else {})}
    filling = _Filling(endpoint, target, message, sent, system, given, own, list(() if multimodal else files))
    data = filling.data()
    if left := filling.left:
        warnings.append(f"it does not take {', '.join(left)}")
    rows = sum(1 for item in earlier if item.role == "user")
    return Payload(data, prompt, message, filling.model, history, rows, (*warnings, *filling.warnings))


def left_out(earlier: Sequence[Message]) -> list[str]:
    """Say that earlier turns go along without their pictures, where they have some."""
    pictures = any(isinstance(part, Image) for turn in earlier for part in turn.parts)
    return ["pictures of earlier turns were not sent again"] if pictures else []


def format_history(turns: Sequence[Message], form: HistoryFormat) -> list[Any]:
    """Write earlier turns in the form that a chatbot takes."""
    if form == "messages":
        return [{"role": m.role, "content": m.text} for m in turns]
    if form == "parts":
        return [{"role": m.role, "content": [{"type": "text", "text": m.text}]} for m in turns]
    rows: list[list[str | None]] = []
    for message in turns:
        if message.role == "user":
            rows.append([message.text, None])
        elif rows and rows[-1][1] is None:
            rows[-1][1] = message.text
        else:
            rows.append([None, message.text])
    return rows


def _transcript(turns: Sequence[Message], prompt: str) -> str:
    said = "\n\n".join(f"{m.role.capitalize()}: {m.text}" for m in turns)
    return f"Our conversation so far:\n\n{said}\n\nUser: {prompt}"


@dataclass
class _Filling:
    """The values of one call's inputs.

    Attributes:
        endpoint: what is filled.
        target: the target's name, for errors.
        message: the prompt in the form that its input takes.
        history: the history, in the endpoint's form.
        system: the system prompt, or "".
        given: the parameters that were set, and the model.
        own: the user's values by name or label, the strongest first.
        pictures: those that no input has yet.
        model: the model that is asked, where it is known.
        left: what was given and is not taken.
        warnings: what was taken, but not as it was meant.

    """

    endpoint: Endpoint
    target: str
    message: Any
    history: list[Any]
    system: str
    given: dict[str, Any]
    own: list[dict[str, Any]]
    pictures: list[Any] = field(default_factory=list)
    model: str = ""
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def data(self) -> list[Any]:
        """Give one item for each input."""
        self._settle_thinking()
        self.left = [part for part in self.given if not any(item.part == part for item in self.endpoint.all_inputs())]
        self.model = self.endpoint.model
        known = {key for item in self.endpoint.all_inputs() for key in (item.name, item.label) if key}
        if unknown := list(dict.fromkeys(key for values in self.own for key in values if key not in known)):
            there = ", ".join(str(item) for item in self.endpoint.all_inputs() if item.part != "state")
            raise UsageError(
                f"{self.target}: {self.endpoint.name or self.endpoint.fn_index} has no input "
                f"{', '.join(map(repr, unknown))}",
                hint=f"Its inputs are: {there}.",
            )
        return [self._value(item) for item in self.endpoint.inputs]

    def _settle_thinking(self) -> None:
        """Say with the one input what the app has no other for: a switch, a budget."""
        switch, slider = self.endpoint.find("thinking"), self.endpoint.find("thinking_budget")
        thinking, budget = self.given.get("thinking"), self.given.get("thinking_budget")
        if switch is not None and budget is not None:
            self.given["thinking"] = True
        if switch is not None or slider is None or thinking is None:
            return
        if not thinking:
            del self.given["thinking"]
            least = int((slider.minimum or 0) * slider.unit)
            self.given["thinking_budget"] = least
            if least > 0:
                self.warnings.append(f"it always thinks, so it was given the smallest thinking budget, {least}")
        elif budget is not None or slider.default:
            del self.given["thinking"]
        elif slider.maximum:
            del self.given["thinking"]
            self.given["thinking_budget"] = int(slider.maximum * slider.unit)

    def _value(self, item: Input) -> Any:
        value = self._own_or_filled(item)
        if item.part == "model":
            default, known = str(item.default or ""), self.endpoint.model
            asked = str(value or "")
            self.model = known.replace(default, asked) if default and default in known else asked or known
        return value

    def _own_or_filled(self, item: Input) -> Any:
        for values in self.own:
            for key in (item.name, item.label):
                if key and key in values:
                    return values[key]
        return self._filled(item)

    def _filled(self, item: Input) -> Any:  # noqa: PLR0911 - a table
        match item.part:
            case "prompt" | "multimodal":
                return self.message
            case "history":
                return self.history
            case "system":
                return self.system or item.default or ""
            case "state":
                return None
            case "settings":
                return {entry.name: self._value(entry) for entry in item.fields}
            case "picture":
                return self.pictures.pop(0) if self.pictures else item.default
            case "stream":
                return True
            case "random_seed":
                return False if "seed" in self.given else item.default
        return self._given(item) if item.part in self.given else item.default

    def _given(self, item: Input) -> Any:
        value = self.given[item.part]
        match item.part:
            case "model":
                return self._model(item, value)
            case "thinking":
                return self._switch(item, value)
            case "stop":
                return ",".join(value) if item.component in ("", "textbox") else list(value)
        return self._number(item, value)

    def _model(self, item: Input, name: str) -> Any:
        if not item.choices:
            return name
        for shown, sent in item.choices:
            if name.lower() in (shown.lower(), str(sent).lower()):
                return sent
        there = {shown.lower(): shown for shown, _ in item.choices}
        close = difflib.get_close_matches(name.lower(), there, n=1, cutoff=0.4)
        hint = f"Did you mean {there[close[0]]}? " if close else ""
        raise UsageError(
            f"{self.target} has no model {name!r}", hint=f"{hint}Its models are: {', '.join(there.values())}."
        )

    def _switch(self, item: Input, on: bool) -> Any:  # noqa: FBT001 - the parameter is a bool
        """Switch thinking on or off: a checkbox, or the one of two choices that says so."""
        if not item.choices:
            return on
        said_off = [(sent, bool(_OFF.search(shown) or _OFF.search(str(sent)))) for shown, sent in item.choices]
        sides = [sent for sent, off in said_off if off is not on]
        if len(sides) == 1:
            return sides[0]
        self.left.append("thinking")
        return item.default

    def _number(self, item: Input, value: float) -> Any:
        """Keep a number within what the component takes; beyond it, the app would only fail."""
        number = round(value / item.unit) if item.unit > 1 else value
        low, high = item.minimum, item.maximum
        sent = number
        if low is not None and number < low:
            sent = low
        if high is not None and number > high:
            sent = high
        if sent == number:
            return number
        sent = int(sent) if float(sent).is_integer() else sent
        self.warnings.append(
            f"its {item.part} takes {_bounds(item)}, so {_plain(sent * item.unit)} was sent instead of {_plain(value)}"
        )
        return sent


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _bounds(item: Input) -> str:
    low, high = (None if bound is None else _plain(bound * item.unit) for bound in (item.minimum, item.maximum))
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"{low} to {high}"
