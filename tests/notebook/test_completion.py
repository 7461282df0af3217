"""Tab: what completes where, in a real kernel, in a terminal, and in a prompt's braces."""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import TYPE_CHECKING

import pytest
from kernels import ROOT, FreshKernel, Kernel
from servers.chat import ChatServer
from terminals import end

from qwen_magic.backends.gradio.kind import ALIASES
from qwen_magic.backends.local.known_weights import KNOWN
from qwen_magic.backends.local.small_models import SMALL
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.chat.modes import MODES
from qwen_magic.notebook.braces import names_in_braces
from qwen_magic.notebook.choices import FORMATS
from qwen_magic.notebook.commands.table import COMMANDS
from qwen_magic.notebook.commands.topics import TOPICS
from qwen_magic.notebook.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = """\
import math
class Thing:
    @property
    def bad(self): raise SystemExit("a property that ends the kernel")
    def __dir__(self): return ["bad", "size", "_hidden"]
class Worse:
    def __dir__(self): raise SystemExit
thing, worse = Thing(), Worse()
thing.sub = Thing(); thing.sub.deep = 1
replies, rows, rate, _own = [], [1], 0.5, 1
prices = {"tea": 1, "green tea": 2, 7: 3, 'a"b': 4, True: 5}
"""
LONG = [option.flags[-1] for level in ("usual", "rare") for option in OPTIONS if option.level == level]
USUAL = [command.name for command in COMMANDS.values() if command.name and command.level == "usual"]
RARE = [command.name for command in COMMANDS.values() if command.level == "rare"]
SUBCOMMANDS = "list show use new system undo rename pin delete search export import".split()
SHORT_TARGETS = [*ALIASES, "local", "local:0.5b", "local:1.5b", *(f"{name}:" for name in SERVERS)]


@pytest.fixture(scope="module")
def session() -> Iterator[Kernel]:
    """Give a kernel with the magic and some variables; nothing is asked in it, and no client made."""
    with Kernel(QWEN_TARGET="ollama:qwen3:8b") as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n{NAMES}").status == "ok"
        yield kernel


@pytest.mark.parametrize(
    ("code", "matches", "replaced"),
    [
        (
            "%%qwen --ma",
            ["--map", "--max-tokens", "--max-cost", "--max-tokens-total", "--max-seconds", "--max-pixels"],
            "--ma",
        ),
        ("%%qwen -t local --ne", ["--new", "--next"], "--ne"),
        ("%%qwen ", LONG, ""),
        (
            "%%qwen --new -t local -s 'a b' ",
            [flag for flag in LONG if flag not in ("--new", "--target", "--system")],
            "",
        ),
        ("%%qwen --stop x --st", ["--stop"], "--st"),
        ("%%qwen -o", ["-o"], "-o"),
        ("%%qwen -t ", ["ollama:qwen3:8b", *SHORT_TARGETS], ""),
        ("%%qwen --target=qwen-2.5-", ["qwen-2.5-max"], "qwen-2.5-"),
        ("%%qwen -t qwen-3,loc", ["local", "local:0.5b", "local:1.5b"], "loc"),
        ("%%qwen -t das", ["dashscope:"], "das"),
        ("%%qwen -f ", list(FORMATS), ""),
        ("%%qwen -f m", ["markdown", "math"], "m"),
        ("%%qwen --replay=", list(MODES), ""),
        ("%%qwen --replay=o", ["on", "only", "off"], "o"),
        ("%%qwen --replay ", [flag for flag in LONG if flag != "--replay"], ""),
        ("%%qwen -o r", ["rate", "replies", "rows"], "r"),
        ("%%qwen --append r", ["replies", "rows"], "r"),
        ("%%qwen -o _o", ["_own"], "_o"),
        ("%%qwen --temperature ", [], ""),
        ("%%qwen -c ", [], ""),
        ("%%qwen a prompt in the wrong pla", [], ""),
        ("%%qwen -s 'an open quo", [], ""),
        ("\n %%time\n%%qwen --seed", ["--seed"], "--seed"),
        ("%qwen ", [*USUAL, *RARE], ""),
        ("%qwen con", ["continue", "conversation", "conversations"], "con"),
        ("%qwen conversation ", SUBCOMMANDS, ""),
        ("%qwen conversation e", ["export"], "e"),
        ("%qwen conversation use ", [], ""),
        ("%qwen conversation show --", ["--full"], "--"),
        ("%qwen conversation system ", ["--none"], ""),
        ("%qwen conversation nothing ", [], ""),
        ("%%qwen --min", ["--min-p", "--min-pixels"], "--min"),
        ("%%qwen --re", ["--replace", "--redact", "--replay", "--replies", "--repetition-penalty"], "--re"),
        ("%qwen und", ["undo"], "und"),
        ("x = 1\n  %qwen und", ["undo"], "und"),
        ("%qwen ask -f j", ["json"], "j"),
        ("%qwen ask --no-t", ["--no-think"], "--no-t"),
        ("%qwen ask who is pri", [], ""),
        ("%qwen ask who is {pri", ["prices"], "pri"),
        ("%qwen ask -- --ma", [], ""),
        ("%qwen continue --re", ["--replay"], "--re"),
        ("%qwen retry --ra", [], "--ra"),
        ("%qwen fix -t loc", ["local", "local:0.5b", "local:1.5b"], "loc"),
        ("%qwen explain --al", ["--alone"], "--al"),
        ("%qwen explain --new pri", ["prices"], "pri"),
        ("%qwen use local qwen-2.5-", ["qwen-2.5-max"], "qwen-2.5-"),
        ("%qwen use de", ["default"], "de"),
        ("%qwen targets --", ["--check", "--see"], "--"),
        ("%qwen targets --check loc", ["local", "local:0.5b", "local:1.5b"], "loc"),
        ("%qwen spaces qwen-2-", ["qwen-2-72b"], "qwen-2-"),
        ("%qwen key o", ["ollama", "openrouter"], "o"),
        ("%qwen key hf ", ["--session"], ""),
        ("%qwen replay ", [*MODES, "status", "prune", "diff"], ""),
        ("%qwen replay on ", [], ""),
        ("%qwen nest ", ["on", "off"], ""),
        ("%qwen pull ", [*KNOWN, *SMALL, "--list", "--remove"], ""),
        ("%qwen help ", [*TOPICS, "all"], ""),
        ("%qwen targets qwen-2-72b loc", ["local", "local:0.5b", "local:1.5b"], "loc"),
        ("%qwen help und", ["undo"], "und"),
        ("%qwen help --dry", ["--dry-run"], "--dry"),
        ("%qwen history --", ["--full"], "--"),
        ("%qwen panel --", ["--side", "--height", "--save"], "--"),
        ("%qwen nothing like ", [], ""),
        ("%%qwen\nimport o", [], ""),
        ("%%qwen\nWhat is pri", [], ""),
        ("%%qwen\n%qwen und", [], ""),
        ("%%qwen\nWhat is {pri", ["prices"], "pri"),
        ("%%qwen\nsystem: {rate\nof {r", ["rate", "replies", "rows"], "r"),
        ("%%qwen\nWhat is {{pri", [], ""),
        ("%%qwen\n{{{pri", ["prices"], "pri"),
        ("%%qwen\n{thing.", ["bad", "size"], ""),
        ("%%qwen\n{thing._", ["_hidden"], "_"),
        ("%%qwen\n{thing.sub.s", ["size"], "s"),
        ("%%qwen\n{thing.bad.s", [], "s"),
        ("%%qwen\n{worse.", [], ""),
        ("%%qwen\n{math.tau", ["tau"], "tau"),
        ("%%qwen\n{prices[", ['"tea"]', '"green tea"]', "7]"], ""),
        ("%%qwen\n{prices['g", ["'green tea']"], "'g"),
        ("%%qwen\n{nobody.", [], ""),
        ("%%qwen\n{O", ["Out"], "O"),
    ],
)
@pytest.mark.parametrize("jedi", [True, False])
def test_what_completes(session: Kernel, code: str, matches: list[str], replaced: str, jedi: bool) -> None:
    session.run(f"%config IPCompleter.use_jedi = {jedi}")
    found, fragment = session.complete(code)
    assert found == matches
    assert fragment == (replaced if matches else "")


def test_cells_to_explain(session: Kernel) -> None:
    last = session.value("len(In) - 1")
    found, fragment = session.complete("%qwen explain In[")
    assert found[:2] == [f"In[{last}]", f"In[{last - 1}]"]
    assert len(found) <= 20
    assert fragment == "In["
    assert session.complete(f"%qwen explain In[{last}")[0][-1] == f"In[{last}]"


def test_only_what_is_left_of_the_cursor_counts(session: Kernel) -> None:
    assert session.complete("%%qwen --max-t\nWrite a poem.", 14) == (["--max-tokens", "--max-tokens-total"], "--max-t")
    assert session.complete("%%qwen\nWrite of {pri} now.", 20) == (["prices"], "pri")
    assert session.complete('%%qwen\n{prices["te"]}', 18) == (['"tea"'[:-1]], '"te')
    assert session.complete("%%qwen\n{prices[]}", 15)[0] == ['"tea"', '"green tea"', "7"]


def test_elsewhere_tab_is_ipythons(session: Kernel) -> None:
    session.run("%config IPCompleter.use_jedi = False")
    assert "%%qwen" in session.complete("%%qw")[0]
    assert "prices" in session.complete("pri")[0]
    assert "prices" in session.complete("%timeit pri")[0]
    assert "prices" in session.complete("x = 'a'\n'%%qwen'\npri")[0]


def test_files_are_ipythons(session: Kernel) -> None:
    session.run("from pathlib import Path\nPath('notes.md').write_text('x')\nnotable = 1")
    for jedi in (True, False):
        session.run(f"%config IPCompleter.use_jedi = {jedi}")
        for command in ("export", "import", "conversation export", "conversation import"):
            assert session.complete(f"%qwen {command} not") == (["notes.md"], "not")
    assert session.complete("%qwen export notes.md --") == (["--overwrite"], "--")
    assert session.complete("%qwen conversation export notes.md --") == (["--overwrite"], "--")


def test_tab_is_quick_and_makes_nothing() -> None:
    with FreshKernel(QWEN_TARGET="ollama:qwen3:8b") as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n{NAMES}").status == "ok"
        look_at_tab(kernel)


def look_at_tab(session: Kernel) -> None:
    ours: list[float] = []
    pythons: list[float] = []
    for code in ("%%qwen --ma", "%%qwen -t ", "%%qwen -c ", "%qwen resume ", "%%qwen -t ollama:", "%%qwen\n{pri") * 5:
        for times, text in ((ours, code), (pythons, "pri")):
            at = time.monotonic()
            session.complete(text)
            times.append(time.monotonic() - at)
    assert statistics.median(ours) < 10 * statistics.median(pythons)
    loaded = session.value(
        "[name for name in ('qwen_magic.client.client', 'qwen_magic.store', 'aiohttp', 'sqlite3') if name in __import__('sys').modules]"
    )
    assert set(loaded) <= {"sqlite3"}  # IPython's own history has it
    assert session.value("[str(path) for path in __import__('pathlib').Path().rglob('qwen*')]") == []


async def test_names_of_conversations_and_models() -> None:
    import asyncio

    async with ChatServer() as server:
        with Kernel(QWEN_TARGET=server.target) as kernel:

            def use() -> None:
                base = server.target.partition("#")[0]
                assert (
                    kernel.run("%load_ext qwen_magic\n%qwen ask -c 'my talk' hello\n%qwen ask -c plan hi").status
                    == "ok"
                )
                assert kernel.complete("%%qwen -c ") == (["plan", '"my talk"'], "")
                assert kernel.complete("%%qwen -c my") == (['"my talk"'], "my")
                assert kernel.complete('%%qwen -c "my t') == (['"my talk"'], '"my t')
                assert kernel.complete("%%qwen -c 'my t") == (["'my talk'"], "'my t")
                family = [f"conversation {word}" for word in ("use", "show", "delete", "rename", "pin")]
                for command in ("resume", "history", "delete", "rename", "panel", *family):
                    assert kernel.complete(f"%qwen {command} pl") == (["plan"], "pl")
                assert kernel.complete("%qwen resume plan ")[0] == []
                assert kernel.complete("%qwen export plan.md pl") == (["plan"], "pl")
                assert kernel.complete("%qwen conversation export plan.md pl") == (["plan"], "pl")
                asked = len(server.asked)
                assert kernel.complete(f"%%qwen -t {base}#") == ([server.target], f"{base}#")
                assert kernel.run("%qwen targets --check").status == "ok"
                assert kernel.complete(f"%%qwen -t {base}#t") == ([server.target], f"{base}#t")
                assert kernel.run("%config QwenMagics.target = ''").status == "ok"
                assert len(server.asked) == asked

            await asyncio.to_thread(use)


async def test_models_of_a_server_with_a_short_name() -> None:
    import asyncio

    async with ChatServer() as server:
        place = server.url.removesuffix("/v1")
        with Kernel(OLLAMA_HOST=place) as kernel:

            def use() -> None:
                kernel.run("%load_ext qwen_magic\n%config QwenMagics.target = 'qwen-3'")
                assert kernel.complete("%%qwen -t ollama:") == (["ollama:"], "ollama:")
                assert kernel.run("%qwen targets --check ollama:").status == "ok"
                assert kernel.complete("%%qwen -t ollama:") == (["ollama:", "ollama:tiny"], "ollama:")
                # A server whose address is written is asked itself, and one that is slow is not waited for long.
                base = f"openai:{server.url}"
                until = time.monotonic() + 30
                while not (found := kernel.complete(f"%%qwen -t {base}#")[0]) and time.monotonic() < until:
                    pass
                assert found == [f"{base}#tiny"]
                assert kernel.complete("%%qwen -t openai:http://127.0.0.1:9/v1#")[0] == []
                assert not server.asked

            await asyncio.to_thread(use)


def test_names_of_an_earlier_kernel_and_none_without_history(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    make = "from qwen_magic.reply import Reply\nfrom qwen_magic.store import Turn\nstore = get_ipython().magics_manager.registry['QwenMagics'].session.memory.store\none = store.create('thesis')\nstore.finish(store.begin(one.id, Turn('hi')), Reply(text='ho'))"
    with Kernel(IPYTHONDIR=str(folder)) as kernel:
        run = kernel.run(f"%load_ext qwen_magic\n{make}")
        assert run.status == "ok", run.reply
    with Kernel(IPYTHONDIR=str(folder)) as kernel:
        kernel.run("%load_ext qwen_magic\n%config QwenMagics.history = False")
        assert kernel.complete("%qwen resume ")[0] == []
        kernel.run("%config QwenMagics.history = True")
        assert kernel.complete("%qwen resume ")[0] == ["thesis"]


def test_reloaded_and_unloaded(session: Kernel) -> None:
    count = "len([m for m in get_ipython().Completer.custom_matchers if getattr(m, 'matcher_identifier', '') == 'qwen_magic'])"
    session.run("%reload_ext qwen_magic")
    assert session.value(count) == 1
    session.run("%unload_ext qwen_magic")
    assert session.value(count) == 0
    session.run("%load_ext qwen_magic")
    assert session.complete("%qwen und") == (["undo"], "und")


def test_a_completer_never_raises(session: Kernel) -> None:
    session.run("import os\nos.environ['QWEN_TARGET'] = 'nobody:knows:this'")
    assert session.complete("%%qwen -t loc")[0] == ["local", "local:0.5b", "local:1.5b"]
    session.run("os.environ['QWEN_TARGET'] = 'ollama:qwen3:8b'")
    for code in (
        "%%qwen -t '",
        '%%qwen "',
        "%%qwen -t #",
        "%qwen use http://[",
        "%%qwen \\",
        "%%qwen\n{a['",
        "%%qwen -c '\"",
    ):
        run_messages = session.complete(code)
        assert isinstance(run_messages[0], list)


def test_offered_options_are_those_that_are_taken(session: Kernel) -> None:
    values = {"N": "1", "X": "0.5", "JSON": "'{}'", "FORM": "text"}
    session.run(
        "from qwen_magic.notebook.commands.table import run_command\nfrom qwen_magic.errors import UsageError\nm = get_ipython().magics_manager.registry['QwenMagics'].session"
    )
    for command in ("continue", "retry", "fix", "explain"):
        offered = session.complete(f"%qwen {command} --")[0]
        assert len(offered) >= 6
        lines = []
        for option in OPTIONS:
            value = values.get(option.value, "x") if option.value and not option.optional else ""
            lines.append((option.flags[-1], f"{command} {option.flags[-1]} {value} not_a_name at all"))
        run = session.run(
            f"for flag, line in {lines!r}:\n    try: run_command(m, line)\n    except UsageError as error: print(flag, error.what.startswith('there is no option'))"
        )
        refused = [line.split()[0] for line in run.printed.splitlines() if line.endswith("True")]
        assert len(run.printed.splitlines()) == len(OPTIONS), run.reply
        assert sorted(offered) == sorted(flag for flag in LONG if flag not in refused)


@pytest.mark.parametrize(
    ("before", "names"),
    [
        ("{", ["ab", "ac"]),
        ("{a", ["ab", "ac"]),
        ("x {ab} {ac", ["ac"]),
        ("{ab", ["ab"]),
        ("{{", []),
        ("}a", []),
        ("{a b", []),
        ("{1", []),
    ],
)
def test_names_in_braces(before: str, names: list[str]) -> None:
    found, typed = names_in_braces(before, "", ["ab", "ac"], {"ab": 1, "ac": 2})
    assert found == names
    assert before.endswith(typed)


def test_columns_of_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"price": [1], "net weight": [2], 3: [4]})
    assert names_in_braces("{t[", "", ["t"], {"t": table})[0] == ['"price"]', '"net weight"]', "3]"]
    assert names_in_braces('{t["pr', "", ["t"], {"t": table}) == (['"price"]'], '"pr')
    assert "mean" in names_in_braces('{t["price"].me', "", ["t"], {"t": table})[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")
def test_tab_in_a_terminal(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(tmp_path),
        "TERM": "xterm",
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }
    child = pexpect.spawn(
        sys.executable, ["-m", "IPython", "--no-banner", "--no-confirm-exit"], env=env, encoding="utf-8", timeout=30
    )
    try:
        child.expect(r"In \[.*1.*\]: ")
        child.send("%load_ext qwen_magic\r")
        child.expect(r"In \[.*2.*\]: ")
        child.send("%qwen help und")
        child.expect("und")
        child.send("\t")
        child.expect("o")  # what Tab put there
        child.send("\r")
        child.expect("take the last turn back")
    finally:
        end(child)
