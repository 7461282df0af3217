"""Layout of tloen/alpaca-lora generate.py: gr.Interface with "Instruction" and "Input"; streams only with a tick."""

from __future__ import annotations

import fake
import gradio as gr


def evaluate(
    instruction, input=None, temperature=0.1, top_p=0.75, top_k=40, num_beams=4, max_new_tokens=128, stream_output=False
):
    asked = [{"role": "user", "content": instruction + (f"\n\n### Input:\n{input}" if input else "")}]
    text = ""
    for text in fake.growing(
        asked, instruction=instruction, input=input, temperature=temperature, top_p=top_p, max_tokens=max_new_tokens
    ):
        if stream_output:
            yield text
    yield text


demo = gr.Interface(
    fn=evaluate,
    inputs=[
        gr.Textbox(lines=2, label="Instruction", placeholder="Tell me about alpacas."),
        gr.Textbox(lines=2, label="Input", placeholder="none"),
        gr.Slider(minimum=0, maximum=1, value=0.1, label="Temperature"),
        gr.Slider(minimum=0, maximum=1, value=0.75, label="Top p"),
        gr.Slider(minimum=0, maximum=100, step=1, value=40, label="Top k"),
        gr.Slider(minimum=1, maximum=4, step=1, value=4, label="Beams"),
        gr.Slider(minimum=1, maximum=2000, step=1, value=128, label="Max tokens"),
        gr.Checkbox(label="Stream output"),
    ],
    outputs=[gr.Textbox(lines=5, label="Output")],
)
fake.launch(demo)
