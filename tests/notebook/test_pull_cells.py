"""``%qwen pull`` in a real kernel, from a fake Hub: fetched, listed, removed, and what is wrong in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernels import Kernel
from servers.fake_hub import serving_fake_hub

if TYPE_CHECKING:
    from pathlib import Path

WORD = "Qwen/Qwen3-0.6B-GGUF"


def test_weights_are_fetched_listed_and_removed(tmp_path: Path) -> None:
    with serving_fake_hub() as hub:
        hub.repos = {WORD: {"Qwen3-0.6B-Q8_0.gguf": b"GGUF" * 50_000}}
        hub.gated = {"some/Gated-GGUF"}
        hub.repos["some/Gated-GGUF"] = {"a-Q4_K_M.gguf": b"GGUF"}
        with Kernel(HF_ENDPOINT=hub.url, QWEN_MAGIC_CACHE=str(tmp_path)) as kernel:
            assert kernel.run("%load_ext qwen_magic").status == "ok"
            listed = kernel.run("%qwen pull --list").printed
            assert "local:qwen3-4b " in listed
            assert " here" not in listed
            assert "is the largest of these that fits" in listed
            assert "local:OWNER/REPO:QUANT, is any GGUF model of the Hub." in listed
            pulled = kernel.run("%qwen pull qwen3-0.6b")
            assert pulled.status == "ok", pulled.reply
            assert "Qwen3-0.6B-Q8_0 is ready; use it with %qwen use local:qwen3-0.6b" in pulled.printed
            first = kernel.run("%qwen pull --list").printed.splitlines()[0].split()
            assert first == "local:qwen3-0.6b 200 kB 322 kB of memory here".split()
            removed = kernel.run("%qwen pull --remove qwen3-0.6b")
            assert "Qwen3-0.6B-Q8_0 is removed: 200 kB are free again." in removed.printed
            for cell, said in (
                ("%qwen pull --remove qwen3-0.6b", "no weights of local:qwen3-0.6b are kept here"),
                ("%qwen pull --remove", "%qwen pull --remove needs a model"),
                ("%qwen pull --all", "%qwen pull has no option --all"),
                ("%qwen pull a b", "%qwen pull takes one model"),
                ("%qwen pull some/Gated-GGUF", "some/Gated-GGUF is gated"),
                ("%qwen pull local:some/None-GGUF", "the Hub has no some/None-GGUF"),
            ):
                run = kernel.run(cell)
                assert run.status == "error"
                assert said in str(run.error), cell
