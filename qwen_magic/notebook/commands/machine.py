"""What concerns this machine: the local model's weights, the nested event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from .command import Command, columns, say

if TYPE_CHECKING:
    from ..session import NotebookSession


def _pull(session: NotebookSession, rest: str) -> None:
    from ...backends.local.weights import address_of, find, model_title, pull  # noqa: PLC0415 - loading stays light

    words = rest.split()
    options = [word for word in words if word.startswith("-")]
    names = [word for word in words if word not in options]
    if unknown := [word for word in options if word not in {"--list", "--remove"}]:
        raise UsageError(f"%qwen pull has no option {unknown[0]}", hint="Its options are --list and --remove MODEL.")
    if len(names) > 1 or len(options) > 1 or ("--list" in options and names):
        raise UsageError("%qwen pull takes one model", hint="%qwen pull --list shows the models.")
    if "--list" in options:
        say("\n".join(_weights_lines()))
        return
    if "--remove" in options:
        _remove(names)
        return
    address = address_of(names[0] if names else "")
    before = find(address)
    path = pull(address, token=session.client.settings.hf_token or "")
    target = "local" if address == "0.5b" else f"local:{address}"
    say(f"{model_title(address)} is ready; use it with %qwen use {target}")
    if not names and before != path and (larger := _larger()):
        say(larger)


def _remove(names: list[str]) -> None:
    from ...backends.local.known_weights import size_words  # noqa: PLC0415
    from ...backends.local.weights import remove  # noqa: PLC0415

    if not names:
        raise UsageError("%qwen pull --remove needs a model", hint="%qwen pull --list shows those on this machine.")
    title, freed = remove(names[0])
    say(f"{title} is removed: {size_words(freed)} are free again.")


def _larger() -> str:
    """Name the largest model that this machine has room for, where that is not the smallest."""
    from ...backends.local import machine  # noqa: PLC0415
    from ...backends.local.room import largest_that_fits  # noqa: PLC0415

    name = largest_that_fits(machine.available_memory())
    return f"This machine has room for larger ones, up to local:{name}: %qwen pull --list" if name != "0.5b" else ""


def _weights_lines() -> list[str]:
    """List the weights that are here, those that one word fetches, and what this machine has room for."""
    from ...backends.local.engine import memory_needed  # noqa: PLC0415
    from ...backends.local.kept_weights import kept  # noqa: PLC0415
    from ...backends.local.known_weights import size_words  # noqa: PLC0415
    from ...backends.local.room import memory_words, sizes_by_name  # noqa: PLC0415
    from ...backends.local.small_models import word_of  # noqa: PLC0415

    here = {word_of(one.weights.name): one for one in kept()}
    sizes = {name: one.weights.size for name, one in here.items()}
    sizes |= {name: size for name, size in sizes_by_name().items() if name not in here}

    def state(name: str) -> str:
        one = here.get(name)
        return "" if one is None else "here" if one.whole else f"{size_words(one.done)} of it is here"

    rows = [
        (f"local:{name}", size_words(size), f"{size_words(memory_needed(size))} of memory", state(name))
        for name, size in sizes.items()
    ]
    hub = "local:OWNER/REPO, or local:OWNER/REPO:QUANT, is any GGUF model of the Hub."
    return [*columns(rows), hub, *filter(None, [memory_words()])]


def _nest(session: NotebookSession, rest: str) -> None:
    nest = session.nest
    if rest == "on":
        nest.on()
        say("asyncio.run works inside a cell now; %qwen nest off undoes that.")
    elif rest == "off":
        say("asyncio is as it was before." if nest.off() else "asyncio was patched by other code, and stays patched.")
    else:
        raise UsageError("%qwen nest takes on or off", hint=f"It is {'on' if nest.active else 'off'} now.")


COMMANDS = (
    Command(
        "pull",
        "[MODEL] [--list] [--remove MODEL]",
        "fetch a local model, list those that you can use, or remove one",
        _pull,
        topic="local",
        completes=("local model",),
    ),
    Command("nest", "on|off", "let asyncio.run work inside a cell", _nest, topic="python"),
)
