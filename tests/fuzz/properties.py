"""What holds for any text: cut anywhere it comes out as whole, it is written and read back, and nothing is raised."""

from __future__ import annotations

import contextlib
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from support.steering import steers
from test_growing import Page, expected
from test_safe import faults

from qwen_magic.backends.gradio.failures import app_error
from qwen_magic.backends.gradio.protocol import EventReader
from qwen_magic.backends.openai.decoder import ChatDecoder
from qwen_magic.backends.openai.errors import http_error
from qwen_magic.backends.openai.json_lines import JsonLines
from qwen_magic.backends.target import without_secrets as shown_target
from qwen_magic.backends.targets import parse_chain
from qwen_magic.client.filters import Filters
from qwen_magic.errors import ProtocolError, QwenError, one_line
from qwen_magic.events import End, Event, Reset, TextDelta, ThinkingDelta, Usage
from qwen_magic.exports import from_json, from_markdown, from_notebook, to_json, to_markdown, to_notebook
from qwen_magic.rendering.growing import GrowingHtml
from qwen_magic.rendering.html import clean, to_html
from qwen_magic.replay.recorded import RecordedAnswer, read_line, to_line
from qwen_magic.store.rows import Conversation, Turn
from qwen_magic.text.bare_code import answer_blocks
from qwen_magic.text.bundles import mime_bundle
from qwen_magic.text.end_tokens import EndTokens
from qwen_magic.text.fences import code_blocks
from qwen_magic.text.forms import make_form
from qwen_magic.text.formulas import find_formulas
from qwen_magic.text.frames import find_pages, frame
from qwen_magic.text.joining import Joiner
from qwen_magic.text.json_values import find_json
from qwen_magic.text.markdown import BlockSplitter
from qwen_magic.text.safe import safe_markdown
from qwen_magic.text.secrets import find_secrets, mask, redact
from qwen_magic.text.shown import shown_markdown
from qwen_magic.text.sse import SSEDecoder
from qwen_magic.text.surrogates import mended
from qwen_magic.text.tables import find_tables
from qwen_magic.text.terminal import TerminalFilter, escaped, printable_json, safe_terminal
from qwen_magic.text.thinking import Piece, ThinkingSplitter, split_thinking
from qwen_magic.text.tokens import estimate_tokens
from qwen_magic.text.variables import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fuzzing import Input


RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")


def fed(taker: Any, pieces: Iterable[str]) -> str:
    """Feed a filter of texts, and give all that comes of it."""
    return "".join([*map(taker.feed, pieces), taker.close()])


def same_cut(make: Callable[[], Any]) -> Callable[[Input], None]:
    """Give the property of a filter: the same comes out, however its text is cut."""

    def check(one: Input) -> None:
        assert fed(make(), one.pieces) == fed(make(), [one.text])

    return check


def joined(events: Iterable[Event]) -> list[Event]:
    """Join deltas of one kind that follow each other."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, (TextDelta, ThinkingDelta)) and isinstance(last, type(event)):
            found[-1] = type(event)(last.text + event.text)
        elif not (isinstance(event, (TextDelta, ThinkingDelta)) and not event.text):
            found.append(event)
    return found


def bytes_in_pieces(data: bytes, one: Input) -> list[bytes]:
    """Cut bytes where a text is cut, as far as both are long."""
    scale = max(1, len(data)) / max(1, len(one.text))
    edges = [0, *sorted(int(cut * scale) for cut in one.cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def sse(one: Input) -> None:
    data = one.text.encode("utf-8", "replace")
    whole = SSEDecoder()
    expect = whole.feed(data)
    cut = SSEDecoder()
    assert [message for piece in bytes_in_pieces(data, one) for message in cut.feed(piece)] == expect


def json_lines(one: Input) -> None:
    data = "\n".join(json.dumps({"x": piece}) for piece in one.pieces).encode()

    def lines(pieces: Iterable[bytes]) -> list[str]:
        reader = JsonLines(lambda: ProtocolError("too long"))
        return [line for piece in pieces for line in reader.feed(piece)] + reader.close()

    assert lines(bytes_in_pieces(data, one)) == lines([data])


def decoded(pieces: Iterable[bytes]) -> tuple[list[Event], str]:
    """Give the events of a stream of chunks, and how it failed."""
    decoder, found = ChatDecoder("t", "m"), []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
            decoder.check()
        found += decoder.close()
        decoder.check()
    except QwenError as error:
        return joined(found), type(error).__name__
    return joined(found), ""


def chat_stream(one: Input) -> bytes:
    """Make a stream whose chunks say the pieces; now and then one is none.

    It begins with two that are no growing text, for a second one that begins with the first is taken for the whole.
    """
    lines: list[str] = []
    for number, piece in enumerate(["(", ")", *one.pieces]):
        name = ("content", "reasoning_content", "reasoning")[number % 3 if number > 1 and len(one.text) % 2 else 0]
        chunk: Any = {"choices": [{"index": 0, "delta": {name: piece}, "finish_reason": None}]}
        lines.append(f"data: {json.dumps(chunk)}\r\n\r\n" if number % 2 else f": note\ndata:{json.dumps(chunk)}\n\n")
    if len(one.text) % 5 == 0:
        lines.append(f"data: {one.text}\n\n")
    elif len(one.text) % 7 == 0:
        lines.append(f"data: {json.dumps({'error': {'message': one.text}})}\n\n")
    else:
        lines.append('data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
    return "".join(lines).encode("utf-8", "replace")


def openai_stream(one: Input) -> None:
    """Bytes cut anywhere give the same events and the same failure; all texts before it are there."""
    data = chat_stream(one)
    events, failure = decoded([data])
    assert decoded(bytes_in_pieces(data, one)) == (events, failure)
    said = "".join(event.text for event in events if isinstance(event, (TextDelta, ThinkingDelta)))
    if not failure:
        assert isinstance(events[-1], End)
    if len(one.text) % 2 == 0:  # else thinking, which may be put into words of its own
        assert mended(said) == "()" + mended(one.text) or failure


def openai_garbage(one: Input) -> None:
    """Whatever a server sends, it is events or one of our errors, and cut anywhere the same texts."""
    data = "".join(f"data: {piece}\n\n" for piece in one.pieces).encode("utf-8", "replace")
    assert decoded(bytes_in_pieces(data, one))[0] == decoded([data])[0]


def read_messages(messages: Sequence[str], *, together: bool) -> list[Event]:
    reader = EventReader("e", 0, "the prompt", 0, "t")
    found: list[Event] = []
    for group in [messages] if together else [[message] for message in messages]:
        found += reader.read(*group)
        reader.check()
    return joined(found)


def gradio_stream(one: Input) -> None:
    """An answer that grows comes out whole, message by message or all at once."""
    head = {"msg": "process_generating", "event_id": "e", "success": True}
    messages, before = [json.dumps({"msg": "process_starts", "event_id": "e"})], ""
    for number, piece in enumerate(one.pieces):
        data: Any = [[["the prompt", piece]]] if not number else [[["append", [0, 1], piece]]]
        messages.append(json.dumps({**head, "output": {"data": data}}))
        before += piece
    end = {"msg": "process_completed", "event_id": "e", "success": True, "output": {"data": [[["the prompt", before]]]}}
    messages.append(json.dumps(end))
    events = read_messages(messages, together=True)
    single, whole = texts_of(read_messages(messages, together=False)), mended(before).rstrip("▌▍▋█▎▏")
    assert mended(texts_of(events)) == mended(single) == whole  # halves of a pair come together as JSON has them
    assert isinstance(events[-1], End)


def texts_of(events: Iterable[Event]) -> str:
    """Give the text that events come to."""
    text = ""
    for event in events:
        match event:
            case TextDelta(added):
                text += added
            case Reset(whole, _):
                text = whole
    return text


def thinking(one: Input) -> None:
    def split_in(pieces: Iterable[str]) -> list[Piece]:
        splitter = ThinkingSplitter()
        found = [piece for text in pieces for piece in splitter.feed(text)] + splitter.close()
        joined_: list[Piece] = []
        for piece in found:
            if joined_ and joined_[-1].kind == piece.kind:
                joined_[-1] = Piece(piece.kind, joined_[-1].text + piece.text)
            else:
                joined_.append(piece)
        return joined_

    assert split_in(one.pieces) == split_in([one.text])
    split_thinking(one.text)


def filters(one: Input) -> None:
    """All filters of a client in a row give the same answer, however it is cut."""

    def filtered(pieces: Iterable[str]) -> str:
        chain = Filters()
        found = [event for piece in pieces if piece for event in chain.feed(TextDelta(piece))]
        return texts_of([*found, *chain.close()])

    assert filtered(one.pieces) == filtered([one.text])


def block_splitter(one: Input) -> None:
    for make in (BlockSplitter, lambda: BlockSplitter(least=1, share=0.0)):
        splitter = make()
        runs = [run for piece in one.pieces for run in splitter.feed(piece)]
        assert "".join(runs) + splitter.tail == one.text


def growing_html(one: Input) -> None:
    """What a page is told bit by bit is what the whole comes to."""
    text = mended(one.text)
    html, page = GrowingHtml(), Page()
    for piece in one._replace(text=text).pieces:
        html.add(piece)
        page.take(html.delta())
    page.take(html.delta(final=True))
    assert page.shown == html.blocks() == expected(text)


def html_is_clean(one: Input) -> None:
    html = to_html(one.text)
    assert clean(html) == html
    assert "<script" not in html.lower()


def markdown_is_safe(one: Input) -> None:
    safe = safe_markdown(one.text)
    assert faults(safe) == []
    assert faults(shown_markdown(one.text)) == []
    shown = re.sub("[\u202a-\u202c\u2066-\u2069]", "", safe) if RIGHT_TO_LEFT.search(one.text) else safe
    assert steers(shown) == ""  # prose in such a script keeps its marks, and no other


def forms(one: Input) -> None:
    for name in ("code", "json", "html", "math"):
        for markdown in (True, False):
            shown = [fed(make_form(name, markdown=markdown).filter, pieces) for pieces in (one.pieces, [one.text])]
            assert shown[0] == shown[1], name
            shaped = make_form(name, markdown=markdown).final(one.text)
            assert bool(shaped.text.strip()) >= bool(one.text.strip()), name


def terminal(one: Input) -> None:
    printed = fed(TerminalFilter(), one.pieces)
    assert printed == safe_terminal(one.text)
    assert steers(printed) == ""
    assert safe_terminal(printed) == printed
    assert steers(mime_bundle("", one.text)["text/plain"]) == ""
    assert steers(escaped(one.text).replace("\r", "").replace("\x0c", "")) == ""
    text = mended(one.text)
    assert json.loads(printable_json(json.dumps(text, ensure_ascii=False))) == text


def secrets(one: Input) -> None:
    found = find_secrets(one.text)
    assert all(before.end <= after.start for before, after in pairwise(found))
    for shown in (redact(one.text)[0], mask(one.text)):
        for secret in found:
            value = one.text[secret.start : secret.end]
            if len(value) >= 12 and one.text.count(value) == 1:
                assert value not in shown


def targets(one: Input) -> None:
    """A target string is a target or one of our errors, and no password of it is shown."""
    odd = one.text[:20]
    for text in (one.text, f"openai:http://me:{odd}CANARY@host/v1?key=CANARY", f"space:http://h/?k={odd}CANARY"):
        try:
            said = repr(parse_chain(text))
        except QwenError as error:
            said = str(error)
            assert "\n" not in said
        if text is not one.text and "," not in odd and "#" not in odd:
            assert "CANARY" not in said, text
    shown_target(one.text)


def error_lines(one: Input) -> None:
    for error in (
        http_error(400, {}, json.dumps({"error": {"message": one.text}}), "t"),
        http_error(500, {}, one.text, "t"),
        app_error({"output": {"error": one.text}}, "t"),
        QwenError(one.text, target="t", hint=one.text),
    ):
        assert "\n" not in str(error)
        assert steers(str(error)) == ""
    assert len(one_line(one.text)) <= 500


def exports(one: Input) -> None:
    text = mended(one.text) or "x"
    pieces = [mended(piece) for piece in one.pieces]
    turn = Turn(
        text, pieces[0] or "y", pieces[-1], system=pieces[len(pieces) // 2].strip(), finish_reason="stop", target="t"
    )
    conversation = Conversation(1, "name")
    for write, read in ((to_markdown, from_markdown), (to_json, from_json), (to_notebook, from_notebook)):
        written = write(conversation, [turn])
        (found,) = read(written).turns
        assert (found.prompt, found.answer, found.thinking, found.system) == (
            turn.prompt,
            turn.answer,
            turn.thinking,
            turn.system,
        ), write.__name__
    for read in (from_markdown, from_json, from_notebook):
        with contextlib.suppress(QwenError):
            read(one.text)


def recorded(one: Input) -> None:
    answer = RecordedAnswer("k", "p", mended(one.text), "", "t", "", "stop", 1.0, Usage(), "2026-01-02T03:04:05Z")
    line = to_line(answer)
    assert b"\n" not in line
    assert read_line(line) == answer
    read_line(one.text.encode("utf-8", "replace"))


def finders(one: Input) -> None:
    """What looks for something in a text raises nothing."""
    text = one.text
    for find in (find_json, find_tables, find_formulas, find_pages, code_blocks, answer_blocks, estimate_tokens, frame):
        find(text)
    pieces = split(text, lambda _: False)
    assert all(isinstance(piece, str) for piece in pieces)
    split(text, lambda _: True)


PROPERTIES: dict[str, Callable[[Input], None]] = {
    "block splitter": block_splitter,
    "end tokens": same_cut(EndTokens),
    "error lines": error_lines,
    "exports": exports,
    "filters": filters,
    "finders": finders,
    "forms": forms,
    "gradio stream": gradio_stream,
    "growing html": growing_html,
    "html is clean": html_is_clean,
    "joiner": same_cut(lambda: Joiner("the beginning of it, and a word ")),
    "joiner in a fence": same_cut(lambda: Joiner("```py\nx = 1\n")),
    "json lines": json_lines,
    "markdown is safe": markdown_is_safe,
    "openai garbage": openai_garbage,
    "openai stream": openai_stream,
    "recorded": recorded,
    "secrets": secrets,
    "sse": sse,
    "targets": targets,
    "terminal": terminal,
    "thinking": thinking,
}
"""The properties, by their names."""
