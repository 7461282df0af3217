"""Which file of a repository is meant, and what a local target names: from names alone."""

from __future__ import annotations

import contextlib
from email.message import Message
from urllib.request import Request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.backends.local.engine import memory_needed
from qwen_magic.backends.local.hub import Redirects
from qwen_magic.backends.local.hub_files import HubFile, choose_file
from qwen_magic.backends.local.hub_names import HubName, hub_name
from qwen_magic.backends.local.room import largest_that_fits, sizes_by_name
from qwen_magic.backends.local.small_models import SMALL, word_of
from qwen_magic.errors import WeightsError

REPO = "someone/Model-GGUF"


def files(*names: str) -> list[HubFile]:
    return [HubFile(name, 1000 + place, "a" * 64) for place, name in enumerate(names)]


@pytest.mark.parametrize(
    ("path", "quant"),
    [
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"),
        ("Qwen3-0.6B-Q8_0.gguf", "Q8_0"),
        ("Qwen3-4B.Q5_K_S.gguf", "Q5_K_S"),
        ("Qwen3-4B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("Qwen3-4B-IQ4_XS.gguf", "IQ4_XS"),
        ("Qwen3-4B-bf16.gguf", "BF16"),
        ("qwen2-0_5b-instruct-q4_0.gguf", "Q4_0"),
        ("BF16/Qwen3-8B-00001-of-00002.gguf", "BF16"),
        ("model.gguf", ""),
    ],
)
def test_a_name_tells_its_quantization(path: str, quant: str) -> None:
    assert HubFile(path, 1).quant == quant


@pytest.mark.parametrize(
    ("there", "quant", "chosen"),
    [
        (("a-Q8_0.gguf", "a-Q4_K_M.gguf", "a-Q2_K.gguf"), "", "a-Q4_K_M.gguf"),
        (("a-Q8_0.gguf", "a-Q5_K_M.gguf"), "", "a-Q5_K_M.gguf"),
        (("a-Q8_0.gguf", "mmproj-F16.gguf", "README.md", "imatrix.gguf"), "", "a-Q8_0.gguf"),
        (("a-BF16.gguf", "a-IQ2_M.gguf"), "", "a-BF16.gguf"),
        (("model.gguf",), "", "model.gguf"),
        (("a-q8_0.gguf", "a-q4_k_m.gguf"), "Q8_0", "a-q8_0.gguf"),
        (("a-UD-Q4_K_XL.gguf", "a-Q4_0.gguf"), "q4_k_xl", "a-UD-Q4_K_XL.gguf"),
        (("a-UD-Q4_K_M.gguf", "a-Q4_K_M.gguf"), "Q4_K_M", "a-Q4_K_M.gguf"),
        (("a-q4_k_m-00001-of-00002.gguf", "a-q4_k_m-00002-of-00002.gguf", "a-q4_k_m.gguf"), "q4_k_m", "a-q4_k_m.gguf"),
        (("a-Q4_K_M-00001-of-00002.gguf", "a-Q3_K_M.gguf"), "", "a-Q3_K_M.gguf"),
        (("big-Q4_K_M.gguf", "small-Q4_K_M.gguf"), "small-Q4_K_M.gguf", "small-Q4_K_M.gguf"),
        (("x/a-Q4_K_M.gguf", "y/a-Q4_K_M.gguf"), "y/a-Q4_K_M.gguf", "y/a-Q4_K_M.gguf"),
    ],
)
def test_what_is_chosen(there: tuple[str, ...], quant: str, chosen: str) -> None:
    assert choose_file(files(*there), HubName(REPO, quant)).path == chosen


@pytest.mark.parametrize(
    ("there", "quant", "what", "hint"),
    [
        (("README.md", "model.safetensors"), "", f"{REPO} has no GGUF file", "Name a repository that has one"),
        (("mmproj-F16.gguf",), "", f"{REPO} has no GGUF file", "Name a repository that has one"),
        (
            ("a-Q8_0.gguf", "a-Q4_K_M.gguf"),
            "Q9_K",
            f"{REPO} has no Q9_K",
            f"It has Q4_K_M, Q8_0: write local:{REPO}:Q4_K_M.",
        ),
        (
            ("a-Q4_K_M-00001-of-00002.gguf", "a-Q4_K_M-00002-of-00002.gguf", "a-Q2_K.gguf"),
            "Q4_K_M",
            f"Q4_K_M of {REPO} is split into 2 files",
            f"It has Q2_K: write local:{REPO}:Q2_K.",
        ),
        (("a-00001-of-00003.gguf",), "", f"the model of {REPO} is split into 3 files", "llama-gguf-split --merge"),
        (
            ("big-Q4_K_M.gguf", "small-Q4_K_M.gguf"),
            "",
            f"{REPO} fits 2 files",
            f"Choose one: local:{REPO}:big-Q4_K_M.gguf, local:{REPO}:small-Q4_K_M.gguf.",
        ),
        (("a.gguf", "b.gguf"), "", "fits 2 files", f"local:{REPO}:b.gguf"),
    ],
)
def test_what_cannot_be_chosen_says_what_there_is(there: tuple[str, ...], quant: str, what: str, hint: str) -> None:
    with pytest.raises(WeightsError) as caught:
        choose_file(files(*there), HubName(REPO, quant))
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)


_PIECES = st.sampled_from(["a", "Q4_K_M", "q8_0", "-", "/", ".gguf", "-00001-of-00002", "mmproj", "UD-", "é", " "])


@given(st.lists(st.lists(_PIECES, max_size=6).map("".join), max_size=6), st.lists(_PIECES, max_size=4).map("".join))
def test_any_names_give_a_whole_file_or_words(names: list[str], quant: str) -> None:
    there = files(*names)
    chosen = None
    with contextlib.suppress(WeightsError):
        chosen = choose_file(there, HubName(REPO, quant))
    if chosen is not None:
        assert chosen in there
        assert chosen.pieces == 1
        assert chosen.path.lower().endswith(".gguf")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("Qwen/Qwen3-4B-GGUF", HubName("Qwen/Qwen3-4B-GGUF")),
        ("Qwen/Qwen3-4B-GGUF:Q8_0", HubName("Qwen/Qwen3-4B-GGUF", "Q8_0")),
        ("a/b:folder/file.gguf", HubName("a/b", "folder/file.gguf")),
        ("qwen3-4b", HubName("Qwen/Qwen3-4B-GGUF", "Q4_K_M")),
        ("Qwen3-4B:Q8_0", HubName("Qwen/Qwen3-4B-GGUF", "Q8_0")),
        ("0.5b", None),
        ("/models/a.gguf", None),
        ("~/models", None),
        ("./a/b", None),
        ("../a/b", None),
        ("models/a.gguf", None),
        ("C:/models", None),
        (r"C:\models\a.gguf", None),
        ("a/b/c", None),
        ("a/../b", None),
        ("a/b?x=1", None),
        ("a/b:../../etc", HubName("a/b", "../../etc")),  # never a path here: it is sought among the Hub's names
    ],
)
def test_what_a_local_target_names(address: str, name: HubName | None) -> None:
    assert hub_name(address) == name


@pytest.mark.parametrize(
    ("asked", "led_to", "token"),
    [
        ("https://hub/a", "https://hub/b", "secret"),
        ("https://hub/a", "https://cdn/b", None),
        ("https://hub/a", "https://hub:8443/b", None),
        ("http://hub/a", "https://hub/b", None),
        ("http://hub:1/a", "http://hub:2/b", None),
    ],
)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_has_the_token_at_the_same_place_alone(
    asked: str, led_to: str, token: str | None, code: int
) -> None:
    request = Request(asked, headers={"Range": "bytes=5-"})
    request.add_unredirected_header("Authorization", "secret")
    following = Redirects().redirect_request(request, None, code, "", Message(), led_to)
    assert following is not None
    assert following.get_header("Authorization") == token
    assert following.get_header("Range") == "bytes=5-"


@pytest.mark.parametrize("led_to", ["http://hub/b", "ftp://hub/b", "file:///etc/passwd"])
def test_a_redirect_never_leaves_https(led_to: str) -> None:
    with pytest.raises(OSError, match="it redirects from https to"):
        Redirects().redirect_request(Request("https://hub/a"), None, 302, "", Message(), led_to)


def test_the_words_for_small_models() -> None:
    assert [word for word in SMALL if word != word.lower()] == []
    assert word_of("Qwen/Qwen3-4B-GGUF:Q4_K_M") == "qwen3-4b"
    assert word_of("Qwen/Qwen3-4B-GGUF:Q8_0") == "Qwen/Qwen3-4B-GGUF:Q8_0"
    assert all(3e8 < small.size < 6e9 for small in SMALL.values())


def test_the_largest_that_fits() -> None:
    sizes = sizes_by_name()
    assert largest_that_fits(None) == ""
    assert largest_that_fits(1_000) == ""
    assert largest_that_fits(1 << 40) == "qwen3-8b"
    assert largest_that_fits(memory_needed(sizes["qwen3-1.7b"])) == "qwen3-1.7b"
    assert largest_that_fits(memory_needed(sizes["qwen3-1.7b"]) - 1) != "qwen3-1.7b"
