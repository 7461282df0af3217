"""Pictures that are left out: of turns long past where a context is full, of all but the prompt where a target is blind."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from servers.openai_like import Script, serving

from qwen_magic import QwenClient
from qwen_magic.client.fitting import MARGIN, fit
from qwen_magic.client.past_pictures import count_pictures, without_pictures
from qwen_magic.errors import UsageError
from qwen_magic.events import Status
from qwen_magic.messages import Image, Message, Text
from qwen_magic.request import Request


def png(side: int = 640) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("L", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()  # 400 tokens


def turn(number: int, *pictures: Image) -> tuple[Message, Message]:
    asked = Message("user", parts=[*pictures, Text(f"question {number}")])
    return asked, Message("assistant", f"answer {number}")


TURNS = [turn(number, Image(PNG, name=f"plot {number}")) for number in range(4)]
CONVERSATION = Request((*(message for pair in TURNS for message in pair), Message("user", "And now?")))


@pytest.mark.parametrize(("context", "pictures", "turns"), [(9000, 4, 4), (1400, 2, 4), (300, 0, 4), (60, 0, 1)])
def test_old_pictures_go_before_any_turn(context: int, pictures: int, turns: int) -> None:
    fitted = fit(CONVERSATION, context, 0)
    assert count_pictures(fitted.messages) == pictures
    assert fitted.turns - fitted.left_out == turns
    assert fitted.pictures == turns - pictures
    for place, message in enumerate(fitted.messages[:-1:2]):
        kept = place >= turns - pictures
        number = place + 4 - turns
        assert message.text == ("" if kept else f"[a picture, plot {number}, left out]") + f"question {number}"


SIZES = st.sampled_from([16, 64, 320, 640])


@given(st.lists(st.lists(SIZES, max_size=2), max_size=6), st.integers(20, 3000))
def test_whatever_is_left_out_what_is_kept_fits(sizes: list[list[int]], context: int) -> None:
    data = {size: png(size) for size in (16, 64, 320, 640)}
    pairs = [turn(number, *(Image(data[size]) for size in some)) for number, some in enumerate(sizes)]
    request = Request((*(message for pair in pairs for message in pair), Message("user", "now?")))
    fitted = fit(request, context, 0)
    assert fitted.tokens <= context - int(context * MARGIN) or fitted.left_out == fitted.turns
    kept = request.messages[2 * fitted.left_out :]
    assert fitted.pictures == count_pictures(kept) - count_pictures(fitted.messages)
    seen = False
    for before, after in zip(kept, fitted.messages, strict=True):
        assert after == before or (not seen and after == without_pictures(before))
        seen = seen or (after == before and count_pictures([before]) > 0)


def blind(context: int = 0) -> Script:
    script = Script(models=["tiny"])
    script.beside["/props"] = {"modalities": {"vision": False}, "default_generation_settings": {"n_ctx": context}}
    return script


def lead(client: QwenClient, url: str) -> None:
    client._backend(client.targets[0]).base_url = f"{url}/v1"  # type: ignore[attr-defined]


async def test_a_blind_target_is_asked_without_what_only_goes_along() -> None:
    script = blind()
    along = Image(PNG, name="plot of cell 3", along=True)
    past = [Message("user", ["What is ", Image(PNG), "?"]), Message("assistant", "a square")]
    with serving(script.app()) as url:
        async with QwenClient("llamacpp") as client:
            lead(client, url)
            stream = client.stream([*past, Message("user", parts=[along, Text("Why?")])])
            said = [event.text async for event in stream.events() if isinstance(event, Status)]
            assert "2 pictures of cells and earlier turns were left out: llamacpp takes none" in said
            with pytest.raises(UsageError, match="it takes no pictures") as caught:
                await client.ask([*past, Message("user", ["And this?", Image(PNG)])])
            assert "%qwen targets --see" in caught.value.hint
    (body,) = script.bodies
    assert [message["content"] for message in body["messages"]] == [
        "What is [a picture, left out]?",
        "a square",
        "[a picture, plot of cell 3, left out]Why?",
    ]


async def test_a_dry_run_says_what_a_blind_target_would_not_see() -> None:
    script = blind()
    with serving(script.app()) as url:
        async with QwenClient("llamacpp") as client:
            lead(client, url)
            along = Message("user", parts=[Image(PNG, along=True), Text("Why?")])
            messages, notes = await client.preview([along])
            assert notes == ["a picture of cells was left out: llamacpp takes none"]
            assert messages[0].text == "[a picture, left out]Why?"
            _, notes = await client.preview([Message("user", ["And this?", Image(PNG)])])
            assert "it takes no pictures" in notes[0]
    assert not script.bodies
