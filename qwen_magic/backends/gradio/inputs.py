"""What the inputs of a Gradio app are for, told from their components, names and labels. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...parameters import TABLE
from ..wire_numbers import number
from .endpoints import Input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...parameters import Kind
    from .endpoints import Part

TEXTS = ("textbox", "multimodaltextbox")
"""The components in which a page asks for a prompt."""

_NUMBERS = ("slider", "number", "textbox")
_CHOICES = ("dropdown", "radio")
_SYSTEM = (
    r"sys(tem)?([\s_-]|$)|sys_?prompt|instruction|persona|(^|\s)систем|инструкци|(^|\s)роль(\s|$)"
    r"|系统|系統|人设|人設|角色|指令"
)
_SYSTEM_VALUE = re.compile(r"\s*(you\s+are\b|you're\b|ты\b|вы\b|你是|您是|你叫|act\s+as\b)", re.IGNORECASE)
_PROMPT = re.compile(
    r"prompt|message|query|question|input|msg|user|text|chat|instruction|сообщени|вопрос|запрос|输入|消息|问题|提问",
    re.IGNORECASE,
)
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
    (("image",), "picture", ""),
    *_rows("number", "whole"),
    *_rows("texts"),
    (("textbox",), "system", _SYSTEM),
    (("checkbox",), "stream", r"^stream(ing|\s*output)?\b|use stream|потоков|стриминг|流式"),
    (("checkbox",), "random_seed", r"random\w*[\s_-]*seed|seed[\s_-]*random"),
    (_CHOICES, "model", r"model|size"),
    *_rows("switch"),
)
_TABLE = [(kinds, part, re.compile(words, re.IGNORECASE)) for kinds, part, words in _ROWS]
_INSTRUCTION = re.compile(r"instruction|инструкци|指令", re.IGNORECASE)
_INPUT = re.compile(r"inputs?|context|ввод|контекст|输入|上下文|补充.*", re.IGNORECASE)
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
    hints = [str(props.get(key) or "") for key in ("placeholder", "elem_id")]
    part = _part(kind, (name, label), hints, default)
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


def settle_page(inputs: Sequence[Input], box: int) -> tuple[Input, ...]:
    """Tell a page's inputs apart where the box that the prompt is typed into is known."""
    model = _model(inputs)
    chosen = []
    for item in inputs:
        part = item.part
        if item.id == box:
            part = "multimodal" if item.component == "multimodaltextbox" else "prompt"
        elif part in ("prompt", "multimodal") or (part == "model" and item is not model):
            part = "other"
        chosen.append(replace(item, part=part))
    return tuple(chosen)


def find_box(inputs: Sequence[Input]) -> Input | None:
    """Find which of several boxes a person types the prompt into, or None."""
    boxes = [item for item in inputs if item.component in TEXTS]
    texts = [item for item in boxes if item.part in ("prompt", "multimodal")]
    told = [item for item in boxes if _INSTRUCTION.search(f"{item.name} {item.label}")]
    if told and texts and all(_INPUT.fullmatch(item.label.strip() or item.name) for item in texts):
        return told[0]  # "Instruction" beside "Input": the input is what the instruction speaks of
    return _prompt(inputs) or (boxes[0] if len(boxes) == 1 else None)


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


def _part(kind: str, named: tuple[str, str], hints: Sequence[str], default: Any) -> Part:
    """Tell what a component is for: by its name and label, else by the page's other words for it and its value."""
    if kind in TEXTS and _SYSTEM_VALUE.match(str(default or "")):
        return "system"
    for words in (named, hints):
        spellings = [spelling for word in words for spelling in (word, word.replace("_", " "))]
        for kinds, part, pattern in _TABLE:
            if kind in kinds and any(pattern.search(word) for word in spellings):
                return part
    return "prompt" if kind == "textbox" else "other"


def _choices(choices: Any) -> tuple[tuple[str, Any], ...]:
    """Read a component's choices: pairs of what is shown and what is sent, in old versions plain values."""
    pairs = [item if isinstance(item, (list, tuple)) and len(item) == 2 else (item, item) for item in choices or ()]  # noqa: PLR2004
    return tuple((str(shown), sent) for shown, sent in pairs)


def _number(value: Any) -> float | None:
    return value if number(value) is not None else None
