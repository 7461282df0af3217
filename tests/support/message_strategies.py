"""Messages of all roles with all kinds of part, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from qwen_magic.messages import File, Image, Message, Part, Text, ToolCall, ToolResult

ODD = [
    "",
    "\n",
    "```\nopen",
    "</details> <script>",
    "<!-- -- -->",
    "> quoted",
    "a\r\nb\rc",
    "😀 \\u002d --",
    "nul \0",
    "](x) ![",
    "%%qwen\nx",
]
TEXTS = st.text(max_size=30) | st.sampled_from(ODD)
URLS = st.sampled_from(["https://example.org/cat.png", "http://[::1]:1/a_b?c=%20#--", "https://example.org/*x*<b>"])
DETAILS = st.sampled_from(["", "low", "high", "auto", "odd"])
MIMES = st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/x-odd.thing"])
BYTES = st.binary(min_size=1, max_size=60)


def images(names: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Image]:
    given = st.builds(Image, BYTES, MIMES, names, detail=DETAILS)
    return given | st.builds(Image, name=names, url=URLS, detail=DETAILS)


def files(names: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[File]:
    return st.builds(File, BYTES | st.just(b""), st.sampled_from(["text/csv", "application/pdf"]), names)


CALLS = st.builds(ToolCall, TEXTS, TEXTS, TEXTS | st.just('{"city": "Rome"}'))
RESULTS = st.builds(ToolResult, TEXTS, TEXTS, TEXTS, st.booleans())
BARE_RESULTS = st.builds(ToolResult, TEXTS, TEXTS)
PARTS: st.SearchStrategy[Part] = st.builds(Text, TEXTS) | images() | files() | CALLS | RESULTS


@st.composite
def messages(draw: st.DrawFn, role: str = "", *, bare: bool = False) -> Message:
    """Draw a message; a bare one has nothing for which OpenAI's form has no room."""
    role = role or draw(st.sampled_from(["system", "user", "assistant", "tool"]))
    media = images(st.just("") if bare else TEXTS) | files()
    text = st.builds(Text, TEXTS)
    if role == "tool":
        result = draw(BARE_RESULTS if bare else RESULTS)
        return Message("tool", parts=[*draw(st.lists(media, max_size=2)), result])
    kinds = {"system": text, "user": text | media, "assistant": text | media | CALLS}
    return Message(role, parts=draw(st.lists(kinds[role], max_size=4)))  # type: ignore[arg-type]


STEPS = st.lists(messages("assistant") | messages("tool"), max_size=4).map(tuple)
PROMPTS = messages("user")
