"""Faults that only a Gradio app can show: in its description, its join and its queue."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from faults.wire import EVENT_ID, STREAM, Fault, Wire, chunks, event, message, sends, streams, whole
from servers.web import SAVED

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = ("gradio",)
_ODD: tuple[Any, ...] = (None, 10**400, "half \ud83d", [[1]], {"a": {"b": 1}})
"""Values where others belong; `test_any_json` has many more, without a wire."""
_CHUNKED = STREAM + b"Transfer-Encoding: chunked\r\n\r\n"


def gradio_faults() -> Iterator[Fault]:
    """Give the faults."""
    yield from _endless()
    yield from _messages()
    yield from _configs()
    for number, value in enumerate(_ODD):
        joined = sends(whole(200, json.dumps({"event_id": value})))
        yield Fault(f"event id {number}", joined, "any", kinds=_KINDS)
        yield Fault(f"join {number}", sends(whole(200, json.dumps(value))), "any", kinds=_KINDS)


def _endless() -> Iterator[Fault]:
    beat = event({"msg": "heartbeat"})
    place = message("estimation", rank=3, queue_size=7, rank_eta=5)
    up_and_down = place + message("estimation", rank=4, queue_size=7, rank_eta=6)
    start = message("process_starts")
    shown = message("process_generating", output={"data": ["", [["hi", "a"]], ""]}, success=True)
    empty = message("process_generating", output={"data": [[], [], []]}, success=True)
    blink = "".join(
        message("process_generating", output={"data": [[], [["replace", [0, 1], text]], []]}, success=True).decode()
        for text in ("a", "ab")
    ).encode()
    progress = message("progress", progress_data=[{"index": 1, "length": 4, "desc": "working"}])
    for name, first, one, partial in (
        ("heartbeats", b"", beat, ""),
        ("the same place", b"", place, ""),
        ("a place that goes up and down", b"", up_and_down, ""),
        ("heartbeats in the queue", place, beat, ""),
        ("heartbeats after the start", start, beat, ""),
        ("starts", b"", start, ""),
        ("the same progress", start, progress, ""),
        ("the same log", start, message("log", log="hello", level="info"), ""),
        ("messages of others", b"", event({"msg": "process_generating", "event_id": "x"}), ""),
        ("values that do not change", start + shown, empty, "a"),
        ("a value that blinks", start + shown, blink, "ab"),
        ("heartbeats behind text", start + shown, beat, "a"),
    ):

        async def endless(wire: Wire, first: bytes = first, one: bytes = one) -> None:
            await wire.send(_CHUNKED, chunks(first))
            await wire.repeat(chunks(one), 0.1)

        at = ("stream",)
        yield Fault(f"{name} for ever", endless, "StallError", partial=partial, kinds=_KINDS, at=at, seconds=14)

    async def moving(wire: Wire) -> None:
        await wire.send(_CHUNKED)
        for rank in reversed(range(5)):
            await wire.send(chunks(message("estimation", rank=rank, queue_size=5)), 1.2)
        await wire.send(chunks(wire.delta("Hello."), wire.end()), b"0\r\n\r\n")

    at = ("stream",)
    yield Fault(
        "a place that gets better", moving, "answer", partial="Hello.", kinds=_KINDS, at=at, seconds=14, stall=4
    )


def _messages() -> Iterator[Fault]:
    kinds: dict[str, tuple[str, ...]] = {
        "estimation": ("rank", "queue_size", "rank_eta"),
        "progress": ("progress_data",),
        "log": ("log", "level"),
        "process_starts": ("eta", "event_id"),
        "heartbeat": ("event_id",),
        "unknown": ("event_id",),
    }
    for msg, fields in kinds.items():
        for name in fields:
            for number, value in enumerate(_ODD):
                one = event({"msg": msg, "event_id": EVENT_ID, "rank": 0, "queue_size": 1, name: value})
                do = streams(lambda w, one: [one, w.delta("Hello."), w.end()], one)
                yield Fault(f"{msg} {name} {number}", do, "answer", partial="Hello.", kinds=_KINDS, at=("stream",))
    for name in ("index", "length", "progress", "desc", "unit"):
        for number, value in enumerate(_ODD):
            unit = {"index": 1, "length": 4, "progress": None, "desc": "", name: value}
            one = message("progress", progress_data=[unit])
            do = streams(lambda w, one: [one, w.delta("Hello."), w.end()], one)
            yield Fault(f"progress {name} {number}", do, "answer", partial="Hello.", kinds=_KINDS, at=("stream",))
    for number, value in enumerate(_ODD):
        for name, given in {
            "output": {"output": value},
            "data": {"output": {"data": value}},
            "cell": {"output": {"data": ["", [["hi", value]], ""]}},
            "row": {"output": {"data": ["", [value], ""]}},
            "success": {"output": {"data": ["", [["hi", "Hello."]], ""]}, "success": value},
        }.items():
            for msg in ("process_generating", "process_completed"):
                one = event({"msg": msg, "event_id": EVENT_ID, "success": True, **given})
                do = streams(lambda w, one: [one, w.delta("Hello."), w.end()], one)
                yield Fault(f"{msg} {name} {number}", do, "any", kinds=_KINDS, at=("stream",))
        failed = event(
            {
                "msg": "process_completed",
                "event_id": EVENT_ID,
                "success": False,
                "output": {"error": value, "title": value},
            }
        )
        yield Fault(
            f"failure {number}",
            streams(lambda w, one: [w.delta("Hel"), one], failed),
            "error",
            "",
            "Hel",
            kinds=_KINDS,
            at=("stream",),
        )
        lost = event({"msg": "unexpected_error", "event_id": None, "message": value, "session_not_found": value})
        yield Fault(
            f"unexpected {number}",
            streams(lambda w, one: [w.delta("Hel"), one], lost),
            "error",
            "",
            "Hel",
            kinds=_KINDS,
            at=("stream",),
        )
        for action in ("append", "replace", "add", "delete"):
            diff = message("process_generating", output={"data": [[], [[action, [0, value], "x"]], []]}, success=True)
            do = streams(lambda w, diff: [w.delta("Hel"), diff, w.end()], diff)
            yield Fault(f"diff {action} {number}", do, "answer", partial="Hello.", kinds=_KINDS, at=("stream",))


def _configs() -> Iterator[Fault]:
    def config(name: str, change: Any, ends: str = "any") -> Fault:
        value = copy.deepcopy(SAVED["config"])
        value = change(value) or value
        return Fault(f"config {name}", sends(whole(200, json.dumps(value))), ends, kinds=_KINDS, at=("config",))

    for number, odd in enumerate(_ODD):
        for key in ("components", "dependencies", "version", "protocol", "api_prefix", "enable_queue", "root"):
            yield config(f"{key} {number}", lambda value, key=key, odd=odd: value.update({key: odd}))
        for key in ("id", "type", "props"):
            yield config(
                f"component {key} {number}", lambda value, key=key, odd=odd: value["components"][0].update({key: odd})
            )
        for key in (
            "id",
            "targets",
            "inputs",
            "outputs",
            "types",
            "api_name",
            "trigger_after",
            "queue",
            "backend_fn",
            "show_api",
        ):
            yield config(
                f"function {key} {number}", lambda value, key=key, odd=odd: value["dependencies"][0].update({key: odd})
            )
        for key in ("label", "value", "choices", "minimum", "maximum", "placeholder", "elem_id", "type"):
            yield config(
                f"props {key} {number}",
                lambda value, key=key, odd=odd: (
                    [one["props"].update({key: odd}) for one in value["components"]] and None
                ),
            )
        yield config(f"function {number}", lambda value, odd=odd: value["dependencies"].__setitem__(0, odd))
        yield config(f"component {number}", lambda value, odd=odd: value["components"].__setitem__(0, odd))
    yield config("prefix of another host", lambda value: value.update(api_prefix="@192.0.2.1:9/"), "answer")
    yield config("prefix with a line", lambda value: value.update(api_prefix="/x\r\nHost: y"), "answer")
