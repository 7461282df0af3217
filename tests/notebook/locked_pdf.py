"""A PDF that is really encrypted, written by hand."""

from __future__ import annotations

import hashlib

_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_RIGHTS = -4
TEXT = "A page that nobody else may read"


def rc4(key: bytes, data: bytes) -> bytes:
    state, at, out = list(range(256)), 0, bytearray()
    for place in range(256):
        at = (at + state[place] + key[place % len(key)]) % 256
        state[place], state[at] = state[at], state[place]
    first = second = 0
    for byte in data:
        first = (first + 1) % 256
        second = (second + state[first]) % 256
        state[first], state[second] = state[second], state[first]
        out.append(byte ^ state[(state[first] + state[second]) % 256])
    return bytes(out)


def padded(password: str) -> bytes:
    return (password.encode() + _PAD)[:32]


def encrypted_pdf(user: str, owner: str = "boss", handler: str = "Standard") -> bytes:
    """Write a PDF of one page as revision 2 of the standard handler encrypts it (PDF 1.7, 7.6.3)."""
    to_owner = rc4(hashlib.md5(padded(owner)).digest()[:5], padded(user))
    seed = padded(user) + to_owner + _RIGHTS.to_bytes(4, "little", signed=True) + b"\0"
    key = hashlib.md5(seed).digest()[:5]
    of_page = hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10]
    stream = rc4(of_page, f"BT /F1 24 Tf 72 700 Td ({TEXT}) Tj ET".encode())
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 " + font + b" >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, text)
    told = f"<{to_owner.hex()}> /U <{rc4(key, _PAD).hex()}> /P {_RIGHTS}"
    trailer = f"/Size 5 /Root 1 0 R /ID [<00> <00>] /Encrypt << /Filter /{handler} /V 1 /R 2 /O {told} >>"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 5\n0000000000 65535 f \n{table}trailer\n<< {trailer} >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + end.encode()
