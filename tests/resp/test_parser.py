"""The command parser: any arrival pattern, round trips, quoting, garbage."""

import gc
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from carnelian.resp.parser import split_args
from native.parser import Connection, ProtocolError, SharedParser
from tests.support.resp import encode_command

COMMANDS = [
    [b"PING"],
    [b"GET", b"key"],
    [b"SET", b"", b""],
    [b"SET", b"k\r\n\0", b"*3\r\n$3\r\n"],
    [b"ECHO", bytes(range(256))],
    [b"MSET", *(b"%d" % n for n in range(40))],
    [b"SET", b"key:000000000001", b"v" * 99, b"EX", b"100"],
    [b"DEL", *(b"k" * n for n in (9, 10, 99, 100, 101))],
    [b"SADD", *[b""] * 16],
    [b"SADD", *[b"x"] * 17],
]
INLINE = [
    (b"PING\r\n", [b"PING"]),
    (b"PING\n", [b"PING"]),
    (b"  SET  key\tvalue \r\n", [b"SET", b"key", b"value"]),
    (b'SET "a b" \'c d\' e"f g"\r\n', [b"SET", b"a b", b"c d", b"ef g"]),
    (b'ECHO "\\x41\\n\\q\\xZZ"\n', [b"ECHO", b"A\nqxZZ"]),
    (b"ECHO '\\'\\n\"' \"'\"\n", [b"ECHO", b"'\\n\"", b"'"]),
    (b"\r\n", []),
    (b"\n", []),
    (b"   \r\n", []),
    (b"*0\r\n", []),
    (b"*-1\r\n", []),
    (b"*-10\r\n", []),
    (b"a\rb\r\n", [b"a", b"b"]),
]


@pytest.fixture(autouse=True)
def no_leak():
    gc.collect()
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


def parse(data, sizes=(), **limits):
    """The commands in `data`, and the error text that ends it, if any."""
    parser = SharedParser()
    parser.limits(**limits)
    connection = Connection(parser)
    commands, at = [], 0
    try:
        for size in sizes:
            commands += connection.feed(data[at : at + size])
            at += size
        commands += connection.feed(data[at:])
    except ProtocolError as error:
        return commands + error.commands, error.text
    return commands, None


@pytest.mark.parametrize(
    ("data", "expected"), [*((encode_command(c), c) for c in COMMANDS), *INLINE]
)
def test_two_pieces_cut_anywhere(data, expected):
    other = encode_command([b"OTHER", b"1"])
    parser = SharedParser()
    for cut in range(len(data) + 1):
        connection, neighbour = Connection(parser), Connection(parser)
        first = connection.feed(data[:cut])
        assert neighbour.feed(other[: cut % len(other)]) == []
        rest = connection.feed(data[cut:] + data)
        assert neighbour.feed(other[cut % len(other) :]) == [[b"OTHER", b"1"]]
        assert first + rest == [expected, expected]
        assert connection.is_fresh


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_pieces(size):
    expected = [*COMMANDS, *(words for _, words in INLINE)]
    data = b"".join([*map(encode_command, COMMANDS), *(line for line, _ in INLINE)])
    assert parse(data, [size] * (len(data) // size)) == (expected, None)


def test_a_partial_command_is_kept_small():
    assert Connection.state_size() <= 64
    parser = SharedParser()
    connection = Connection(parser)
    parser.limits()
    connection.feed(encode_command([b"GET", b"warm"]))
    used = memory.stats()["used"]
    connection.feed(encode_command([b"SET", *[b"value"] * 15])[:-4])
    assert connection.saved_count == 0
    assert memory.stats()["used"] == used
    assert connection.feed(b"ue\r\n") == [[b"SET", *[b"value"] * 15]]
    connection.feed(encode_command([b"SET", *[b"value"] * 30])[:-4])
    assert connection.saved_count == 30
    assert memory.stats()["used"] - used < 2048


def test_wanted_tells_what_the_bulk_lacks():
    parser = SharedParser()
    connection = Connection(parser)
    assert connection.feed(b"*2\r\n$3\r\nGET\r\n$10") == []
    assert parser.wanted == 0
    assert connection.feed(b"00000\r\nabc") == []
    assert parser.wanted == 1_000_002 - 3
    assert connection.feed(b"d" * 999) == []
    assert parser.wanted == 1_000_002 - 1002
    assert connection.feed(b"e" * 998_998) == []
    assert parser.wanted == 2
    assert connection.feed(b"\r") == []
    assert connection.feed(b"\n") == [[b"GET", b"abc" + b"d" * 999 + b"e" * 998_998]]
    assert parser.wanted == 0


def test_headers_do_not_allocate():
    used = memory.stats()["used"]
    parser = SharedParser()
    connection = Connection(parser)
    assert connection.feed(b"*2147483647\r\n$536870912\r\nabc") == []
    assert parser.wanted == 512 * 1024 * 1024 - 1
    assert memory.stats()["used"] == used


def test_many_arguments_in_many_pieces():
    words = [b"%d" % n for n in range(60_000)]
    data = encode_command(words)
    parser = SharedParser()
    connection = Connection(parser)
    commands = []
    for at in range(0, len(data), 4096):
        commands += connection.feed(data[at : at + 4096])
        assert connection.saved_count * 6 <= at + 4096
    assert commands == [words]
    assert parser.capacity >= 60_000
    parser.reset()
    assert parser.capacity == 0
    assert connection.feed(data + b"PING\r\n") == [words, [b"PING"]]


def test_a_forgotten_partial_command_is_freed():
    parser = SharedParser()
    connection = Connection(parser)
    connection.feed(encode_command([b"x"] * 100)[:-1])
    assert connection.saved_count == 99
    del connection
    connection = Connection(parser)
    connection.feed(encode_command([b"x"] * 100)[:-4])
    with pytest.raises(ProtocolError):
        connection.feed(b"\r\n" * 3 + b"*1\r\nx\r\n")
    assert connection.is_fresh


def test_inline_is_told_apart():
    parser = SharedParser()
    connection = Connection(parser)
    connection.feed(b"PING\r\n")
    assert parser.is_inline
    connection.feed(b"*1\r\n$4\r\nPING\r\n")
    assert not parser.is_inline


def test_scratch_space_moves_between_lines():
    parser = SharedParser()
    connection = Connection(parser)
    for size in (1, 10, 100, 70_000, 50):
        quoted = b'"%b"' % (b"\\x61" * size)
        words = [b"a" * size, b"b", b"a" * size]
        assert connection.feed(b"%b b %b\n" % (quoted, quoted)) == [words]
    parser.reset()
    assert connection.feed(b"'x y'\n") == [[b"x y"]]


ARGUMENTS = st.one_of(st.binary(max_size=12), st.integers(0, 300).map(lambda n: b"a" * n))
PIECES = st.lists(st.integers(1, 40), max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(ARGUMENTS, min_size=1, max_size=40), max_size=6), PIECES)
def test_round_trip(commands, sizes):
    data = b"".join(map(encode_command, commands))
    assert parse(data, sizes) == (commands, None)


def quote(word):
    return b'"' + b"".join(b"\\x%02x" % byte for byte in word) + b'"'


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=12), PIECES)
def test_quoted_round_trip(words, sizes):
    line = b" ".join(map(quote, words))
    assert split_args(line) == words
    assert parse(line + b"\n", sizes) == ([words], None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"\v a\vb \f", [b"a\vb"]),
        (b"a b\0c d", [b"a", b"b"]),
        (b'"', None),
        (b'"a', None),
        (b'"a\\', None),
        (b'"a\\"', None),
        (b"'a\\'", None),
        (b'"a"b', None),
        (b"'a''b'", None),
        (b"'a'\v'b'", [b"a", b"b"]),
        (b'""', [b""]),
        (b"''", [b""]),
        (b'a"b c"', [b"ab c"]),
        (b"a'b \"c' d", [b"ab \"c", b"d"]),
        (b'"\\x4"', [b"x4"]),
        (b'"\\x4g"', [b"x4g"]),
        (b'"\\XFF\\xfF\\xFf"', [b"XFF\xff\xff"]),
        (b'"\\n\\r\\t\\b\\a\\\\\\""', [b'\n\r\t\b\a\\"']),
        (b"'\\n'", [b"\\n"]),
        (b"\\n", [b"\\n"]),
    ],
)
def test_split_args(line, words):
    assert split_args(line) == words


GARBAGE = st.lists(
    st.one_of(
        st.sampled_from([
            b"*", b"$", b"\r\n", b"\r", b"\n", b"\0", b" ", b"-", b"'", b'"', b"\\x", b"\\",
            b"PING", b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$1\r\na\r\n", b"$3\r\n", b"*1\r\n",
            b"*20\r\n", b"$1\r\nz\r\n" * 19, b"*2147483647\r\n", b"*2147483648\r\n",
            b"$9999999999\r\n", b"1", b"0", b"99", b"18446744073709551617",
            b"x" * 70_000, b"1" * 70_000,
        ]),
        st.binary(max_size=6),
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(data=GARBAGE, sizes=PIECES, authenticated=st.booleans())
@example(data=b"*1\r\n$1\r", sizes=[], authenticated=True)
def test_garbage(data, sizes, authenticated):
    """Nothing crashes or takes much memory, and the pieces do not matter."""
    used = memory.stats()["used"]
    parser = SharedParser()
    parser.limits(authenticated=authenticated)
    connection = Connection(parser)
    commands, error, at = [], None, 0
    try:
        for size in [*sizes, len(data)]:
            commands += connection.feed(data[at : at + size])
            at += size
            assert memory.stats()["used"] - used <= 8 * len(data) + 4096
    except ProtocolError as problem:
        commands += problem.commands
        error = problem.text
        assert error.startswith(b"Protocol error: ")
    whole = parse(data, authenticated=authenticated)
    if len(data) < 65_536:
        assert (commands, error) == whole


def test_random_bytes():
    source = random.Random(7)
    for _ in range(3000):
        data = source.randbytes(source.choice((3, 30, 300)))
        if source.random() < 0.5:
            data = b"*3\r\n$3\r\nSET\r\n$" + data
        sizes = [source.randrange(1, 30) for _ in range(4)]
        assert parse(data) == parse(data, sizes)
