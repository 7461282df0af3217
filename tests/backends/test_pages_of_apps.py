"""What a page does on Enter, told from small descriptions, and the visits in which servers hold conversations."""

from __future__ import annotations

from typing import Any

import pytest

from qwen_magic.backends.gradio.app import App
from qwen_magic.backends.gradio.endpoints import Step, Walk
from qwen_magic.backends.gradio.page import find_walk, step_of, targets
from qwen_magic.backends.gradio.visit import Visit
from qwen_magic.backends.gradio.visits import MOST_REPLAYED, Visits
from qwen_magic.messages import Message

BOX, CHAT, STATE, TEMPERATURE, SEND, CLEAR = range(6)
KINDS = {BOX: "textbox", CHAT: "chatbot", STATE: "state", TEMPERATURE: "slider", SEND: "button", CLEAR: "button"}
VALUES = {TEMPERATURE: 0.7, SEND: "Send", CLEAR: "Clear"}


def function(
    number: int, inputs: list[int], outputs: list[int], *, on: Any = (), after: int | None = None, **fields: Any
) -> dict[str, Any]:
    types = {"generator": fields.pop("streams", False), "cancel": fields.pop("cancel", False)}
    return {
        "id": number,
        "inputs": inputs,
        "outputs": outputs,
        "targets": [list(reversed(target)) for target in on],
        "trigger_after": after,
        "types": types,
        "backend_fn": fields.pop("backend", True),
        "api_name": fields.pop("name", f"f{number}"),
        **fields,
    }


def page(*functions: dict[str, Any], version: str = "4.44.1", kinds: dict[int, str] = KINDS) -> App:
    components = [{"id": i, "type": kind, "props": {"value": VALUES.get(i)}} for i, kind in kinds.items()]
    return App({"version": version, "protocol": "sse_v3", "components": components, "dependencies": functions}, None)


def walk_of(*functions: dict[str, Any], **more: Any) -> Walk:
    walk = find_walk(page(*functions, **more))
    assert walk is not None
    return walk


def numbers(walk: Walk) -> list[int]:
    return [step.fn_index for step in walk.steps]


SUBMIT = [("submit", BOX)]
ADD = function(0, [BOX, CHAT], [BOX, CHAT], on=SUBMIT, name="add_text")
ANSWER = function(1, [CHAT, TEMPERATURE], [CHAT], after=0, streams=True, name="bot")


def test_what_follows_on_enter_is_done_in_its_order() -> None:
    walk = walk_of(ADD, ANSWER)
    assert (walk.box, walk.display, walk.kind, walk.keeps) == (BOX, (CHAT,), "chatbot", False)
    assert numbers(walk) == [0, 1]
    assert walk.values[TEMPERATURE] == 0.7
    assert numbers(walk_of(ANSWER, ADD)) == [0, 1]  # whatever their order in the description


@pytest.mark.parametrize(
    "needless",
    [
        function(2, [], [BOX], after=1, name="focus"),
        function(2, [BOX], [SEND], on=[("change", BOX)], name="count"),
        function(2, [], [CHAT], on=[("click", CLEAR)], name="clear"),
        function(2, [], [], after=0, cancel=True),
        function(2, [], [SEND], after=0, backend=False),
    ],
    ids=["after", "change", "another button", "cancel", "of the page alone"],
)
def test_what_is_not_needed_for_the_answer_is_left(needless: dict[str, Any]) -> None:
    assert numbers(walk_of(ADD, ANSWER, needless)) == [0, 1]


def test_enter_is_rather_taken_than_a_button_and_a_question_than_anything_else() -> None:
    by_button = function(2, [BOX, CHAT], [CHAT], on=[("click", SEND)], streams=True, name="bot_button")
    assert numbers(walk_of(by_button, ADD, ANSWER)) == [0, 1]
    retry = function(3, [BOX, CHAT], [CHAT], on=[("click", CLEAR)], streams=True, name="retry")
    assert numbers(walk_of(retry, by_button)) == [2]
    assert find_walk(page(retry)) is None


@pytest.mark.parametrize("name", ["clear_history", "undo_last", "regenerate", "清空历史", "очистить", "export_chat"])
def test_what_is_no_question_is_never_asked(name: str) -> None:
    assert find_walk(page(function(0, [BOX, CHAT], [CHAT], on=[("click", SEND)], name=name))) is None


def test_a_state_that_a_step_reads_as_the_last_left_it_is_the_conversation() -> None:
    one = function(0, [BOX, STATE], [CHAT, STATE], on=SUBMIT, streams=True)
    assert walk_of(one).keeps is True
    assert walk_of(one).steps[0].states == {STATE}
    begin = function(0, [BOX], [STATE], on=SUBMIT)
    then = function(1, [STATE], [CHAT], after=0, streams=True)
    assert numbers(walk_of(begin, then)) == [0, 1]
    assert walk_of(begin, then).keeps is False  # it is written anew by each question
    saved = function(2, [CHAT, STATE], [STATE], after=1)
    assert walk_of(begin, then, saved).keeps is False


def test_what_a_page_loads_is_run_where_the_steps_need_it() -> None:
    one = function(0, [BOX, STATE], [CHAT, STATE], on=SUBMIT, streams=True)
    opened = function(1, [], [STATE], on=[("load", None)])
    banner = function(2, [], [SEND], on=[("load", None)])
    walk = walk_of(one, opened, banner)
    assert [step.fn_index for step in walk.loads] == [1]


def test_functions_of_one_event_see_the_page_as_it_was() -> None:
    """Two functions start at once: what the first writes is not what the second reads, so it is not needed."""
    count = function(0, [BOX], [TEMPERATURE], on=SUBMIT)
    answer = function(1, [BOX, TEMPERATURE], [CHAT], on=SUBMIT, streams=True)
    assert numbers(walk_of(count, answer)) == [1]


def test_a_page_without_an_answer_or_without_a_box_has_no_walk() -> None:
    assert find_walk(page()) is None
    assert find_walk(page(function(0, [TEMPERATURE], [CHAT], on=[("click", SEND)]))) is None
    assert find_walk(page(function(0, [BOX], [SEND], on=SUBMIT))) is None


def test_a_chat_drawn_as_html_from_a_state_cannot_be_read() -> None:
    kinds = {**KINDS, CHAT: "html"}
    assert find_walk(page(function(0, [BOX, STATE], [CHAT, STATE], on=SUBMIT), kinds=kinds)) is None
    assert walk_of(function(0, [BOX], [CHAT], on=SUBMIT), kinds=kinds).kind == "html"


def test_functions_that_follow_each_other_in_a_circle_end() -> None:
    first = function(0, [BOX, CHAT], [CHAT], on=SUBMIT, streams=True)
    second = function(1, [CHAT], [CHAT], after=2)
    third = function(2, [CHAT], [CHAT], after=1)
    assert numbers(walk_of(first, second, third)) == [0]
    itself = function(0, [BOX, CHAT], [CHAT], on=SUBMIT, streams=True)
    assert numbers(walk_of(itself, function(1, [CHAT], [CHAT], after=0), function(2, [CHAT], [CHAT], after=1))) == [
        0,
        1,
        2,
    ]


def test_targets_of_all_versions() -> None:
    assert targets({"targets": [[3, "submit"], [4, "click"]]}) == [("submit", 3), ("click", 4)]
    assert targets({"targets": [3], "trigger": "click"}) == [("click", 3)]
    assert targets({"targets": [[None, "load"]]}) == [("load", None)]
    assert targets({}) == []
    assert targets({"targets": [[], "x", None]}) == []


def test_a_step_says_how_it_is_called() -> None:
    step = step_of(page(ADD), ADD)
    assert step == Step(0, "/add_text", (BOX, CHAT), (BOX, CHAT), frozenset(), BOX, "sse_v3")


TURNS = [Message("user", "one"), Message("assistant", "first"), Message("user", "two")]
KEEPING = Walk(BOX, (CHAT,), "chatbot", (), (), keeps=True)


def asked(count: int) -> list[Message]:
    earlier = [turn for n in range(count) for turn in (Message("user", f"q{n}"), Message("assistant", f"a{n}"))]
    return [*earlier, Message("user", "now")]


def test_a_visit_that_holds_the_conversation_goes_on() -> None:
    visits = Visits()
    visit = Visit(app_id="1")
    visits.keep(TURNS[:-1], visit)
    trimmed = [Message("user", " one\n"), *TURNS[1:]]
    course = visits.course(KEEPING, trimmed, "1")
    assert (course.visit, course.goes_on, course.whole, course.repeated) == (visit, True, False, ())
    again = visits.course(KEEPING, TURNS, "1")  # it went on elsewhere: it does not hold these turns any more
    assert again.visit is not visit
    assert [turn.text for turn in again.repeated] == ["one"]


def test_a_server_that_was_started_anew_is_told_the_conversation_again() -> None:
    visits = Visits()
    visits.keep(TURNS[:-1], Visit(app_id="1"))
    course = visits.course(KEEPING, TURNS, "2")
    assert (course.goes_on, [turn.text for turn in course.repeated]) == (False, ["one"])
    assert course.visit.app_id == "2"


def test_few_earlier_questions_are_asked_again_and_many_are_put_in_front() -> None:
    few = Visits().course(KEEPING, asked(MOST_REPLAYED), "")
    assert [turn.text for turn in few.repeated] == [f"q{n}" for n in range(MOST_REPLAYED)]
    assert few.whole is False
    many = Visits().course(KEEPING, asked(MOST_REPLAYED + 1), "")
    assert (many.repeated, many.whole) == ((), True)


def test_without_a_state_each_question_is_a_visit_of_its_own() -> None:
    visits = Visits()
    visits.keep(TURNS[:-1], Visit())
    course = visits.course(Walk(BOX, (CHAT,), "chatbot", (), ()), TURNS, "")
    assert (course.whole, course.repeated, course.goes_on) == (True, (), False)
    assert visits.take(TURNS[:-1]) is not None  # it was left where it was


def test_the_visit_that_was_used_longest_ago_is_let_go() -> None:
    visits = Visits()
    for number in range(20):
        visits.keep([Message("user", str(number))], Visit(app_id=str(number)))
    assert visits.take([Message("user", "0")]) is None
    last = visits.take([Message("user", "19")])
    assert last is not None
    assert last.app_id == "19"


def test_roles_and_texts_are_not_mixed_up() -> None:
    visits = Visits()
    visits.keep([Message("user", "a"), Message("assistant", "b")], Visit())
    assert visits.take([Message("user", "a"), Message("user", "b")]) is None
    assert visits.take([Message("user", "a b")]) is None
    assert visits.take([Message("user", "a"), Message("assistant", "b")]) is not None


@pytest.mark.parametrize(
    ("returned", "stands"),
    [
        ([["x", "y"]], ["x", "y"]),
        ([{"__type__": "update", "value": "new"}], "new"),
        ([{"__type__": "update", "interactive": False}], "before"),
        ([{"value": 1}], {"value": 1}),
    ],
)
def test_what_a_function_returns_stands_in_the_page(returned: list[Any], stands: Any) -> None:
    visit = Visit(values={CHAT: "before", STATE: "kept"})
    visit._take(Step(0, "", (), (CHAT, STATE), frozenset({STATE})), [*returned, "of the server"])
    assert visit.values == {CHAT: stands, STATE: "kept"}
    visit._take(Step(0, "", (), (CHAT, STATE)), [])
    assert visit.values == {CHAT: stands, STATE: "kept"}
