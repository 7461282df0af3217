"""A panel's composer in a kernel: files as cells attach them, names and commands that can stand at the cursor."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from panel_kernels import Counter, front_end, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comms import FrontEnd, PanelUser

FILES = """\
import os, pathlib, tempfile
folder = pathlib.Path.cwd()
(folder / "data").mkdir(exist_ok=True)
(folder / "data" / "inner.csv").write_text("month,amount\\n1,2.5\\n")
(folder / "sales of may.csv").write_text("month,amount\\n5,2.5\\n")
(folder / ".hidden").write_text("x")
class Loud:
    def __repr__(self):
        raise SystemExit("it was looked into")
    __str__ = __getattr__ = __repr__
loud = Loud()
sales_2024 = [1, 2, 3]
_private = 5
"""
LEFT = "{one for one in os.listdir(tempfile.gettempdir()) if one.startswith('qwen-magic-') and one.count('-') == 2}"
"""What the panel may have left; the folders of tests that run beside these have longer names."""


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with Counter() as counter:
        yield counter


@pytest.fixture(scope="module")
def front(server: Counter) -> Iterator[FrontEnd]:
    """Give the front end of a kernel that the module's tests share."""
    with front_end(server) as front:
        assert front.kernel.run(FILES).status == "ok"
        yield front


@pytest.fixture
def user(front: FrontEnd) -> PanelUser:
    """Give the user of a panel whose next prompt begins a conversation."""
    user = opened(front)
    user.act("new")
    front.kernel.until(lambda: not user.page.turns)
    return user


def suggested(user: PanelUser, typed: str) -> list[dict[str, Any]]:
    user.act("complete", view=user.page.view, typed=typed)
    user.kernel.until(lambda: typed in user.page.suggested)
    return user.page.suggested.pop(typed)


def named(user: PanelUser, typed: str, *kinds: str) -> list[str]:
    return [one["name"] for one in suggested(user, typed) if one["kind"] in kinds]


def test_names_are_those_of_the_user_and_are_not_looked_into(user: PanelUser) -> None:
    found = suggested(user, "@sal")
    assert found[0] == {"kind": "variable", "name": "sales_2024", "detail": "list", "text": "{sales_2024}"}
    assert {"kind": "file", "name": "sales of may.csv", "detail": "", "text": ""} in found
    assert named(user, "@2024", "variable") == ["sales_2024"], "what holds it, too"
    assert named(user, "@lou", "variable") == ["Loud", "loud"]
    assert named(user, "@get_ipython", "variable") == named(user, "@_priv", "variable") == []
    assert user.kernel.run("1").status == "ok", "something was looked into"


def test_cells_and_files(user: PanelUser, front: FrontEnd) -> None:
    reply = front.kernel.run("40 + 2").reply
    count = reply["execution_count"] if reply else 0
    found = suggested(user, f"@In[{count}")
    assert found == [{"kind": "cell", "name": f"In[{count}]", "detail": "40 + 2", "text": f"{{In[{count}]}}"}]
    assert [one["detail"] for one in suggested(user, f"@Out[{count}")] == ["int"]
    assert suggested(user, "@data")[-1] == {"kind": "folder", "name": "data/", "detail": "", "text": "@data/"}
    assert named(user, "@data/", "file") == ["data/inner.csv"]
    assert named(user, "@data/inn", "file") == ["data/inner.csv"]
    assert ".hidden" not in named(user, "@", "file")
    assert named(user, "@.hid", "file") == [".hidden"]
    assert named(user, "@nowhere/", "file") == named(user, "@\0", "file") == []


def test_a_file_beside_the_notebook_goes_along_as_a_cell_attaches_it(user: PanelUser, server: Counter) -> None:
    user.act("refer", id="v.1", kind="file", name="sales of may.csv")
    user.kernel.until(lambda: user.page.attached)
    assert [(file["kind"], file["name"]) for file in user.page.attached] == [("file", "sales of may.csv")]
    user.ask("What is in it?")
    (role, sent) = server.sent()[-1]
    assert role == "u"
    assert sent.startswith("sales of may.csv")
    assert "2.5" in sent
    assert sent.endswith("\n\nWhat is in it?")
    assert user.last["prompt"] == "What is in it?"
    assert user.page.attached == []
    user.do("edit", text="And what is not?")
    assert server.sent()[-1][1] == sent.replace("What is in it?", "And what is not?")
    user.act("refer", id="v.2", kind="file", name="nothing.csv")
    assert "there is no file" in user.told()
    assert user.page.attached == []


def test_texts_of_the_page_are_read_as_files(user: PanelUser, server: Counter) -> None:
    user.kernel.run(f"before = {LEFT}")
    for number, text in enumerate(("print('```')\n", "word " * 10_000, "other " * 10_000)):
        data = base64.b64encode(text.encode()).decode()
        user.act("attach", id=f"v.{number}", name=f"{number}.py", offset=0, data=data, last=True)
    user.kernel.until(lambda: len(user.page.attached) == 3)
    user.ask("Which is the longest?")
    sent = server.sent()[-1][1]
    assert "0.py:\n````\nprint('```')\n````\n\n1.py:\n```\nword " in sent
    assert "other" in sent
    assert len(sent) < 26_000
    assert "cut to fit: 1.py" in " ".join(user.last["facts"])
    user.kernel.run(f"left = {LEFT}")
    assert user.kernel.run("print(sorted(left - before))").printed.strip() == "[]", "what was sent lies about"
    user.act("attach", id="v.9", name="x.exe", offset=0, data="AAEC", last=True)
    assert "neither a picture nor a text" in user.told()


def test_an_earlier_conversation_goes_along(user: PanelUser, server: Counter) -> None:
    user.ask("about the harbour")
    name = user.settings["conversation"]["name"]
    user.act("new")
    user.kernel.until(lambda: not user.page.turns)
    assert name in named(user, f"@{name.split()[0]}", "conversation")
    user.act("refer", id="v.1", kind="conversation", name=name)
    user.kernel.until(lambda: user.page.attached)
    assert user.page.attached[0]["kind"] == "conversation"
    user.ask("Go on with it.")
    sent = server.sent()[-1][1]
    assert sent.startswith(f"An earlier conversation, {name!r}:")
    assert "about the harbour" in sent
    user.act("refer", id="v.2", kind="conversation", name="no such one")
    assert "there is no conversation" in user.told()


def test_commands_and_models(user: PanelUser) -> None:
    assert named(user, "/", "command") == ["new", "clear", "stop", "model", "system"]
    assert [one["text"] for one in suggested(user, "/mo")] == ["/model "]
    assert user.kernel.run("%qwen template add my-review Review {code}, briefly.").status == "ok"
    assert suggested(user, "/my-r") == [
        {
            "kind": "template",
            "name": "my-review",
            "detail": "Review {code}, briefly.",
            "text": "Review {code}, briefly.",
        }
    ]
    user.kernel.until(lambda: user.settings["models"] or True)
    assert named(user, "/model ", "model") == user.settings["models"][:12]


def test_in_an_app_nothing_is_told_of_the_owner(front: FrontEnd) -> None:
    visitor = opened(front, "from qwen_magic import ChatPanel\ndisplay(ChatPanel(app=True))")
    visitor.act("complete", view=visitor.page.view, typed="@")
    assert "cannot be done here" in visitor.told()
    for kind in ("file", "conversation"):
        visitor.act("refer", id="v.1", kind=kind, name="sales of may.csv")
        assert "cannot be done here" in visitor.told()
    data = base64.b64encode(b"a text").decode()
    visitor.act("attach", id="v.2", name="a.txt", offset=0, data=data, last=True)
    assert "Only pictures can be attached here" in visitor.told()
    assert visitor.page.suggested == {}
    assert visitor.page.attached == []


def test_a_file_that_was_changed_meanwhile_is_said_and_goes_on_the_next_send(user: PanelUser, server: Counter) -> None:
    user.kernel.run("(folder / 'notes.txt').write_text('before')")
    user.act("refer", id="v.1", kind="file", name="notes.txt")
    user.kernel.until(lambda: user.page.attached)
    user.kernel.run("(folder / 'notes.txt').write_text('afterwards')")
    before = server.requests
    user.act("send", text="What is new?")
    assert user.told().startswith("notes.txt was changed after it was attached. Nothing was sent.")
    assert user.page.unsent == "What is new?"
    assert server.requests == before
    user.ask("What is new?")
    assert "afterwards" in server.sent()[-1][1]
    user.act("refer", id="v.2", kind="file", name="notes.txt")
    user.kernel.until(lambda: user.page.attached)
    user.kernel.run("(folder / 'notes.txt').unlink()")
    user.act("send", text="And now?")
    assert "there is no file" in user.told()
    assert server.requests == before + 1
    user.act("detach", id="v.2")
    user.kernel.until(lambda: not user.page.attached)
