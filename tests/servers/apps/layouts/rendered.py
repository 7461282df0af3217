"""A chat whose messages are drawn by gr.render: nothing on the page holds an answer that can be read."""

from __future__ import annotations

import fake
import gradio as gr


def ask(text, messages):
    whole = fake.text_for([*messages, {"role": "user", "content": text}])
    return "", [*messages, {"role": "user", "content": text}, {"role": "assistant", "content": whole}]


with gr.Blocks() as demo:
    messages = gr.State([])

    @gr.render(inputs=messages)
    def show(found):
        for item in found:
            gr.Markdown(item["content"])

    box = gr.Textbox(show_label=False)
    box.submit(ask, [box, messages], [box, messages])
fake.launch(demo)
