"""Models on this machine as a kind of backend."""

from __future__ import annotations

from ..kinds import BackendKind
from ..target import Target
from .known_weights import KNOWN, size_words
from .small_models import word_of
from .wheels import is_installed, system_without_wheel

_ONE_BLOCK = r"""root ::= "```python\n" line+ "```"
line ::= "\n" | [^`\n] [^\n]* "\n"
"""
"""A grammar of llama.cpp: a fence, lines of which none begins with a backtick, and the end."""


def _parse(name: str, spec: str) -> Target | None:
    prefix, _, rest = spec.partition(":")
    return Target(name, "local", rest or "0.5b", remote=False) if prefix == "local" else None


def _usual() -> tuple[str, ...]:
    """Return the local model, but only where its weights are already on this machine."""
    from .weights import find  # noqa: PLC0415 - only where nothing was named

    return ("local",) if find("0.5b") is not None and not system_without_wheel() else ()


def _names() -> tuple[str, ...]:
    """Return the names for Tab: those of old, and what else of the Hub is on this machine."""
    from .kept_weights import kept  # noqa: PLC0415 - only where they are asked for
    from .projectors import is_projector  # noqa: PLC0415

    own = (one.weights for one in kept() if one.whole and one.weights.name not in KNOWN)
    here = [word_of(one.name) for one in own if not is_projector(one.filename)]
    return ("local", *(f"local:{name}" for name in (*KNOWN, *here)))


def _stronger(target: str) -> str:
    from .weights import find  # noqa: PLC0415 - only after a failure

    if target not in {"local", "local:0.5b"}:
        return ""
    here = find("1.5b") is not None
    return "local:1.5b" if here else f"local:1.5b ({size_words(KNOWN['1.5b'].size)}, once)"


def _offer() -> str:
    from .weights import find  # noqa: PLC0415 - only after a failure

    if system_without_wheel():
        return ""
    install = "" if is_installed() else 'pip install "qwen-magic[local]", then '
    size = "" if find("0.5b") else f" ({size_words(KNOWN['0.5b'].size)}, once)"
    return f"A small Qwen can answer on this machine: {install}%qwen use local{size}."


KIND = BackendKind(
    name="local",
    title="This machine",
    backend="qwen_magic.backends.local.backend:LocalBackend",
    parse=_parse,
    prefixes=("local",),
    forms=("local",),
    names=_names,
    rows=lambda: [("local, local:1.5b, local:qwen3-4b, local:OWNER/REPO:QUANT, local:PATH, local:PATH+MMPROJ",)],
    usual=_usual,
    with_model=lambda _target, model: f"local:{model}",
    caveat="a small model on this machine: fair at short code, unreliable in facts and arithmetic",
    one_block={"grammar": _ONE_BLOCK, "temperature": 0.0},
    stronger=_stronger,
    offer=_offer,
)
"""The row of models on this machine."""
