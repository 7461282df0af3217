"""Where prompts go: the target in force, how targets fare, what they offer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...backends.registry import kinds, offered
from ...backends.targets import parse_chain, parse_target
from ...errors import UsageError
from ...version import __version__
from ..waiting import wait_for
from .command import Command, columns, nothing_after, say, titled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...client.health import TargetState
    from ..session import NotebookSession

_MODELS_SHOWN = 3
_SEEN = {True: "takes them", False: "takes none", None: "not known before it is asked"}
_SEE_ELSEWHERE = (
    "Others that do: dashscope:qwen-vl-max, openrouter:qwen/qwen2.5-vl-72b-instruct, ollama:qwen2.5vl,\n"
    "the address of a Gradio app that takes pictures, openai:URL#MODEL with a model that sees."
)


def show(session: NotebookSession, rest: str = "") -> None:
    """Print what is in force."""
    from ...client.default_targets import default_chain  # noqa: PLC0415 - loading the extension stays light

    nothing_after("", rest)
    chain = parse_chain(session.settings.target) if session.settings.target else default_chain()
    source = (
        "set here" if session.settings.target else "QWEN_TARGET" if os.environ.get("QWEN_TARGET") else "the default"
    )
    say(f"qwen_magic {__version__}")
    say(f"target        {', '.join(map(str, chain))} ({source})")
    last = session.last_reply
    if last and last.text and last.model and last.target in map(str, chain):
        say(f"last model    {last.model}")
    memory = session.memory
    if conversation := memory.current if memory.exists else None:
        say(f"conversation  {titled(conversation)}")
    if (mode := session.chat.replay_mode()) != "off":
        say(f"replay        {mode}, from {session.chat.replay.file.path.name}")
    if changed := _changed(session):
        say(f"settings      {', '.join(changed)}")
    say("%qwen help lists the commands.")


def _changed(session: NotebookSession) -> list[str]:
    """Return the settings that are not at their defaults, each as it is written in a %config line."""
    traits = session.settings.traits(config=True)
    return [
        f"{name} = {value!r}"
        for name, trait in sorted(traits.items())
        if name not in {"target", "replay"} and (value := getattr(session.settings, name)) != trait.default()
    ]


def _use(session: NotebookSession, rest: str) -> None:
    from ...client.default_targets import default_chain  # noqa: PLC0415 - loading the extension stays light

    targets = _targets(rest)
    if not targets:
        raise UsageError("%qwen use needs a target", hint="Try %qwen use local, or %qwen use default.")
    if targets != ["default"]:
        parse_chain(targets)
    session.settings.target = "" if targets == ["default"] else ",".join(targets)
    chain = parse_chain(targets) if session.settings.target else default_chain()
    say(f"Prompts go to {', '.join(map(str, chain))}.")


def _show_targets(session: NotebookSession, rest: str) -> None:
    """Tell how targets fare; without a name also which names are known, with one also what it offers."""
    words = _targets(rest)
    for word in words:
        if word.startswith("-") and word not in ("--check", "--see"):
            raise UsageError(f"%qwen targets has no option {word}", hint="Its options are --check and --see.")
    targets = [word for word in words if not word.startswith("-")] or None
    if "--see" in words:
        _show_seeing(session, targets)
        return
    check, client = "--check" in words, session.client
    states = wait_for(client.check(targets), "the check was stopped") if check else client.states(targets)
    say("\n".join(_state_lines(states)))
    if check:
        return
    if targets is None:
        say("\n".join(["", *_known_names("%qwen targets NAME")]))
    elif len(targets) == 1:
        say("")
        _describe(session, targets[0])


def _show_seeing(session: NotebookSession, targets: Sequence[str] | None) -> None:
    """Tell which targets take pictures: those named, else those in force and the servers that run on this machine."""
    from ...client.checks import seeing  # noqa: PLC0415 - loading the extension stays light

    stopped = "the check was stopped"
    if targets is None:
        from ...backends.openai.local_servers import find_local_servers  # noqa: PLC0415 - only where it is asked for

        own = [state.target for state in session.client.states()]
        targets = list(dict.fromkeys([*own, *wait_for(find_local_servers(), stopped)]))
    names = [str(target) for target in parse_chain(targets)]
    found = wait_for(seeing(session.client.capabilities, names), stopped)
    say("\n".join(columns([("target", "pictures"), *((name, _SEEN[images]) for name, images in found.items())])))
    if True not in found.values():
        say(f"\n{_SEE_ELSEWHERE}")


def _spaces(session: NotebookSession, rest: str) -> None:
    if rest:
        _describe(session, rest)
    else:
        say("\n".join(_known_names("%qwen targets NAME")))


def _describe(session: NotebookSession, target: str) -> None:
    """Ask a target what it offers."""
    say(str(wait_for(session.client.describe(target), f"{parse_target(target)} had not answered yet")))


def _known_names(asking: str) -> list[str]:
    lines = []
    for kind in kinds():
        lines += [kind.title, *columns(kind.rows(), indent="  ")]
    problems = [f"{problem[:1].upper()}{problem[1:]}." for problem in offered().problems]
    return [*lines, *problems, f"{asking} asks one of them what it offers."]


def _state_lines(states: Sequence[TargetState]) -> list[str]:
    rows = [("target", "state", "answered in", "models")]
    rows += [
        (state.target, state.state, "" if state.latency is None else f"{state.latency:.2f} s", _few(state.models))
        for state in states
    ]
    head, *lines = columns(rows)
    found = [head]
    for line, state in zip(lines, states, strict=True):
        found.append(line)
        if state.error:
            found.append(f"    last error: {state.error}")
    return found


def _few(models: Sequence[str]) -> str:
    rest = len(models) - _MODELS_SHOWN
    return ", ".join(models[:_MODELS_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _targets(rest: str) -> list[str]:
    return rest.replace(",", " ").split()


COMMANDS = (
    Command("", "", "show the target, model and settings in force", show, level="usual", topic="settings"),
    Command(
        "use",
        "TARGET...",
        "ask this target or chain from now on, or the default",
        _use,
        level="usual",
        topic="targets",
        completes=("target or default",),
    ),
    Command(
        "targets",
        "[NAME...] [--check|--see]",
        "show the state of each, what one offers, known names",
        _show_targets,
        level="usual",
        topic="targets",
        completes=("target",),
    ),
)
EARLIER = (
    Command(
        "spaces",
        "[TARGET]",
        "show what a target offers; without TARGET, the known names",
        _spaces,
        topic="targets",
        completes=("target",),
        alias_of="targets",
    ),
)
"""What the targets' names and what one offers was called when it was a command of its own."""
