"""Layout of Mixtral's Spaces: ChatInterface with further inputs, the system prompt first among them."""

from __future__ import annotations

import fake
import gradio as gr


def generate(prompt, history, system_prompt, temperature=0.9, max_new_tokens=256, top_p=0.95, repetition_penalty=1.0):
    earlier = fake.pairs(history) if not history or not isinstance(history[0], dict) else list(history)
    asked = ([{"role": "system", "content": system_prompt}] if system_prompt else []) + earlier
    for text in fake.growing(
        [*asked, {"role": "user", "content": prompt}], temperature=temperature, max_tokens=max_new_tokens
    ):
        yield text


fake.launch(
    gr.ChatInterface(
        generate,
        **({"type": "messages"} if gr.__version__[0] == "5" else {}),
        additional_inputs=[
            gr.Textbox(label="System Prompt", max_lines=1),
            gr.Slider(label="Temperature", value=0.9, minimum=0.0, maximum=1.0, step=0.05),
            gr.Slider(label="Max new tokens", value=256, minimum=0, maximum=1048, step=64),
            gr.Slider(label="Top-p (nucleus sampling)", value=0.90, minimum=0.0, maximum=1, step=0.05),
            gr.Slider(label="Repetition penalty", value=1.2, minimum=1.0, maximum=2.0, step=0.05),
        ],
    )
)
