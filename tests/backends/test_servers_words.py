"""What TGI and LM Studio say of a context that is too small and of too much work, before and inside a stream."""

from __future__ import annotations

import pytest
from asking import everything
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.backends.openai.errors import http_error
from qwen_magic.backends.too_long import Counts, counts, is_too_long
from qwen_magic.errors import BusyError, ContextError, QwenError, ServerError

LM_STUDIO = (
    "Trying to keep the first 4412 tokens when context the overflows. However, the model is loaded with context length"
    " of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a"
    " shorter input"
)
N_KEEP = (
    "The number of tokens to keep from the initial prompt is greater than the context length"
    " (n_keep: 4412>= n_ctx: 4096). Try to load the model with a larger context length"
)
TGI = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4412 `inputs` tokens and 1024"
    " `max_new_tokens`"
)
TGI_INPUT = "Input validation error: `inputs` must have less than 4096 tokens. Given: 4412"


@pytest.mark.parametrize("words", [LM_STUDIO, N_KEEP, TGI, TGI_INPUT])
def test_a_context_that_is_too_small(words: str) -> None:
    assert is_too_long(words)
    assert counts(words) == Counts(4412, 4096)


async def stream_failure(message: dict[str, object]) -> QwenError:
    script = Script(streamed(message))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m", retry_timeout=0) as client:
            _, error = await everything(client.stream("hi"))
    assert error is not None
    return error


@pytest.mark.parametrize("words", [LM_STUDIO, TGI])
async def test_it_is_told_inside_a_stream_too(words: str) -> None:
    error = await stream_failure({"error": words, "error_type": "validation"})
    assert isinstance(error, ContextError)
    assert "4412 tokens, its context has 4096" in str(error)


@pytest.mark.parametrize(
    "message",
    [
        {"error": {"message": "Model is overloaded", "http_status_code": 429}},
        {"error": "Model is overloaded", "error_type": "overloaded"},
        {"error": "Request failed", "error_type": "overloaded"},
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
)
async def test_too_much_work_inside_a_stream(message: dict[str, object]) -> None:
    assert isinstance(await stream_failure(message), BusyError)


async def test_a_generation_that_failed() -> None:
    error = await stream_failure({"error": "Request failed during generation: boom", "error_type": "generation"})
    assert type(error) is ServerError
    assert "boom" in str(error)


async def test_tgi_is_asked_again_while_it_is_overloaded() -> None:
    busy = refused(429, {"error": "Model is overloaded", "error_type": "overloaded"})
    script = Script(busy, streamed(chunk("fine"), chunk(finish="stop")))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            assert (await client.ask("hi")).text == "fine"


def test_tgis_refusal_of_a_value_keeps_its_words() -> None:
    said = '{"error": "Input validation error: `top_p` must be > 0.0 and < 1.0", "error_type": "validation"}'
    assert "`top_p` must be > 0.0 and < 1.0" in str(http_error(422, {}, said, "t"))
