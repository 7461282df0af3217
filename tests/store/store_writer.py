"""What test_store_crashes starts as processes of their own: ``store_writer.py WHAT PATH ...``."""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
import threading
from pathlib import Path

from qwen_magic.errors import StoreError
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn

NOBODY = 65534


def ask(store: Store, conversation: int, prompt: str) -> int:
    turn = store.begin(conversation, Turn(prompt))
    store.finish(turn, Reply(f"answer to {prompt} " * 40))
    return turn


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(path: Path, name: str, count: str) -> None:
    """Write turns into the conversation "shared" and into one of its own, in turn."""
    store = Store(path)
    shared, own = store.find("shared"), store.create(name)
    assert shared
    for number in range(int(count)):
        ask(store, shared.id, f"{name} {number}")
        ask(store, own.id, f"{name} {number}")


def endless(path: Path) -> None:
    """Write until killed; each id is said when its answer was kept."""
    store = Store(path)
    conversation = store.find("shared") or store.create("shared")
    for number in itertools.count():
        say(ask(store, conversation.id, f"{os.getpid()} {number}"))


def create(path: Path, name: str) -> None:
    """Be ready, wait for a line, and open the file at the same moment as others."""
    say("ready")
    sys.stdin.readline()
    say(Store(path).create(name).name)


def fork(path: Path) -> None:
    """Fork while another thread writes; both sides go on."""
    store = Store(path)
    conversation = store.create("forked").id
    done = threading.Event()

    def busy() -> None:
        while not done.wait(0.001):  # Python's locks are not fair: without a pause the others might wait for long
            ask(store, conversation, "thread")

    thread = threading.Thread(target=busy)
    thread.start()
    for number in range(20):
        child = os.fork()
        if child == 0:
            ask(store, conversation, f"child {number}")
            os._exit(0)
        ask(store, conversation, f"parent {number}")
        if os.waitpid(child, 0)[1]:
            raise SystemExit("a child failed")
    done.set()
    thread.join()


def refused(path: Path) -> None:
    """Try to use the file as a user who may not write it."""
    if os.getuid() == 0:
        os.setuid(NOBODY)
    try:
        Store(path)
    except StoreError as error:
        say(error)


def grow(path: Path) -> None:
    """Write until the file may not grow any more, go on, and close when it may again."""
    import resource

    store = Store(path)
    conversation = store.create("big").id
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    prompts: list[str] = []
    while not store.trouble:
        prompts.append(str(len(prompts)))
        ask(store, conversation, prompts[-1])
    say(store.trouble)
    for prompt in ("more", "and more"):
        ask(store, conversation, prompt)
        prompts.append(prompt)
    whole = [turn.prompt for turn in store.turns(conversation) if turn.answer] == prompts
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ask(store, conversation, "after")
    store.close()
    store = Store(path)
    say(whole and [turn.prompt for turn in store.turns(conversation) if turn.answer] == [*prompts, "after"])
    say(sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()[0])
    store.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
