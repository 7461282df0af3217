"""Layout of OpenBMB/MiniCPM demo/minicpm/hf_based_demo.py: chatbot first, sliders named as the parameters, an image."""

from __future__ import annotations

import fake
import gradio as gr


def generate(chat_history, query, top_p, temperature, repetition_penalty, max_dec_len, img_file_path=None):
    assert query != "", "Input must not be empty!!!"
    asked = fake.pairs(chat_history) + [{"role": "user", "content": query}]
    chat_history.append([query, ""])
    for text in fake.growing(asked, top_p=top_p, temperature=temperature, max_tokens=max_dec_len):
        chat_history[-1][1] = text.strip("</s>")
        yield gr.update(value=""), chat_history


def regenerate(chat_history, top_p, temperature, repetition_penalty, max_dec_len, img_file_path=None):
    assert len(chat_history) >= 1, "History is empty. Nothing to regenerate!!"
    for text in fake.growing(fake.pairs(chat_history[:-1]) + [{"role": "user", "content": chat_history[-1][0]}]):
        chat_history[-1][1] = text
        yield gr.update(value=""), chat_history


def check_model_v(img_file_path=None):
    return None


def clear_history():
    return []


def reverse_last_round(chat_history):
    assert len(chat_history) >= 1, "History is empty. Nothing to reverse!!"
    return chat_history[:-1]


with gr.Blocks() as demo:
    top_p = gr.Slider(0, 1, value=0.8, step=0.1, label="top_p")
    temperature = gr.Slider(0.1, 2.0, value=0.5, step=0.1, label="temperature")
    repetition_penalty = gr.Slider(0.1, 2.0, value=1.1, step=0.1, label="repetition_penalty")
    max_dec_len = gr.Slider(1, 1024, value=1024, step=1, label="max_dec_len")
    image = gr.Image(label="upload image", type="filepath", show_label=False)
    chatbot = gr.Chatbot(height=400)
    user_input = gr.Textbox(label="User", placeholder="Input your query here!", lines=8)
    submit, clear, regen, reverse = (gr.Button(one) for one in ("Submit", "Clear", "Regenerate", "Reverse"))
    image.change(check_model_v, inputs=[image], outputs=[])
    submit.click(
        generate,
        inputs=[chatbot, user_input, top_p, temperature, repetition_penalty, max_dec_len, image],
        outputs=[user_input, chatbot],
    )
    regen.click(
        regenerate,
        inputs=[chatbot, top_p, temperature, repetition_penalty, max_dec_len, image],
        outputs=[user_input, chatbot],
    )
    clear.click(clear_history, inputs=[], outputs=[chatbot])
    reverse.click(reverse_last_round, inputs=[chatbot], outputs=[chatbot])
fake.launch(demo)
