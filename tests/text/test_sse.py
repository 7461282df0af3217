"""Events come out the same, however the bytes are cut."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.text.sse import EventTooLong, ServerSentEvent, SSEDecoder


def decode(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.close()


CASES = [
    (b"data: a\n\n", [ServerSentEvent(data="a")]),
    (b"data:a\r\n\r\ndata: b\r\rdata:  c\n\n", [ServerSentEvent(data="a"), ServerSentEvent(data="b"), ServerSentEvent(data=" c")]),
    (b"data: a\r\ndata: b\rdata: c\n\r\n", [ServerSentEvent(data="a\nb\nc")]),
    (b": ping\n\n: pong\r\n\r\ndata: a\n: in between\ndata: b\n\n", [ServerSentEvent(data="a\nb")]),
    (
        b"event: add\nid: 1\nretry: 250\ndata: a\n\ndata: b\nid\n\ndata: c\n\n",
        [ServerSentEvent("add", "a", "1", 250), ServerSentEvent(data="b"), ServerSentEvent(data="c")],
    ),
    (b"id: 7\n\ndata: a\n\ndata: b\n\n", [ServerSentEvent(data="a", id="7"), ServerSentEvent(data="b", id="7")]),
    (b"id: a\0b\nretry: 1x\nretry:\nretry: \xd9\xa1\nunknown: x\ndata\n\n", [ServerSentEvent(data="")]),
    (b"event: lost\n\ndata: a\n\n", [ServerSentEvent(data="a")]),
    (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [ServerSentEvent(data="a")]),
    ('data: {"x": "é\u2028\u2029\x85\x0b\x0c\x1c🎉"}\n\n'.encode(), [ServerSentEvent(data='{"x": "é\u2028\u2029\x85\x0b\x0c\x1c🎉"}')]),
    (b"data: \xff\xc3\n\n", [ServerSentEvent(data="\ufffd\ufffd")]),
    (b"data: a\n\ndata: [DONE]\n", [ServerSentEvent(data="a"), ServerSentEvent(data="[DONE]")]),
    (b"data: a\r", [ServerSentEvent(data="a")]),
    (b"data: a\n\ndata: cut o", [ServerSentEvent(data="a")]),
    (b"data: a\n\ndata: b\ndata: cut o", [ServerSentEvent(data="a")]),
    (b"", []),
    (b"\n\n\r\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "events"), CASES)
def test_cut_anywhere(raw, events):
    assert decode(raw) == events
    for cut in range(len(raw) + 1):
        assert decode(raw[:cut], raw[cut:]) == events, cut
        assert decode(raw[:cut], b"", raw[cut:]) == events, cut
    assert decode(*(raw[i : i + 1] for i in range(len(raw)))) == events


def test_events_come_at_once():
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\n\r") == [ServerSentEvent(data="a")]
    assert decoder.feed(b"\ndata: b\n\n") == [ServerSentEvent(data="b")]


PIECES = st.lists(
    st.sampled_from([b"data: ", b"data", b"event: x", b"id: 1", b"retry: 5", b":", b"\n", b"\r", b"\r\n", b"a", b"\xc3\xa9", b"\xff", b"\n\n", b"\xef\xbb\xbf"]),
    max_size=30,
).map(b"".join)  # fmt: skip


@given(PIECES, st.lists(st.integers(0, 100), max_size=10))
def test_chunks_make_no_difference(raw, cuts):
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [raw[a:b] for a, b in pairwise(edges)]
    assert decode(*chunks) == decode(raw)


@given(PIECES)
def test_line_ends_make_no_difference(raw):
    plain = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert decode(plain.replace(b"\n", b"\r\n")) == decode(plain) == decode(plain.replace(b"\n", b"\r"))


@pytest.mark.parametrize("chunk", [b"data: 456789", b"data: 4\n", b"data:\n", b": 2345678", b"x"])
def test_bound(chunk):
    decoder = SSEDecoder(max_event_bytes=100)
    decoder.feed(chunk)
    with pytest.raises(EventTooLong, match="100 bytes"):
        feed_often(decoder, chunk)
    assert issubclass(EventTooLong, ValueError)


def feed_often(decoder: SSEDecoder, chunk: bytes) -> None:
    for _ in range(101):
        decoder.feed(chunk)


def test_bound_is_of_one_event():
    decoder = SSEDecoder(max_event_bytes=100)
    events = [
        event for _ in range(1000) for event in decoder.feed(b": " + b"c" * 90 + b"\ndata: " + b"x" * 80 + b"\n\n")
    ]
    assert len(events) == 1000


def test_a_long_line_takes_linear_time():
    begin = time.process_time()
    decoder = SSEDecoder()
    piece = b"x" * 65536
    decoder.feed(b"data: ")
    for _ in range(320):
        assert decoder.feed(piece) == []
    (event,) = decoder.feed(b"\n\n")
    assert len(event.data) == 320 * 65536
    # each chunk's work in proportion to what came before would be gigabytes: several seconds
    assert time.process_time() - begin < 5


LINES = st.sampled_from(
    [
        "data: a",
        "data:b",
        'data: {"x": 1}',
        "data",
        "data: ",
        ": ping",
        "event: e",
        "id: 7",
        "retry: 5",
        "x",
        "",
        "",
        "\u2028",
    ]
)


@settings(max_examples=examples(300))
@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\n", "\r\n", "\r"]), st.booleans(), st.data())
def test_whole_blocks_and_single_lines_read_the_same(
    lines: list[str], end: str, bom: bool, data: st.DataObject
) -> None:
    """What is cut out by blank lines, and what is read line by line, is the same, wherever the chunks are cut."""
    text = ("\ufeff" if bom else "") + "".join(line + end for line in lines)
    raw = text.encode()
    by_lines = SSEDecoder()
    by_lines._by_lines = True
    expected: list[ServerSentEvent] = []
    by_lines._read_lines(raw, expected)
    expected += by_lines.close()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    decoder, found = SSEDecoder(), []
    for start, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += decoder.feed(raw[start:stop])
    assert [*found, *decoder.close()] == expected


def test_comments_without_a_blank_line_are_not_kept() -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    for _ in range(1000):
        assert decoder.feed(b": ping\n") == []
    assert [event.data for event in decoder.feed(b"data: a\n\ndata: b\n\n")] == ["a", "b"]
