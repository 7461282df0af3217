"""The reply: an answer that has come to its end, and what is read out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import SchemaError, UsageError
from .events import Usage
from .messages import File, Image, Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .events import FinishReason
    from .parts import ToolCall
    from .schema import Shape
    from .text.fences import CodeBlock

_CUT = {
    "length": "the answer was cut at the token limit",
    "interrupted": "the answer was stopped",
    "error": "the answer was broken off",
    "filtered": "the answer was cut off by a content filter",
}
_SHOWN = 50
"""Characters of the answer that its repr shows."""
_MEASURABLE_SECONDS = 0.05
"""Seconds of writing below which a speed says nothing."""


@dataclass(frozen=True, repr=False)
class Reply:
    """A finished, interrupted or broken-off answer.

    Attributes:
        text: the answer.
        thinking: what the model thought before the answer, if it is known.
        usage: tokens, as the server counted them, or estimated.
        target: the target string that gave the answer, or the last part of a continued one.
        model: the model's name, as far as it is known.
        finish_reason: "stop", "length", "filtered", "interrupted" or "error".
        seconds: the time from the request to the end.
        first_token_seconds: the time from the request to the first token, or None if none arrived.
        messages: the messages that were sent, with the answer as the last.
        thinking_seconds: how long the model thought before it answered, or None if it did not.
        earlier_targets: the targets that gave the earlier parts of an answer that was continued.
        steps: if the answer is more than one text, all messages after the prompt: answers with their tool calls, the
            tools' results, pictures; the last one has the text.
        schema: the shape that was asked for, or None.
        rung: how the target was held to it: "json_schema", "guided_json", "tool", "json_object", "prompt" or "".
        asks: how often the target was asked until the answer had that shape; 0 without a shape.
        recorded: the time at which a replayed answer was recorded, in ISO 8601 and UTC; else "".

    """

    text: str = ""
    thinking: str = ""
    usage: Usage = field(default_factory=Usage)
    target: str = ""
    model: str = ""
    finish_reason: FinishReason = "stop"
    seconds: float = 0.0
    first_token_seconds: float | None = None
    messages: tuple[Message, ...] = ()
    thinking_seconds: float | None = None
    earlier_targets: tuple[str, ...] = ()
    recorded: str = ""
    steps: tuple[Message, ...] = ()
    schema: Shape | None = None
    rung: str = ""
    asks: int = 0

    def __str__(self) -> str:
        from .text.terminal import safe_terminal  # noqa: PLC0415 - light import

        return safe_terminal(self.text)  # printed, it steers no terminal; `text` is to the letter

    def __repr__(self) -> str:
        beginning = " ".join(self.text[: 4 * _SHOWN].split())
        shown = beginning if len(beginning) <= _SHOWN else f"{beginning[: _SHOWN - 1]}…"
        ended = "" if self.finish_reason == "stop" else f", {self.finish_reason}"
        from .text.terminal import safe_terminal  # noqa: PLC0415 - light import

        return safe_terminal(f"<Reply {shown!r} from {self.target or 'nobody'}, {self.seconds:.1f} s{ended}>")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model called, in order."""
        return tuple(call for step in self.steps for call in step.tool_calls)

    @property
    def files(self) -> tuple[Image | File, ...]:
        """The pictures and files in the answer, in order."""
        said = (part for step in self.steps if step.role == "assistant" for part in step.parts)
        return tuple(part for part in said if isinstance(part, (Image, File)))

    def save_files(self, folder: str | Path = ".") -> list[Path]:
        """Write the pictures and files of the answer into a folder, and return their paths; nothing is overwritten.

        Args:
            folder: the folder; it is created if it does not exist.

        Raises:
            UsageError: it cannot be written.

        """
        from .saving import save_parts  # noqa: PLC0415 - light import

        return save_parts(self.files, folder)

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The answer's fenced code blocks; if the answer is only code, without a fence, that code."""
        from .text.bare_code import answer_blocks  # noqa: PLC0415 - light import

        return answer_blocks(self.text)

    @property
    def code(self) -> str:
        """The code of `code_blocks`, joined by blank lines; "" where there is none."""
        return "\n\n".join(block.code for block in self.code_blocks)

    @property
    def json(self) -> Any:
        """The first JSON value of the answer, or the last one after thinking; see `qwen_magic.text.json_values`.

        Raises:
            UsageError: there is none, or the answer was cut before its end.

        """
        from .text.json_values import find_json, is_json_cut_off  # noqa: PLC0415 - light import

        found = find_json(self.text, after_thinking=bool(self.thinking.strip()))
        if found is None and (is_json_cut_off(self.text) or self.finish_reason in _CUT):
            how = _CUT.get(self.finish_reason, "the answer ends before its JSON is complete")
            raise UsageError(
                f"the JSON is not complete: {how}",
                hint="Continue with %qwen continue; .text has the part that arrived.",
            )
        if found is None:
            raise UsageError("there is no JSON in the answer", hint="Ask for JSON only; .text has the answer.")
        return found.value

    @cached_property
    def value(self) -> Any:
        """The answer as a checked value of the shape that was asked for.

        Raises:
            UsageError: no shape was asked for.
            SchemaError: the answer does not have it; its ``reply`` is this one.

        """
        if self.schema is None:
            raise UsageError("no schema was asked for", hint="Ask with schema=..., or read .json.")
        from .schema.answers import value_of  # noqa: PLC0415 - light import

        try:
            return value_of(self.schema, self.text, self.thinking, self.finish_reason)
        except SchemaError as error:
            error.target = error.target or self.target
            error.reply = self
            raise

    @property
    def tables(self) -> list[Any]:
        """The answer's tables (Markdown, CSV or TSV): pandas DataFrames, or `Table` objects without pandas."""
        from .text.tables import as_frames, find_tables  # noqa: PLC0415 - light import

        return as_frames(find_tables(self.text))

    @property
    def tokens_per_second(self) -> float | None:
        """The tokens a second after the first token; None if that is not known."""
        writing = self.seconds - (self.first_token_seconds or 0.0)
        tokens = self.usage.completion_tokens
        return tokens / writing if tokens and writing >= _MEASURABLE_SECONDS else None

    def with_texts(self, change: Callable[[str], str]) -> Reply:
        """Return the reply with each text of the answer and its steps changed.

        The messages that were sent are not changed.

        Args:
            change: gives the new text for an old one, such as by leaving out what is secret.

        """
        steps = tuple(step.with_texts(change) for step in self.steps)
        return replace(self, text=change(self.text), thinking=change(self.thinking), steps=steps)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        from .text.bundles import mime_bundle  # noqa: PLC0415 - light import
        from .text.shown import shown_markdown  # noqa: PLC0415

        return mime_bundle(shown_markdown(self.text), self.text)


def with_answer(reply: Reply) -> Reply:
    """Return the reply with its answer, or all steps of it, as the last of its messages."""
    steps = reply.steps or ((Message("assistant", reply.text),) if reply.text else ())
    return replace(reply, messages=(*reply.messages, *steps)) if steps else reply
