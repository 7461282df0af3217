"""Layout of deepseek-ai/DeepSeek-VL2 web_demo.py: the prompt goes into a State first, then predict; a status Markdown."""

from __future__ import annotations

import fake
import gradio as gr


def transfer_input(text, images):
    return text, images, gr.update(value=""), gr.update(value=None), gr.update()


def predict(text, images, chatbot, history, top_p, temperature, repetition_penalty, max_length, max_context, model):
    if len(text) == 0:
        yield chatbot, history, "Empty context."
        return
    asked = fake.pairs(history) + [{"role": "user", "content": text}]
    rows = [*chatbot, [text, None]]
    whole = ""
    for whole in fake.growing(asked, top_p=top_p, temperature=temperature, max_tokens=max_length):
        rows[-1][1] = whole
        yield rows, [*history, [text, whole]], "Generating..."
    yield rows, [*history, [text, whole]], "Generate: Success"


def retry(*args):
    yield args[2], args[3], "Empty context"


def reset_textbox():
    return gr.update(value=""), ""


def reset_state():
    return [], [], "Reset Done"


def delete_last(chatbot, history):
    return chatbot[:-1], history[:-1], "Delete Done"


def cancel_outputing():
    return "Stop Done"


with gr.Blocks() as demo:
    history, input_text, input_images = gr.State([]), gr.State(), gr.State()
    status = gr.Markdown("Success", elem_id="status_display")
    chatbot = gr.Chatbot(elem_id="deepseek_chatbot", height=600)
    text_box = gr.Textbox(show_label=False, placeholder="Enter text", container=False)
    submit, cancel, empty, again, last = (gr.Button(one) for one in ("Send", "Stop", "New", "Regenerate", "Remove"))
    images = gr.Files(file_types=["image"], show_label=True)
    top_p = gr.Slider(minimum=0, maximum=1.0, value=0.9, step=0.05, label="Top-p")
    temperature = gr.Slider(minimum=0, maximum=1.0, value=0.1, step=0.1, label="Temperature")
    repetition = gr.Slider(minimum=0.0, maximum=2.0, value=1.1, step=0.1, label="Repetition penalty")
    max_length = gr.Slider(minimum=0, maximum=4096, value=2048, step=8, label="Max Generation Tokens")
    max_context = gr.Slider(minimum=0, maximum=8192, value=4096, step=128, label="Max History Tokens")
    model = gr.Dropdown(label="Select Models", choices=["deepseek-vl2-tiny"], value="deepseek-vl2-tiny")
    ins = [input_text, input_images, chatbot, history, top_p, temperature, repetition, max_length, max_context, model]
    outs = [chatbot, history, status]
    first = dict(
        fn=transfer_input, inputs=[text_box, images], outputs=[input_text, input_images, text_box, images, submit]
    )
    events = [event(**first).then(fn=predict, inputs=ins, outputs=outs) for event in (text_box.submit, submit.click)]
    empty.click(reset_state, outputs=outs)
    empty.click(reset_textbox, inputs=[], outputs=[text_box, status])
    again.click(retry, inputs=ins, outputs=outs)
    last.click(delete_last, [chatbot, history], outs)
    cancel.click(cancel_outputing, [], [status], cancels=events)
fake.launch(demo)
