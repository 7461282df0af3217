"""Markdown as safe HTML: what is ordinary looks as it should, and what is hostile is text."""

from __future__ import annotations

import re
import time
from html import unescape
from html.parser import HTMLParser

import pytest
from attacks import ATTACKS, IMG, JS, PWN
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_attacks import PANEL_ATTACKS
from support.examples import examples

from qwen_magic.rendering import highlight
from qwen_magic.rendering.html import clean, plain_html, rendered, to_html
from qwen_magic.rendering.mathml import mathml
from qwen_magic.text.harmless_tags import HARMLESS

HTML_TAGS = set(
    "p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr table thead tbody tr th td strong em s br code pre span div a input".split()
)
HTML_TAGS |= HARMLESS
MATH_TAGS = set(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub"
    " msubsup msup mtable mtd mtext mtr munder munderover".split()
)
MATH_ATTRIBUTES = set(
    "accent accentunder display displaystyle form height linethickness lspace mathvariant maxsize minsize movablelimits"
    " notation rspace scriptlevel stretchy style symmetric voffset width".split()
)
ATTRIBUTES = {
    ("a", "href"),
    ("a", "rel"),
    ("a", "target"),
    ("input", "aria-label"),
    ("input", "checked"),
    ("input", "disabled"),
    ("input", "type"),
    ("ol", "start"),
    ("pre", "data-language"),
}
CLASSES = set(
    "qm-back qm-left qm-center qm-right qm-mark qm-math qm-math-source qm-note qm-plain qm-pre qm-task".split()
)
CLASSES |= highlight.CLASSES
VOID = {"br", "hr", "input", "wbr"}
PLAIN_STYLE = re.compile(r"(?:[a-z-]+:(?:[\w.%#-]+|0\.05em (?:solid|dashed) currentcolor)(?:;|$))+")
A = 'target="_blank" rel="noopener noreferrer"'


class Checker(HTMLParser):
    """Find what is outside the vocabulary; `text` is what a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        self.wrong += [f"open: {tag}" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if tag not in HTML_TAGS | MATH_TAGS or (tag in MATH_TAGS and tag != "math" and "math" not in self.open):
            self.wrong.append(f"<{tag}>")
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.check_attribute(tag, name, value or "")

    def check_attribute(self, tag: str, name: str, value: str) -> None:
        if name == "class":
            fine = set(value.split()) <= CLASSES
        elif name == "style":
            fine = tag in MATH_TAGS and bool(PLAIN_STYLE.fullmatch(value))
        elif name == "href":
            fine = tag == "a" and bool(re.match(r"(https?://|mailto:|#)", value, re.IGNORECASE))
        elif name == "rel":
            fine = value == "noopener noreferrer"
        elif name == "aria-label":
            told = {"input": r"done|to do", "a": r"(?:Note|Back to) \[\d{1,3}\]"}
            fine = bool(re.fullmatch(told.get(tag, "(?!)"), value))
        elif tag in MATH_TAGS:
            fine = name in MATH_ATTRIBUTES and bool(re.fullmatch(r"[\w.# -]*", value))
        else:
            fine = (tag, name) in ATTRIBUTES and bool(re.fullmatch(r"[\w.#+-]*", value))
        if not fine:
            self.wrong.append(f"<{tag} {name}={value!r}>")

    def handle_startendtag(self, tag, attrs):
        self.wrong.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.wrong.append(f"<!--{data}")

    def handle_decl(self, decl):
        self.wrong.append(f"<!{decl}")

    def handle_pi(self, data):
        self.wrong.append(f"<?{data}")

    def unknown_decl(self, data):
        self.wrong.append(f"<![{data}")


def check(html: str) -> None:
    assert Checker(html).wrong == []
    assert clean(html) == html


@pytest.mark.parametrize(("name", "text"), [*ATTACKS, *PANEL_ATTACKS])
def test_hostile_pieces(name, text):
    for whole in (
        text,
        f"> {text}",
        f"- a\n\n{text}",
        f"|a|\n|-|\n|{text}|",
        f"**{text}** [{text}](https://a.b)",
        text * 3,
    ):
        html = rendered(whole)  # not one of them makes the parser stumble
        assert html == to_html(whole)
        check(html)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.8])
def test_hostile_pieces_cut(cut):
    for (_, one), (_, other) in zip(PANEL_ATTACKS, [*PANEL_ATTACKS[1:], *ATTACKS[:1]], strict=True):
        check(rendered(one[: int(len(one) * cut)] + other))


def test_there_are_enough_hostile_pieces():
    assert len(PANEL_ATTACKS) >= 100
    assert len({text for _, text in [*ATTACKS, *PANEL_ATTACKS]}) == len(ATTACKS) + len(PANEL_ATTACKS)


def test_the_checker_finds_what_is_live():
    for html in (
        IMG,
        f"<a href='{JS}'>x</a>",
        f"<p onclick={PWN}>x</p>",
        "<p id=x>y</p>",
        "<p class=jp-Cell>y</p>",
        "<p style='color:red'>y</p>",
        "<mi>x</mi>",
        "<math><mi style='background:url(https://a)'>x</mi></math>",
        "<math><annotation-xml></annotation-xml></math>",
        "<p>a",
        "<!-- a -->",
    ):
        assert Checker(html).wrong
        assert Checker(clean(html)).wrong == []


PIECES = st.sampled_from(
    "* ** _ ` `` ``` ~~~ ~~ $ $$ \\( \\) \\[ \\] \\begin{align} \\end{align} \\\\ \\text{ { } & < > <b> </p> <script> # - + 1. > | |-| "
    ":-: [ ] ]( ) ( ! ![ https://a.b javascript: \" ' \\ &lt; &#60; a б 😀 \u202e \0 \ud800 \r".split(" ")
)


@settings(max_examples=examples(400))
@given(st.lists(st.one_of(PIECES, st.sampled_from([" ", "\n", "\n\n", "    ", "\t"])), max_size=40))
def test_any_text(pieces):
    check(rendered("".join(pieces)))


ORDINARY = [
    ("", ""),
    (" \n\n ", ""),
    ("a", "<p>a</p>\n"),
    ("# a\n## b *c*\n###### d", "<h1>a</h1>\n<h2>b <em>c</em></h2>\n<h6>d</h6>\n"),
    ("a\n===\n\nb\n---", "<h1>a</h1>\n<h2>b</h2>\n"),
    (
        "**a** __b__ *c* _d_ ***e*** ~~f~~",
        "<p><strong>a</strong> <strong>b</strong> <em>c</em> <em>d</em> <em><strong>e</strong></em> <s>f</s></p>\n",
    ),
    ("snake_case_name 2*3*4 a \\* b", "<p>snake_case_name 2<em>3</em>4 a * b</p>\n"),
    ("a  \nb\\\nc\nd", "<p>a<br>\nb<br>\nc\nd</p>\n"),
    (
        "- a\n- b\n  - c\n    1. d",
        "<ul>\n<li>a</li>\n<li>b\n<ul>\n<li>c\n<ol>\n<li>d</li>\n</ol>\n</li>\n</ul>\n</li>\n</ul>\n",
    ),
    ("- a\n\n- b", "<ul>\n<li>\n<p>a</p>\n</li>\n<li>\n<p>b</p>\n</li>\n</ul>\n"),
    ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
    (
        "- [ ] a\n- [x] b\n- [y] c",
        (
            '<ul>\n<li class="qm-task"><input type="checkbox" disabled="" aria-label="to do"> a</li>\n'
            '<li class="qm-task"><input type="checkbox" disabled="" checked="" aria-label="done"> b</li>\n<li>[y] c</li>\n</ul>\n'
        ),
    ),
    ("> a\n> > b\n\nc", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n<p>c</p>\n"),
    ("a\n\n---\n\nb", "<p>a</p>\n<hr>\n<p>b</p>\n"),
    (
        "|a|b|c|d|\n|-|:-|:-:|-:|\n|1|`2`|**3**|4 \\| 5|",
        (
            '<table>\n<thead>\n<tr>\n<th>a</th>\n<th class="qm-left">b</th>\n<th class="qm-center">c</th>\n<th class="qm-right">d</th>\n'
            '</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td class="qm-left"><code>2</code></td>\n'
            '<td class="qm-center"><strong>3</strong></td>\n<td class="qm-right">4 | 5</td>\n</tr>\n</tbody>\n</table>\n'
        ),
    ),
    ("[a *b*](https://x.y/z?a=1&b=2)", f'<p><a href="https://x.y/z?a=1&amp;b=2" {A}>a <em>b</em></a></p>\n'),
    (
        '[a](https://x.y "title") [b]\n\n[b]: mailto:c@d.e',
        f'<p><a href="https://x.y" {A}>a</a> <a href="mailto:c@d.e" {A}>b</a></p>\n',
    ),
    ("[a](#b)", '<p><a href="#b" rel="noopener noreferrer">a</a></p>\n'),
    ("[a](HTTPS://X.y)", f'<p><a href="HTTPS://X.y" {A}>a</a></p>\n'),
    ("[a](/lab) [b](c.md)", "<p>[a](/lab) [b](c.md)</p>\n"),
    (
        "<https://a.b> <c@d.e>",
        f'<p><a href="https://a.b" {A}>https://a.b</a> <a href="mailto:c@d.e" {A}>c@d.e</a></p>\n',
    ),
    (
        "see https://a.b/c_(d)?e=f&g=h.",
        f'<p>see <a href="https://a.b/c_(d)?e=f&amp;g=h" {A}>https://a.b/c_(d)?e=f&amp;g=h</a>.</p>\n',
    ),
    (
        "(http://a.b/c), **https://d.e**",
        f'<p>(<a href="http://a.b/c" {A}>http://a.b/c</a>), <strong><a href="https://d.e" {A}>https://d.e</a></strong></p>\n',
    ),
    ("`https://a.b` http:// xhttps://a.b", "<p><code>https://a.b</code> http:// xhttps://a.b</p>\n"),
    (
        "![a](https://x.y/z.png) ![](https://x.y)",
        f'<p><a href="https://x.y/z.png" {A}>a</a> <a href="https://x.y" {A}>image</a></p>\n',
    ),
    ("[![a](https://x.y/z.png)](https://u.v)", f'<p><a href="https://u.v" {A}>a</a></p>\n'),
    ("<b>a</b> <c>a</c> &copy; &lt; AT&T", "<p><b>a</b> &lt;c&gt;a&lt;/c&gt; © &lt; AT&amp;T</p>\n"),
    ("`a <b> \\`", "<p><code>a &lt;b&gt; \\</code></p>\n"),
    ("    a\n    <b>", '<pre class="qm-pre"><code>a\n&lt;b&gt;\n</code></pre>\n'),
    ("```\n\n<b>\n\n```", '<pre class="qm-pre"><code>\n&lt;b&gt;\n\n</code></pre>\n'),
    ("```nosuch\n$x$ **a**\n```", '<pre class="qm-pre" data-language="nosuch"><code>$x$ **a**\n</code></pre>\n'),
    (
        "```{.python .x}\nNone\n```",
        '<pre class="qm-pre" data-language="python"><code><span class="tok-k">None</span>\n</code></pre>\n',
    ),
    (
        "```python\nNone",
        '<pre class="qm-pre" data-language="python"><code><span class="tok-k">None</span></code></pre>\n',
    ),
    ("- a\n  ```\n  b\n  ```", '<ul>\n<li>a<pre class="qm-pre"><code>b\n</code></pre>\n</li>\n</ul>\n'),
    ("Привет, **мир** — 你好 😀 العربية", "<p>Привет, <strong>мир</strong> — 你好 😀 العربية</p>\n"),
    ("a\0b \u202ec\ud800", "<p>a\ufffdb \ufffdc\ufffd</p>\n"),
    ("costs $5 and $10, or 5 $ or 6 $; $ 3 $", "<p>costs $5 and $10, or 5 $ or 6 $; $ 3 $</p>\n"),
    ("from $5-$10 to \\$x\\$", "<p>from $5-$10 to $x$</p>\n"),
    ("`$x$`", "<p><code>$x$</code></p>\n"),
]


@pytest.mark.parametrize(("text", "html"), ORDINARY)
def test_ordinary_markdown(text, html):
    assert to_html(text) == html
    check(html)


X = "<mi>x</mi>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("$x$", f'<p><span class="qm-math"><math>{X}</math></span></p>\n'),
        ("a \\(x\\) 10", f'<p>a <span class="qm-math"><math>{X}</math></span> 10</p>\n'),
        ("the $x$th", f'<p>the <span class="qm-math"><math>{X}</math></span>th</p>\n'),
        ("$$x$$", f'<div class="qm-math"><math display="block">{X}</math></div>\n'),
        ("$$\n\nx\n$$", f'<div class="qm-math"><math display="block">{X}</math></div>\n'),
        ("\\[\nx\n\\]", f'<div class="qm-math"><math display="block">{X}</math></div>\n'),
        ("a\n\\[ x \\]\nb", f'<p>a\n<span class="qm-math"><math display="block">{X}</math></span>\nb</p>\n'),
        ("- $$x$$", f'<ul>\n<li>\n<div class="qm-math"><math display="block">{X}</math></div>\n</li>\n</ul>\n'),
        ("**$x$**", f'<p><strong><span class="qm-math"><math>{X}</math></span></strong></p>\n'),
        (
            "$\\nosuch<b>$",
            '<p><span class="qm-math"><code class="qm-math-source">\\nosuch&lt;b&gt;</code></span></p>\n',
        ),
        (
            "$\\text{$",
            "<p>$\\text{$</p>\n".replace(
                "<p>$\\text{$</p>", '<p><span class="qm-math"><code class="qm-math-source">\\text{</code></span></p>'
            ),
        ),
    ],
)
def test_math(text, html):
    assert to_html(text) == html
    check(html)


@pytest.mark.parametrize(
    "latex",
    [
        "\\begin{align}a&=b\\\\c&=d\\end{align}",
        "\\begin{equation}\\begin{split}a&=b\\end{split}\\label{x}\\end{equation}",
        "\\begin{alignat}{2}a&=b\\end{alignat}",
        "\\begin{eqnarray*}a&=&b\\nonumber\\end{eqnarray*}",
        "\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}",
        "\\sum_{\\substack{i<n\\\\j}}^n \\frac{\\partial f}{\\partial x} \\mbox{where } \\widetilde{x}",
        "\\begin{cases}1&x>0\\\\0&\\text{otherwise}\\end{cases}",
        "\\boxed{\\text{\\textbf{a} \\textit{b}}}",
        "\\color{red}\\left.\\int_0^\\infty\\right|",
        "\\begin{array}{|c|c|}\\hline a&b\\\\\\hline\\end{array}",
        "x \\tag{7}",
    ],
)
def test_formulas_that_are_known(latex):
    html = to_html(f"$$\n{latex}\n$$")
    check(html)
    assert "<math" in html
    assert "qm-math-source" not in html
    assert "(1)" not in html  # numbers would begin anew in each formula
    assert ("(7)" in html) == ("tag" in latex)


def test_a_bare_environment():
    html = to_html("so\n\\begin{align}\na &= b\n\\end{align}\nand")
    assert re.fullmatch(r'<p>so</p>\n<div class="qm-math"><math display="block"><mtable .*</div>\n<p>and</p>\n', html)


def test_definitions_do_not_outlive_their_formula():
    assert mathml("\\gdef\\mine{x}\\mine", display=False) == f"<math>{X}</math>"
    assert "qm-math-source" in mathml("\\mine", display=False)


@pytest.mark.parametrize(
    "latex", ["x" * 5000, "\\sqrt{" * 300 + "}" * 300, "\\def\\a{" + "x" * 999 + "}" + "\\a" * 400]
)
def test_formulas_that_would_be_huge_stay_source(latex):
    assert mathml(latex, display=True).startswith("<code")


@pytest.mark.parametrize(
    ("language", "code", "marked"),
    [
        ("python", "def f(x):\n    return 'a'  # b", ["k:def", "nf:f", "s:'a'", "c:# b"]),
        ("py", "@a\nclass B(int): pass", ["nd:@a", "nf:B", "nb:int"]),
        ("JavaScript", "const a = `b${1}`; // c", ["k:const", "m:1", "c:// c"]),
        ("ts", "let a: number = 0x1F;", ["k:let", "m:0x1F"]),
        ("bash", 'for i in "$a"; do echo $i; done', ["k:for", "no:$i", "nb:echo"]),
        ("c++", "#include <a>\nint main() { return 0; }", ["nf:main", "k:return", "m:0"]),
        ("rust", 'fn main() { println!("{}", 1); }', ["k:fn", "nf:main", "m:1"]),
        ("go", "func main() { var x = nil }", ["k:func", "k:nil"]),
        ("java", "public class A { String s = null; }", ["nf:A", "k:null"]),
        ("sql", "SELECT a FROM b WHERE c = 'd'", ["k:SELECT", "s:'d'"]),
        ("html", '<p class="a">b</p>', ["nt:p", "na:class", 's:"a"']),
        ("json", '{"a": [1, true]}', ["m:1", "k:true"]),
        ("yaml", "a: 1 # b", ["c:# b"]),
        ("diff", "-a\n+b", ["s:-a", "m:+b"]),
        ("r", "f <- function(x) TRUE", ["k:function"]),
        ("console", "$ ls -l\na", ["c:$ "]),
        ("jsx", "const a = <b/>", ["k:const"]),
        ("dockerfile", "FROM a", ["k:FROM"]),
    ],
)
def test_code_in_colours(language, code, marked):
    html = to_html(f"```{language} title=x\n{code}\n```")
    check(html)
    found = [
        f"{name}:{unescape(text).strip(chr(10))}"
        for name, text in re.findall(r'<span class="tok-(\w+)">(.*?)</span>', html, re.DOTALL)
    ]
    for span in marked:
        assert any(
            part.split(":", 1)[0] == span.split(":", 1)[0] and span.split(":", 1)[1] in part for part in found
        ), (span, found)
    assert Checker(html).text == code + "\n\n"
    assert f'data-language="{language}"' in html


def test_every_language_and_alias_is_one_that_pygments_has():
    known = highlight._known()
    assert set(known.values()) >= highlight._LANGUAGES
    for own in set(known.values()):
        assert highlight._made(own)


@settings(max_examples=examples(100))
@given(st.sampled_from(sorted(highlight._LANGUAGES)), st.text("ab(){}<>\"'`\\/*#$=-:;\r\n\t é😀\ufeff", max_size=80))
def test_the_text_of_code_is_the_code(language, code):
    assert Checker(highlight.highlighted(code, language)).text == code


@pytest.mark.parametrize("code", ["x = 1\n" * 20_000, "a" * 3000])
def test_long_code_and_long_lines_have_no_colours(code):
    assert highlight.highlighted(code, "python") == code


def test_a_slow_lexer_is_left(monkeypatch):
    assert "tok-" in highlight.highlighted("x = 1", "python")
    monkeypatch.setattr(highlight, "_SECONDS", -1.0)
    assert highlight.highlighted("x = 1", "python") == "x = 1"


def test_plain_html():
    assert plain_html('<b> & "x"\r\n\0\u202e\ud800\n') == '&lt;b&gt; &amp; "x"\n\ufffd\ufffd\ufffd\n'


def test_overlong_text_is_plain():
    html = to_html("**a** <b>\n" * 25_000)
    assert html.startswith('<p class="qm-plain">**a** &lt;b&gt;\n**a**')
    check(html)


def test_what_the_parser_stumbles_over_is_plain(monkeypatch):
    def stumble(_: str) -> str:
        raise IndexError

    monkeypatch.setattr("qwen_magic.rendering.html.disambiguate", stumble)
    assert to_html("**a** <b>") == '<p class="qm-plain">**a** &lt;b&gt;</p>'


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "*a ",
        "**a",
        "`",
        "$",
        "$a ",
        "$$a\n",
        "\\begin{align}\n",
        "<",
        "- [ ] a\n",
        "> a\n",
        "|a|b|\n",
        "\\(",
        "https://a.b ",
        "https:(",
        "]: ",
        "~~a",
    ],
)
def test_no_text_takes_the_square_of_its_length(piece):
    def seconds(length: int) -> float:
        begin = time.process_time()
        rendered((piece * length)[:length])
        return time.process_time() - begin

    short = min(seconds(2_500) for _ in range(2))
    # sixteen times the text: 256 times the time, were it the square
    assert seconds(40_000) < 80 * max(short, 0.0025)
