"""Ten more sessions whose last cell fails, as it happens to beginners; see `failing_cells`."""

from __future__ import annotations

from failing_cells import SESSIONS as OTHERS
from failing_cells import Session

_PEOPLE = "people = [{'name': 'Ann', 'age': 31}, {'name': 'Bob', 'age': 27}]"

SESSIONS = (
    Session("text_and_number", ("age = 31", "line = 'Age: ' + age"), "TypeError", "line == 'Age: 31'"),
    Session(
        "method_of_a_list",
        ("names = ['Ann', 'Bob']", "names.push('Eve')"),
        "AttributeError",
        "names == ['Ann', 'Bob', 'Eve']",
    ),
    Session("misspelt_key", (_PEOPLE, "ages = [person['agee'] for person in people]"), "KeyError", "ages == [31, 27]"),
    Session("an_open_bracket", ("total = sum([1, 2, 3]\nprint(total)",), "SyntaxError", "total == 6"),
    Session(
        "indentation",
        ("def double(x):\nreturn 2 * x\n\nresult = double(4)",),
        "IndentationError",
        "result == 8",
    ),
    Session("a_decimal_as_int", ("text = '3.7'", "number = int(text)"), "ValueError", "number in (3, 3.7, 4)"),
    Session("nothing_returned", ("numbers = [3, 1, 2]", "first = numbers.sort()[0]"), "TypeError", "first == 1"),
    Session(
        "a_module_not_imported", ("radius = 2", "area = math.pi * radius ** 2"), "NameError", "round(area, 2) == 12.57"
    ),
    Session("a_tuple_changed", ("point = (1, 2)", "point[0] = 5\nprint(point)"), "TypeError", "tuple(point) == (5, 2)"),
    Session(
        "comparison",
        ("limit = '10'\nvalues = [4, 12, 9]", "small = [v for v in values if v < limit]"),
        "TypeError",
        "small == [4, 9]",
    ),
)
ALL = (*OTHERS, *SESSIONS)
"""Twenty sessions in all."""
