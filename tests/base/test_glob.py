"""Glob matching against a plain recursive model of the documented rules."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from native.base import glob


def lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def elements(pattern: bytes, nocase: bool) -> list[object]:
    """The pattern as a list of '*' and sets of the bytes that one element takes."""
    found: list[object] = []
    i = 0
    everything = set(range(256))

    def like(byte: int) -> set[int]:
        return {b for b in everything if b == byte or (nocase and lower(b) == lower(byte))}

    while i < len(pattern):
        c = pattern[i : i + 1]
        i += 1
        if c == b"*":
            found.append("*")
        elif c == b"?":
            found.append(everything)
        elif c == b"[":
            negated = pattern[i : i + 1] == b"^"
            i += negated
            taken: set[int] = set()
            while i < len(pattern) and pattern[i] != ord("]"):
                if pattern[i] == ord("\\") and i + 1 < len(pattern):
                    taken.add(pattern[i + 1])
                    i += 2
                elif i + 2 < len(pattern) and pattern[i + 1] == ord("-"):
                    low, high = sorted((signed(pattern[i]), signed(pattern[i + 2])))
                    if nocase:
                        taken |= {b for b in everything
                                  if lower(low) <= lower(signed(b)) <= lower(high)}
                    else:
                        taken |= {b for b in everything if low <= signed(b) <= high}
                    i += 3
                else:
                    taken |= like(pattern[i])
                    i += 1
            i += 1
            found.append(everything - taken if negated else taken)
        else:
            if c == b"\\" and i < len(pattern):
                c = pattern[i : i + 1]
                i += 1
            found.append(like(c[0]))
    return found


def model(pattern: bytes, text: bytes, nocase: bool) -> bool:
    if not text:
        return not pattern
    reached = {0}
    for element in elements(pattern, nocase):
        if element == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            assert isinstance(element, set)
            reached = {i + 1 for i in reached if i < len(text) and text[i] in element}
    return len(text) in reached


PATTERN = st.one_of(
    st.text("ab*?[]^-\\AZ", max_size=14).map(str.encode),
    st.binary(max_size=10),
    st.lists(st.sampled_from([b"*", b"?", b"a", b"[^", b"[", b"]", b"a-c", b"\xff", b"B"])).map(
        b"".join),
)
TEXT = st.one_of(st.text("abcABCZ-]\\", max_size=14).map(str.encode), st.binary(max_size=10))


@settings(max_examples=600)
@given(PATTERN, TEXT, st.booleans())
@example(b"*", b"", False)
@example(b"[Z-a]", b"Z", True)
@example(b"[^", b"x", False)
@example(b"[\\", b"\\", False)
def test_against_the_model(pattern: bytes, text: bytes, nocase: bool) -> None:
    assert glob(pattern, text, nocase) == model(pattern, text, nocase)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [(b"", b"", True), (b"*", b"x", True), (b"**", b"x", True), (b"*", b"", False),
     (b"h?llo", b"hallo", True), (b"h*llo", b"hllo", True), (b"h[ae]llo", b"hillo", False),
     (b"h[^e]llo", b"hello", False), (b"h[a-b]llo", b"hbllo", True), (b"h\\*llo", b"h*llo", True),
     (b"a*b*c", b"axxbxxc", True), (b"a*b*c", b"axxbxx", False), (b"ab***", b"ab", True),
     (b"*aab", b"aaaab", True), (b"a*", b"a", True), (b"?", b"", False), (b"abc", b"abcd", False),
     (b"\\", b"\\", True), (b"[a\\]]", b"]", True), (b"[]a", b"a", False), (b"[c-a]", b"b", True),
     (b"[a-]", b"^", True), (b"a\0*", b"a\0b", True)],
)
def test_known_answers(pattern: bytes, text: bytes, matches: bool) -> None:
    assert glob(pattern, text) is matches


def test_case() -> None:
    assert glob(b"HeL*", b"hello", True)
    assert not glob(b"HeL*", b"hello")
    assert glob(b"[A-C]x", b"bX", True)
    assert not glob(b"[\\A]", b"a", True)


def test_no_blow_up() -> None:
    started = time.monotonic()
    assert not glob(b"a*" * 50 + b"b", b"a" * 5000)
    assert not glob(b"*?" * 400 + b"b", b"a" * 5000)
    assert glob(b"*" * 100000, b"a")
    assert time.monotonic() - started < 2


def test_at_most_a_thousand_stars() -> None:
    assert glob(b"*a" * 1000, b"a" * 1000)
    assert not glob(b"*a" * 1001, b"a" * 1001)
