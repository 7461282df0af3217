"""Servers that answer whole or not at all: what they say to ``stream: true``. No I/O.

Source: what OpenAI (o1, organizations that are not verified), Azure, the Hub, FastAPI and gateways before them send.
"""

from __future__ import annotations

import re

_STREAM = (
    r"(?<!non-)(?<!non )(?<![\w-])['\"`]?stream(?:ing|ed)?(?![\w-])['\"`]?"
    r"(?! (?:was|ended|closed|broke|stopped|aborted|terminated|interrupted|disconnected|error))"
)
"""Not ``stream_options``, not what is no stream, and no stream that there was."""
_TAKE = r"(?:support|allow|permit|implement|accept|availabl|enabl|possibl|provid|offer|handl|recogni|us(?:ed|able))\w*"
_NOT = r"(?:\b(?:not|never|no|cannot)|n['\u2019]t)"
_FIELD = r"(?:request|keyword|argument|parameter|field|property|properties|value|key|input|option|supplied|body)s?"
_FALSE = r"['\"`]?(?:false|off|disabled|0)\b"
_REFUSED = re.compile(
    rf"{_STREAM}[^.\n]{{0,60}}?(?:{_NOT} (?:\w+ ){{0,2}}?{_TAKE}|\bun(?:supported|available)|\bdisabled|\bforbidden)"
    rf"|{_NOT} (?:\w+ ){{0,2}}?{_TAKE}[^.\n]{{0,40}}?{_STREAM}"
    rf"|NotImplemented\w*:? {_STREAM}"
    rf"|(?:unsupported|unrecogni[sz]ed|unknown|unexpected|invalid):? (?:{_FIELD}:? ){{0,3}}{_STREAM}"
    rf"|{_STREAM}[^.\n]{{0,60}}?(?:must|should|has to|needs? to|can only) be (?:set to |equal to )?{_FALSE}"
    rf"|{_STREAM} ?(?:=|:|to|as|is) ?{_FALSE}"
    rf"|(?:remove|omit|drop|disable|turn off|without|(?:cannot|can['\u2019]t|unable to)) (?:the )?{_STREAM}"
    r"|only (?:\w+ ){0,2}non-?\s?stream"
    r"|verified to stream"
    r"|不支持.{0,6}(?:流式|stream)|(?:流式|stream).{0,8}不支持",
    re.IGNORECASE,
)


def refuses_stream(said: str) -> bool:
    """Tell whether a server's words mean that it does not stream this answer, so that it may give it whole."""
    return bool(_REFUSED.search(said))
