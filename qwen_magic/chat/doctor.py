"""What a report of a bug needs: versions, targets, keys by their names, proxies, folders; and what is wrong with them.

Nothing is sent, and no key, password or token is told.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import urllib.request
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.targets import key_names
from ..text.secrets import redact
from ..text.terminal import safe_line
from ..version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client.client import QwenClient
    from ..client.health import TargetState

_PACKAGES = (
    *("ipython", "ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook", "aiohttp", "nest-asyncio2"),
    *("xllamacpp", "keyring"),
)
_OLD_KERNEL = 7
_LOGIN = re.compile(r"//[^/@\s]*@")
_QUERY = re.compile(r"([?&][\w.-]+=)[^&\s,)#]+")
_LEAST_FREE = 2 * 2**30


@dataclass
class Report:
    """What was found.

    Attributes:
        facts: names and what is known under them.
        problems: what is wrong, with what to do about it, one line each.

    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Add a fact."""
        self.facts.append((name, value))

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.facts)
        lines = [f"{name.ljust(width)}  {value}" for name, value in self.facts]
        found = [f"! {problem}" for problem in self.problems] or ["no problem was found"]
        return _plain("\n".join(map(safe_line, [*lines, "", *found])))


def examine(
    client: QwenClient,
    database: Path | None,
    surroundings: Iterable[tuple[str, str]] = (),
    checked: Iterable[TargetState] | None = None,
) -> Report:
    """Find out what a report of a bug needs.

    Args:
        client: the client of the session.
        database: where conversations are kept, or None.
        surroundings: what the caller knows of its front end and kernel.
        checked: the states of the targets, where they were asked; without them as far as is known.

    """
    report = Report()
    report.add("qwen_magic", __version__)
    report.add("Python", f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}")
    _add_versions(report)
    for name, value in surroundings:
        report.add(name, value)
    _add_targets(report, client, checked)
    _add_keys(report, client)
    _add_proxies(report)
    _add_weights(report, client)
    _add_store(report, database)
    return report


def _add_versions(report: Report) -> None:
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    report.add("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))
    for name in ("ipywidgets", "anywidget"):
        if name not in versions:
            report.problems.append(f"{name} is not installed, so there is no panel: pip install {name}")
    if (kernel := versions.get("ipykernel")) and int(kernel.partition(".")[0]) < _OLD_KERNEL:
        report.problems.append(
            f"ipykernel {kernel} handles a panel's messages only between cells: pip install -U ipykernel"
        )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _add_targets(report: Report, client: QwenClient, checked: Iterable[TargetState] | None) -> None:
    states = list(client.states() if checked is None else checked)
    for state in states:
        report.add("target", f"{state.target}: {state.state}{f' ({state.error})' if state.error else ''}")
    if checked is not None and states and all(state.error for state in states):
        report.problems.append("no target answers: check the network, or use the local model with %qwen use local")


def _add_keys(report: Report, client: QwenClient) -> None:
    found = []
    for name, variable in {**key_names(), "openai": "OPENAI_API_KEY"}.items():
        if variable and os.environ.get(variable, "").strip():
            found.append(f"{name} (from {variable})")
        elif client.settings.keys.at_hand(name):
            found.append(f"{name} (kept)")
    if client.settings.hf_token and not any(one.startswith("hf ") for one in found):
        found.append("hf (from HF_TOKEN)")
    report.add("keys", ", ".join(found) or "none")


def _add_proxies(report: Report) -> None:
    proxies = {kind: url for kind, url in urllib.request.getproxies().items() if kind != "no"}
    # What stands before the host may be a login, however it is written.
    said = ", ".join(f"{kind}: {'…@' * ('@' in url)}{url.rpartition('@')[2]}" for kind, url in proxies.items())
    report.add("proxies", f"{said} (not for loopback and private addresses)" if said else "none")
    if any(url.startswith("socks") for url in proxies.values()):
        report.problems.append("the environment names a SOCKS proxy, which cannot be used: name an HTTP proxy")


def _add_weights(report: Report, client: QwenClient) -> None:
    from ..backends.local.kept_weights import folder, kept  # noqa: PLC0415 - loaded where it is asked for

    where = folder()
    here = [one.weights.name for one in kept() if one.whole]
    report.add("weights", f"{', '.join(here) or 'none'} in {where}")
    nearest = next(one for one in (where, *where.parents) if one.exists())
    if not os.access(nearest, os.W_OK):
        report.problems.append(f"{nearest} cannot be written: set QWEN_MAGIC_CACHE to a folder that you can write to")
    if not here and any(state.target.startswith("local") for state in client.states()):
        report.problems.append("the weights of the local model are not on this machine: fetch them with %qwen pull")
    if not here and shutil.disk_usage(nearest).free < _LEAST_FREE:
        report.problems.append("less than 2 GB are free where the weights are kept")


def _add_store(report: Report, database: Path | None) -> None:
    if database is None:
        report.add("conversations", "only in memory")
        return
    from ..store.condition import condition  # noqa: PLC0415 - the database is loaded where it is needed

    found = condition(database)
    size = "not there yet" if found.size is None else f"{found.size / 1e6:.1f} MB, schema {found.schema}"
    report.add("conversations", f"{database}: {size}")
    if found.problem:
        report.problems.append(f"conversations are not kept: {database}: {found.problem}")


def _plain(text: str) -> str:
    """Leave out what is nobody's business: secrets, and who the user is."""
    text = _QUERY.sub(r"\1…", _LOGIN.sub("//…@", redact(text)[0]))
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def python_facts() -> list[tuple[str, str]]:
    """Tell of a Python without a notebook."""
    return [("front end", f"none ({Path(sys.argv[0]).name or 'python'})")]
