"""Arguments in quotes, as MONITOR shows them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from native.quoting import quoted

NAMES = {
    ord("\\"): b"\\\\", ord('"'): b'\\"', 10: b"\\n", 13: b"\\r", 9: b"\\t", 7: b"\\a", 8: b"\\b",
}  # fmt: skip


def by_the_book(text: bytes) -> bytes:
    shown = [
        NAMES[c] if c in NAMES else bytes([c]) if 32 <= c < 127 else b"\\x%02x" % c for c in text
    ]
    return b'"' + b"".join(shown) + b'"'


def test_every_byte() -> None:
    assert quoted(bytes(range(256))) == by_the_book(bytes(range(256)))
    assert quoted(b"") == b'""'


@given(st.binary(max_size=100))
def test_any_bytes(text: bytes) -> None:
    assert quoted(text) == by_the_book(text)
