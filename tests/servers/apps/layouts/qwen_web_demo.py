"""Layout of QwenLM/Qwen web_demo.py: the model reads a State that is changed in place; the chatbot is shown as HTML."""

from __future__ import annotations

import fake
import gradio as gr


def shown(self, rows):
    # The original turns each text into HTML (mdtex2html) before the page gets it.
    return [] if rows is None else [tuple(None if one is None else f"<p>{one}</p>" for one in row) for row in rows]


gr.Chatbot.postprocess = shown


def predict(_query, _chatbot, _task_history):
    _chatbot.append((fake.as_html(_query), ""))
    text = ""
    for text in fake.growing(fake.pairs(_task_history) + [{"role": "user", "content": _query}]):
        _chatbot[-1] = (fake.as_html(_query), fake.as_html(text))
        yield _chatbot
    _task_history.append((_query, text))


def regenerate(_chatbot, _task_history):
    if not _task_history:
        yield _chatbot
        return
    query, _ = _task_history.pop()
    _chatbot.pop()
    yield from predict(query, _chatbot, _task_history)


def reset_user_input():
    return gr.update(value="")


def reset_state(_chatbot, _task_history):
    _task_history.clear()
    _chatbot.clear()
    return _chatbot


with gr.Blocks() as demo:
    gr.Markdown("Qwen-Chat Bot")
    chatbot = gr.Chatbot(label="Qwen-Chat")
    query = gr.Textbox(lines=2, label="Input")
    task_history = gr.State([])
    with gr.Row():
        empty, submit, regen = gr.Button("Clear"), gr.Button("Submit"), gr.Button("Regenerate")
    submit.click(predict, [query, chatbot, task_history], [chatbot], show_progress=True)
    submit.click(reset_user_input, [], [query])
    empty.click(reset_state, [chatbot, task_history], outputs=[chatbot], show_progress=True)
    regen.click(regenerate, [chatbot, task_history], [chatbot], show_progress=True)
fake.launch(demo)
