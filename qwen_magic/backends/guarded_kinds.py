"""Kinds of backend of other packages, kept from harming ours: what goes wrong in one is told in one line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import QwenError, TargetError, one_line
from .target import Target, without_logins, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .base import Backend, Settings
    from .kinds import BackendKind

_HINT = "Tell the author of that package, or try another target."


def guarded(kind: BackendKind, package: str) -> BackendKind:
    """Return the same kind with each of its functions guarded: it raises nothing but our errors.

    Args:
        kind: what another package offers.
        package: the package's name.

    """
    guard = _Guard(kind, package)
    return replace(
        kind,
        parse=guard.parse,
        names=guard.names,
        rows=guard.rows,
        keys=guard.keys,
        with_model=guard.with_model,
        backend=guard.backend,
    )


def fault(kind: str, package: str, error: object) -> str:
    """Say in one line that a package's kind of backend cannot be used.

    Args:
        kind: the kind's name.
        package: the package's name.
        error: what was raised, or the reason in words.

    """
    reason = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
    return one_line(without_logins(f"the backend {kind} of {package} cannot be used ({reason})"))


class _Guard:
    """The functions of a kind, guarded; a list that fails is empty, but for a line that says so."""

    def __init__(self, kind: BackendKind, package: str) -> None:
        self._kind = kind
        self._package = package

    def parse(self, name: str, spec: str) -> Target | None:
        try:
            target = self._kind.parse(name, spec)
        except QwenError:
            raise
        except Exception as error:  # noqa: BLE001 - the code of others may raise anything
            if spec.partition(":")[0] not in (self._kind.name, *self._kind.prefixes):
                return None  # another may know it
            raise self._failure(error, name) from None  # which may hold the login of a URL
        if target is None or (isinstance(target, Target) and target.kind == self._kind.name):
            return target
        raise self._failure("its parse returns a target of another kind", name)

    def names(self) -> Sequence[str]:
        try:
            return tuple(map(str, self._kind.names()))
        except Exception:  # noqa: BLE001 - Tab gives what the others have
            return ()

    def rows(self) -> Sequence[tuple[str, ...]]:
        try:
            return [tuple(map(str, row)) for row in self._kind.rows()]
        except Exception as error:  # noqa: BLE001 - the code of others may raise anything
            return [(fault(self._kind.name, self._package, error),)]

    def keys(self) -> Mapping[str, str]:
        try:
            return dict(self._kind.keys())
        except Exception:  # noqa: BLE001 - the code of others may raise anything
            return {}

    def with_model(self, target: str, model: str) -> str:
        with self._told(target):
            return self._kind.with_model(target, model)

    def backend(self, target: Target, settings: Settings) -> Backend:
        with self._told(target.name):
            return self._kind.make(target, settings)

    @contextmanager
    def _told(self, target: str) -> Iterator[None]:
        try:
            yield
        except QwenError:
            raise
        except Exception as error:
            raise self._failure(error, target) from error

    def _failure(self, error: object, target: str) -> TargetError:
        return TargetError(fault(self._kind.name, self._package, error), target=without_secrets(target), hint=_HINT)
