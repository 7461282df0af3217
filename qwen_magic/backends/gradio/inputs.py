"""What the inputs of a Gradio app are for, told from their components, names and labels. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...parameters import TABLE
from .endpoints import Input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...parameters import Kind
    from .endpoints import Part

TEXTS = ("textbox", "multimodaltextbox")
"""The components in which a page asks for a prompt."""

_NUMBERS = ("slider", "number", "textbox")
_CHOICES = ("dropdown", "radio")
_PROMPT = re.compile(r"prompt|message|query|question|input|msg|user|text|chat", re.IGNORECASE)
_COMPONENTS: dict[Kind, tuple[str, ...]] = {
    "number": _NUMBERS,
    "whole": _NUMBERS,
    "texts": ("textbox", "dropdown"),
    "switch": ("checkbox", *_CHOICES),
}


def _rows(*kinds: Kind) -> list[tuple[tuple[str, ...], Part, str]]:
    """Return the rows of the parameters of these kinds; what is for thinking comes first, as it may name tokens too."""
    rows = [(_COMPONENTS[row.kind], row.name, row.labels) for row in TABLE if row.labels and row.kind in kinds]
    return sorted(rows, key=lambda row: not row[1].startswith("thinking"))


# The first row whose component and words fit says what an input is for.
_ROWS: tuple[tuple[tuple[str, ...], Part, str], ...] = (
    (("chatbot",), "history", ""),
    (("state",), "state", ""),
    (("multimodaltextbox",), "multimodal", ""),
    *_rows("number", "whole"),
    *_rows("texts"),
    (("textbox",), "system", r"sys(tem)?([\s_-]|$)|sys_?prompt|instruction|persona"),
    (("checkbox",), "random_seed", r"random\w*[\s_-]*seed|seed[\s_-]*random"),
    (_CHOICES, "model", r"model|size"),
    *_rows("switch"),
)
_TABLE = [(kinds, part, re.compile(words, re.IGNORECASE)) for kinds, part, words in _ROWS]
_KILO = 1024
_FEW_TOKENS = 256


def read_input(kind: str, props: Mapping[str, Any], name: str, default: Any) -> Input:
    """Tell what one input is for.

    Args:
        kind: the component's type.
        props: the component's properties.
        name: the function's parameter name, or "".
        default: what it is sent where nothing else is.

    Returns:
        The input.

    """
    label = str(props.get("label") or "")
    part = _part(kind, name, label, default)
    low, high = (_number(props.get(key)) for key in ("minimum", "maximum"))
    # No model thinks for so few tokens: such a slider counts thousands.
    unit = _KILO if part == "thinking_budget" and high is not None and high <= _FEW_TOKENS else 1
    return Input(part, name, label, default, kind, _choices(props.get("choices")), low, high, unit)


def settle(inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Leave one prompt and one model: of several inputs that look so, those that say it best, or the first."""
    prompt, model = _prompt(inputs), _model(inputs)
    chosen = []
    for item in inputs:
        part = item.part
        if item is prompt:
            part = "multimodal" if part == "multimodal" else "prompt"
        elif part in ("prompt", "multimodal") or (part == "model" and item is not model):
            part = "other"
        chosen.append(replace(item, part=part))
    return tuple(chosen)


def _prompt(inputs: Sequence[Input]) -> Input | None:
    asks = [item for item in inputs if item.part in ("prompt", "multimodal")]
    if not asks and len(inputs) == 1 and inputs[0].part == "system":
        return inputs[0]
    best = next((item for item in asks if item.part == "multimodal"), None)
    best = best or next((item for item in asks if _PROMPT.search(f"{item.name} {item.label}")), None)
    return best or next(iter(asks), None)


def _model(inputs: Sequence[Input]) -> Input | None:
    models = [item for item in inputs if item.part == "model"]
    best = next((item for item in models if "model" in f"{item.name} {item.label}".lower()), None)
    return best or next(iter(models), None)


def _part(kind: str, name: str, label: str, default: Any) -> Part:
    words = (name, label, name.replace("_", " "), label.replace("_", " "))
    for kinds, part, pattern in _TABLE:
        if kind in kinds and any(pattern.search(word) for word in words):
            return part
    if kind != "textbox":
        return "other"
    return "system" if str(default or "").lower().startswith("you are") else "prompt"


def _choices(choices: Any) -> tuple[tuple[str, Any], ...]:
    """Read a component's choices: pairs of what is shown and what is sent, in old versions plain values."""
    pairs = [item if isinstance(item, (list, tuple)) and len(item) == 2 else (item, item) for item in choices or ()]  # noqa: PLR2004
    return tuple((str(shown), sent) for shown, sent in pairs)


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
