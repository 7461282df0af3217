"""A ChatInterface (messages) whose answer comes in the form that the prompt names: thinking in several clothes, cursors, halves."""

from __future__ import annotations

import time

import fake
import gradio as gr


def steps(text, size=8):
    return [text[:i] for i in range(size, len(text) + size, size)]


def respond(message, history):
    fake.log(
        event="seen",
        id=str(time.time()),
        messages=history + [{"role": "user", "content": message}],
        params={},
        answer="",
    )
    if message == "details":
        values = steps("<details open><summary>Thinking…</summary>\n\nhmm, a draft\n\n</details>\n\nThe answer is 4.")
    elif message == "details2":
        values = steps("<details><summary>💭 Thought for 2 seconds</summary>\nhmm\n</details>\nThe answer is 4.")
    elif message == "raw":
        values = steps("<think>\nhmm\n</think>\n\nThe answer is 4.")
    elif message == "noopen":
        values = steps("hmm, let me see\n</think>\n\nThe answer is 4.")
    elif message == "sameline":
        values = steps("hmm, let me see</think>The answer is 4.")
    elif message == "quote":
        values = steps("> hmm\n> a draft\n\n---\n\nThe answer is 4.")
    elif message == "div":
        values = steps('<div class="thinking">hmm</div>\n\nThe answer is 4.')
    elif message == "ufffd":
        values = ["При\ufffd", "Привет\ufffd", "Привет, м\ufffd\ufffd", "Привет, мир"]
    elif message == "cursor":
        values = ["Hello▌", "Hello, wor▌", "Hello, world ▌", "Hello, world"]
    elif message == "htmlcursor":
        values = [' <span class="cursor"></span> ', "Hello▌", "Hello, world▌", "Hello, world"]
    elif message == "placeholder":
        values = ["Thinking...", "⏳ Generating…", "Hello", "Hello, world"]
    elif message == "footer":
        values = ["Hello", "Hello, world", "Hello, world\n\n---\n*12 tokens, 3.2 tok/s*"]
    elif message == "metadata":
        for text in steps("hmm, a draft"):
            yield gr.ChatMessage(role="assistant", content=text, metadata={"title": "🧠 Thinking", "status": "pending"})
            time.sleep(0.05)
        done = gr.ChatMessage(
            role="assistant", content="hmm, a draft", metadata={"title": "🧠 Thinking", "status": "done"}
        )
        for text in steps("The answer is 4."):
            yield [done, gr.ChatMessage(role="assistant", content=text)]
            time.sleep(0.05)
        return
    elif message == "raise":
        yield "Half of"
        time.sleep(0.2)
        raise gr.Error(
            'You have exceeded your GPU quota (60s requested vs. 56s left). <a style="white-space: nowrap;" href="https://huggingface.co/join">Create a free account</a> to get more usage quota.'
        )
    elif message == "raise2":
        raise gr.Error(
            "You have exceeded your GPU quota (46s left vs. 60s requested). Sign-up on Hugging Face to get more quotas or retry in 0:09:48."
        )
    elif message == "errortext":
        values = ["Error: 429 Too Many Requests"]
    elif message == "empty":
        values = [""]
    else:
        values = steps("plain answer here")
    for value in values:
        yield value
        time.sleep(0.1)


fake.launch(gr.ChatInterface(respond, type="messages") if gr.__version__[0] == "5" else gr.ChatInterface(respond))
