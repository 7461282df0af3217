"""Layout of QwenLM/Qwen2.5-VL web_demo_mm.py: add_text puts the prompt into a chatbot and a State, then predict answers."""

from __future__ import annotations

import fake
import gradio as gr


def add_text(history, task_history, text):
    return (history or []) + [(fake.as_html(text), None)], (task_history or []) + [(text, None)], ""


def predict(_chatbot, task_history):
    query = task_history[-1][0]
    shown = _chatbot[-1][0]
    if len(shown) == 0:
        _chatbot.pop()
        task_history.pop()
        return _chatbot
    text = ""
    for text in fake.growing(fake.pairs(task_history[:-1]) + [{"role": "user", "content": query}]):
        _chatbot[-1] = (fake.as_html(shown), fake.as_html(text))
        yield _chatbot
    task_history[-1] = (query, fake.as_html(text))
    yield _chatbot


def regenerate(_chatbot, task_history):
    if not task_history or task_history[-1][1] is None:
        return _chatbot
    task_history[-1] = (task_history[-1][0], None)
    row = _chatbot.pop()
    _chatbot.append((row[0], None))
    yield from predict(_chatbot, task_history)


def add_file(history, task_history, file):
    return (history or []) + [((file.name,), None)], (task_history or []) + [((file.name,), None)]


def reset_user_input():
    return gr.update(value="")


def reset_state(_chatbot, task_history):
    task_history.clear()
    _chatbot.clear()
    return []


with gr.Blocks() as demo:
    chatbot = gr.Chatbot(label="Qwen2.5-VL", height=500)
    query = gr.Textbox(lines=2, label="Input")
    task_history = gr.State([])
    upload = gr.UploadButton("Upload", file_types=["image", "video"])
    submit, regen, empty = gr.Button("Submit"), gr.Button("Regenerate"), gr.Button("Clear")
    submit.click(add_text, [chatbot, task_history, query], [chatbot, task_history]).then(
        predict, [chatbot, task_history], [chatbot], show_progress=True
    )
    submit.click(reset_user_input, [], [query])
    empty.click(reset_state, [chatbot, task_history], [chatbot], show_progress=True)
    regen.click(regenerate, [chatbot, task_history], [chatbot], show_progress=True)
    upload.upload(add_file, [chatbot, task_history, upload], [chatbot, task_history], show_progress=True)
fake.launch(demo)
