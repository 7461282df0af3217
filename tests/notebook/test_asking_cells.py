"""What goes into a question and what its answer leaves behind, in a real kernel; seen at the server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel, ok
from recorder import Recorder
from servers.openai_like import Script, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-proj-" + "aB3dE5fG7hJ9" * 4
CODE = "Here is some code:\n\n```python\nx = 1\n```\n\nand more\n\n```python\nprint(x)\n```\n\nThat is all."


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    def answer(prompt: str, _number: int) -> str:
        return CODE if "code" in prompt else "```bash\nls -l\n```" if "shell" in prompt else "No programme."

    with Recorder(answer) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        yield kernel


@pytest.fixture(autouse=True)
def _new_conversation(kernel: Kernel) -> None:
    assert kernel.run("%qwen new").status == "ok"


def test_variables_are_filled_in(kernel: Kernel, server: Recorder) -> None:
    kernel.run("import pandas as pd\ndf = pd.DataFrame({'height': [1.5, None], 'name': ['a', 'b']})\nx = 3.14159")
    ok(kernel.run('%%qwen\nWhat of {df} and {x:.2f} and {nothing} and {"json": 1} and {{x}}?'))
    for part in ("height", "float64", "2 rows", 'and 3.14 and {nothing} and {"json": 1} and {x}?'):
        assert part in server.prompt
    ok(kernel.run("%%qwen --raw\nWhat of {x:.2f}?"))
    assert server.prompt == "What of {x:.2f}?"
    kernel.run("1 + 1")
    ok(kernel.run("%qwen ask --alone -- {In[1]!r:.9} and {_}"))
    assert server.prompt == "'%load_ex and 2"
    kernel.run("long = 'word ' * 20_000")
    run = ok(kernel.run("%%qwen\n{long}"))
    assert len(server.prompt) < 20_000
    assert "cut to fit: {long}" in run.shown[-1]["text/plain"]


def test_a_reply_is_filled_in_by_its_text(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen -o reply\nhello"))
    ok(kernel.run("%%qwen\nShorten: {reply}"))
    assert server.prompt == "Shorten: No programme."


def test_the_cells_before(kernel: Kernel, server: Recorder) -> None:
    kernel.run("radius = 2")
    kernel.run("print('the area is', 3 * radius ** 2)")
    ok(kernel.run("%%qwen --context 2\nIs that right?"))
    for part in ("radius = 2", "3 * radius ** 2", "the area is 12"):
        assert part in server.prompt
    assert server.prompt.endswith("Is that right?")
    ok(kernel.run("%%qwen --alone --context 1\nAnd that?"))
    assert "radius = 2" not in server.prompt
    assert "the area is 12" in server.prompt


@pytest.mark.parametrize("end", ["?", "??", " ?", "?  ", "?\n%qwen"])
def test_a_line_that_ends_in_a_question_mark(kernel: Kernel, server: Recorder, end: str) -> None:
    asked = server.requests
    ok(kernel.run(f"%qwen ask --alone Why is the sky blue{end}"))
    assert server.requests == asked + 1
    assert server.prompt == f"Why is the sky blue{end.partition(chr(10))[0].rstrip()}"
    payload = ok(kernel.run("%qwen?")).reply["payload"]  # type: ignore[index]
    assert "%%qwen" in str(payload), "the help on ours is still there"


def test_a_dry_run_sends_nothing(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen\nfirst question"))
    asked = server.requests
    run = ok(kernel.run(f"%%qwen --dry-run --temperature 0.5\nsystem: Be brief.\nWhat is {KEY}?"))
    assert server.requests == asked
    for part in (server.target, "Be brief.", "first question", "What is sk-p", '"temperature": 0.5', "--redact"):
        assert part in run.printed
    assert KEY not in run.printed
    assert run.printed.count("--redact") == 1
    ok(kernel.run("%%qwen\nsecond"))
    assert [text for role, text in server.sent() if role == "u"] == ["first question", "second"]


def test_a_dry_run_of_a_long_conversation(kernel: Kernel) -> None:
    """It shows what would be left out: the target is asked for its context alone."""
    script = Script(models=None)
    script.beside["/v1/models"] = {"object": "list", "data": [{"id": "m", "object": "model", "max_model_len": 2048}]}
    with serving(script.app()) as url:
        target = f"openai:{url}/v1#m"
        for number in range(8):
            ok(kernel.run(f"%%qwen -t {target}\nquestion {number}: {'word ' * 300}"))
        asked = len(script.bodies)
        run = ok(kernel.run(f"%%qwen -t {target} --dry-run\nlast question"))
        assert len(script.bodies) == asked
        left = int(re.search(r"note +the (\d) oldest of 8 earlier turns were left out", run.printed)[1])  # type: ignore[index]
        assert [f"question {n}" in run.printed for n in range(8)] == [n >= left for n in range(8)]
        ok(kernel.run(f"%%qwen -t {target}\nlast question"))
        sent = [message["content"] for message in script.bodies[-1]["messages"]]
        assert all(text in run.printed for text in sent)
        assert f"size        {len(sent)} messages" in run.printed


def test_secrets(kernel: Kernel, server: Recorder) -> None:
    kernel.run(f"key = {KEY!r}")
    run = ok(kernel.run("%%qwen --alone\nWhat is {key}?"))
    assert KEY in server.prompt
    assert "--redact" in run.shown[-1]["text/plain"]
    run = ok(kernel.run("%%qwen --redact\nWhat is {key}?"))
    assert KEY not in server.prompt
    assert "replaced" in run.shown[-1]["text/plain"]
    kernel.run("%config QwenMagics.redact = True")
    ok(kernel.run("%%qwen\nsystem: It is {key}\nWhat is {key}?"))
    assert KEY not in str(server.sent())
    kernel.run("%config QwenMagics.redact = False")


def test_code_for_the_next_cell(kernel: Kernel) -> None:
    run = ok(kernel.run("%%qwen -n\nWrite code.", cell="a"))
    assert run.next_input == ("x = 1\n\nprint(x)", False)
    assert "x = 1" in run.answer
    assert "not run" in run.shown[-1]["text/plain"]
    assert kernel.value("'print(x)' in In[-1] or 'x' not in globals() or x != 1") is True
    run = ok(kernel.run("%%qwen --replace\nsystem: Be brief.\nWrite code."))
    text, replaces = run.next_input or ("", False)
    assert replaces
    assert text == "# system: Be brief.\n# Write code.\n\nx = 1\n\nprint(x)"
    run = ok(kernel.run("%%qwen -n\nNothing."))
    assert run.next_input is None
    assert "no code block" in run.shown[-1]["text/plain"]
    assert ok(kernel.run("%%qwen -n\nA shell line")).next_input == ("%%bash\nls -l", False)


def test_code_of_the_last_answer(kernel: Kernel) -> None:
    ok(kernel.run("%%qwen\nWrite code."))
    run = ok(kernel.run("%qwen code"))
    assert run.next_input == ("x = 1\n\nprint(x)", False)
    assert run.printed == "x = 1\n\nprint(x)\n"
    assert ok(kernel.run("%qwen code 2")).next_input == ("print(x)", False)
    assert ok(kernel.run("%qwen code 1 --replace")).next_input == ("x = 1", True)
    assert "no code block 3" in kernel.run("%qwen code 3").error["traceback"][0]
    assert "number of one block" in kernel.run("%qwen code two").error["traceback"][0]


def test_replies_in_a_list(kernel: Kernel) -> None:
    for _ in range(2):
        ok(kernel.run("%%qwen --append replies -o last\nhello"))
    assert kernel.value("[str(one) for one in replies]") == ["No programme."] * 2
    assert kernel.value("replies[-1] is last") is True
    kernel.run("replies = {}")
    assert "is not a list" in kernel.run("%%qwen --append replies\nhello").error["traceback"][0]


def test_fix(kernel: Kernel, server: Recorder) -> None:
    kernel.run("values = [1, 2, 3]\ntotal = 0")
    kernel.run("for value in values:\n    total += valeu  # code")
    run = ok(kernel.run("%qwen fix"))
    for part in ("total += valeu", "NameError", "values: list"):
        assert part in server.prompt
    assert "No programme" not in run.answer
    assert run.next_input is not None
    assert run.next_input[1] is False
    ok(kernel.run("%%qwen\nWhy?"))
    assert "NameError" in str(server.sent()), "the question after it follows on"
    run = kernel.run("%%qwen -t nowhere:x\nfails")
    assert run.status == "error"
    ok(kernel.run("%qwen fix --dry-run"))
    assert "valeu" in server.sent()[0][1]


def test_explain(kernel: Kernel, server: Recorder) -> None:
    kernel.run("def area(r):\n    return 3.14 * r ** 2")
    ok(kernel.run("%qwen explain area"))
    assert "3.14 * r ** 2" in server.prompt
    kernel.run("print(sum(range(5)))")
    ok(kernel.run("%qwen explain"))
    assert "sum(range(5))" in server.prompt
    ok(kernel.run("%qwen explain In[1]"))
    assert "load_ext" in server.prompt
    assert kernel.run("%qwen explain nothing_of_that_name").status == "error"
