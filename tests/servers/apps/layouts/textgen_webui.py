"""Layout of oobabooga/text-generation-webui's chat tab: values gathered into a State, the input too, the answer as HTML."""

from __future__ import annotations

import fake
import gradio as gr


def gather(text, temperature, max_new_tokens):
    return {
        "textbox": text,
        "temperature": temperature,
        "max_new_tokens": max_new_tokens,
        "history": {"internal": [], "visible": []},
    }


def page(history):
    rows = "".join(
        f'<div class="message"><div class="text"><div class="username">You</div><div class="message-body"><p>{u}</p>'
        f'</div></div></div><div class="message"><div class="text"><div class="username">AI</div>'
        f'<div class="message-body"><p>{b}</p></div></div></div>'
        for u, b in history["visible"]
    )
    return f'<div class="chat" id="chat"><div class="messages">{rows}</div></div>'


def reply(text, state, history):
    asked = fake.pairs(history["internal"]) + [{"role": "user", "content": text}]
    for whole in fake.growing(asked, temperature=state["temperature"], max_tokens=state["max_new_tokens"]):
        now = {"internal": history["internal"] + [[text, whole]], "visible": history["visible"] + [[text, whole]]}
        yield page(now), now


with gr.Blocks() as demo:
    chat_input, interface_state = gr.State(), gr.State({})
    history = gr.State({"internal": [], "visible": []})
    display = gr.HTML(value=page({"visible": []}))
    textbox = gr.Textbox(label="", placeholder="Send a message", elem_id="chat-input")
    generate = gr.Button("Generate")
    with gr.Tab("Parameters"):
        max_new_tokens = gr.Slider(minimum=1, maximum=4096, value=512, step=1, label="max_new_tokens")
        temperature = gr.Slider(0.01, 5, value=0.7, step=0.01, label="temperature")
    for event in (generate.click, textbox.submit):
        event(gather, [textbox, temperature, max_new_tokens], interface_state).then(
            lambda x: (x, ""), textbox, [chat_input, textbox], show_progress=False
        ).then(reply, [chat_input, interface_state, history], [display, history], show_progress=False)
fake.launch(demo)
