"""One app of many endpoints, each with one oddity; an endpoint's name is its function's."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script

MAJOR = int(gr.__version__.split(".")[0])
QUOTA = "You have exceeded your GPU quota (60s requested vs. 56s left). Try again in 0:09:48."
# Cut between any two characters: in an emoji's sequence, before a combining mark, around line separators.
UNICODE = 'a\u2028b\u2029c\u0085d\x0b 👩‍👩‍👧‍👦🏳️‍🌈 你好，世界 e\u0301n\u0303 नमस्ते ИЙ \u200f\u202bعربي\u202c 𝔘𝔫𝔦 \ufeff\\u2028 "q" \\ \r\n end'


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str, title: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **({"metadata": {"title": title}} if title else {})}


def messages_chat(message: str, history: list[Any] | None, system: str) -> Iterator[tuple[str, list[Any]]]:
    history = history or []
    with script.Recorded("messages_chat", message, history, system) as call:
        text = ""
        for piece in script.pieces(message, script.turns(history), system):
            text += piece
            yield from call.out(("", [*history, user(message), assistant(text)]))


def rewrite(message: str) -> Iterator[str]:
    with script.Recorded("rewrite", message) as call:
        for text in (
            "Thinking",
            "Thinking...",
            "The answer",
            "The answer is 41",
            "The answer is 42",
            "Answer: 42.",
        ):
            time.sleep(0.05)
            yield from call.out(text)


def grerror(message: str) -> Iterator[str]:
    with script.Recorded("grerror", message) as call:
        yield from call.out("The first")
        time.sleep(0.1)
        yield from call.out("The first half")
        time.sleep(0.1)
        raise gr.Error("The model is overloaded, 'try' again later.")


def grerror_first(message: str) -> Iterator[str]:
    with script.Recorded("grerror_first", message):
        raise gr.Error("Nothing today.")
        yield ""


def quota(message: str) -> Iterator[str]:
    with script.Recorded("quota", message):
        # 4.x knows no titles.
        raise gr.Error(QUOTA, **({"title": "ZeroGPU quota exceeded"} if MAJOR >= 5 else {}))
        yield ""


def crash(message: str) -> Iterator[str]:
    with script.Recorded("crash", message) as call:
        yield from call.out("The first")
        time.sleep(0.1)
        yield from call.out("The first half")
        time.sleep(0.1)
        raise RuntimeError("secret inner workings")


def plain(message: str) -> str:
    with script.Recorded("plain", message):
        return "".join(script.pieces(message))


def notes(message: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how Gradio wants it
    with script.Recorded("notes", message):
        gr.Info("Loading the model")
        progress(0.25, desc="Loading weights")
        time.sleep(0.15)
        gr.Warning("This is a demo")
        progress((3, 4), desc="Warming up", unit="layers")
        time.sleep(0.15)
        return "Noted."


def slow(message: str) -> Iterator[str]:
    n, delay = int(script.number(message, 10)), script.number(message, 0.3, 1)
    with script.Recorded("slow", message) as call:
        text = ""
        for i in range(n):
            time.sleep(delay)
            text += f"s{i} "
            yield from call.out(text)


def silent(message: str) -> Iterator[str]:
    with script.Recorded("silent", message) as call:
        time.sleep(script.number(message, 30))
        yield from call.out("At")
        yield from call.out("At last")


def long(message: str, history: list[Any] | None) -> Iterator[list[Any]]:
    """Answer with 3 MB (or the prompt's number of characters), in pieces of 64 KiB."""
    history = history or []
    with script.Recorded("long", message, len(history)) as call:
        text = ""
        line = "The quick brown fox jumps over the lazy dog, again and again. Съешь же ещё.\n"
        size = int(script.number(message, 3_000_000))
        for piece in script.cut((line * (size // len(line) + 1))[:size], 65536):
            text += piece
            turn = [user(message), assistant(text)] if MAJOR >= 6 else [[message, text]]
            yield from call.out([*history, *turn])


def unicode(message: str) -> Iterator[str]:
    with script.Recorded("unicode", message) as call:
        for i in range(len(UNICODE)):
            yield from call.out(UNICODE[: i + 1])
            time.sleep(0.03)  # a busy server would send several at once


def offering(text: str, count: int) -> dict[str, Any]:
    """Give a message with options to choose from, which 4.x has not."""
    options = [{"value": f"choice {i}"} for i in range(count)]
    return {**assistant(text), **({"options": options} if MAJOR >= 5 and count else {})}


def deletes(message: str) -> Iterator[list[Any]]:
    """Answer with messages, and options of a message, that come and go together: one diff deletes several entries."""
    tools = [assistant(f"tool {i}", f"Tool {i}") for i in range(4)]
    with script.Recorded("deletes", message) as call:
        for state in (
            [user(message), *tools, assistant("Work")],
            [user(message), *tools, assistant("Working")],
            [user(message), offering("The", 4)],
            [user(message), offering("The answer", 4)],
            # Lists in a list: here 5.50 and 6.31 come to negative indices.
            [user(message), offering("The answer is", 1)],
            [user(message), *tools, offering("The answer is", 4)],
            [user(message), offering("The answer is 42", 0)],
            [user(message), assistant("The answer is 42.")],
        ):
            time.sleep(0.02)
            yield from call.out(state)


def deletes_json(message: str) -> Iterator[Any]:
    """Answer with JSON that is replaced as a whole each time, as Gradio does it."""
    with script.Recorded("deletes_json", message) as call:
        for state in (
            {"text": "a", "rows": [[1, 2, 3, 4], [1, 2, 3, 4]], "gone": 1, "too": 2},
            {"text": "ab", "rows": [[1], [1]]},
            {"text": "abc", "rows": [[1, 5, 6, 7]], "more": [1, 2, 3]},
            {"text": "abcd", "rows": [], "more": [3]},
            {"text": "abcde", "rows": [["x"]], "more": []},
        ):
            yield from call.out(state)


def thinking(message: str) -> Iterator[list[Any]]:
    with script.Recorded("thinking", message) as call:
        thought = answer = ""
        for piece in ("Let me", " think", " about it."):
            time.sleep(0.05)
            thought += piece
            yield from call.out([user(message), assistant(thought, "Thinking")])
        for piece in ("The", " answer", " is 42."):
            time.sleep(0.05)
            answer += piece
            yield from call.out([user(message), assistant(thought, "Thought for 1 second"), assistant(answer)])


with gr.Blocks() as demo:
    said = gr.Textbox(label="Message")
    system = gr.Textbox("sys", label="System prompt")
    answered = gr.Textbox(label="Answer")
    json_out = gr.JSON(label="State")
    chat = gr.Chatbot(label="Messages", **script.chatbot_type("messages"))
    turns = gr.Chatbot(label="Turns", **script.chatbot_type("tuples"))

    def on(function: Any, inputs: list[Any], outputs: list[Any]) -> None:
        gr.Button(function.__name__).click(function, inputs, outputs, api_name=function.__name__)

    if script.KNOWS_MESSAGES:
        on(messages_chat, [said, chat, system], [said, chat])
    for text_function in (
        *(rewrite, grerror, grerror_first, quota, crash),
        *(plain, slow, silent, unicode),
    ):
        on(text_function, [said], [answered])
    if not script.NO_QUEUE:  # progress needs one
        on(notes, [said], [answered])
    on(long, [said, turns], [turns])
    on(deletes_json, [said], [json_out])
    if script.KNOWS_MESSAGES:
        on(deletes, [said], [chat])
        on(thinking, [said], [chat])

if __name__ == "__main__":
    script.serve(demo)
