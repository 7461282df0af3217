"""Expressions in prompts: those that only read are evaluated, the others on request, and what is said of them."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_values import GOOD, RUNS, Account

from qwen_magic.errors import UsageError
from qwen_magic.notebook import lookup
from qwen_magic.notebook.lookup import fill_in

VALUES = [
    ("{len(items)}", "3"),
    ("{items[:2]}", "['zero', 'one']"),
    ("{items[-1][0].upper()}", "T"),
    ("{name.upper()}", "ANN"),
    ("{', '.join(items)}", "zero, one, two"),
    ("{n + 1}", "8"),
    ("{n / 2:.2f}", "3.50"),
    ("{-n}", "-7"),
    ("{n > 5}", "True"),
    ("{0 < n < 5}", "False"),
    ("{n > 5 and name}", "Ann"),
    ("{name if n > 9 else x}", "2.5"),
    ("{n % 2 == 1}", "True"),
    ("{sum(d['list'])}", "6"),
    ("{max(items, key=len)}", "zero"),
    ("{sorted(d['list'], reverse=True)}", "[3, 2, 1]"),
    ("{list(d.keys())}", "['key', 'list']"),
    ("{d.get('none', n)}", "7"),
    ("{list(zip(items, d['list']))}", "[('zero', 1), ('one', 2), ('two', 3)]"),
    ("{counted.most_common(1)}", "[('a', 2)]"),
    ("{'zero' in items}", "True"),
    ("{rows[1][0] * 10}", "30"),
    ("{df.a.sum()}", "6"),
    ("{df['a'].mean():.1f}", "2.0"),
    ("{df['sum'].sum()}", "3"),
    ("{len(df)}", "3"),
    ("{df.a.tolist()}", "[1, 2, 3]"),
    ("{df.b.value_counts().to_dict()}", "{'x': 2, 'y': 1}"),
    ("{df.groupby('b').a.mean().to_dict()}", "{'x': 2.0, 'y': 2.0}"),
    ("{list(df.columns)}", "['a', 'b', 'sum']"),
    ("{df.loc[0, 'a']}", "1"),
    ("{df.iloc[1:, 0].sum()}", "5"),
    ("{df[(df.a > 1) & (df.b == 'x')].a.max()}", "3"),
    ("{df.b.str.upper().tolist()}", "['X', 'Y', 'X']"),
    ("{(s + 1).tolist()}", "[2, 3, 4]"),
    ("{array.mean()}", "2.5"),
    ("{array[0, 1:].sum()}", "3"),
    ("{array.T.shape}", "(3, 2)"),
    ("{np.mean(array)}", "2.5"),
    ("{math.sqrt(n + 2)}", "3.0"),
    ("{frame.height}", "3"),
    ("{frame['a'].sum()}", "6"),
    ("{frame.select('a').sum().item()}", "6"),
    ("{day.isoformat()}", "2026-01-02"),
    ("{day.year + 1}", "2027"),
    ("{point.x + point.y}", "3"),
    ("{account.owner.upper()}", "ANN"),
    ("{account.rates[0] * 2}", "3.0"),
    ("{account.limit + 1}", "6"),
    ("{slotted.x + 1}", "4"),
    ("{half + 1}", "3/2"),
    ("{type(df)}", f"{pd.DataFrame.__module__}.DataFrame"),
    ("{len(name)!r:>4}", "   3"),
    ("{{len(name)}} is {len(name)}", "{len(name)} is 3"),
    (r"\frac{n+1}{x*2} and x^{n+1}", r"\frac{n+1}{x*2} and x^{n+1}"),
    ('f"{n + 1}"', 'f"{n + 1}"'),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_what_only_reads_is_evaluated(text: str, expected: str) -> None:
    assert fill_in(text, GOOD).text == expected


TEXTS = [
    '{"n": n}',
    "{n, x}",
    "{n: x}",
    "{ n + 1 }",
    "{n | n > 0}",
    "{n <- 5}",
    "{2 + 3}",
    "{n +}",
    "{return n;}",
    "{if (n > 0) n}",
    "{n++}",
    "{(n, x)}",
    "{[n]}",
    "{n, ...x}",
    "{n =>",
    "{f'{n}' + name}",
    "{'{0.__class__}'.format(n)}",
    "{'n'}",
    "{n!x}",
    "{n +\n1}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_reads_as_something_else_stays_without_a_word(text: str) -> None:
    filled = fill_in(text, GOOD)
    assert (filled.text, filled.notes) == (text, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{n / 0}", "ZeroDivisionError"),
        ("{items[:2] + n}", "TypeError"),
        ("{df['nope'].sum()}", "nope"),
        ("{df.nope.sum()}", "nope"),
        ("{items[9].upper()}", "IndexError"),
        ("{name.nope()}", "--eval"),
        ("{int(name)}", "ValueError"),
    ],
)
def test_what_raises_is_said_and_nothing_is_sent(text: str, words: str) -> None:
    if words == "--eval":
        assert words in fill_in(text, GOOD).notes[0]
        return
    with pytest.raises(UsageError, match=words) as raised:
        fill_in(f"before {text}", GOOD)
    assert "Nothing was sent" in str(raised.value)
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{sales_2023}", "there is no sales_2023, did you mean sales_2024?"),
        ("{sales_2023.a}", "did you mean sales_2024?"),
        ("{sales_2023.describe()}", "did you mean sales_2024?"),
        ("{lenn(n)}", "did you mean len?"),
        ("{entirely_other}", "there is no entirely_other"),
        ("{n.nope}", "AttributeError"),
        ("{np}", "np is a module"),
        ("{n:q}", "Unknown format code"),
    ],
)
def test_what_looks_like_a_variable_and_is_none_is_said(text: str, words: str) -> None:
    filled = fill_in(text, {"sales_2024": 1, "n": 2, "np": np})
    assert filled.text == text
    assert words in filled.notes[0]


@pytest.mark.parametrize("text", ["a{color:red}", '{"a": 1}', r"\frac{zeta}{2}", "{{nobody}}", "{}", "{ nobody }"])
def test_what_looks_like_something_else_is_passed_over(text: str) -> None:
    assert fill_in(text, {"n": 1}).notes == ()


def test_each_is_evaluated_once_and_named() -> None:
    filled = fill_in("{len(items)} {len(items)} {items.pop()} {items.pop()}", {"items": [1, 2]})
    assert filled.evaluated == ("{len(items)}",)
    assert filled.text == "2 2 {items.pop()} {items.pop()}"
    assert fill_in("{items.pop()} {items.pop()}", {"items": [1, 2]}, evaluate=True).text == "2 2"


def test_on_request_anything_runs() -> None:
    names = {"account": Account(), "items": [3, 1]}
    RUNS.clear()
    filled = fill_in("{account.close()} {[i * 2 for i in items]} {(lambda: items[0])()}", names, evaluate=True)
    assert RUNS == ["close"]
    assert filled.text == "None [6, 2] 3"
    assert filled.evaluated == ("{account.close()}", "{[i * 2 for i in items]}", "{(lambda: items[0])()}")
    assert fill_in('{ items } {"a": 1}', names, evaluate=True).text == '{ items } {"a": 1}'


def test_it_takes_no_longer_than_it_may() -> None:
    names = {"a": np.random.default_rng(1).random((4000, 4000))}
    with pytest.raises(UsageError, match=r"more than 0\.05 s"):
        fill_in("{(a @ a).sum()}", names, seconds=0.05)
    assert threading.current_thread() is threading.main_thread()
    for thread in threading.enumerate():  # numpy's own threads hang a process that exits meanwhile
        if thread.name == "qwen_magic expression":
            thread.join(60)


@pytest.mark.parametrize("code", ["{time.sleep(60)}", "{[n for n in itertools.count() if n < 0]}"])
def test_what_runs_on_request_is_stopped(code: str) -> None:
    with pytest.raises(UsageError, match=r"more than 0\.3 s"):
        fill_in(code, {"time": time, "itertools": itertools}, evaluate=True, seconds=0.3)
    time.sleep(0)  # no interrupt is left over


def test_a_property_takes_no_longer_than_it_may() -> None:
    class Slow:
        @property
        def rows(self) -> None:
            time.sleep(60)

    with pytest.raises(UsageError, match=r"more than 0\.2 s"):
        fill_in("{slow.rows}", {"slow": Slow()}, seconds=0.2)


def test_an_interrupt_acts() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_in("{stop()}", {"stop": stop}, evaluate=True)


@given(st.text(alphabet="nxdf.items[](){}+-*/<>=!:'\", 0123", max_size=40))
def test_whatever_is_written(text: str) -> None:
    """Nothing but a refusal comes out, and what is not filled in stays as it was written."""
    names = {"n": 3, "x": 2.5, "d": {"a": 1}, "f": "text", "items": [1, 2]}
    try:
        filled = fill_in(text, names, seconds=5)
    except UsageError:
        return
    if not filled.names and "{{" not in text:
        assert filled.text == text


def test_it_agrees_with_ipythons_own() -> None:
    """What IPython's guarded evaluation gives for these, too, is the same."""
    guarded = pytest.importorskip("IPython.core.guarded_eval")
    names = {"n": 7, "items": ["zero", "one"], "d": {"key": [1, 2]}, "name": "Ann"}
    for code in ("n + 1", "items[0]", "d['key'][1] * 2", "name.upper()", "n > 5", "items[:1]", "d.keys()"):
        context = guarded.EvaluationContext(locals=names, globals={}, evaluation="limited")
        try:
            theirs = guarded.guarded_eval(code, context)
        except guarded.GuardRejection:
            continue
        ours = fill_in(f"{{{code}!r}}", names)
        assert ours.text == (repr(theirs) if code != "d.keys()" else ours.text), code


def test_the_limits_are_told() -> None:
    assert lookup.SECONDS == 10
