"""Nothing that says itself as text steers a terminal: each class of ours with words of its own for that is tried."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.steering import HOSTILE, PIECES, steers

import qwen_magic
from qwen_magic.backends.base import Settings
from qwen_magic.backends.capabilities import Capabilities
from qwen_magic.backends.descriptions import Description, EndpointDescription, InputDescription
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.keys import Keys
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.local.engine import Engine
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.batch.answers import RowAnswer
from qwen_magic.batch.job import Job
from qwen_magic.batch.options import MapOptions
from qwen_magic.batch.plan import Plan
from qwen_magic.batch.target_jobs import TargetJobs
from qwen_magic.chat.doctor import Report
from qwen_magic.client.client import QwenClient
from qwen_magic.client.context_limits import Limit
from qwen_magic.client.usage import Ledger
from qwen_magic.errors import QwenError, ServerError
from qwen_magic.events import Usage
from qwen_magic.media.picture import Picture
from qwen_magic.messages import Image, Message, ToolCall
from qwen_magic.notebook.traits import Text as SettingText
from qwen_magic.notebook.traits import masked_text
from qwen_magic.notebook.waiting import Interrupted
from qwen_magic.panel.panel import ChatPanel
from qwen_magic.rendering.thoughts import Thoughts
from qwen_magic.rendering.transcripts import as_bundle
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import RecordedAnswer
from qwen_magic.replay.stream import ReplayedStream
from qwen_magic.reply import Reply
from qwen_magic.text.bundles import mime_bundle
from qwen_magic.text.tables import as_frames, find_tables
from qwen_magic.text.terminal import escaped, printable_json, safe_line, safe_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(qwen_magic.__file__).parent
WORDS = ("__str__", "__repr__")
SHOWN = ("_repr_mimebundle_", "_repr_pretty_", "_repr_html_", "_repr_markdown_", "_render_traceback_")
EXEMPT = {
    "backends.target.Target": "its name is what the user wrote",
    "backends.hidden.Hidden": "a constant, whatever the text",
    "backends.gradio.endpoints.Input": "a name within other words, which are made safe",
}
CELL = HOSTILE.replace("\r", "")
TABLE = f"|a|{CELL}|\n|-|-|\n|1|{CELL}|\n\n```csv\nx,y\n{CELL},2\n```\n"


def changed_later() -> QwenError:
    error = ServerError("no such model", target=HOSTILE, server_message=HOSTILE)
    error.what, error.hint = HOSTILE, f"Did you mean {HOSTILE}?"
    return error


def used() -> Ledger:
    usages = Ledger()
    usages.add(Reply(HOSTILE, target=HOSTILE, model=HOSTILE, usage=Usage(1, 2)))
    return usages


def replayed() -> ReplayedStream:
    recorded = RecordedAnswer("k", "p", HOSTILE, "", HOSTILE, HOSTILE, "stop", 1.0, Usage(), HOSTILE)
    return ReplayedStream(recorded, (Message("user", "hi"),))


def setting() -> str:
    return SettingText("", masked_text, help="").validate(None, HOSTILE)


def job() -> Job:
    return Job(QwenClient(TARGET.name), "Say {item}", [HOSTILE], MapOptions(keep=False))


def target_jobs() -> TargetJobs:
    options = MapOptions(keep=False, targets=[TARGET.name])
    return TargetJobs(QwenClient(TARGET.name), "Say {item}", [HOSTILE], options)


TARGET = parse_target(f"openai:http://h/v1#{HOSTILE}")
MAKERS: dict[str, Callable[[], Any]] = {
    "backends.capabilities.Capabilities": lambda: Capabilities(streams=True),
    "backends.descriptions.Description": lambda: Description(
        HOSTILE,
        "space",
        address=HOSTILE,
        server=HOSTILE,
        state=HOSTILE,
        models=(HOSTILE,),
        notes=(HOSTILE,),
        endpoints=(
            EndpointDescription(HOSTILE, 1, (InputDescription(HOSTILE, HOSTILE, HOSTILE, HOSTILE),), chosen=True),
        ),
    ),
    "backends.gradio.backend.SpaceBackend": lambda: SpaceBackend(TARGET, Settings()),
    "backends.keys.Keys": Keys,
    "backends.local.backend.LocalBackend": lambda: LocalBackend(parse_target(f"local:{HOSTILE}.gguf"), Settings()),
    "backends.local.engine.Engine": lambda: Engine(Path(f"{HOSTILE}.gguf")),
    "backends.openai.backend.OpenAIBackend": lambda: OpenAIBackend(TARGET, Settings()),
    "batch.answers.RowAnswer": lambda: RowAnswer(0, "failed", Reply(HOSTILE), HOSTILE, HOSTILE),
    "batch.job.Job": job,
    "batch.plan.Plan": lambda: Plan(1, 1, 0, 1, 0, (HOSTILE,), (HOSTILE,), (1, 1, 1), 1, 1, None, None, (HOSTILE,)),
    "batch.result.Result": lambda: job().result,
    "batch.target_jobs.TargetJobs": target_jobs,
    "chat.doctor.Report": lambda: Report([(HOSTILE, HOSTILE)], [HOSTILE]),
    "client.client.QwenClient": lambda: QwenClient(TARGET.name),
    "client.context_limits.Limit": lambda: Limit(4096),
    "client.sync_stream.SyncStream": lambda: QwenClient(TARGET.name).stream_sync("hi"),
    "client.stream.Stream": lambda: QwenClient(TARGET.name).stream("hi"),
    "client.usage.Ledger": used,
    "errors.QwenError": changed_later,
    "media.picture.Picture": lambda: Picture(b"", "image/png", 1, 1, HOSTILE, HOSTILE, HOSTILE),
    "messages.Message": lambda: Message("user", HOSTILE),
    "notebook.waiting.Interrupted": lambda: Interrupted(HOSTILE),
    "notebook.traits._MaskedText": lambda: [setting()],
    "panel.panel.ChatPanel": ChatPanel,
    "parts.Image": lambda: Image(b"\x89PNG", "image/png", HOSTILE),
    "parts._Part": lambda: [Image(url=f"http://{HOSTILE}", name=HOSTILE), ToolCall(HOSTILE, HOSTILE, HOSTILE)],
    "replay.file.ReplayFile": lambda: ReplayFile(Path(f"{HOSTILE}.jsonl")),
    "replay.stream.ReplayedStream": replayed,
    "reply.Reply": lambda: Reply(HOSTILE, HOSTILE, target=HOSTILE, model=HOSTILE),
    "text.tables.Table": lambda: find_tables(TABLE),
}


def speaking_classes() -> Iterator[tuple[str, set[str]]]:
    """Find each class of the package that has words of its own, and for what."""
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        text = file.read_text(encoding="utf-8")
        if not any(f"def {word}(" in text for word in (*WORDS, *SHOWN)):  # to read all takes a second
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                own = {item.name for item in node.body if isinstance(item, ast.FunctionDef)} & {*WORDS, *SHOWN}
                if own:
                    yield f"{module}.{node.name}", own


SPEAKING = dict(speaking_classes())


def test_every_class_with_words_of_its_own_is_tried() -> None:
    assert set(SPEAKING) - set(MAKERS) - set(EXEMPT) == set()
    assert len(SPEAKING) > 15


@pytest.mark.parametrize("name", MAKERS)
def test_what_it_says_of_itself_steers_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = MAKERS[name]()
    said = [repr(made), str(made), f"{made}"]
    for method in SHOWN:
        if method in SPEAKING.get(name, ()) and name != "panel.panel.ChatPanel":
            shown = getattr(made, method)()
            said += shown.values() if isinstance(shown, dict) else shown
    assert [found for text in said if (found := steers(text))] == []


def test_a_plain_text_is_put_together_in_one_place() -> None:
    """Whoever writes text/plain does it through `mime_bundle`, or is named here with its reason."""
    reasons = {
        "text/bundles.py": "the one place",
        "rendering/columns.py": "made safe there",
        "rendering/diffs.py": "made safe there",
        "notebook/map_display.py": "made safe by rendering/job_line.py",
        "exports/as_notebook.py": "outputs of a file, made safe there",
        "batch/result.py": "made safe there",
        "notebook/display.py": "a constant beside a frame",
        "notebook/first_sign.py": "a constant",
        "notebook/answer_pictures.py": "made safe there",
        "notebook/thumbnails.py": "made safe by parts.describe",
        "parts.py": "its repr, made safe there",
    }
    writing = {
        str(file.relative_to(PACKAGE).as_posix())
        for file in PACKAGE.rglob("*.py")
        if '"text/plain":' in file.read_text(encoding="utf-8")
    }
    assert writing == set(reasons)


def test_bundles() -> None:
    thoughts = Thoughts(lambda: 0.0)
    thoughts.add(HOSTILE)
    for bundle in (mime_bundle("", HOSTILE), as_bundle(HOSTILE), thoughts.folded(), Reply(HOSTILE)._repr_mimebundle_()):
        assert [found for text in bundle.values() if (found := steers(text))] == []
        assert "end" in bundle["text/plain"]


def test_tables_as_frames() -> None:
    pytest.importorskip("pandas")
    frames = as_frames(find_tables(TABLE))
    assert len(frames) == 2
    assert [found for frame in frames if (found := steers(f"{frame!r} {frame.to_string()}"))] == []


@given(st.lists(st.sampled_from([*PIECES, "x", "\n", "\t", "é"]), max_size=8).map("".join))
def test_written_out(text: str) -> None:
    for one in (
        safe_terminal(text),
        safe_line(text),
        escaped(text).replace("\r", ""),
        printable_json(text).replace("\r", ""),
    ):
        assert steers(one) == ""
    written = escaped(text.replace("\\", "\\\\"))
    assert ast.literal_eval(f"'''{written}'''") == text.replace("\r\n", "\n").replace("\r", "\n")


def test_modules_are_importable() -> None:
    """What is tried above is what the names say."""
    for name in SPEAKING:
        module, _, cls = name.rpartition(".")
        assert hasattr(importlib.import_module(f"qwen_magic.{module}"), cls)
