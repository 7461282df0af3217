"""The one table of what can be set for one answer: sampling parameters, and all that is known of each.

A parameter is one row: a field of `Parameters`, annotated with a `Parameter`. Its option, its setting, its checks, its
help, the fields of a request that carry it and the inputs of an app that are taken for it come from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal, get_args, get_type_hints

from .errors import UsageError

Kind = Literal["number", "whole", "switch", "texts", "object"]
"""What values a parameter has: numbers, whole numbers, True or False, texts, or a mapping."""
Level = Literal["usual", "rare"]
"""Whether a new user meets something: the short help shows what is usual, the long one all."""

_KINDS: dict[Any, Kind] = {float: "number", int: "whole", bool: "switch", tuple[str, ...]: "texts"}
_MOST = 2**31 - 1


def _wire(name: str, *servers: str, **others: str) -> Mapping[str, tuple[str, ...]]:
    """Tell how servers call a parameter: those that are named as we do, the others by the words given."""
    return dict.fromkeys(servers, (name,)) | {server: tuple(words.split()) for server, words in others.items()}


@dataclass(frozen=True)
class Flag:
    """One option that sets a parameter on a line.

    Attributes:
        written: how it is written, "--think".
        help: what it means, in a few words; "" for the parameter's own help.
        constant: what it sets the parameter to, or None where the value stands after it.

    """

    written: str
    help: str = ""
    constant: Any = None


@dataclass(frozen=True)
class Parameter:
    """One row of the table.

    Attributes:
        help: what it means, in a few words.
        low: the least number that it can be, or None where it is no number.
        high: the greatest.
        above: whether it must be greater than the least number.
        flags: the options that set it; without them one with its own name.
        level: whether its options are usual or rare.
        standard: whether it is of OpenAI's own API, so that all servers take it but those named in ``without``.
        without: the servers that do not take it although it is standard, by their short names.
        wire: for one that is not standard, the fields of a request's body that carry it, by the short names of the
            servers that take it; "openai", which is always among them, stands for a server of which only the address
            is known: it is sent all, and what it refuses is left out.
        beside_pictures: whether these fields stand in each picture's part of a message, not in the request itself.
        after: the parameter that it is listed after where it is told of, or "" for the one before it here.
        labels: a pattern: what a Gradio app's input is called that is taken for it; "" for none.
        name: its name, which the field of `Parameters` gives.
        kind: what values it has, which the field's type gives.

    """

    help: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    flags: tuple[Flag, ...] = ()
    level: Level = "rare"
    standard: bool = False
    without: tuple[str, ...] = ()
    wire: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside_pictures: bool = False
    after: str = ""
    labels: str = ""
    name: str = ""
    kind: Kind = "object"

    def check(self, value: Any) -> Any:
        """Return a value in the form in which it is kept.

        Raises:
            UsageError: the parameter cannot have it.

        """
        match self.kind:
            case "number" | "whole":
                self._check_number(value)
            case "switch":
                if not isinstance(value, (bool, type(None))):
                    raise UsageError(f"{self.name} is {value!r}", hint="Give True or False.")
            case "texts":
                return self._texts(value)
            case "object":
                if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                    hint = f'Give {self.name}={{"name": value}}.'
                    raise UsageError(f"{self.name} is not a mapping whose keys are str", hint=hint)
        return value

    def _check_number(self, value: Any) -> None:
        if value is None:
            return
        low, high = self.low or 0, self.high or 0
        kind = int if self.kind == "whole" else (int, float)
        fits = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high
        if not fits or (self.above and value == low):
            what = "whole number" if self.kind == "whole" else "number"
            bounds = f"above {low}, to {high}" if self.above else f"from {low} to {high}"
            raise UsageError(f"{self.name} is {value!r}", hint=f"Give a {what} {bounds}.")

    def _texts(self, value: Any) -> tuple[str, ...] | None:
        texts = (value,) if isinstance(value, str) else value
        if texts is None:
            return None
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
            raise UsageError(f"{self.name} is {value!r}", hint="Give a text, or a list of texts, none of them empty.")
        return tuple(texts) or None


@dataclass(frozen=True)
class Parameters:
    """Sampling parameters; None leaves a parameter to the target."""

    temperature: Annotated[
        float | None,
        Parameter(
            "0 (always the likeliest token) to 2",
            0,
            2,
            level="usual",
            standard=True,
            labels=r"temperature|^temp$|температур|温度|溫度|随机性",
        ),
    ] = None
    top_p: Annotated[
        float | None,
        Parameter(
            "0 to 1; only the likeliest tokens, up to this share of probability, are sampled",
            0,
            1,
            standard=True,
            labels=r"top[\s_-]?p\b|nucleus|核采样",
        ),
    ] = None
    max_tokens: Annotated[
        int | None,
        Parameter(
            "the most tokens that the answer may have",
            1,
            _MOST,
            level="usual",
            standard=True,
            labels=r"max\w*[\s_-]*((number|of|new|output|generated|generation|response|dec|decode|gen)[\s_-]*)*(tokens?|len(gth)?\b)"
            r"|макс\w*\.?\s+(\w+\s+)*(токен|длин)|最大(?!历史).*(长度|長度|token|字数|令牌)|最长.*(长度|token)|生成长度",
        ),
    ] = None
    seed: Annotated[
        int | None,
        Parameter(
            "the same number gives the same answer again, where the target can do that",
            0,
            2**32 - 1,
            standard=True,
            labels=r"\bseed\b|随机种子|зерно",
        ),
    ] = None
    top_k: Annotated[
        int | None,
        Parameter(
            "only this many of the likeliest tokens are sampled",
            0,
            _MOST,
            after="top_p",
            wire=_wire("top_k", "vllm", "lmstudio", "llamacpp", "dashscope", "openrouter", "openai"),
            labels=r"top[\s_-]?k\b",
        ),
    ] = None
    min_p: Annotated[
        float | None,
        Parameter(
            "0 to 1; tokens less likely than this share of the likeliest one are left out",
            0,
            1,
            after="top_k",
            # LM Studio's documentation names no min_p.
            wire=_wire("min_p", "vllm", "llamacpp", "openrouter", "openai"),
            labels=r"min[\s_-]?p\b",
        ),
    ] = None
    stop: Annotated[
        tuple[str, ...] | None,
        Parameter(
            "texts at which the answer ends",
            flags=(Flag("--stop", r"end the answer at TEXT; may be given several times; \n is a line break"),),
            standard=True,
            labels=r"^stop$|stop[\s_-]*(sequence|word|string|token|text|at)s?\b",
        ),
    ] = None
    presence_penalty: Annotated[
        float | None,
        Parameter(
            "-2 to 2; above 0 makes tokens that occurred before less likely",
            -2,
            2,
            standard=True,
            labels=r"presence[\s_-]*penalty",
        ),
    ] = None
    frequency_penalty: Annotated[
        float | None,
        Parameter(
            "-2 to 2; above 0 makes tokens that occurred often less likely",
            -2,
            2,
            standard=True,
            without=("dashscope",),
            labels=r"frequency[\s_-]*penalty",
        ),
    ] = None
    repetition_penalty: Annotated[
        float | None,
        Parameter(
            "up to 2; above 1 makes repetition less likely",
            0,
            2,
            above=True,
            wire=_wire(
                "repetition_penalty",
                "vllm",
                "dashscope",
                "openrouter",
                llamacpp="repeat_penalty",
                lmstudio="repeat_penalty",
                openai="repetition_penalty repeat_penalty",
            ),
            labels=r"rep(etition|eat)[\s_-]*penalty|重复惩罚|重复度|штраф\w*\s+за\s+повтор",
        ),
    ] = None
    thinking: Annotated[
        bool | None,
        Parameter(
            "whether a model that can think does so before it answers",
            flags=(
                Flag("--think", "let the model think before it answers, if it can", constant=True),
                Flag("--no-think", "let the model answer without thinking", constant=False),
            ),
            level="usual",
            labels=r"think|reason|思考|推理|размышл|рассужд",
        ),
    ] = None
    thinking_budget: Annotated[
        int | None,
        Parameter(
            "the most tokens that the model may think for",
            1,
            _MOST,
            flags=(Flag("--think-budget"),),
            labels=r"(think|reason)\w*[\s_-]*(budget|tokens?|length)",
        ),
    ] = None
    extra: Annotated[Mapping[str, Any], Parameter("an object of further fields for the request, sent as they are")] = (
        field(default_factory=dict, hash=False)
    )
    vl_high_resolution_images: Annotated[
        bool | None,
        Parameter(
            "let Model Studio read up to 16,384 tokens of a picture instead of 1,280",
            flags=(Flag("--vl-high-resolution-images", constant=True),),
            after="thinking_budget",
            wire=_wire("vl_high_resolution_images", "dashscope", "openai"),
        ),
    ] = None
    min_pixels: Annotated[
        int | None,
        Parameter(
            "pixels that Model Studio enlarges a smaller picture to",
            1,
            _MOST,
            beside_pictures=True,
            after="vl_high_resolution_images",
            wire=_wire("min_pixels", "dashscope", "openai"),
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        Parameter(
            "the most pixels that Model Studio reads of a picture; pictures for it are made for that",
            1,
            _MOST,
            beside_pictures=True,
            after="min_pixels",
            wire=_wire("max_pixels", "dashscope", "openai"),
        ),
    ] = None

    def __post_init__(self) -> None:
        for row in TABLE:
            object.__setattr__(self, row.name, row.check(getattr(self, row.name)))
        if self.thinking is False and self.thinking_budget is not None:
            raise UsageError("thinking is off, but it has a budget", hint="Give only one of the two.")
        if self.min_pixels and self.max_pixels and self.min_pixels > self.max_pixels:
            what = f"min_pixels is {self.min_pixels}, more than max_pixels, {self.max_pixels}"
            raise UsageError(what, hint="Give a smaller one, or only one of the two.")

    def given(self) -> dict[str, Any]:
        """Return the parameters that were set, by name, without ``extra``."""
        return {name: value for name in _GIVEN if (value := getattr(self, name)) is not None}


def _table() -> tuple[Parameter, ...]:
    hints = get_type_hints(Parameters, include_extras=True)
    rows: list[Parameter] = []
    for item in fields(Parameters):
        annotated, row = get_args(hints[item.name])
        kind = next((_KINDS[one] for one in get_args(annotated) if one in _KINDS), "object")
        place = next((place for place, other in enumerate(rows, 1) if other.name == row.after), len(rows))
        rows.insert(place, replace(row, name=item.name, kind=kind))
    return tuple(rows)


NAMES = tuple(item.name for item in fields(Parameters))
"""The names of all parameters."""
TABLE = _table()
"""The rows of the table, in the order in which they are told of."""
SAMPLING = tuple(row.name for row in TABLE if row.kind != "object")
_GIVEN = tuple(name for name in NAMES if name in SAMPLING)
"""The names of those that are parameters by themselves, all but ``extra``, in the order in which they are told of."""
FIELDS = tuple(row.name for row in TABLE if row.standard or row.wire)
"""The names of those that plain fields of a request's body carry; how a server is told to think is its own matter."""
BESIDE_PICTURES = frozenset(row.name for row in TABLE if row.beside_pictures)
"""The names of those whose fields stand in each picture's part."""

if Parameters.__doc__:  # there is none under python -OO
    Parameters.__doc__ += "\n\n    Attributes:\n" + "".join(f"        {row.name}: {row.help}.\n" for row in TABLE)


def to_parameters(given: dict[str, Any]) -> Parameters:
    """Check parameters by name.

    Raises:
        UsageError: an unknown name, or a value out of its range.

    """
    if unknown := sorted(set(given) - set(NAMES)):
        raise UsageError(f"no parameter {', '.join(unknown)}", hint=f"There are: {', '.join(NAMES)}.")
    return Parameters(**given)


def body_fields(server: str) -> dict[str, tuple[str, ...]]:
    """Tell which fields of a request's body carry the parameters at a server.

    Args:
        server: the server's short name, "vllm"; "openai" for one of which only the address is known.

    Returns:
        The fields by the names of the parameters; one that is not there is not taken by the server.

    """
    standard = {row.name: (row.name,) for row in TABLE if row.standard and server not in row.without}
    return standard | {row.name: row.wire[server] for row in TABLE if server in row.wire}


def laid_over(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the parameters of one prompt over the settings.

    Args:
        settings: the parameters that are set for the session; None is not set.
        given: what the prompt's own line says.

    Returns:
        The parameters in force. What a line says about thinking goes before the settings about it: one of
        thinking and its budget, given, takes away the other where they would contradict each other.

    """
    found = {name: value for name, value in settings.items() if value is not None}
    if "thinking_budget" in given:
        found.pop("thinking", None)
    found |= given
    if found.get("thinking") is False and "thinking_budget" not in given:
        found.pop("thinking_budget", None)
    return found
