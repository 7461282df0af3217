"""An answer with files, of a real app of Gradio 3: shown by the kernel, and saved as the line below it says."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from kernels import Kernel, ok
from PIL import Image as Pillow

if TYPE_CHECKING:
    from pathlib import Path

    from servers.plugin import ServerFactory


def test_a_picture_is_shown_and_saved(gradio_server: ServerFactory, tmp_path: Path) -> None:
    server = gradio_server("3.50.2", "drawing")
    with Kernel() as kernel:
        ok(kernel.run(f"%load_ext qwen_magic\n%cd -q {tmp_path}\n%qwen use space:{server.url}"))
        run = ok(kernel.run("%%qwen\nDraw it."))
        (shown,) = (bundle for bundle in run.shown if "image/png" in bundle)
        assert Pillow.open(io.BytesIO(base64.b64decode(shown["image/png"]))).size == (31, 17)
        told = f"{run.printed}{run.shown}"
        advice = "from qwen_magic import last_reply; last_reply().save_files()"
        assert f"2 files in it; to save: {advice}" in told
        ok(kernel.run(f"{advice};"))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".png"]
