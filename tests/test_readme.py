from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from test_quickstart import answers, need_local_model, run_cells, texts

if TYPE_CHECKING:
    from servers.plugin import ServerFactory

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GRADIO_URL = "http://127.0.0.1:7860"
FENCE = re.compile(r"^(?:<!-- (command: \w+|fails) -->\n)?```(\w*)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in FENCE.finditer(README)]
PYTHON = [code for _, language, code in BLOCKS if language == "python"]
FAILS = [code for mark, _, code in BLOCKS if mark == "fails"]


def run_blocks(blocks: list[str], target: str) -> list[Any]:
    """Run blocks as the cells of one notebook; their ids are b0, b1 and so on."""
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                code, id=f"b{number}", metadata={"tags": ["raises-exception"]} if code in FAILS else {}
            )
            for number, code in enumerate(blocks)
        ]
    )
    return run_cells(notebook, target)


def test_blocks_are_cells_or_the_two_commands() -> None:
    assert {(mark, language) for mark, language, _ in BLOCKS} == {
        (None, "python"),
        ("fails", "python"),
        ("command: run", "sh"),
        ("command: test", "sh"),
    }
    assert README.count("```") == 2 * len(BLOCKS)


@pytest.mark.timeout(900)  # the engine is slow where its cores are taken
def test_cells_run_as_they_stand() -> None:
    need_local_model()
    blocks = [code for code in PYTHON if GRADIO_URL not in code]
    assert len(blocks) > 10
    assert blocks[0] == "%load_ext qwen_magic"
    # Only so that the test is over sooner.
    cells = run_blocks([blocks[0], "%config QwenMagics.max_tokens = 30", *blocks[1:]], "local")
    dry = [cell for cell in cells if "--dry-run" in cell.source]
    assert "radii = [1, 2, 5]" in texts(dry[0])[0]
    rows = [cell for cell in cells if "--map" in cell.source]
    assert ["100%" in texts(cell)[-1] for cell in rows] == [True]
    found = answers([cell for cell in cells if cell not in (*dry, *rows)])
    assert len(found) == 8  # the examples that are %%qwen cells
    for code, (answer, last) in found.items():
        assert len(answer) > 10, code
        assert "local" in last, code
    assert "qwen.jsonl" in next("".join(texts(cell)) for cell in cells if cell.source == "%qwen replay on")
    shown = {cell.source: "".join(texts(cell)) for cell in cells}
    for code, text in shown.items():
        if "print(" in code:
            assert len(text) > 10, code
    assert "def add(a, b):" in next(text for code, text in shown.items() if "reply.code" in code)
    widgets = [cell for cell in cells if any("widget-view" in str(output) for output in cell.outputs)]
    assert [cell.source.splitlines()[-1] for cell in widgets] == ["%qwen panel"]
    # The last reply is shown as Markdown.
    output = next(cell for cell in cells if "last_reply()" in cell.source).outputs[-1]
    assert "add" in output.data["text/markdown"]


def test_cells_for_a_gradio_app_run_against_one(gradio_server: ServerFactory) -> None:
    server = gradio_server("6.31.0", "chatinterface")
    blocks = [code.replace(GRADIO_URL, server.url) for code in PYTHON if GRADIO_URL in code]
    assert len(blocks) == 2
    setup = ["%load_ext qwen_magic", "from qwen_magic import QwenClient"]
    *_, magic, client = run_blocks([*setup, *blocks], f"space:{server.url}")
    assert texts(magic)[0].startswith("You said: Hello!")
    assert "".join(texts(client)).startswith("You said: Hello!")
    first, second = server.calls("respond")
    assert first["prompt"].strip() == second["prompt"] == "Hello!"
    assert second["extra"]["temperature"] == 0.2


@pytest.mark.skipif(sys.platform == "win32", reason=".ci/run is for bash")
@pytest.mark.parametrize("name", ["run", "test"])
def test_ci_runs_the_two_commands(name: str) -> None:
    done = subprocess.run(
        ["bash", ".ci/run", "--print", name], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    (command,) = (code for marker, _, code in BLOCKS if marker == f"command: {name}")
    assert done.stdout == command + "\n"


def test_its_commands_are_real() -> None:
    from qwen_magic.notebook.commands.table import COMMANDS

    known = {command.name for one in COMMANDS.values() for command in (one, *one.subcommands)}
    words = re.findall(r"%qwen ((?:conversation )?[a-z]+)", README.replace("\n", " ").replace("%%qwen", ""))
    assert len(words) > 30
    assert set(words) <= known, set(words) - known
    table = README.partition("| `%qwen conversation` |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `([a-z]+)|, `([a-z]+) [A-Z\[]", table, re.MULTILINE)
    assert {"".join(pair) for pair in named} == {one.word for one in COMMANDS["conversation"].subcommands}


def test_files_that_it_names_are_there() -> None:
    named = re.findall(r"(?:\]\(|`)((?:notebooks/|\.ci/|\.github/|tests/)[\w./-]+)[)`]", README)
    assert {"notebooks/quickstart.png", "notebooks/client.ipynb"} <= set(named)
    for path in named:
        assert (ROOT / path).exists() or path.endswith(".answered.ipynb"), path


def test_options_and_settings_are_the_real_ones() -> None:
    from qwen_magic.notebook.magics import QwenMagics
    from qwen_magic.notebook.options import OPTIONS, option_help
    from qwen_magic.parameters import NAMES, SAMPLING

    asking = README.partition("## Ask in a cell")[2].partition("### Conversations")[0]
    named = set(re.findall(r"--[a-z]\w+(?:-\w+)*", asking))
    assert named == {option.flags[-1] for option in OPTIONS}
    rows = [
        f"| `{written}` | {meaning} |"
        for written, meaning in (option_help(option) for option in OPTIONS if option.name in NAMES)
        if f"| `{written}` |" in README
    ]
    first = README.splitlines().index(rows[0])
    assert README.splitlines()[first : first + len(rows)] == rows
    table_rows = {row.split("`")[1] for row in README.splitlines() if row.startswith("| `-")}
    usual = {option.flags[0] for option in OPTIONS if option.level == "usual"}
    assert {row.split()[0] for row in table_rows} == usual
    table = README.partition("| `%config QwenMagics.`")[2].partition("\n\n")[0]
    defaults = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `([^`]*)`", table, re.MULTILINE)
    settings = {name: default for names, default in defaults for name in re.findall(r"\w+", names)}
    traits = QwenMagics.class_traits(config=True)
    assert f"| {', '.join(f'`{name}`' for name in SAMPLING)} |" in table
    assert settings == {name: repr(traits[name].default_value) for name in settings}
    others = README.partition("lists all with their meanings; the others are")[2].partition(". In an IPython")[0]
    assert set(traits) == set(settings) | set(re.findall(r"`(\w+)`", others))
    assert all(trait.help for trait in traits.values())


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 400


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert len(links) > 5
    for link in links:
        path, _, heading = link.partition("#")
        text = (ROOT / path).read_text(encoding="utf-8") if path.endswith(".md") else README
        assert (ROOT / path).exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link
