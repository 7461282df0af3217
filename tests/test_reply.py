"""What a reply gives of its text."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import UsageError
from qwen_magic.reply import Reply
from qwen_magic.text.fences import CodeBlock

ANSWER = """\
Two ways:

```python
x = 1
```

| n | name |
|---|------|
| 1 | 007  |

```JSON
{"a": [1, null]}
```
"""


def test_code() -> None:
    reply = Reply(ANSWER)
    assert reply.code_blocks == [
        CodeBlock("python", "x = 1", closed=True),
        CodeBlock("json", '{"a": [1, null]}', closed=True),
    ]
    assert reply.code == 'x = 1\n\n{"a": [1, null]}'
    assert Reply("import os\nprint(os.name)\n").code == "import os\nprint(os.name)"
    assert Reply("Paris").code == Reply("").code == ""


def test_json() -> None:
    assert Reply(ANSWER).json == {"a": [1, None]}
    assert Reply("null").json is None
    with pytest.raises(UsageError, match="no JSON in the answer"):
        _ = Reply("None of that.").json


def test_tables() -> None:
    pytest.importorskip("pandas")
    (frame,) = Reply(ANSWER).tables
    assert frame.to_dict("list") == {"n": [1], "name": ["007"]}
    assert Reply("").tables == []


@given(st.text(alphabet="{}[]|`~-:\n \"'a1,$\\<>"))
def test_any_text(text: str) -> None:
    reply = Reply(text)
    assert isinstance(reply.code, str)
    assert isinstance(reply.tables, list)
    try:
        _ = reply.json
    except UsageError:
        pass


def test_without_pandas_and_light() -> None:
    code = """
import sys
sys.modules["pandas"] = None
import qwen_magic
from qwen_magic.reply import Reply
ours = [name for name in sys.modules if name.startswith("qwen_magic.text.")]
assert not {f"qwen_magic.text.{name}" for name in ("forms", "tables", "json_values", "bare_code", "frames")} & {*ours}, ours
(table,) = Reply("| a | b |\\n|---|---|\\n| 1 | x |").tables
print(repr(table), table.columns, table.rows)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a | b\n--+--\n1 | x ('a', 'b') ((1, 'x'),)\n"
