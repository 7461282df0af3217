"""The options of a line: what they are read as, and what is said of wrong ones."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import UsageError
from qwen_magic.notebook.commands.help import help_text
from qwen_magic.notebook.commands.table import COMMANDS, GROUPS
from qwen_magic.notebook.options import OPTIONS, USAGE, Options, cell_options, read_options, read_words
from qwen_magic.notebook.row_options import ROW_FIELDS
from qwen_magic.parameters import NAMES, laid_over, to_parameters


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("", {}),
        ("--temperature 0.5 --top-p=1 --max-tokens 20", {"temperature": 0.5, "top_p": 1.0, "max_tokens": 20}),
        ("--top-k 40 --seed 0", {"top_k": 40, "seed": 0}),
        ("--min-p 0.05 --repetition-penalty=1.1", {"min_p": 0.05, "repetition_penalty": 1.1}),
        ("--presence-penalty -1 --frequency-penalty -.5", {"presence_penalty": -1.0, "frequency_penalty": -0.5}),
        ("--presence-penalty=-1e-3", {"presence_penalty": -0.001}),
        ("--frequency-penalty -1e-3", {"frequency_penalty": -0.001}),
        ("--stop END", {"stop": ["END"]}),
        ("--stop END --stop 'the end' --stop=\"a b\"", {"stop": ["END", "the end", "a b"]}),
        (r'--stop "\n" --stop \t --stop "a\\nb"', {"stop": ["\n", "\t", r"a\nb"]}),
        ("--stop --- --stop -t", {"stop": ["---", "-t"]}),
        (r'--stop "a \"word\"" --stop \"', {"stop": ['a "word"', '"']}),
        ("--think", {"thinking": True}),
        ("--no-think --max-tokens 5", {"thinking": False, "max_tokens": 5}),
        ("--think --think-budget 100", {"thinking": True, "thinking_budget": 100}),
        ("--think --no-think", {"thinking": False}),
        ("""--extra '{"a": 1, "b": {"c": [true, null]}}'""", {"extra": {"a": 1, "b": {"c": [True, None]}}}),
        (r"""--extra "{\"a\": \"x y\"}" --seed 1""", {"extra": {"a": "x y"}, "seed": 1}),
        (r"""--extra='{"a": "it \"is\""}'""", {"extra": {"a": 'it "is"'}}),
    ],
)
def test_parameters(line: str, parameters: dict[str, Any]) -> None:
    options = cell_options(line)
    assert options.parameters == parameters
    assert (options.target, options.system, options.output, options.format) == (None, None, None, None)
    to_parameters(dict(options.parameters))


def test_what_is_no_parameter() -> None:
    options = cell_options("-t local:C:\\models\\a.gguf --system 'be \"short\"' -o x --format=text")
    assert options.target == "local:C:\\models\\a.gguf"
    assert (options.system, options.output, options.format) == ('be "short"', "x", "text")
    assert cell_options('-t "local:/my models/a.gguf"').target == "local:/my models/a.gguf"
    assert cell_options("-t local:/my\\ models/a.gguf").target == "local:/my models/a.gguf"
    assert cell_options("-s ''").system == ""


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("why is the sky blue?", "why is the sky blue?"),
        ("--think why?", "why?"),
        ("--no-think --seed 1   what's  {this} $that -t none ", "what's  {this} $that -t none"),
        ("-5 plus 3?", "-5 plus 3?"),
        ("- a point", "- a point"),
        ("--seed 1 -- -t what?", "-t what?"),
        ("--stop ' ' it's", "it's"),
        ("--stop=a\"b c\"d 'quoted'", "'quoted'"),
        ("", ""),
    ],
)
def test_the_rest_is_the_prompt(line: str, rest: str) -> None:
    assert read_options(line)[1] == rest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--max-tokens", ["--max-tokens", "needs a value, N"]),
        ("--max-tokens many", ["--max-tokens 'many'", "whole number"]),
        ("--max-tokens 1.5", ["'1.5'", "whole number"]),
        ("--temperature hot", ["--temperature 'hot'", "number"]),
        ("--min-p much", ["--min-p 'much'", "number"]),
        ("--min-k 1", ["no option --min-k", "Did you mean --min-p?"]),
        ("-f image", ["'image'", "markdown, text"]),
        ("-o 1x", ["'1x'", "variable"]),
        ("--max-token 5", ["no option --max-token", "Did you mean --max-tokens?"]),
        ("--think=yes", ["--think takes no value"]),
        ("--stop ''", ["--stop ''", "give a text"]),
        ("--model gpt", ["no option --model", "-t openai:URL#MODEL"]),
        ("-s 'open", ["quotation mark on the %qwen line is not closed"]),
        ("-s don't", ["quotation mark on the %qwen line is not closed"]),
        ("a prompt", ["'a prompt'", "below that line"]),
        ("--think a prompt", ["'a prompt'", "below that line"]),
        ("""--extra '{"a": 1,, "b": 2}'""", ["--extra:", "at character 9", """', "b": 2}'"""]),
        ("--extra {'a':1}", ["--extra:", "at character 2", "'a:1}'"]),
        ("--extra '{\"a\": '", ["at character 7, its end"]),
        ("--extra [1]", ["--extra:", "JSON object"]),
    ],
)
def test_wrong_lines(line: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        cell_options(line)
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said
    assert USAGE not in said, "the useful part stands alone"


def test_only_what_is_allowed() -> None:
    assert read_options("-t local x", ("target",))[0].target == "local"
    with pytest.raises(UsageError, match="no option --seed"):
        read_options("--seed 1", ("target",))


@given(st.text(st.characters(exclude_characters="\\\n\r", exclude_categories=["Cs"]), min_size=1))
def test_a_value_as_a_shell_quotes_it(text: str) -> None:
    options, rest = read_options(f"--stop {shlex.quote(text)} --system {shlex.quote(text)} the prompt")
    assert options.parameters["stop"] == [text]
    assert options.system == text
    assert rest == "the prompt"


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    said, rest = "", ""
    try:
        _, rest = read_options(line)
    except UsageError as error:
        said = str(error)
    assert "\n" not in said
    assert line.rstrip().endswith(rest)


@pytest.mark.parametrize(
    ("settings", "line", "found"),
    [
        ({"seed": 1, "stop": None}, {}, {"seed": 1}),
        ({"seed": 1, "stop": ["a"]}, {"seed": 2, "stop": ["b"]}, {"seed": 2, "stop": ["b"]}),
        ({"thinking_budget": 9}, {"thinking": False}, {"thinking": False}),
        ({"thinking_budget": 9}, {"thinking": True}, {"thinking": True, "thinking_budget": 9}),
        ({"thinking": False}, {"thinking_budget": 9}, {"thinking_budget": 9}),
        ({"thinking": False, "thinking_budget": 9}, {}, {"thinking": False}),
        ({"temperature": 0.0}, {"temperature": 0}, {"temperature": 0}),
    ],
)
def test_a_line_goes_before_the_settings(settings: dict[str, Any], line: dict[str, Any], found: dict[str, Any]) -> None:
    assert laid_over(settings, line) == found
    to_parameters(found)


def test_a_line_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="thinking is off"):
        to_parameters(laid_over({}, cell_options("--no-think --think-budget 5").parameters))


def test_where_and_how_a_question_is_asked() -> None:
    options = cell_options("-c 'my plan' --context 3 --raw -n --dry-run --redact --append xs")
    assert (options.conversation, options.context, options.append) == ("my plan", 3, "xs")
    assert (options.raw, options.next, options.dry_run, options.redact) == (True, True, True, True)
    assert (options.new, options.alone, options.replace, options.replay) == (False, False, False, None)
    assert cell_options("--new --replace").new
    assert cell_options("--alone").alone


@pytest.mark.parametrize(("line", "mode"), [("--replay", "on"), ("--replay=only", "only"), ("--replay --raw", "on")])
def test_an_option_whose_value_may_be_left_out(line: str, mode: str) -> None:
    assert cell_options(line).replay == mode


def test_a_prompt_after_an_option_without_value() -> None:
    options, prompt = read_options("--replay only this")
    assert (options.replay, prompt) == ("on", "only this")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--new --alone", "--new and --alone contradict"),
        ("-c x --alone", "--conversation and --alone contradict"),
        ("-c x --new", "--conversation and --new contradict"),
        ("-n --replace", "--next and --replace contradict"),
        ("--context few", "give a number of cells"),
        ("--context -1", "give a number of cells"),
        ("-c ''", "give a name"),
        ("-f image", "give markdown, text, code, json, html or math"),
        ("--replay=never", "give on, only, fresh or off"),
        ("--raw=1", "--raw takes no value"),
    ],
)
def test_what_does_not_go_together(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        cell_options(line)
    assert said in str(caught.value)


def test_words() -> None:
    assert read_words(r"""a 'b c' "d e" f\ g""") == ["a", "b c", "d e", "f g"]
    assert read_words("") == []
    with pytest.raises(UsageError):
        read_words("'a")


def test_every_parameter_has_an_option() -> None:
    assert {option.name for option in OPTIONS} - {item.name for item in fields(Options)} - set(ROW_FIELDS) == set(NAMES)


def test_help_is_readable_and_whole() -> None:
    lines = help_text(GROUPS, everything=True).splitlines()
    assert max(map(len, lines)) <= 120
    for option in OPTIONS:
        assert any(line.startswith(f"  {', '.join(option.flags)}") for line in lines)
    for name in COMMANDS:
        assert any(line.startswith(f"  %qwen {name}".rstrip()) for line in lines)


def test_the_short_help_has_what_is_usual() -> None:
    lines = help_text(GROUPS).splitlines()
    assert max(map(len, lines)) <= 100
    options = lines[lines.index("Options") + 1 :]
    options = options[: options.index("")]
    assert len(options) <= 15
    assert [line.split()[0].rstrip(",") for line in options] == [
        option.flags[0] for option in OPTIONS if option.level == "usual"
    ]
    for flag in ("-t", "-s", "-o", "-f", "-n", "-c", "--new", "--context", "--dry-run", "--max-tokens", "--think"):
        assert any(line.split()[0].rstrip(",") == flag for line in options), flag
    commands = [line for line in lines if line.startswith("  %qwen ")]
    assert len(commands) <= 14
    assert sum(1 for command in COMMANDS.values() if command.level == "usual") == len(commands)
    assert any("%qwen help all" in line and str(len(OPTIONS) - len(options)) in line for line in lines)


def test_the_options_of_the_parameters_stand_in_the_order_of_the_help() -> None:
    order = [
        "--temperature",
        "--top-p",
        "--top-k",
        "--min-p",
        "--max-tokens",
        "--seed",
        "--stop",
        "--presence-penalty",
        "--frequency-penalty",
        "--repetition-penalty",
        "--think",
        "--no-think",
        "--think-budget",
        "--extra",
    ]
    names = [option.flags[-1] for option in OPTIONS]
    assert [name for name in names[names.index("--temperature") :] if name in order] == order  # others may join
