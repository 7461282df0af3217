"""A chat mounted below a path of a FastAPI app; QWEN_TEST_MOUNT says where, QWEN_TEST_AUTH who may in."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parent))

import qwenlike
import script

app = FastAPI()


@app.get("/config")
def up() -> dict[str, bool]:
    """Answer the tests' look whether the server is up; it is no Gradio app's."""
    return {"up": True}


qwenlike.demo.queue()
user, _, password = os.environ.get("QWEN_TEST_AUTH", "").partition(":")
app = gr.mount_gradio_app(
    app,
    qwenlike.demo,
    path=os.environ.get("QWEN_TEST_MOUNT", "/chat"),
    auth=(user, password) if user else None,
)

if __name__ == "__main__":
    if os.environ.get("QWEN_TEST_WATCH_STDIN"):
        threading.Thread(target=script._die_with_the_parent, daemon=True).start()
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ["PORT"]), log_level="warning")
