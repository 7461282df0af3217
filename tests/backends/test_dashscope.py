"""Model Studio's regions: where a refused key is taken is found out and told; keys go to its own hosts alone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from asking import everything
from servers.openai_like import Script, refused, serving

from qwen_magic import QwenClient
from qwen_magic.backends.openai import dashscope
from qwen_magic.backends.openai.dashscope import is_dashscope
from qwen_magic.backends.openai.servers import GENERIC, SERVERS, server_at
from qwen_magic.errors import AuthError

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG = refused(401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}})
KEY = "sk-0123456789abcdef"


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Script]]:
    """Serve every region on loopback; each refuses questions, and has no list of models."""
    scripts = {name: Script(WRONG) for name in (*dashscope.REGIONS, *dashscope.CODING_PLAN)}
    with ExitStack() as stack:
        for name, script in scripts.items():
            table = dashscope.REGIONS if name in dashscope.REGIONS else dashscope.CODING_PLAN
            monkeypatch.setitem(table, name, f"{stack.enter_context(serving(script.app()))}/v1")
        monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
        monkeypatch.setenv("DASHSCOPE_BASE_URL", dashscope.REGIONS["international"])
        yield scripts


async def failure(target: str = "dashscope:qwen-plus") -> AuthError:
    async with QwenClient(target) as client:
        _, error = await everything(client.stream("hi"))
    assert isinstance(error, AuthError)
    assert "\n" not in str(error)
    assert KEY not in str(error)
    return error


@pytest.mark.parametrize("region", ["China", "US"])
async def test_the_region_that_takes_the_key_is_named(regions: dict[str, Script], region: str) -> None:
    regions[region].models = ["qwen-plus"]
    error = await failure()
    assert error.hint == (
        f"The key belongs to another region ({region}): set DASHSCOPE_BASE_URL to {dashscope.REGIONS[region]}."
    )
    asked = {name: script.keys for name, script in regions.items() if script.keys}
    assert asked == {name: [f"Bearer {KEY}"] for name in dashscope.REGIONS}


async def test_where_no_region_takes_it_all_are_named(regions: dict[str, Script]) -> None:
    hint = (await failure()).hint
    assert "%qwen key dashscope" in hint
    assert "DASHSCOPE_BASE_URL" in hint
    for region in ("China", "US"):
        assert f"{dashscope.REGIONS[region]} ({region})" in hint
    assert [len(regions[region].keys) for region in dashscope.REGIONS] == [1, 1, 1]


async def test_a_key_of_the_coding_plan(regions: dict[str, Script], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", f"sk-sp-{KEY}")
    hint = (await failure()).hint
    assert all(url in hint for url in dashscope.CODING_PLAN.values())
    regions["Coding Plan, international"].models = ["qwen3-coder-plus"]
    assert dashscope.CODING_PLAN["Coding Plan, international"] in (await failure()).hint
    assert not regions["China"].keys


async def test_a_key_for_a_server_of_the_users_own_leaves_it_for_nobody(
    regions: dict[str, Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Script(WRONG)
    with serving(own.app()) as url:
        monkeypatch.setenv("DASHSCOPE_BASE_URL", f"{url}/v1")
        await failure()
    assert own.keys == [f"Bearer {KEY}"]
    assert not any(script.keys for script in regions.values())


async def test_without_a_key_the_variable_of_the_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    assert "DASHSCOPE_BASE_URL" in (await failure()).hint


@pytest.mark.parametrize("url", [*dashscope.REGIONS.values(), *dashscope.CODING_PLAN.values()])
def test_its_own_hosts_get_its_key(url: str) -> None:
    assert server_at(url) is SERVERS["dashscope"]


@pytest.mark.parametrize(
    "host",
    [
        "dashscope-evil.aliyuncs.com",
        "dashscope-evil.oss-cn-beijing.aliyuncs.com",
        "dashscope.aliyuncs.com.example.org",
        "dashscopexaliyuncs.com",
        "evil-dashscope.aliyuncs.com",
        "dashscope.evil.aliyuncs.com",
        "coding.dashscope.aliyuncs.com.evil.org",
    ],
)
def test_no_other_host_gets_its_key(host: str) -> None:
    assert not is_dashscope(host)
    assert server_at(f"https://{host}/compatible-mode/v1") is GENERIC
