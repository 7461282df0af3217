"""Pictures for a Gradio app: uploaded as its page does it, and named in the inputs that take them.

From version 4 on a file is named by a FileData (https://www.gradio.app/docs/gradio/file), which version 5 refuses
without its ``meta``; version 3 takes a picture as a ``data:`` URL where it stands.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ...errors import ProtocolError, UsageError
from ...messages import Image
from ...text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...request import Request
    from .app_http import AppHttp
    from .endpoints import Endpoint

_OLD = ("ws", "post")
"""The protocols of Gradio 3."""


def takes_pictures(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint takes a picture, with the prompt or beside it."""
    return endpoint.takes("multimodal") or endpoint.multimodal or endpoint.takes("picture")


async def upload_pictures(http: AppHttp, endpoint: Endpoint, request: Request) -> list[Any]:
    """Upload the pictures of the prompt.

    Args:
        http: the app.
        endpoint: who is asked.
        request: what is asked; its last message may have pictures.

    Returns:
        What stands for each in an input.

    Raises:
        UsageError: the app takes none, fewer, or not from an address.
        QwenError: the upload failed.

    """
    pictures = [part for part in request.messages[-1].parts if isinstance(part, Image)]
    if not pictures:
        return []
    _check(http.name, endpoint, pictures)
    if endpoint.protocol in _OLD:
        return [f"data:{one.mime};base64,{base64.b64encode(one.data).decode()}" for one in pictures]
    paths = await http.upload(endpoint.prefix, [(_name(one), one.mime, one.data) for one in pictures])
    if len(paths) != len(pictures):
        raise ProtocolError("the app did not say where it keeps the pictures", target=http.name, hint="Ask again.")
    return [
        {
            "path": path,
            "orig_name": _name(one),
            "mime_type": one.mime,
            "size": len(one.data),
            "meta": {"_type": "gradio.FileData"},
        }
        for path, one in zip(paths, pictures, strict=True)
    ]


def _check(target: str, endpoint: Endpoint, pictures: Sequence[Image]) -> None:
    places = sum(item.part == "picture" for item in endpoint.all_inputs())
    if not takes_pictures(endpoint):
        hint = "Leave them out, or ask a server of the kind openai: whose model takes them."
        raise UsageError("it takes no pictures", target=target, hint=hint)
    if any(not one.data for one in pictures):
        raise UsageError("it does not take the address of a picture", target=target, hint="Give the picture's bytes.")
    if len(pictures) > places and not (endpoint.takes("multimodal") or endpoint.multimodal):
        what = f"it takes {counted(places, 'picture')}, and {len(pictures)} were given"
        raise UsageError(what, target=target, hint="Leave some out.")


def _name(picture: Image) -> str:
    kind = picture.mime.partition("/")[2].partition("+")[0] or "png"
    return f"picture.{'jpg' if kind == 'jpeg' else kind}"
