"""What is public: the names, where they can be imported, and their signatures, of which a snapshot is kept."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import qwen_magic

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).parent / "signatures.txt"
UPDATE = "QWEN_MAGIC_UPDATE=1 pytest tests/public"
FOR_AUTHORS = tuple(
    f"qwen_magic.backends.{name}" for name in ("base", "kinds", "target", "capabilities", "descriptions")
)
NEEDS_A_FRONT_END = {"ChatPanel", "last_reply"}
FRONT_ENDS = {"IPython", "ipykernel", "traitlets", "ipywidgets", "anywidget"}
EXTRAS = {"tqdm", "xllamacpp", "keyring", "jupyterlab", "nbclient", "pandas", "numpy", "matplotlib"}
EXTRAS |= {"polars", "nbformat", "gradio_client", "openai", "pytest"}
MADE_BY_US = {"Stream"}
"""Classes that nobody else makes objects of, so that how they are made is no promise."""
NOT_PROMISED = {"ChatPanel": {"keep", "shared", "show_activity", "show_op", "show_settings"}}
"""What the rooms of the package say to each other, though its name has no underscore."""
IMPORT = """
import sys

class Barrier:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BARRED:
            raise ImportError(f"{name} is not here")

BARRED = set(sys.argv[1].split())
sys.meta_path.insert(0, Barrier())
import qwen_magic
for name in sys.argv[2].split():
    assert getattr(qwen_magic, name) is not None
print(len(sys.argv[2].split()))
"""


def arguments(cls: type) -> list[str]:
    """Tell how an object of a class is made, an argument a line."""
    written = promised(inspect.signature(cls)).parameters.values()
    star = next(
        (place for place, one in enumerate(written) if one.kind is inspect.Parameter.KEYWORD_ONLY), len(written)
    )
    lines = [without_places(str(one)) for one in written]
    return [f"({line})" for line in [*lines[:star], *(["*"] if star < len(lines) else []), *lines[star:]]]


def signature(function: Any) -> str:
    return without_places(str(promised(inspect.signature(function))))


def without_places(text: str) -> str:
    """Take out where an object is in memory."""
    return re.sub(r" at 0x[0-9a-f]+>", ">", text)


def promised(written: inspect.Signature) -> inspect.Signature:
    """Take out what is no promise: a parameter's help."""
    parameters = [
        one.replace(annotation=re.sub(r"^Annotated\[(.*?), Parameter\(.*\)\]$", r"\1", one.annotation, flags=re.DOTALL))
        if isinstance(one.annotation, str)
        else one
        for one in written.parameters.values()
    ]
    return written.replace(parameters=parameters)


def members(cls: type) -> list[str]:
    """Tell the public members of a class, those of its bases in the package with them."""
    found: dict[str, str] = {}
    hidden = NOT_PROMISED.get(cls.__name__, set())
    if dataclasses.is_dataclass(cls):  # a field stands in the signature of the class
        hidden = hidden | {one.name for one in dataclasses.fields(cls)}
    for one in reversed([one for one in cls.__mro__ if one.__module__.startswith("qwen_magic")]):
        for name, value in vars(one).items():
            if name.startswith("_") or name in hidden:
                continue
            kind = {staticmethod: "static ", classmethod: "class "}.get(type(value), "")
            if isinstance(value, (property, functools.cached_property)):
                getter = value.fget if isinstance(value, property) else value.func
                found[name] = f"{name}: {getter.__annotations__.get('return')}  # property"
            elif inspect.isroutine(value):
                function = getattr(one, name)
                waits = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
                found[name] = f"{'async ' if waits else ''}{kind}{name}{signature(function)}"
            elif name not in getattr(one, "__annotations__", {}):
                continue  # what has no type is no promise
            else:
                found[name] = f"{name}: {one.__annotations__[name]}"
    return [found[name] for name in sorted(found)]


def described(name: str, value: Any) -> list[str]:
    if inspect.isclass(value):
        ours = [base.__name__ for base in value.__bases__ if base is not object]
        made = not getattr(value, "_is_protocol", False) and name not in MADE_BY_US
        init = [f"    {line}" for line in arguments(value)] if made else []  # a line each, so that a change is seen
        return [f"class {name}({', '.join(ours)})", *init, *(f"    {line}" for line in members(value))]
    if inspect.isroutine(value):
        return [f"def {name}{signature(value)}"]
    return [f"{name} = {value}"]


def own_names(module: str) -> list[str]:
    return sorted(
        name
        for name, value in vars(importlib.import_module(module)).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    )


def public() -> str:
    lines: list[str] = []
    for module in ("qwen_magic", "qwen_magic.errors", *FOR_AUTHORS):
        lines += [f"# {module}"]
        names = qwen_magic.__all__ if module == "qwen_magic" else own_names(module)
        for name in names:
            lines += described(name, getattr(importlib.import_module(module), name))
        lines += [""]
    return "\n".join(lines)


def names_without(barred: set[str], names: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, " ".join(barred), " ".join(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(names))


def test_names_are_sorted_and_each_is_there() -> None:
    assert qwen_magic.__all__ == sorted(set(qwen_magic.__all__))
    assert set(qwen_magic.__all__) <= set(dir(qwen_magic))
    for name in qwen_magic.__all__:
        value = getattr(qwen_magic, name)
        assert value.__module__.startswith("qwen_magic"), name
        assert value.__doc__, f"{name} says nothing of itself"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = qwen_magic.nothing


def test_names_are_imported_without_extras() -> None:
    names_without(EXTRAS, qwen_magic.__all__)


def test_all_but_the_front_ends_are_imported_without_ipython() -> None:
    assert set(qwen_magic.__all__) >= NEEDS_A_FRONT_END
    names_without(EXTRAS | FRONT_ENDS, [name for name in qwen_magic.__all__ if name not in NEEDS_A_FRONT_END])


def test_signatures_are_as_they_were() -> None:
    now = public()
    if os.environ.get("QWEN_MAGIC_UPDATE"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    kept = SNAPSHOT.read_text(encoding="utf-8")
    changed = "\n".join(difflib.unified_diff(kept.splitlines(), now.splitlines(), "promised", "now", lineterm="", n=0))
    assert not changed, (
        f"The public interface differs from {SNAPSHOT.relative_to(ROOT)}:\n{changed}\n"
        f"If that is meant, run `{UPDATE}`, tell of it in .github/CHANGELOG.md, and commit both. "
        "What goes away, or changes for those who use it, first warns for a release; see .github/CONTRIBUTING.md."
    )


def test_a_change_of_a_signature_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = public()

    def check(self: Any, *, side_by_side: bool = True) -> None:
        """Do something else."""

    monkeypatch.setattr(qwen_magic.QwenClient, "check", check)
    assert "check(self: 'Any', *, side_by_side: 'bool' = True) -> 'None'" in public()
    assert public() != before
