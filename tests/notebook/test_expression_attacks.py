"""Expressions in prompts that would run the user's code, change something, hang, or fill the memory: none does."""

from __future__ import annotations

import collections
import time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from odd_values import GOOD, RUNS, Odd

from qwen_magic.errors import UsageError
from qwen_magic.notebook.lookup import fill_in

CALLS = [
    "{items.pop()}",
    "{items.append(1)}",
    "{d.update(a=1)}",
    "{d.pop('key')}",
    "{d.setdefault('new', 1)}",
    "{account.close()}",
    "{account.balance + 1}",
    "{open('/etc/hostname').read()}",
    "{__import__('os').getcwd()}",
    "{eval('1 + 1')}",
    "{exec(name)}",
    "{print(n)}",
    "{input(name)}",
    "{name.format(n)}",
    "{name.__class__.__name__.upper()}",
    "{(n).__class__}",
    "{items.__len__()}",
    "{name.encode().__reduce__()}",
    "{getattr(items, 'pop')()}",
    "{setattr(account, 'x', 1)}",
    "{[item for item in items]}",
    "{sum(n for n in rows)}",
    "{(y := n)}",
    "{(lambda: n)()}",
    "{sorted(items, key=account.close)}",
    "{sorted(items, key=lambda item: item)}",
    "{list(map(str, items))}",
    "{len(*[items])}",
    "{dict(**d)}",
    "{df.to_csv('stolen.csv')}",
    "{df.to_pickle('stolen')}",
    "{df.drop(columns='a', inplace=True)}",
    "{df.sort_values('a', inplace=True)}",
    "{df.agg('to_csv')}",
    "{df.apply(print)}",
    "{df.eval('a + 1')}",
    "{df.query('a > 1')}",
    "{df.pipe(print)}",
    "{df.pop('a')}",
    "{df.insert(0, 'z', 1)}",
    "{df.plot()}",
    "{df.b.str.contains('(a+)+$')}",
    "{df.style.to_html()}",
    "{array.sum(out=array)}",
    "{array.fill(0)}",
    "{array.tofile('stolen')}",
    "{array.sort()}",
    "{np.save('stolen', array)}",
    "{np.load('stolen')}",
    "{frame.write_csv('stolen')}",
    "{frame.map_rows(print)}",
]


@pytest.mark.parametrize("text", CALLS)
def test_any_other_call_stays_and_is_said(text: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RUNS.clear()
    before = repr({name: value for name, value in GOOD.items() if name != "account"})
    filled = fill_in(text, GOOD)
    assert filled.text == text
    assert filled.evaluated == ()
    assert len(filled.notes) == 1
    assert text in filled.notes[0]
    assert not RUNS
    assert not list(tmp_path.iterdir())
    assert repr({name: value for name, value in GOOD.items() if name != "account"}) == before


LARGE = [
    "{list(range(n * 10**12))}",
    "{sum(range(n * 10**12))}",
    "{sorted(range(n * 10**12))}",
    "{max(range(n * 10**12))}",
    "{n in list(range(10**13))}",
    "{name * 10**10}",
    "{10**10 * name}",
    "{items * 10**10}",
    "{(1, n) * 10**10}",
    "{items * np.int64(10**10)}",
    "{n ** 10**9}",
    "{2 ** n ** 20}",
    "{n ** n ** n ** n}",
    "{half ** 10**9}",
    "{huge ** 5000}",
    "{huge:f}",
    "{int(huge)}",
    "{'%1000000000d' % n}",
    "{name.ljust(10**10)}",
    "{name.zfill(10**10)}",
    "{('a' * 10**6).replace('a', name * 10**5)}",
    "{('a' * 10**6).join(items * 10**5)}",
    "{str([name * 10**5] * 10**6)}",
    "{round(n, -10**9)}",
    "{[[[items] * 1000] * 1000] * 1000 == [[[items] * 1000] * 1000] * 1000}",
    "{df.b + name * 10**8}",
    "{df.a.map(name)}",
    "{df.loc[[0] * 10**8]}",
    "{array[[0] * 10**6 * n * n, :]}",
    "{wide @ wide.T}",
    "{wide - wide.T}",
    "{same + other}",
    "{same.eq(other)}",
    "{text.sum()}",
    "{tall.T.sum()}",
    "{categories.groupby(['a', 'b']).n.sum()}",
]


@pytest.mark.parametrize("text", LARGE)
def test_what_would_be_large_is_not_computed(text: str) -> None:
    count = 100_000
    labels = pd.Series(range(1000)).astype("category")
    names = GOOD | {
        "wide": np.zeros((10_000, 1)),
        "same": pd.Series(1, index=[0] * count),
        "other": pd.Series(1, index=[0] * (count - 1)),
        "text": pd.DataFrame({"t": ["word"] * count}),
        "tall": pd.DataFrame({"a": range(count)}),
        "categories": pd.DataFrame({"a": labels, "b": labels, "n": 1}),
        "huge": Decimal("1e999999"),
    }
    started = time.process_time()
    filled = fill_in(text, names)
    assert filled.text == text
    assert len(filled.notes) == 1
    assert time.process_time() - started < 10


ODD = [
    *(f"{{{name} + n}}" for name in ("obj", "text", "numbers", "frame", "array", "objects", "boxes", "column")),
    *(f"{{n * {name}}}" for name in ("obj", "text", "numbers", "frame", "array")),
    *(f"{{{name} == {name}}}" for name in ("obj", "text", "numbers", "objects", "deep", "column", "boxes", "zoned")),
    *(f"{{len({name})}}" for name in ("obj", "text", "numbers", "table", "frame", "array")),
    *(f"{{{name}[:1]}}" for name in ("obj", "text", "numbers", "frame", "array")),
    *(f"{{n in {name}}}" for name in ("obj", "numbers", "table", "objects", "deep", "keys")),
    "{not obj}",
    "{-obj}",
    "{obj and n}",
    "{n if obj else n}",
    "{obj.x + n}",
    "{text.upper()}",
    "{table.keys()}",
    "{numbers.count(1)}",
    "{frame.describe()}",
    "{frame.head()}",
    "{frame.a.sum()}",
    "{array.sum()}",
    "{column.a.sum()}",
    "{column.describe()}",
    "{column.a + n}",
    "{boxes.sum()}",
    "{sorted(objects)}",
    "{sum(objects)}",
    "{max(objects)}",
    "{set(objects)}",
    "{str(objects)}",
    "{repr(obj)}",
    "{str(obj)}",
    "{abs(obj)}",
    "{int(obj)}",
    "{float(obj)}",
    "{bool(obj)}",
    "{list(obj)}",
    "{round(obj)}",
    "{n <= n < obj}",
    "{objects.count(n)}",
    "{objects.index(obj)}",
    "{keys['a'] + n}",
    "{keys.get('a')}",
    "{lazy.thing + n}",
    "{watched.x + n}",
    "{meta.x + n}",
    "{meta + n}",
    "{zoned.isoformat()}",
    "{zoned + n}",
    "{[n][slice]}",
    "{deep['a'] == n}",
    "{', '.join(objects)}",
    "{dict(objects)}",
    "{file.read()}",
    "{[obj] == [n]}",
    "{obj in [n]}",
    "{(obj, n) < (n, obj)}",
]


@pytest.mark.parametrize("text", ODD)
def test_no_code_of_the_users_runs(text: str) -> None:
    names = Odd().names
    RUNS.clear()
    try:
        filled = fill_in(text, names)
    except UsageError:  # what was found out without running anything
        pass
    else:
        assert filled.text == text
        assert text in filled.notes[0]
    assert not RUNS


def test_what_would_be_used_up_is_not() -> None:
    names: dict[str, Any] = {
        "gen": (n for n in range(3)),
        "zipped": zip("ab", "cd", strict=True),
        "it": iter([1, 2]),
        "n": 1,
    }
    text = "{list(gen)} {sum(gen)} {sorted(zipped)} {n in it} {list(it)} {next(gen)} {max(gen, default=n)}"
    assert fill_in(text, names).text == text
    assert [len(list(names[name])) for name in ("gen", "zipped", "it")] == [3, 2, 2]


def test_no_item_is_made() -> None:
    made: Any = collections.defaultdict(list, a=[1])
    assert fill_in("{len(made['a'])} {made.get('b')}", {"made": made}).text == "1 None"
    with pytest.raises(UsageError):
        fill_in("{len(made['b'])}", {"made": made})
    assert dict(made) == {"a": [1]}
