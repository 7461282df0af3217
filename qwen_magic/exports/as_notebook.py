"""A conversation as a notebook whose cells can be run, and the ``%%qwen`` cells of any notebook as a conversation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..message_json import from_base64, to_base64
from ..parts import Image, Text, ToolResult
from ..text.bundles import mime_bundle
from ..text.safe import safe_markdown
from ..text.shown import shown_markdown
from ..text.surrogates import mended
from ..text.terminal import printable_json, safe_terminal
from .plain import ImportedConversation, conversation_from, format_date, heading_values, parse, turn_from, turn_values
from .readable import escaped, is_shown, label, picture_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..message_json import Fetch
    from ..parts import Part
    from ..store.rows import Conversation, Turn

_KEY = "qwen_magic"
"""Under which name our own values stand in the notebook's, a cell's and an output's metadata."""
_ATTACHED = "attachment:"
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

_CELL = re.compile(r"\s*%%qwen(?:[ \t][^\n]*)?(?:\n(?P<body>.*))?$", re.DOTALL)
_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)
_LAST_LINE = re.compile(
    r"^\[?(?:(?P<ending>[■⚠][^·\n]*|cut at [^·\n]*) · )?(?P<replayed>replayed, recorded [^·\n]+ · )?"
    r"(?P<target>[^·\n]+?)(?: · (?!held to its schema)(?P<model>[^·\n]+?))?"
    r"(?(replayed)(?: · held to its schema[^·\n]*)?| · (?P<seconds>\d+\.\d) s(?: · .*)?)\]?$",
    re.MULTILINE,
)
"""The line below an answer that says who gave it."""
_PRINTED_LINES = re.compile(r"(?:\n?\[[^\n]*\]\n?)+\Z")
_THINKING = re.compile(r"thinking \([^)\n]*\): (?P<text>.*)", re.DOTALL)
_REASONS = {"■": "interrupted", "⚠": "error", "c": "length"}


def to_notebook(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Write a conversation as a notebook (nbformat 4.5).

    Each turn is a ``%%qwen`` cell as it was written, with its answer as the saved output. What a cell does not show,
    such as the prompt after variables were filled in, stands in the cell's metadata, with all parts and steps. The
    pictures of a prompt are the attachments of a cell above it; those of an answer are shown with it, and steps are
    named there.

    Args:
        conversation: the conversation.
        turns: its turns.

    Returns:
        The text of the file.

    """
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": safe_markdown(f"# {conversation.name}")},
        _code("load", "%load_ext qwen_magic", {}, []),
        *(cell for number, turn in enumerate(turns, 1) for cell in _cells(number, turn)),
    ]
    metadata = {**_KERNEL, _KEY: heading_values(conversation, turns)}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return printable_json(json.dumps(notebook, ensure_ascii=False, indent=1)) + "\n"


def from_notebook(text: str) -> ImportedConversation:
    """Read the ``%%qwen`` cells of a notebook, exported or not, with their saved answers.

    Args:
        text: the notebook as JSON.

    Returns:
        The conversation; its name is "" unless it was exported.

    Raises:
        UsageError: the text is no notebook, or has no such cell.

    """
    notebook = parse(text)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise UsageError("it is not a notebook of version 4", hint="Open it in Jupyter, and save it.")
    head = _own_metadata(notebook) if "format" in _own_metadata(notebook) else {}
    own = [cell for cell in cells if isinstance(cell, dict)]
    fetch = partial(_attached, _attachments(own))
    turns = [turn for cell in own if (turn := _turn(cell, fetch))]
    if not turns and not head:
        raise UsageError("the notebook has no %%qwen cell", hint="Import a notebook that has %%qwen cells.")
    found = conversation_from(head, []) if head else ImportedConversation("", "", ())
    return replace(found, turns=tuple(turns))


def _cells(number: int, turn: Turn) -> Iterator[dict[str, Any]]:
    """Give a turn's cells: its pictures, where it has some, and the question with its answer."""
    shown = [part for part in turn.parts if isinstance(part, Image) and is_shown(part)]
    if shown:
        yield {
            "cell_type": "markdown",
            "id": f"pictures-{number}",
            "metadata": {},
            "attachments": {picture_name(one): {one.mime: to_base64(one.data)} for one in shown},
            "source": "\n".join(f"![{escaped(one.name)}]({_ATTACHED}{picture_name(one)})" for one in shown),
        }
    yield _code(f"turn-{number}", _source(turn), _metadata(turn), _outputs(turn))


def _code(name: str, source: str, metadata: Mapping[str, Any], outputs: Sequence[object]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": metadata,
        "outputs": outputs,
        "source": source,
    }


def _source(turn: Turn) -> str:
    system = " ".join(turn.system.split())
    return "\n".join(["%%qwen", *([f"system: {system}"] if system else []), turn.source or turn.prompt])


def _metadata(turn: Turn) -> dict[str, Any]:
    attached = {part.data: picture_name(part) for part in turn.parts if isinstance(part, Image) and is_shown(part)}

    def keep(data: bytes) -> str:
        return f"{_ATTACHED}{attached[data]}" if data in attached else to_base64(data)

    values = {name: value for name, value in turn_values(turn, keep).items() if value}
    if mended(turn.answer) == safe_terminal(mended(turn.answer)):  # else the output is not to the letter
        values.pop("answer", None)
    return {_KEY: {"prompt": turn.prompt, **values}}


def _outputs(turn: Turn) -> list[dict[str, Any]]:
    facts = " · ".join(part for part in (turn.target, format_date(turn.asked_at)) if part)
    shown = mime_bundle(shown_markdown(turn.answer), turn.answer)
    outputs = [_part_output(part) for part in _parts(turn)]
    outputs += [_output(shown, {_KEY: "answer"})] if turn.answer else []
    return [*outputs, _output({"text/plain": safe_terminal(facts)}, {})] if facts else outputs


def _parts(turn: Turn) -> Iterator[Part]:
    """Give the parts that neither the cell's source nor the answer shows."""
    yield from (part for part in turn.parts if not (isinstance(part, Text) or is_shown(part)))
    for step in turn.steps:
        last = step is turn.steps[-1] and step.text == turn.answer
        yield from (part for part in step.parts if not (last and isinstance(part, (Text, ToolResult))))


def _part_output(part: Part) -> dict[str, Any]:
    """Show a part; Markdown would be taken for an answer."""
    if isinstance(part, Image) and is_shown(part):
        return _output({part.mime: to_base64(part.data), "text/plain": safe_terminal(label(part))}, {})
    text = f"{label(part)}\n{part.text}" if isinstance(part, ToolResult) else label(part)
    return _output({"text/plain": safe_terminal(part.text if isinstance(part, Text) else text)}, {})


def _output(data: Mapping[str, str], metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _turn(cell: Mapping[str, Any], fetch: Fetch) -> Turn | None:
    """Read a cell; None where it is no ``%%qwen`` cell with a prompt."""
    source = _joined(cell.get("source"))
    match = _CELL.match(source) if cell.get("cell_type") == "code" else None
    if match is None:
        return None
    listed = cell.get("outputs")
    outputs = [output for output in listed if isinstance(output, dict)] if isinstance(listed, list) else []
    shown = _read_outputs(outputs)
    values = _own_metadata(cell)
    exported = turn_from(values, fetch) if "prompt" in values else None
    if exported and _source(exported) == source:
        same = shown["answer"] == safe_terminal(mended(exported.answer))
        return turn_from({**turn_values(exported), **shown}) if shown["answer"] and not same else exported
    body = match["body"] or ""
    line = _SYSTEM_LINE.match(body)
    prompt = (body[line.end() :] if line else body).strip("\n")
    if not prompt.strip():
        return None
    return turn_from({"prompt": prompt, "system": line["system"].strip() if line else "", **shown})


def _attachments(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what is attached to cells: base64 by names."""
    found: dict[str, str] = {}
    for cell in cells:
        attached = cell.get("attachments")
        for name, bundle in attached.items() if isinstance(attached, dict) else ():
            data = next(iter(bundle.values()), None) if isinstance(bundle, dict) else None
            found[name] = "".join(_joined(data).split())
    return found


def _attached(attachments: Mapping[str, str], text: str) -> bytes:
    """Return the bytes of a picture that is attached, or that stands in the metadata itself."""
    if not text.startswith(_ATTACHED):
        return from_base64(text)
    if not (data := attachments.get(text.removeprefix(_ATTACHED), "")):
        raise UsageError(f"the notebook no longer has the picture {text}", hint="Export it again.")
    return from_base64(data)


def _read_outputs(outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Read what an answer's outputs show: the answer, the thinking, and the last line."""
    answers: list[str] = []
    values: dict[str, Any] = {}
    for is_exported, markdown, plain in _answers_shown(outputs):
        last = None if is_exported else next(iter(reversed(list(_LAST_LINE.finditer(plain)))), None)
        if is_exported:
            return {"answer": plain}
        if markdown.startswith("<details") and (thinking := _THINKING.match(plain)):
            values["thinking"] = thinking["text"]
        elif last and (markdown.startswith("*") or not markdown):
            target = last["target"].rpartition(", continued by ")[2]
            values.update(target=target, model=last["model"] or "", seconds=float(last["seconds"] or 0))
            values["finish_reason"] = _REASONS.get((last["ending"] or "")[:1], "stop")
            answers += [] if markdown else [_PRINTED_LINES.sub("", plain)]
        else:
            answers.append(plain)
    return {**values, "steps": [], "answer": "\n\n".join(text for text in answers if text)}


def _answers_shown(outputs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[bool, str, str]]:
    """Find the outputs that show an answer: whether we exported it, its Markdown ("" if printed) and its plain text."""
    for output in outputs:
        data, metadata = output.get("data"), output.get("metadata")
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            yield False, "", _joined(output.get("text"))
        elif isinstance(data, dict) and _joined(data.get("text/markdown")):
            is_exported = isinstance(metadata, dict) and metadata.get(_KEY) == "answer"
            yield is_exported, _joined(data["text/markdown"]), _joined(data.get("text/plain"))


def _own_metadata(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Return our values in the metadata of a notebook or a cell; empty without any."""
    metadata = holder.get("metadata")
    values = metadata.get(_KEY) if isinstance(metadata, dict) else None
    return values if isinstance(values, dict) else {}


def _joined(text: object) -> str:
    """Return a text that a notebook may keep as a list of lines."""
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
