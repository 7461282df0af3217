"""A session that records and replays, in each mode."""

from __future__ import annotations

from typing import get_args

import pytest
from recordings import ASKED, DATE, recorded, reply

from qwen_magic.chat.modes import MODES
from qwen_magic.errors import ReplayError, UsageError
from qwen_magic.replay import Mode, Replay, difference
from qwen_magic.replay.file import ReplayFile


@pytest.fixture
def session(path):
    return Replay(ReplayFile(path))


def test_the_modes(session):
    assert set(get_args(Mode)) == set(MODES)
    for mode in MODES:
        if mode != "only":
            assert session.look_up(mode, "a", "p", "In[1]") is None
    for mode in ("off", "only"):
        session.keep(mode, "a", reply())
    assert session.file.entries() == []
    session.keep("on", "a", reply())
    for mode in MODES:
        found = session.look_up(mode, "a", "p", "In[1]")
        assert (found is not None) == (mode in ("on", "only"))
    assert not session.keep("fresh", "a", reply())
    assert session.keep("fresh", "a", reply("another"))
    assert session.look_up("on", "a", "p", "In[1]").text == "another"


def test_the_same_question_in_two_cells_has_the_same_answer(session):
    session.keep("on", "a", reply(), "cell 1")
    assert session.look_up("on", "a", "p", "In[2]") == session.look_up("on", "a", "p", "In[9]")


def test_only_without_an_answer_names_the_cell(session):
    with pytest.raises(ReplayError) as caught:
        session.look_up("only", "a", "\nCount from one\x1b[31m to ten.\nSlowly.", "In[3]")
    assert str(caught.value) == (
        "In[3] has no recorded answer: Count from one to ten. Run it once with replay on, and without QWEN_REPLAY=only."
    )
    session.keep("on", "b", reply())
    with pytest.raises(ReplayError, match=r"recorded \(20.+Z, local\), but with another target, conv"):
        session.look_up("only", "a", ASKED[1].content, "In[3]")
    assert session.used == {"b"}


@pytest.mark.parametrize("reason", ["interrupted", "error"])
def test_what_did_not_come_to_its_end_is_not_recorded(session, reason):
    session.keep("on", "a", reply(finish_reason=reason))
    session.keep("fresh", "b", reply(recorded=DATE))
    assert session.file.entries() == []
    session.keep("on", "c", reply(finish_reason="length"))
    assert [entry.finish_reason for entry in session.file.entries()] == ["length"]


def test_status_names_what_was_not_used(session, path):
    assert session.status_lines() == ["nb.qwen.jsonl: no answers yet"]
    file = ReplayFile(path)
    for key in "abc":
        file.record(recorded(key, prompt=f"Question {key}?\nAnd more."))
    assert session.look_up("on", "b", "p", "In[1]")
    assert session.status_lines() == [
        "nb.qwen.jsonl: 3 answers, 1 used in this session",
        f"not used: {DATE} qwen-2-72b  Question a?",
        f"not used: {DATE} qwen-2-72b  Question c?",
    ]


def test_prune_keeps_what_the_session_used(session, path):
    file = ReplayFile(path)
    for key in "abc":
        file.record(recorded(key))
    with pytest.raises(UsageError, match="Run the whole notebook with replay on first"):
        session.prune()
    session.look_up("only", "a", "p", "In[1]")
    session.keep("on", "d", reply())
    assert [entry.key for entry in session.prune()] == ["b", "c"]
    assert [entry.key for entry in file.entries()] == ["a", "d"]


def test_diff_shows_how_fresh_answers_differ(session):
    session.keep("on", "same", reply("one\n"))
    session.keep("on", "a", reply("one\ntwo\nthree"))
    assert session.diff_lines() == []
    session.keep("fresh", "same", reply("one\n"))
    session.keep("fresh", "a", reply("one\n2\nthree"))
    session.keep("fresh", "a", reply("one\nzwei\nthree"))  # twice: from the first to the last
    assert [(old.text, new.text) for old, new in session.renewed] == [("one\ntwo\nthree", "one\nzwei\nthree")]
    title, *lines = session.diff_lines()
    assert title == "Why is the sky blue?"
    assert lines[0].startswith("--- 20")
    assert lines[1].startswith("+++ 20")
    assert lines[1].endswith("Z local")
    assert lines[2:] == ["@@ -1,3 +1,3 @@", " one", "-two", "+zwei", " three"]
    session.keep("fresh", "a", reply("one\ntwo\nthree"))
    assert session.renewed == []
    assert difference(recorded(text="x"), recorded(text="x", date="2027-01-01T00:00:00Z")) == []
