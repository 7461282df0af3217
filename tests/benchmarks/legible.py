"""Whether a model can read what is sent to it: the pictures that a server received, read by an OCR.

    python tests/benchmarks/legible.py OCR_PYTHON

OCR_PYTHON is a Python in which rapidocr-onnxruntime and matplotlib are installed, and chatlas where its figure is to
stand beside ours. Two pictures go out: a default figure of Matplotlib's with labels of ten points, and a scan of 2,000
pixels. The exit code is 1 where a word of ours is not read.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = ["Temperature", "Months of 2025", "Celsius", "Berlin", "Lisbon", "January", "March", "May", "July"]
LINES = [f"Line {number}: the invoice of item {number * 37} is {number * 113}.50 EUR" for number in range(1, 25)]


def plot() -> object:
    """Draw a default figure with labels of ten points."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    months = ["January", "March", "May", "July"]
    axes.plot(months, [1, 8, 17, 23], label="Berlin")
    axes.plot(months, [12, 16, 20, 25], label="Lisbon")
    axes.set(title="Temperature", xlabel="Months of 2025", ylabel="Celsius")
    axes.legend()
    return figure


def scan() -> bytes:
    """Draw a page as a scanner of 170 dots per inch gives it."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (1414, 2000), 250)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for place, line in enumerate(LINES):
        draw.text((120, 120 + 72 * place), line, fill=20, font=font)
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def received() -> dict[str, bytes]:
    """Send both to a server, and give what it received."""
    from servers.openai_like import Script, serving

    from qwen_magic import Image, QwenClient

    script = Script()
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#tiny") as client:
            await client.ask(["What is ", plot(), " and ", Image.of(scan()), "?"])
    parts = [part for part in script.bodies[0]["messages"][0]["content"] if part["type"] == "image_url"]
    data = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts]
    return {"figure": data[0], "scan": data[1]}


def read(folder: str) -> None:
    """Read the pictures in a folder, and make chatlas's there first; prints JSON. Runs in OCR_PYTHON."""
    try:
        from chatlas import content_image_plot

        plot()
        Path(folder, "figure of chatlas").write_bytes(base64.b64decode(content_image_plot().data))
    except ImportError:
        pass
    from rapidocr_onnxruntime import RapidOCR

    reader = RapidOCR()
    found = {}
    for path in sorted(Path(folder).iterdir()):
        lines, _ = reader(path.read_bytes())
        found[path.name] = " ".join(line[1] for line in lines or [])
    print(json.dumps(found))


def main() -> None:
    """Send, read, and print what was read of each."""
    if sys.argv[1] == "--read":
        read(sys.argv[2])
        return
    sys.path[:0] = [str(Path(__file__).parent.parent.parent), str(Path(__file__).parent.parent)]
    from qwen_magic.media.sizes import pixels_of, tokens_of

    with tempfile.TemporaryDirectory() as folder:
        for name, data in asyncio.run(received()).items():
            Path(folder, name).write_bytes(data)
        command = [sys.argv[1], __file__, "--read", folder]
        texts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        missing = 0
        for name, text in texts.items():
            data = Path(folder, name).read_bytes()
            wanted = LINES if name == "scan" else WORDS
            squeezed = "".join(text.split()).lower()
            lost = [word for word in wanted if "".join(word.split()).lower() not in squeezed]
            size = "x".join(map(str, pixels_of(data) or ("?",)))
            print(f"{name:18} {size:>10} {len(data) / 1000:6.0f} KB ≈{tokens_of(data):5} tokens", end="  ")
            print(f"{len(wanted) - len(lost)} of {len(wanted)} read", *(f"without {lost}" for _ in lost[:1]))
            missing += len(lost) if "chatlas" not in name else 0
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
