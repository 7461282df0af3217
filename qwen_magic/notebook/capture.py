"""The output of a running cell, heard on its way to the front end or the terminal."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell


class Capture:
    """Hear what a cell puts out, until closed.

    ipykernel's own hooks know neither the terminal nor, before 7.4, a cell's result, and they belong to one thread;
    so the shell's methods are wrapped while the cell runs. Whatever goes wrong in here, the output goes its way.

    Attributes:
        outputs: what was put out.
        shown: the last exception whose traceback was shown. Some magics show one, and the cell counts as well done.

    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.outputs = Outputs()
        self.shown: BaseException | None = None
        self._closed = False
        self._muted_in: int | None = None
        self._value: object = None
        self._undo: list[Callable[[], None]] = []
        for stream in ("stdout", "stderr"):
            self._wrap(getattr(sys, stream), "write", lambda text, *_, name=stream, **__: self._take(name, text))
        self._wrap(shell.display_pub, "publish", self._display, mutes=True)
        self._wrap(shell.display_pub, "clear_output", lambda wait=False: self.outputs.clear(wait=wait), mutes=True)
        # A terminal prints all these as well: what it prints is no output of its own.
        self._wrap(shell.displayhook, "write_output_prompt", lambda: None, mutes=True)
        self._wrap(shell.displayhook, "write_format_data", lambda data, *_: self._display(data), mutes=True)
        self._wrap(shell.display_formatter, "format", self._format)
        self._wrap(shell, "showtraceback", lambda *_, **__: None, mutes=True)
        self._wrap(shell, "_showtraceback", lambda _, error, *__: self._show(error), mutes=True)

    def close(self) -> None:
        """Hear no more, and put everything back as it was."""
        self._closed = True
        self._value = None
        self.shown = None
        while self._undo:
            with suppress(Exception):
                self._undo.pop()()

    def _wrap(self, owner: Any, name: str, hear: Callable[..., None], *, mutes: bool = False) -> None:
        with suppress(Exception):  # a stream of somebody's own may allow no wrapping
            original = getattr(owner, name)
            own = vars(owner).get(name)

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                if not self._closed:
                    with suppress(Exception):
                        hear(*args, **kwargs)
                if not mutes:
                    return original(*args, **kwargs)
                with self._muted():
                    return original(*args, **kwargs)

            def undo() -> None:
                if vars(owner).get(name) is not wrapper:
                    return  # somebody has wrapped it again; ours passes everything on
                if own is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, own)

            setattr(owner, name, wrapper)
            self._undo.append(undo)

    @contextmanager
    def _muted(self) -> Iterator[None]:
        before, self._muted_in = self._muted_in, threading.get_ident()
        try:
            yield
        finally:
            self._muted_in = before

    def _take(self, stream: str, text: str) -> None:
        if self._muted_in != threading.get_ident():
            self.outputs.write(stream, text)

    def _display(
        self,
        data: dict[str, Any],
        *_: Any,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **__: Any,
    ) -> None:
        value, self._value = self._value, None
        self.outputs.display(data, str((transient or {}).get("display_id", "")), update=update, value=value)

    def _format(self, value: object, *_: Any, **__: Any) -> None:
        """Note what is about to be displayed."""
        self._value = value

    def _show(self, error: object) -> None:
        if isinstance(error, BaseException):
            self.shown = error
