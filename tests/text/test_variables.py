"""References in prompts: what is filled in, and all that is not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.text.cutting import ShownValue, cut
from qwen_magic.text.variables import Attribute, Filled, Item, Reference, join, split


def fill(text, resolve):
    """Fill in what a function gives a value, as the notebook's look-up does."""
    values = {}

    def resolves(reference):
        if reference not in values:
            values[reference] = resolve(reference)
        return values[reference] is not None

    return join(split(text, resolves), values)


VALUES = {"a": "A", "b": "B", "name": "NAME", "x": "{a} {b}", "n": "N", "i": "I", "train": "T", "imię": "UTF"}


def resolve(reference: Reference) -> ShownValue | None:
    return ShownValue(VALUES[reference.name]) if reference.name in VALUES else None


# what has no reference that resolves, or only in LaTeX and f-strings
LETTERS = [
    "",
    "{",
    "}",
    "{}",
    "{ }",
    "{{}}",
    "}{",
    "{0}",
    "{1a}",
    "{ name }",
    "{name }",
    "{nobody}",
    "{{nobody}}",
    "{name",
    "name}",
    "{name!x}",
    "{name!r:}",
    "{name:}",
    "{name: b}",
    "{name()}",
    "{name[}",
    "{name[0}",
    "{name[key]}",
    "{name[0:2]}",
    "{name.}",
    "{.name}",
    "{name..real}",
    "{name[\"a']}",
    "{a, b}",
    "{a + b}",
    "{a: b}",
    "{None}",
    "{True}",
    "{class}",
    "{name.class}",
    '{"name": 1, "a": [true]}',
    "{'name'}",
    "{\n  name\n}",
    "{name\n}",
    r"\frac{a}{b}",
    r"\frac{a}{1}+\sqrt[3]{n}",
    r"\frac{ {a} }{b}",
    r"\begin{name} \end{name}",
    r"\newcommand{\x}[1]{name}",
    r"\includegraphics[width=\textwidth]{name}",
    r"\section*{name}",
    "$x^{n} + x_{i}$",
    r"\sum_{i}^{n} \alpha_{i}",
    "$loss_{train}$",
    "$$\nloss_{train}\n$$",
    r"\[ loss_{train} \]",
    "(a+b)_{i} {x}^{n} x'_{n}".replace("{x}", "(x)"),
    "\\\\frac{a}{b}",
    "f'{name}'",
    'print(f"{name} and {a!r}")',
    'rf"{name}" fr"{a}" F"{b}" Rf"{n}" t"{a}"',
    'f"{d["k"]} {name}"',
    'f"""\n{name}\n"""',
    "f'\\'{name}'",
    "f'''{name}''' + f\"{a}\"",
]


@pytest.mark.parametrize("text", LETTERS)
def test_it_stays_to_the_letter(text):
    assert fill(text, resolve) == Filled(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{name}", "NAME"),
        ("{a}{b}", "AB"),
        ("{a}, {nobody}", "A, {nobody}"),
        ("{x}", "{a} {b}"),
        ("{{name}}", "{name}"),
        ("{{name}", "{name}"),
        ("{{name} }", "{name} }"),
        ("{{name}}}", "{name}}"),
        ("{{{name}}}", "{NAME}"),
        ("{{{name}", "{NAME"),
        ("{{{{name}}}}", "{{name}}"),
        ("{{{{{name}}}}}", "{{NAME}}"),
        ("{{name!r:>5}}", "{name!r:>5}"),
        ("{{a}} {a} {{nobody}}", "{a} A {{nobody}}"),
        ('{"k": {name}}', '{"k": NAME}'),
        ('{"k": "{name}"}', '{"k": "NAME"}'),
        ("{name: >5}", "NAME"),
        ("{imię}", "UTF"),
        ("{ｎａｍｅ}", "NAME"),
        ("data_{n}.csv {n}_b _{name}_ my_x_{i}", "data_N.csv N_b _NAME_ my_x_I"),
        ("costs ${a}, $5 or {b}", "costs ${a}, $5 or B"),
        (r"$\alpha$ of {name}", r"$\alpha$ of NAME"),
        ("\\frac{1\n\n{name}", "\\frac{1\n\nNAME"),
        (r"\{name} \\{name}", r"\NAME \\NAME"),
        ("f'(x) = {a}", "f'(x) = A"),
        ('f\' {a}\nf"{b}"', 'f\' A\nf"{b}"'),
        ("f'x' {name}", "f'x' NAME"),
        ("elf'{name}'", "elf'NAME'"),
        ("'f' {name} 'x'", "'f' NAME 'x'"),
        ('f"""{name} {a}', 'f"""NAME A'),
        ("```python\nprint({name})\n```", "```python\nprint(NAME)\n```"),
        ("{a[0].b['c'][\"d\"][-1]}", "A"),
        ("{a['}']}", "A"),
        ("| {a} |\n|---|", "| A |\n|---|"),
        ("日本{a}語", "日本A語"),
        ("{\n{a}\n}", "{\nA\n}"),
        ("{a:{b}}", "{a:B}"),
    ],
)
def test_it_is_filled_in(text, expected):
    assert fill(text, resolve).text == expected


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("{a}", Reference("{a}", "a")),
        ("{_}", Reference("{_}", "_")),
        ("{_3}", Reference("{_3}", "_3")),
        ("{Out[3]}", Reference("{Out[3]}", "Out", (Item(3),))),
        ("{a[-1]}", Reference("{a[-1]}", "a", (Item(-1),))),
        ("{a['k']}", Reference("{a['k']}", "a", (Item("k"),))),
        ('{a["k\'"].b}', Reference('{a["k\'"].b}', "a", (Item("k'"), Attribute("b")))),
        ("{a['']}", Reference("{a['']}", "a", (Item(""),))),
        ("{a!r:>10}", Reference("{a!r:>10}", "a", (), "r", ">10")),
        ("{a:%H:%M}", Reference("{a:%H:%M}", "a", (), "", "%H:%M")),
        ("{a: <8}", Reference("{a: <8}", "a", (), "", " <8")),
    ],
)
def test_references(text, reference):
    assert [piece for piece in split(text, lambda _: True) if piece] == [reference]


def test_what_was_filled_in_is_told():
    values = {"a": ShownValue("1"), "b": ShownValue("2", cut=True)}
    filled = fill("{b} {a} {c} {b} {{a}}", lambda reference: values.get(reference.name))
    assert filled == Filled("2 1 {c} 2 {a}", ("{b}", "{a}"), ("{b}",))


def test_each_is_resolved_once():
    asked = []
    fill("{a} {a} {{a}} {b}", lambda reference: asked.append(reference.written))
    assert asked == ["{a}", "{b}"]


BRACED = st.lists(
    st.sampled_from(["{", "}", "{{", "}}", "a", "b", "x", "{a}", "{b!r}", "[0]", "['k']", ".", ":", "!r", "$", "^", "_", "\\frac", "\\", "f'", "'", '"', 'f"""', "\n", " ", "1", "é"]),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=examples(500))
@given(st.one_of(st.text(), BRACED))
def test_text_that_nothing_resolves_in_is_unchanged(text):
    assert fill(text, lambda _: None) == Filled(text)


@settings(max_examples=examples(500))
@given(BRACED, BRACED)
def test_one_pass(text, value):
    """What values hold changes nothing else: they land where a mark would."""
    mark = "\u2603"
    marked = fill(text, lambda _: ShownValue(mark))
    filled = fill(text, lambda _: ShownValue(value))
    assert filled.text == marked.text.replace(mark, value)
    assert filled.names == marked.names


@given(st.text(alphabet="{}ab ", max_size=40))
def test_only_braces_change(text):
    """Without LaTeX and code, a text keeps all but braces, and every brace that belongs to no reference."""
    filled = fill(text, lambda reference: ShownValue(reference.name))
    assert filled.text.replace("{", "").replace("}", "") == text.replace("{", "").replace("}", "")
    if not filled.names and "{{a" not in text and "{{b" not in text:
        assert filled.text == text


@pytest.mark.parametrize(
    "unit",
    ["{", "{a[a[a[", "{a['{a[\"", 'f"{f"}', "{{a}}", "\\a[", "{a.a", "{a:", "_{", "}[", "$", "f'", "f'''", "\\", "\n ", "{a!", "{a}", "^{"],
)  # fmt: skip
def test_it_is_light(unit):
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    fill(text, lambda _: None)
    fill(text, resolve)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text", ["{" + "a" * 100_000, "{a" + ".a" * 50_000, "{a" + "[0]" * 30_000 + "}", "{" * 50_000 + "a" + "}" * 50_000]
)
def test_long_references_are_light(text):
    started = time.process_time()
    fill(text, resolve)
    assert time.process_time() - started < 5


@given(st.text(), st.integers(-3, 200))
def test_cut_keeps_its_budget(text, budget):
    done = cut(text, budget)
    assert len(done.text) <= max(0, budget) or done.text == text == ""
    assert done.cut == (len(text) > budget)
    assert done.cut or done.text == text


def test_cut_keeps_both_ends():
    done = cut("a" * 1000 + "b" * 1000, 200)
    assert done.text.startswith("aaa")
    assert done.text.endswith("bbb")
    assert len(done.text) == 200
    assert len(done.text.replace("\n[... 1,846 of 2,000 characters left out ...]\n", "")) == 2000 - 1846
