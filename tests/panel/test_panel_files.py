"""The panel's script and style sheet: short, linted, and in the theme's colours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import FILES
from support.browsers import missing

from qwen_magic.panel.script import _MODULES, PAGE, page_script

if TYPE_CHECKING:
    from collections.abc import Iterator

SHEET = FILES / "panel.css"
# What is not asked: comments apart from what they speak of, and few imports.
RULES = [
    *(f"-D={kind}" for kind in ("correctness", "suspicious", "pedantic", "perf")),
    *(f"-A={rule}" for rule in ("max-lines", "max-dependencies", "no-inline-comments")),
    "--import-plugin",
    "--promise-plugin",
    "--deny-warnings",
]
PLAIN = {"transparent", "currentcolor", "inherit", "none"}


def oxlint(path: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("oxlint", path=str(Path(sys.executable).parent)) or shutil.which("oxlint")
    if program is None:
        missing("oxlint is not installed")
    return subprocess.run([program, *RULES, str(path)], capture_output=True, text=True, check=False)


def test_the_files_are_short_and_readable() -> None:
    modules = sorted(PAGE.glob("*.js"))
    assert len(modules) > 5
    dense: list[str] = []
    for path in [*modules, SHEET]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, path.name
        assert max(map(len, lines)) <= 120, path.name
        dense += [line for line in lines if not line.startswith(" *")]  # types are as protocol.py has them
    assert sum(map(len, dense)) / len(dense) < 65, "it is written too densely to be read"


def test_the_modules_are_one_script() -> None:
    """Each comes after what it imports, and no two of them name the same thing."""
    names: list[str] = []
    for name in _MODULES:
        text = (PAGE / f"{name}.js").read_text(encoding="utf-8")
        for wanted, module in re.findall(r"^import \{([^}]*)\} from \"\./(\w+)\.js\";$", text, re.MULTILINE):
            assert module in _MODULES[: _MODULES.index(name)]
            assert set(re.findall(r"\w+", wanted)) <= set(names)
        names += re.findall(r"^(?:export )?(?:async )?(?:const|function|class) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert {f"{name}.js" for name in _MODULES} == {path.name for path in PAGE.iterdir()}
    script = page_script()
    assert not re.search(r"^import ", script, re.MULTILINE)
    assert script.count("export ") == script.count("export default ") == 1


def test_the_linter_has_nothing_to_say() -> None:
    found = oxlint(PAGE)
    assert found.returncode == 0, found.stdout


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    (tmp_path / "bad.js").write_text('export const f = (a) => { if (a == 1) eval("a"); };\n', encoding="utf-8")
    found = oxlint(tmp_path / "bad.js")
    assert found.returncode != 0
    assert "eqeqeq" in found.stdout
    assert "eval" in found.stdout


def test_the_script_fetches_and_evaluates_nothing() -> None:
    text = page_script()
    own_server = 'fetch(new URL("api", base), '  # whether the Jupyter server that the page came from is there
    assert text.count(own_server) == 1
    text = text.replace(own_server, "")
    for word in (
        "import ",
        "import(",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "http://",
        "//cdn",
    ):
        assert word not in text, word
    assert "url(" not in SHEET.read_text(encoding="utf-8")


def colours(nodes: list[Any]) -> Iterator[str]:
    """Yield each colour that is not within a var()."""
    from tinycss2.color4 import parse_color

    for node in nodes:
        if node.type == "function" and node.lower_name == "var":
            fallback = [argument for argument in node.arguments if argument.type not in ("whitespace", "comment")]
            if len(fallback) < 3 and not fallback[0].value.startswith("--qm-"):
                yield f"{node.serialize()} without a fallback"
        elif node.type in ("ident", "hash", "function") and (colour := parse_color(node)) is not None:
            if str(colour).lower() not in PLAIN:
                yield node.serialize()
        elif node.type == "function":
            yield from colours(node.arguments)


def declarations(rules: list[Any]) -> Iterator[Any]:
    import tinycss2

    for rule in rules:
        assert rule.type != "error", rule.message
        if rule.type == "at-rule":
            yield from declarations(tinycss2.parse_rule_list(rule.content, skip_whitespace=True, skip_comments=True))
        elif rule.type == "qualified-rule":
            found = tinycss2.parse_blocks_contents(rule.content, skip_whitespace=True, skip_comments=True)
            assert [one.message for one in found if one.type == "error"] == []
            yield from found


def odd(text: str) -> list[str]:
    try:
        import tinycss2
    except ImportError:
        missing("tinycss2 is not installed")
    rules = tinycss2.parse_stylesheet(text, skip_whitespace=True, skip_comments=True)
    return [f"{one.name}: {colour}" for one in declarations(rules) for colour in colours(one.value)]


def test_the_style_sheet_is_in_the_themes_colours() -> None:
    assert odd(SHEET.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "value", ["#fff", "red", "rgb(1, 2, 3)", "color-mix(in srgb, var(--a, #000), white)", "var(--a)"]
)
def test_another_colour_would_be_found(value: str) -> None:
    assert odd(f"@media print {{ a {{ color: {value}; }} }}")


def test_every_rule_is_the_panels_own() -> None:
    for line in SHEET.read_text(encoding="utf-8").splitlines():
        selector = re.match(r"([^@{}/\s][^{}]*?)\s*\{", line)
        if selector and not selector[1].startswith(("--", "to")):
            assert re.search(r"\.q(wen|m)-|data-ending", selector[1]), line


def test_every_token_has_a_colour() -> None:
    from qwen_magic.rendering.highlight import CLASSES

    sheet = SHEET.read_text(encoding="utf-8")
    assert [name for name in CLASSES if not re.search(rf"\.{name}\b", sheet)] == []
