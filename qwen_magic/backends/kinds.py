"""What a kind of backend is: one row of the registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .base import Backend, Settings
    from .target import Target


def _nothing() -> Sequence[Any]:
    return ()


def _hash_model(target: str, model: str) -> str:
    return f"{target.partition('#')[0]}#{model}"


def _no_other(_target: str) -> str:
    return ""


def _no_key(_url: str) -> None:
    return None


@dataclass(frozen=True)
class NoOptions:
    """The options of a kind that has none of its own."""


@dataclass(frozen=True)
class BackendKind:
    """One kind of backend: the target strings that belong to it, and the code that speaks to them.

    Another package offers one under the entry point group ``qwen_magic.backends``. Each kind needs the first five
    and ``forms``; the defaults of the others fit a kind without names, models and options of its own.

    Attributes:
        name: its name, which is the ``kind`` of its targets, such as "space".
        title: a heading for its targets in a list, such as "Public Spaces".
        backend: a callable that takes the target and the settings and returns a `Backend`, or the place of one, as
            "package.module:name", which is imported on first use.
        parse: makes a target from a name as it was written and from the string that its alias stands for (or the
            same); returns None if it belongs to another kind. It may raise a TargetError, with `forms` as the hint.
        prefixes: the words that its target strings may begin with, for the nearest match after a mistake.
        forms: how its targets are written, for advice: ("space:OWNER/NAME", "space:URL").
        aliases: short names in lower case, and the target strings that they stand for.
        names: returns the targets that Tab offers; one that ends with a colon needs a model.
        rows: returns the rows of the list of known targets: how each is written, and what is known about it.
        usual: returns the targets that belong to the default chain, in order; only our own kinds have some, since
            nothing is sent to another package's target unless it is named.
        with_model: adds a model to a target string of this kind.
        keys: returns the names under which its API keys are kept, and for each the environment variable that may
            hold the key, or "".
        key_at: tells of a URL under which name its key is kept, and the variable that may hold it; None where that is
            none of its servers.
        caveat: what a user is told, once, of its answers, or "".
        offer: what a user is told where all servers fail and this kind could answer, or ""; or what makes that.
        one_block: what is added to a request's body so that the answer is one block of Python and nothing else; empty
            where its targets cannot be held to that.
        stronger: names a target of this kind that is better at code than one, with what it takes; "" for none.
        options: makes its own options of the values by name that a client was given for it: a frozen dataclass,
            whose fields are the options.

    """

    name: str
    title: str
    backend: str | Callable[[Target, Settings], Backend]
    parse: Callable[[str, str], Target | None]
    prefixes: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    aliases: Mapping[str, str] | None = None
    names: Callable[[], Sequence[str]] = _nothing
    rows: Callable[[], Sequence[tuple[str, ...]]] = _nothing
    usual: Callable[[], Sequence[str]] = _nothing
    with_model: Callable[[str, str], str] = _hash_model
    keys: Callable[[], Mapping[str, str]] = dict
    key_at: Callable[[str], tuple[str, str] | None] = _no_key
    caveat: str = ""
    offer: str | Callable[[], str] = ""
    one_block: Mapping[str, Any] = field(default_factory=dict)
    stronger: Callable[[str], str] = _no_other
    options: Callable[..., object] = NoOptions

    def make(self, target: Target, settings: Settings) -> Backend:
        """Make the backend for a target; its module is imported here, on first use."""
        if callable(self.backend):
            return self.backend(target, settings)
        module, _, name = self.backend.partition(":")
        backend: Backend = getattr(import_module(module), name)(target, settings)
        return backend
