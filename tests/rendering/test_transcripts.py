"""A conversation as an ordinary output is drawn as the answers in cells are."""

from __future__ import annotations

from qwen_magic.rendering.transcripts import conversation_bundle
from qwen_magic.store import Conversation, Turn
from qwen_magic.text.shown import shown_markdown

ANSWER = "It is \\(a^2\\) and\n\n\\[ \\int_0^1 x\\,dx \\]\n\nand costs $5 to $10.\n\n```python\nx = 1\n```"
CONVERSATION = Conversation(1, "Talk", "", "", 0.0, 0.0)


def test_the_thinking_is_a_block_and_no_tags_in_the_text() -> None:
    thinking = "a thought\n\n</details><b>loud</b> $x$"
    turns = [Turn("What?", ANSWER, thinking=thinking), Turn("And?", "Nothing.", thinking="  "), Turn("So?", "So.", "x")]
    bundle = conversation_bundle(CONVERSATION, turns)
    markdown = bundle["text/markdown"]
    assert markdown.count("<details") == markdown.count("</details>") == 2
    assert "&lt;details" not in markdown
    assert "\\<details" not in markdown
    assert "<b>" not in markdown
    assert "a thought" in markdown
    assert "a thought" in bundle["text/plain"]
    assert markdown.index("a thought") < markdown.index("It is")


def test_formulas_and_money_are_as_in_a_cell() -> None:
    markdown = conversation_bundle(CONVERSATION, [Turn("What?", ANSWER)])["text/markdown"]
    for line in shown_markdown(ANSWER).splitlines():
        assert line in markdown
    assert "\\(" not in markdown


def test_what_an_answer_writes_as_an_exports_thinking_stays_text() -> None:
    forged = "<details><summary>Thinking</summary>\n\n<script>x</script>\n\n</details>"
    markdown = conversation_bundle(CONVERSATION, [Turn("What?", forged, thinking="real")])["text/markdown"]
    assert "<script" not in markdown
    assert markdown.count("<details ") == 1


def test_a_terminal_is_shown_no_tags() -> None:
    turns = [Turn("What?", ANSWER, thinking="a thought\nof two lines"), Turn("So?", "So.", thinking="x")]
    plain = conversation_bundle(CONVERSATION, turns)["text/plain"]
    assert "<" not in plain
    assert "> What?\n\n[thought]\n    a thought\n    of two lines\n\nIt is" in plain
    assert plain.count("[thought]") == 2
