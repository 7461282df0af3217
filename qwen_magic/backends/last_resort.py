"""The last resort: what is no error of ours becomes one, in one line that says how it is reported."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import QwenError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = __name__.partition(".")[0]
_HINT = "Please report it with the output of %qwen doctor; another target may work."


@contextmanager
def last_resort(target: str) -> Iterator[None]:
    """Raise nothing but our errors out of the block.

    Args:
        target: the target's name.

    Yields:
        Nothing.

    Raises:
        UnexpectedError: something was raised that is no error of ours.

    """
    try:
        yield
    except QwenError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is
        raise unexpected(error, target) from None  # its words and its frames may hold a key


def unexpected(error: BaseException, target: str) -> UnexpectedError:
    """Say of any exception what it was and where it came from, but nothing of what it holds.

    Args:
        error: the exception.
        target: the target's name.

    """
    place, trace = "", error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] == _PACKAGE:
            place = f" in {name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return UnexpectedError(f"an unexpected error occurred ({type(error).__name__}{place})", target=target, hint=_HINT)
