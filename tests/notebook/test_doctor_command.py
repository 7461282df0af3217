"""``%qwen doctor`` in a real kernel."""

from __future__ import annotations

from kernels import Kernel


def test_it_tells_of_the_kernel() -> None:
    with Kernel() as kernel:
        assert kernel.run("%load_ext qwen_magic\n%qwen use local").status == "ok"
        run = kernel.run("%qwen doctor")
        assert run.status == "ok"
        for fact in ("front end", "kernel", "subshells", "event loop", "ipykernel ", "conversations"):
            assert fact in run.printed
        failed = kernel.run("%qwen doctor now")
        assert "takes only --check" in "".join(str(message.content) for message in failed.messages)
