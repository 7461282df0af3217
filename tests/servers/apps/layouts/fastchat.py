"""Layout of FastChat's gradio_web_server.py: a State made when the page is opened, add_text, then the generator that has no textbox."""

from __future__ import annotations

import fake
import gradio as gr


def load_demo(url_params):
    assert isinstance(url_params, dict)
    return {"system": "", "turns": []}, gr.update(visible=True), gr.update(visible=True)


def add_text(state, model, text):
    state["turns"].append([text, None])
    return state, [list(row) for row in state["turns"]], ""


def bot_response(state, temperature, top_p, max_new_tokens):
    asked = fake.pairs(state["turns"])
    for text in fake.growing(asked, temperature=temperature, top_p=top_p, max_tokens=max_new_tokens):
        state["turns"][-1][1] = text
        yield state, [[u, b + "▌"] for u, b in state["turns"][:-1]] + [[state["turns"][-1][0], text + "▌"]]
    yield state, [list(row) for row in state["turns"]]


def clear_history():
    return None, [], ""


def regenerate(state):
    state["turns"][-1][1] = None
    return state, state["turns"], ""


with gr.Blocks() as demo:
    state, url_params = gr.State(), gr.JSON(visible=False)
    model = gr.Dropdown(choices=["vicuna-7b", "vicuna-13b"], value="vicuna-7b", show_label=False)
    chatbot = gr.Chatbot(elem_id="chatbot", label="Scroll down and start chatting", height=300)
    textbox = gr.Textbox(show_label=False, placeholder="Enter your prompt and press ENTER", elem_id="input_box")
    send, regen, clear = gr.Button("Send"), gr.Button("Regenerate"), gr.Button("Clear history")
    temperature = gr.Slider(0, 1, value=0.7, step=0.1, label="Temperature")
    top_p = gr.Slider(0, 1, value=1.0, step=0.1, label="Top P")
    tokens = gr.Slider(16, 2048, value=1024, step=64, label="Max output tokens")
    for event in (textbox.submit, send.click):
        event(add_text, [state, model, textbox], [state, chatbot, textbox]).then(
            bot_response, [state, temperature, top_p, tokens], [state, chatbot]
        ).then(lambda: (gr.update(interactive=True), gr.update(interactive=True)), None, [regen, clear])
    regen.click(regenerate, state, [state, chatbot, textbox]).then(
        bot_response, [state, temperature, top_p, tokens], [state, chatbot]
    )
    clear.click(clear_history, None, [state, chatbot, textbox])
    demo.load(load_demo, [url_params], [state, model, textbox])
fake.launch(demo)
