"""A fence within a fence: shown whole, one block, and the next cell whole, wherever the answer is cut."""

from __future__ import annotations

import re

import pytest

from qwen_magic.rendering.cell_code import cell_code
from qwen_magic.rendering.growing import GrowingHtml
from qwen_magic.text.fences import CodeBlock, code_blocks
from qwen_magic.text.forms import make_form
from qwen_magic.text.shown import shown_markdown

README = "# Tool\n\n## Install\n\n```\npip install tool\n```\n\n## Use\n```python\nprint(1)\n```\n\n## End"
NESTED = {
    "readme": ("markdown", "# Tool\n\n```python\nprint(1)\n```\n\n## End"),
    "readme with bare fences": ("markdown", README),
    "md, a fence after a colon": ("md", "Use:\n```\nls\n```"),
    "tildes": ("md", "~~~py\nx\n~~~"),
    "a prompt": ("text", "Answer so:\n\n```json\n{}\n```\n\nand no more"),
    "no language": ("", "# T\n```python\nx\n```"),
    "python string": ("python", 's = """\n```json\n{}\n```\n"""\nprint(s)'),
    "python string, bare": ("python", "s = '''\n```\ncode\n```\n'''"),
    "python f-string and comments": ("python", 'x = "it\'s"  # don\'t """\ns = f"""a\n```\nb\n```\n"""'),
    "docstring": ("python", 'def f():\n    """Do.\n\n```\nx\n```\n"""'),
    "heredoc": ("bash", "cat > R.md <<'EOF'\n# T\n```\ncode\n```\nEOF\nls"),
    "heredoc without quotes": ("sh", "cat <<EOF > a\n```bash\nls\n```\nEOF"),
    "template of JavaScript": ("js", "const p = `\n```json\n{}\n```\n`;"),
    "java text block": ("java", 'String s = """\n```\nx\n```\n""";'),
    "yaml": ("yaml", "run: |\n  cat <<EOF\n```\nx\n```\n  EOF"),
}
PLAIN = [
    "```md\n# T\n```\n\nSave it.",
    "```md\ntext\n```\nSave it.",
    "```python\nprint(1)\n```\n\n```python\nprint(2)\n```\n",
    "```cpp\nstd::cout << endl;\n```\n\nafter",
    "```bash\necho $((1 << n))\n```\n\nafter",
    "```js\nx.replace(/`/g, '')\n```\n\nafter",
    '```python\nx = \'it is """\'\n```\n\nafter',
    "```python\n# don't\n```\n\nafter",
    "```\nout\n```\n\n```bash\nls\n```",
]


def answer(language: str, code: str) -> str:
    mark = "~~~" if code.startswith("~~~") else "```"
    return f"Here it is:\n\n{mark}{language}\n{code}\n{mark}\n\nSave it.\n"


@pytest.mark.parametrize("name", NESTED)
def test_it_is_one_block(name: str) -> None:
    language, code = NESTED[name]
    text = answer(language, code)
    assert code_blocks(text) == [CodeBlock(language, code, closed=True)]
    assert code in cell_code(code_blocks(text))
    shown = shown_markdown(text)
    assert (
        re.search(rf"^(`{{4,}}){language}\n{re.escape(code)}\n\1\n\nSave it\.\n", shown, re.MULTILINE) or "~~~" in code
    )
    assert make_form("code", markdown=False).final(text).text.strip("\n") == code


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("step", [1, 3, 7])
def test_it_grows_into_one_block(name: str, step: int) -> None:
    text = answer(*NESTED[name])
    growing = GrowingHtml(clock=lambda: 0.0)
    for start in range(0, len(text), step):
        growing.add(text[start : start + step])
        growing.delta()
    growing.delta(final=True)
    html = "".join(growing.blocks())
    assert html.count("<pre") == 1
    assert html.endswith("<p>Save it.</p>\n")
    form = make_form("code", markdown=False)
    pieces = [form.filter.feed(text[start : start + step]) for start in range(0, len(text), step)]
    assert "".join([*pieces, form.filter.close()]).strip("\n") == NESTED[name][1]


@pytest.mark.parametrize("text", PLAIN)
def test_what_ends_a_block_still_ends_it(text: str) -> None:
    marks = [block for block in code_blocks(text) if block.closed]
    assert len(marks) == text.count("\n```\n") + text.endswith("\n```")
    assert all("```" not in block.code for block in marks)
