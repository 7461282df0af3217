"""An interrupt and what follows at once are one: a second one that falls into the end of the first changes nothing."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from qwen_magic.notebook.interrupts import heard_later, heard_once

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELL: Any = SimpleNamespace(kernel=object())


@pytest.fixture(autouse=True)
def _as_in_a_kernel() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_second_interrupt_within_half_a_second_is_not_heard() -> None:
    now = 100.0

    def interrupted_twice() -> None:
        with heard_once(SHELL, now=lambda: now):
            try:
                interrupt()
            finally:
                interrupt()  # while the end of the first is shown and kept

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted_twice()
    assert caught.value.__context__ is None
    now += 0.4
    interrupt()  # still the same cell: what shows its end
    now += 0.2
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_who_goes_on_waiting_can_be_interrupted_again() -> None:
    now = 100.0
    heard = 0
    with heard_once(SHELL, now=lambda: now):
        for _ in range(4):
            try:
                interrupt()
            except KeyboardInterrupt:
                heard += 1
            now += 0.3
    assert heard == 2


@pytest.mark.parametrize("error", [None, ValueError])
def test_without_an_interrupt_the_handler_is_the_one_from_before(error: type[Exception] | None) -> None:
    if error is None:
        with heard_once(SHELL):
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    else:
        with suppress(error), heard_once(SHELL):
            raise error
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_is_changed_where_interrupts_are_somebody_elses() -> None:
    with heard_once(None), heard_once(SimpleNamespace()):  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heard_once(SHELL):
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    seen: list[Any] = []

    def in_a_thread() -> None:
        with heard_once(SHELL):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_IGN]


def test_what_comes_right_behind_a_cell_that_is_nothing_but_ours_stops_nothing() -> None:
    now = 100.0
    with heard_once(SHELL, is_last=True, now=lambda: now):
        pass
    interrupt()  # ipykernel shows the end, and would lose its reply
    now += 0.6
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_an_interrupt_that_falls_into_our_hearing_of_a_cell_stops_the_cell() -> None:
    with heard_later():
        interrupt()
    with pytest.raises(KeyboardInterrupt):
        time.sleep(30)
