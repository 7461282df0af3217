"""References in prompts, filled in from a namespace."""

from __future__ import annotations

import builtins
import datetime as dt
import math
import os
import types
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from nasty import nasty
from support.examples import examples

from qwen_magic.notebook.lookup import fill_in
from qwen_magic.notebook.values import describe
from qwen_magic.reply import Reply


class Account:
    """A class whose attributes do various things."""

    limit = 5

    def __init__(self):
        self.owner = "Ann"
        self.nested = types.SimpleNamespace(deep=[{"k": "value"}])
        self.calls = 0

    @property
    def balance(self):
        return 12.345

    @property
    def broken(self):
        raise RuntimeError("no")

    def close(self):
        self.calls += 1


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
NAMESPACE = {
    "name": "Ann",
    "n": 5,
    "x": 3.14159,
    "big": 1234567,
    "none": None,
    "empty": "",
    "braces": "{name} {{n}}",
    "items": ["zero", "one", "two"],
    "d": {"key": "value", "a b": 1, 'q"': 2, 0: "int", "items": "item"},
    "account": Account(),
    "df": FRAME,
    "now": dt.datetime(2026, 1, 2, 3, 4),  # noqa: DTZ001
    "math": math,
    "os": os,
    "imię": "unicode",
    "नाम": "marks",
    "reply": Reply(text="the answer"),
    "path": Path("a") / "b",
    "counted": Counter("aab"),
    "Out": {3: 42},
    "In": ["", "x = 1", "y = 2", "z = x + y"],
    "_": "last",
    "__": 2,
    "___": "",
    "_3": 42,
    "_i": "z = x + y",
    "__name__": "__main__",
    "__builtins__": builtins,
    "match": "soft",
    "class_": "c",
    "f": 1,
    "array": np.arange(3),
}

CASES = [
    ("Hello {name}!", "Hello Ann!"),
    ("{n}", "5"),
    ("{n} {n} {n}", "5 5 5"),
    ("{x}", "3.14159"),
    ("{none}", "None"),
    ("[{empty}]", "[]"),
    ("{braces}", "{name} {{n}}"),
    ("{x:.2f}", "3.14"),
    ("{big:,}", "1,234,567"),
    ("{n:03d}", "005"),
    ("{name:>6}|", "   Ann|"),
    ("{name: >6}|", "   Ann|"),
    ("{name!r}", "'Ann'"),
    ("{name!s:>5}", "  Ann"),
    ("{imię!a}", "'unicode'"),
    ("{name!r:>8}", "   'Ann'"),
    ("{n:.2f}", "5.00"),
    ("{n:d}", "5"),
    ("{now:%Y-%m-%d}", "2026-01-02"),
    ("{now}", "2026-01-02 03:04:00"),
    ("{items[0]}", "zero"),
    ("{items[-1]}", "two"),
    ("{items[1][0]}", "o"),
    ('{d["key"]}', "value"),
    ("{d['key']}", "value"),
    ("{d['a b']}", "1"),
    ("{d['q\"']}", "2"),
    ("{d[0]}", "int"),
    ("{d['items']}", "item"),
    ("{account.owner}", "Ann"),
    ("{account.limit}", "5"),
    ("{account.balance:.1f}", "12.3"),
    ("{account.nested.deep[0]['k']}", "value"),
    ("{df.shape}", "(2, 2)"),
    ("{df['a'].sum()}", "3"),
    ("{items[0:1]}", "['zero']"),
    ("{df.a[1]}", "2"),
    ("{array[2]}", "2"),
    ("{array.size}", "3"),
    ("{math.pi:.3f}", "3.142"),
    ("{os.sep}", os.sep),
    ("{imię}", "unicode"),
    ("{नाम}", "marks"),
    ("{reply}", "the answer"),
    ("{reply.text}", "the answer"),
    ("{path}", str(Path("a/b"))),
    ("{counted['a']}", "2"),
    ("{Out[3]}", "42"),
    ("{In[1]}", "x = 1"),
    ("{In[-1]}", "z = x + y"),
    ("{_}", "last"),
    ("{__}", "2"),
    ("{_3}", "42"),
    ("{_i}", "z = x + y"),
    ("{match}", "soft"),
    ("{class_}", "c"),
    ("{{name}}", "{name}"),
    ("{{name}} is {name}", "{name} is Ann"),
    ("{{{name}}}", "{Ann}"),
    ('{"user": {name}, "n": {n}}', '{"user": Ann, "n": 5}'),
    ("```python\nx = '{name}'\n```", "```python\nx = 'Ann'\n```"),
    ("{name}{n}", "Ann5"),
    ("{name} {nobody}", "Ann {nobody}"),
]
UNCHANGED = [
    "{nobody}",
    "{{nobody}}",
    "{}",
    "{0}",
    "{ name }",
    "{name",
    "name}",
    "{None}",
    "{True}",
    "{class}",
    "{print}",
    "{len}",
    "{list[0]}",
    "{math}",
    "{os}",
    "{__name__}",
    "{__builtins__}",
    "{___}",
    "{name.__class__}",
    "{name.__doc__}",
    "{account.__dict__}",
    "{account.nobody}",
    "{account.broken}",
    "{account.broken.more}",
    "{account.close()}",
    "{items[9]}",
    "{items['0']}",
    "{items[key]}",
    '{d["nobody"]}',
    "{d[5]}",
    "{n[0]}",
    "{n.nobody}",
    "{Out[4]}",
    "{In[400]}",
    "{_99}",
    "{name:.2f}",
    "{name:d}",
    "{n:%Y}",
    "{n:q}",
    "{n:999999999}",
    "{x:.99999f}",
    "{now:value}",
    "{none:5}",
    "{df:.2f}",
    "{name!x}",
    "{n: 5}",
    "{n: name}",
    '{"name": "n"}',
    "{name, n}",
    "{name: n for name in items}",
    r"\frac{n}{x} and x^{n} and x_{n} and \begin{name}",
    "f\"{name}\" + f'{n}'",
    "const {{name, n}} = props;",
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_filled_in(text, expected):
    assert fill_in(text, NAMESPACE).text == expected


@pytest.mark.parametrize("text", UNCHANGED)
def test_unchanged(text):
    filled = fill_in(text, NAMESPACE)
    assert filled.text == text
    assert filled.names == ()


def test_what_was_filled_in():
    filled = fill_in("{name} {n} {name} {nobody} {{x}}", NAMESPACE)
    assert filled.names == ("{name}", "{n}")
    assert filled.cut == ()


def test_a_frame_is_named_and_described():
    frame = describe(FRAME).text
    assert frame.startswith("pandas DataFrame, 2 rows x 2 columns\n")
    filled = fill_in("Explain {df} and {df}, please.", NAMESPACE)
    assert filled.text == "Explain df and df, please."
    assert filled.described == (("df", f"df is a {frame}"),)
    # A text is what it is, on several lines too.
    assert fill_in("a {t} b", {"t": "1\n2"}).text == "a 1\n2 b"


def test_nothing_is_called_or_made():
    account = Account()
    made: defaultdict[str, list[int]] = defaultdict(list)
    namespace = {"account": account, "made": made}
    assert (
        fill_in("{account.close()} {made['new']} {made[0]}", namespace).text
        == "{account.close()} {made['new']} {made[0]}"
    )
    assert account.calls == 0
    assert not made


def test_a_property_runs_once():
    class Counting:
        runs = 0

        @property
        def value(self):
            self.runs += 1
            return "v" * 100

    counting = Counting()
    fill_in("{c.value} {c.value} {{c.value}}", {"c": counting}, 50)
    assert counting.runs == 1


def test_what_ipython_puts_there_is_no_variable():
    shell = InteractiveShell()
    text = "{exit} {quit} {get_ipython} {open} {_} {__} {In} {Out}"
    filled = fill_in(text, shell.user_ns)
    assert filled.names == ("{In}", "{Out}")
    shell.run_cell("open = 5\nvalue = 'v'", store_history=True)
    assert fill_in("{open} {value} {In[1]}", shell.user_ns).text == "5 v open = 5\nvalue = 'v'"


def test_budget_is_shared():
    namespace = {"a": "a" * 5000, "b": "b" * 5000, "c": "short"}
    filled = fill_in("{a}\n{b}\n{c}", namespace, 2000)
    assert filled.text.endswith("short")
    assert filled.cut == ("{a}", "{b}")
    assert 1900 < len(filled.text) <= 2002
    assert abs(filled.text.count("a") - filled.text.count("b")) < 10
    assert "characters left out" in filled.text
    assert fill_in("{a}\n{a}", namespace, 2000).text.count("a") < 2000
    assert fill_in("{a!r:>20}", namespace, 500).cut == ("{a!r:>20}",)
    whole = fill_in("{a}\n{c}", namespace)
    assert (len(whole.text), whole.cut) == (5006, ())


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=300), st.floats(), st.binary(max_size=50)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=10), inner)),
    max_leaves=20,
)


@given(
    st.lists(st.sampled_from(["{a}", "{b}", "{c}", "{a!r}", "{b!s:>9}", "text"]), max_size=12),
    VALUES,
    VALUES,
    VALUES,
    st.integers(0, 400),
)
def test_budget_holds(pieces, a, b, c, budget):
    filled = fill_in("".join(pieces), {"a": a, "b": b, "c": c}, budget)
    unfilled = sum(len(piece) for piece in pieces if piece not in filled.names)
    assert len(filled.text) <= budget + unfilled + len(pieces) + 1  # the ends of the lines that set a block off


NASTY = nasty()


@pytest.mark.parametrize("kind", NASTY)
def test_nasty(kind):
    namespace = {"a": NASTY[kind], "b": "fine"}
    text = "{a} {a!r} {a!s} {a!a} {a:5} {a!r:5} {a.b} {a.shape} {a.__class__} {a[0]} {a['k']} {a.b.c[0]!r} {b}"
    filled = fill_in(text, namespace)
    assert filled.text.endswith("fine")
    assert "{a.__class__}" in filled.text
    assert "{a}" in filled.names


def test_a_nasty_namespace():
    class Names(dict):
        def __getitem__(self, key):
            raise RuntimeError("no")

    assert fill_in("{a}", Names(a=1)).text == "{a}"


def test_an_interrupt_goes_through():
    class Slow:
        def __repr__(self):
            raise KeyboardInterrupt

        @property
        def slow(self):
            raise KeyboardInterrupt

    for text in ("{s}", "{s.slow}", "{s!r}"):
        with pytest.raises(KeyboardInterrupt):
            fill_in(text, {"s": Slow()})


@settings(max_examples=examples(300))
@given(st.text() | st.text(alphabet="{}[]'\".:!r0nameX $\\_^f\n", max_size=60))
def test_text_without_names_is_unchanged(text):
    assert fill_in(text, {}).text == text
    assert fill_in(text, NAMESPACE).text == text or "{" in text


def test_what_a_shell_would_fill_in_stays_and_is_said() -> None:
    filled = fill_in("echo ${name} costs {name}, ${HOME} ${{name}}", {"name": "Ada"})
    assert filled.text == "echo ${name} costs Ada, ${HOME} ${{name}}"
    assert filled.notes == ("${name} was sent as written: after a $ it belongs to a shell",)
