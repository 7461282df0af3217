"""Layout of ChatGLM's first demo: a State and forty Markdown boxes, of which the first shows the question."""

from __future__ import annotations

import fake
import gradio as gr

BOXES = 40


def predict(input, max_length, top_p, temperature, history=None):
    history = history or []
    asked = fake.pairs(history) + [{"role": "user", "content": input}]
    for text in fake.growing(asked, max_tokens=max_length, top_p=top_p, temperature=temperature):
        now = [*history, (input, text)]
        updates = []
        for query, answer in now:
            updates += [
                gr.update(visible=True, value="用户：" + query),
                gr.update(visible=True, value="ChatGLM：" + answer),
            ]
        yield [now, *updates, *[gr.update(visible=False)] * (BOXES - len(updates))]


with gr.Blocks() as demo:
    state = gr.State([])
    boxes = [gr.Markdown(visible=False, label="提问：" if i % 2 == 0 else "回复：") for i in range(BOXES)]
    with gr.Row():
        text = gr.Textbox(show_label=False, placeholder="Enter text and press enter")
        max_length = gr.Slider(0, 4096, value=2048, step=1.0, label="Maximum length", interactive=True)
        top_p = gr.Slider(0, 1, value=0.7, step=0.01, label="Top P", interactive=True)
        temperature = gr.Slider(0, 1, value=0.95, step=0.01, label="Temperature", interactive=True)
        button = gr.Button("Generate")
    button.click(predict, [text, max_length, top_p, temperature, state], [state, *boxes])
fake.launch(demo)
