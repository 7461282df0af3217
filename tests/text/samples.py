"""Texts of several kinds, as people and models write them, for what counts or estimates."""

from __future__ import annotations

import json

ENGLISH = """\
The cat had never meant to travel. One morning in early spring she fell asleep in a crate of oranges, and when she woke \
up the harbour was a thin grey line behind her. She was not afraid; she washed her paws, looked at the sea, and decided \
that it was larger than it needed to be. The sailors called her Captain, because she slept on the captain's chair, and \
by the time they reached Lisbon nobody remembered that she had not been hired.

In Lisbon she learned to ride the yellow trams. It isn't difficult: you wait until the doors open, walk in as though \
you'd paid, and sit down beside somebody who looks lonely. Most people do. They talked to her about their work, their \
children and the price of fish, and she listened with her eyes half closed, which is how cats agree with you. By the \
end of the summer she knew more about the city than its mayor, and considerably more about fish.
"""

PYTHON = '''\
from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Inventory:
    """What is in stock, by name."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        if count < 1:
            raise ValueError(f"cannot add {count} of {name!r}")
        self.counts[name] = self.counts.get(name, 0) + count

    def total(self) -> int:
        return sum(self.counts.values())


async def fetch_all(urls: list[str], limit: int = 8) -> list[bytes]:
    semaphore = asyncio.Semaphore(limit)

    async def fetch(url: str) -> bytes:
        async with semaphore:
            reader, writer = await asyncio.open_connection(url, 443, ssl=True)
            writer.write(b"GET / HTTP/1.1\\r\\nHost: " + url.encode() + b"\\r\\n\\r\\n")
            return await reader.read(65536)

    return await asyncio.gather(*(fetch(url) for url in urls))


if __name__ == "__main__":
    stock = Inventory()
    for i, name in enumerate(["apple", "pear", "plum"], start=1):
        stock.add(name, i * 10)
    print(stock.total(), sorted(stock.counts.items(), key=lambda pair: -pair[1])[:2])
'''

RUSSIAN = """\
Кот никогда не собирался путешествовать. Однажды ранней весной он уснул в ящике с апельсинами, а когда проснулся, \
гавань осталась далеко позади тонкой серой полоской. Он не испугался: умылся, посмотрел на море и решил, что оно \
больше, чем нужно. Моряки прозвали его Капитаном, потому что спал он в капитанском кресле, и к тому времени, когда \
корабль пришёл в Лиссабон, никто уже не помнил, что его не нанимали.

В Лиссабоне он научился ездить на жёлтых трамваях. Это нетрудно: нужно дождаться, пока откроются двери, войти с таким \
видом, будто заплатил, и сесть рядом с кем-нибудь одиноким. Ему рассказывали о работе, о детях и о ценах на рыбу, а он \
слушал, прикрыв глаза, — так коты соглашаются. К концу лета он знал о городе больше, чем мэр, а о рыбе и подавно.
"""

CHINESE = """\
这只猫从来没有打算去旅行。早春的一个清晨,她在一箱橙子里睡着了,醒来的时候,港口已经变成身后一条细细的灰线。她并不害怕,\
洗了洗爪子,看了看大海,觉得它大得没有必要。水手们叫她船长,因为她总是睡在船长的椅子上。等他们到达里斯本的时候,谁也不记得\
她其实不是雇来的。

在里斯本,她学会了乘坐黄色的电车。这并不难:等车门打开,像付过钱一样走进去,坐在一个看起来孤单的人旁边。人们和她谈工作、\
谈孩子、谈鱼的价格,她半闭着眼睛听着,猫就是这样表示同意的。到了夏末,她对这座城市的了解超过了市长,对鱼的了解就更不用说了。
"""

MATH = r"""
To find the extrema of $f(x) = x^3 - 6x^2 + 9x + 1$ on $[0, 5]$, differentiate: $f'(x) = 3x^2 - 12x + 9 = 3(x-1)(x-3)$.

$$
\int_0^5 f(x)\,dx = \left[\frac{x^4}{4} - 2x^3 + \frac{9x^2}{2} + x\right]_0^5 = 156.25 - 250 + 112.5 + 5 = 23.75
$$

So $f(1) = 5$, $f(3) = 1$, $f(0) = 1$ and $f(5) = 21$; the maximum is $21$ at $x = 5$. By the Cauchy-Schwarz inequality,
\[ \left( \sum_{k=1}^n a_k b_k \right)^2 \le \left( \sum_{k=1}^n a_k^2 \right) \left( \sum_{k=1}^n b_k^2 \right), \]
with equality iff $\mathbf{a} = \lambda \mathbf{b}$ for some $\lambda \in \mathbb{R}$. Numerically, $1234.5678 \times 0.01 \approx 12.35$.
"""

JSON = json.dumps(
    {
        "id": "chatcmpl-8f3a2b",
        "object": "chat.completion",
        "created": 1718035200,
        "choices": [
            {"index": i, "message": {"role": "assistant", "content": f"Answer number {i}"}, "finish_reason": "stop"}
            for i in range(4)
        ],
        "usage": {"prompt_tokens": 57, "completion_tokens": 128, "total_tokens": 185},
        "settings": {"temperature": 0.7, "top_p": 0.95, "stream": False, "stop": None, "user_id": "a1b2-c3d4"},
    },
    indent=2,
)

SAMPLES = {
    "English": ENGLISH,
    "Python": PYTHON,
    "Russian": RUSSIAN,
    "Chinese": CHINESE,
    "math": MATH,
    "JSON": JSON,
}
