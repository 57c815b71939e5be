"""Hypothesis strategies for command lines.

    command("SET", KEYS, VALUES, options("NX", "GET", ["EX", SECONDS]))

A part of a command is a word, a strategy of a word (bytes) or of several words (list of bytes). The
pools are small on purpose, so that commands meet each other's keys, and rich in what breaks
servers: the edges of integers, numbers that are none, values around the sizes where encodings
change.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Words = list[bytes]
Part = str | bytes | SearchStrategy[bytes] | SearchStrategy[Words]

INT64_MAX = (1 << 63) - 1
INT64_MIN = -(1 << 63)


def words(*texts: str | bytes) -> SearchStrategy[bytes]:
    return st.sampled_from([text if isinstance(text, bytes) else text.encode() for text in texts])


def mostly(good: SearchStrategy[bytes], bad: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    """The bad one in about one case of eight."""
    return st.integers(0, 7).flatmap(lambda n: good if n else bad)


def number(low: int, high: int) -> SearchStrategy[bytes]:
    return st.integers(low, high).map(lambda n: b"%d" % n)


KEYS = words("a", "b", "c", "d", b"\x00\xffkey")


def keys(prefix: str) -> SearchStrategy[bytes]:
    """A family's own keys, and now and then one that may hold another type."""
    return mostly(words(*(f"{prefix}{n}" for n in range(1, 5))), KEYS)


FIELDS = words("f1", "f2", "f3", "f4", "5", "-6", "", b"\xfe\r\n", "f" * 65)
MEMBERS = words("m1", "m2", "m3", "4", "5", "70000", "-1", "", b"\x00\x80", "m" * 65)

EDGE_NUMBERS = [0, 1, -1, 127, 128, 255, 256, 32767, 32768, 65536, 2**31 - 1, 2**31, -(2**31)]
EDGE_NUMBERS += [2**32, 2**53, 2**53 + 1, INT64_MAX - 1, INT64_MAX, INT64_MIN + 1, INT64_MIN]
EDGES = words(*map(str, EDGE_NUMBERS))
BAD_INTEGERS = words(
    "", " 1", "1 ", "+1", "01", "-0", "1.0", "1e3", "0x10", "abc", "--1", "-", "1\x00", "nan",
    str(INT64_MAX + 1), str(INT64_MIN - 1), str(2**64), "9" * 40,
)  # fmt: skip
BAD_FLOATS = words(
    "", " 1", "1 ", "nan", "-nan", "abc", "1.2.3", "1e", "0x", "1e400", "-1e400", "1_0", "1\x00",
    "9" * 400,
)  # fmt: skip

SMALL_INTEGERS = number(-12, 12)
INTEGERS = mostly(st.one_of(SMALL_INTEGERS, EDGES), BAD_INTEGERS)
INDEXES = mostly(st.one_of(SMALL_INTEGERS, number(-200, 200)), st.one_of(EDGES, BAD_INTEGERS))
COUNTS = mostly(number(0, 6), st.one_of(SMALL_INTEGERS, EDGES, BAD_INTEGERS))
GOOD_FLOATS = st.one_of(
    words("0", "-0", "1", "-1", "1.5", "3.14159", "1e10", "-2.5e-3", "0.1", "1e300", "5e-324"),
    words("inf", "-inf", "+inf", "Infinity", "0x1p3", "17179869184.5", "100000000000000000000"),
    st.floats(-1000, 1000, width=16).map(lambda x: repr(x).encode()),
    SMALL_INTEGERS,
)
FLOATS = mostly(GOOD_FLOATS, BAD_FLOATS)
SCORES = mostly(st.one_of(SMALL_INTEGERS, GOOD_FLOATS), BAD_FLOATS)
SCORE_BOUNDS = st.tuples(words("", "", "("), SCORES).map(b"".join)
LEX_BOUNDS = st.one_of(st.tuples(words("[", "("), MEMBERS).map(b"".join), words("-", "+", "", "x"))

# Far enough away that nothing expires while a test runs, or refused.
SECONDS = mostly(number(1000, 100_000), st.one_of(number(-2, 0), EDGES, BAD_INTEGERS))
MILLISECONDS = mostly(number(1_000_000, 100_000_000), st.one_of(number(-2, 0), BAD_INTEGERS))

VALUES = st.one_of(
    words("", "x", "hello", "Hello World", b"\x00\x01\xfe\xff", b"\r\n+OK\r\n"),
    SMALL_INTEGERS,
    EDGES,
    GOOD_FLOATS,
    st.sampled_from([11, 12, 20, 43, 44, 45, 63, 64, 65, 127, 128, 255, 256]).map(b"v".__mul__),
    st.sampled_from([4096, 9000]).map(b"\x00".__mul__),
    st.binary(max_size=12),
)
PATTERNS = words(
    "*", "a", "?", "[a-c]", "[^a]", "m*", "f?", "*1", "\\*", "[", "[]", "**", "", "f[1-2]", "[b-a]"
)
IDS = st.tuples(number(0, 30), number(0, 3)).map(b"-".join)
STREAM_IDS = mostly(
    st.one_of(IDS, number(0, 6)),
    words("0-0", "-", "+", "$", "1-", "-1", "a-b", "1-1-1", f"{2**64 - 1}-1", f"{2**64}-0"),
)


def part_strategy(part: Part | Sequence[Part]) -> SearchStrategy[Words]:
    """Any part as a strategy of a list of words; a list of parts is their words in a row."""
    if isinstance(part, str):
        return st.just([part.encode()])
    if isinstance(part, bytes):
        return st.just([part])
    if isinstance(part, SearchStrategy):
        return part.map(lambda value: value if isinstance(value, list) else [value])
    return sequence(*part)


def sequence(*parts: Part | Sequence[Part]) -> SearchStrategy[Words]:
    strategies = [part_strategy(part) for part in parts]
    return st.tuples(*strategies).map(lambda lists: [word for words in lists for word in words])


def optional(*parts: Part) -> SearchStrategy[Words]:
    return st.one_of(st.just([]), sequence(*parts))


def many(*parts: Part, low: int = 1, high: int = 5) -> SearchStrategy[Words]:
    """The parts repeated: `many(FIELDS, VALUES)`."""
    repeated = st.lists(sequence(*parts), min_size=low, max_size=high)
    return repeated.map(lambda lists: [word for words in lists for word in words])


def counted(*parts: Part, low: int = 1, high: int = 4) -> SearchStrategy[Words]:
    """`counted(KEYS)` is `numkeys key [key ...]`; now and then the number is a lie."""
    repeated = st.lists(sequence(*parts), min_size=low, max_size=high)

    def with_count(lists: list[Words], error: int) -> Words:
        count = b"%d" % (len(lists) + error)
        return [count, *(word for words in lists for word in words)]

    return st.builds(with_count, repeated, st.sampled_from([0] * 12 + [-1, 1, -9]))


def options(*choices: Part | Sequence[Part]) -> SearchStrategy[Words]:
    """None, one or some of the choices in any order, contradictions included."""
    strategies = [part_strategy(choice) for choice in choices]
    indexes = st.integers(0, len(strategies) - 1)
    return st.lists(indexes, max_size=min(3, len(strategies)), unique=True).flatmap(
        lambda numbers: st.tuples(*(strategies[number] for number in numbers)).map(
            lambda lists: [word for words in lists for word in words]
        )
    )


def command(*parts: Part | Sequence[Part]) -> SearchStrategy[Words]:
    """A command line; now and then with a word too many or too few, or in small letters."""

    def mangle(line: Words, how: int, where: int) -> Words:
        if how == 0:
            return [line[0].lower(), *line[1:]]
        if how == 1 and len(line) > 1:
            position = 1 + where % (len(line) - 1)
            return line[:position] + line[position + 1 :]
        if how == 2:
            return [*line, b"extra"]
        return line

    line = st.builds(mangle, sequence(*parts), st.integers(0, 40), st.integers(0, 10))
    return st.deferred(lambda: line)  # prints as little, however long the pools are
