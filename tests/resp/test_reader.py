"""Replies read back natively: every shape the writer can make, in every layout of chunks."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.resp.reader import ErrorReply, Push, ReplyFormatError
from native.reply import ReplyBuffer, SharedBytes, counted, discarded, python_values
from tests.support.resp import BytesSource, MalformedReply, read_reply

SIZES = st.one_of(
    st.integers(0, 40), st.sampled_from([900, 1000, 1023, 1025, 5000, 16_400, 40_000])
)
TEXT = st.binary(max_size=30).map(lambda b: b.translate(None, b"\r\n"))

LEAVES = st.one_of(
    st.tuples(st.just("status"), TEXT),
    st.tuples(st.just("error"), TEXT.map(lambda b: b"ERR " + b)),
    st.tuples(st.just("bulk"), SIZES),
    st.tuples(st.just("blob"), SIZES),
    st.tuples(st.just("int"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("bulk int"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("double"), st.floats(allow_nan=False)),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("null"), st.none()),
    st.tuples(st.just("null array"), st.none()),
    st.tuples(st.just("bignum"), st.integers(-(10**40), 10**40)),
    st.tuples(st.just("verbatim"), st.binary(max_size=40)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(["array", "set", "push", "deferred"]), st.lists(inner, max_size=5)
        ),
        st.tuples(st.just("map"), st.lists(st.tuples(inner, inner), max_size=4)),
        st.tuples(st.just("attribute"), st.lists(st.tuples(inner, inner), max_size=2), inner),
    ),
    max_leaves=25,
)


def pattern(size: int) -> bytes:
    return bytes(n % 251 for n in range(size))


def write(buffer: Any, tree: Any) -> None:
    kind, value, *rest = tree
    if kind in ("status", "error", "verbatim"):
        buffer.text(kind, value)
    elif kind == "bulk":
        buffer.text(kind, pattern(value))
    elif kind == "blob":
        buffer.blob(SharedBytes(pattern(value)))
    elif kind == "bignum":
        buffer.text(kind, b"%d" % value)
    elif kind.startswith("null"):
        buffer.fixed(kind)
    elif isinstance(value, list):
        write_holder(buffer, kind, value)
    else:
        buffer.number(kind, value)
    if rest:
        write(buffer, rest[0])


def write_holder(buffer: Any, kind: str, items: list[Any]) -> None:
    place = None
    if kind == "deferred":
        place = buffer.defer()
    elif buffer.number(kind, len(items)) is False:
        return
    for item in items:
        for part in item if kind in ("map", "attribute") else [item]:
            write(buffer, part)
    if place is not None:
        buffer.set_length(place, "array", len(items))


def as_key(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(as_key(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, as_key(item)) for key, item in value.items())
    return frozenset(value) if isinstance(value, set) else value


def expected(tree: Any, resp: int) -> Any:
    kind, value, *rest = tree
    if kind == "error":
        return ErrorReply(value.decode("utf-8", "surrogateescape"))
    if kind in ("bulk", "blob"):
        return pattern(value)
    if kind == "bulk int":
        return b"%d" % value
    if kind == "bignum":
        return b"%d" % value if resp == 2 else value
    if kind == "double" and resp == 2:
        return spelled(value)
    if kind in ("array", "deferred", "push") or (kind == "set" and resp == 2):
        return [expected(item, resp) for item in value]
    if kind == "set":
        return {as_key(expected(item, resp)) for item in value}
    if kind == "map" and resp == 2:
        return [expected(item, resp) for pair in value for item in pair]
    if kind == "map":
        return {as_key(expected(key, resp)): expected(item, resp) for key, item in value}
    if kind == "attribute":
        return expected(rest[0], resp)
    return value


def spelled(value: float) -> bytes:
    buffer = ReplyBuffer(2)
    buffer.number("double", value)
    return bytes(buffer).split(b"\r\n")[1]


@settings(max_examples=300, deadline=None)
@given(st.lists(TREES, max_size=6), st.sampled_from([2, 3]), SIZES)
def test_what_was_written_is_read(trees: list[Any], resp: int, before: int) -> None:
    buffer = ReplyBuffer(resp)
    buffer.text("bulk", pattern(before))
    place = buffer.mark()
    for tree in trees:
        write(buffer, tree)
    wanted = [expected(tree, resp) for tree in trees]
    assert python_values(buffer, place) == wanted
    assert python_values(buffer) == [pattern(before), *wanted]
    assert discarded(buffer) == len(trees) + 1
    buffer.consume(min(before // 2, len(buffer)))
    assert python_values(buffer, place) == wanted


def test_types_of_values() -> None:
    buffer = ReplyBuffer(3)
    buffer.raw(b"#t\r\n:1\r\n,1\r\n,inf\r\n,-inf\r\n,nan\r\n(12345678901234567890\r\n")
    buffer.raw(b"!7\r\nERR\r\nx \r\n=6\r\nmkd:ab\r\n>1\r\n+m\r\n~2\r\n:1\r\n*1\r\n:2\r\n")
    values = python_values(buffer)
    assert [type(value) for value in values] == [
        bool, int, float, float, float, float, int, ErrorReply, bytes, Push, set,
    ]  # fmt: skip
    assert math.isnan(values[5])
    assert values[7:] == [ErrorReply("ERR\r\nx "), b"ab", [b"m"], {1, (2,)}]


def test_attributes_belong_to_the_value_behind_them() -> None:
    buffer = ReplyBuffer(3)
    buffer.raw(b"|1\r\n+ttl\r\n:3\r\n*2\r\n|0\r\n:1\r\n|1\r\n+a\r\n*1\r\n:9\r\n:2\r\n:5\r\n")
    assert python_values(buffer) == [[1, 2], 5]


def test_depth_is_limited_and_costs_no_stack() -> None:
    buffer = ReplyBuffer(3)
    buffer.raw(b"*1\r\n" * 128 + b":1\r\n")
    value = python_values(buffer)
    for _ in range(129):
        (value,) = value
    assert value == 1
    buffer.clear()
    buffer.raw(b"*1\r\n" * 129 + b":1\r\n")
    with pytest.raises(ReplyFormatError, match="too deep"):
        python_values(buffer)


def test_each_holder_is_opened_and_closed() -> None:
    buffer = ReplyBuffer(3)
    buffer.raw(b"%1\r\n$1\r\na\r\n~0\r\n*2\r\n$1\r\nb\r\n>1\r\n:1\r\n")
    assert counted(buffer) == {"begin": 4, "end": 4, "bulk": 2}


@pytest.mark.parametrize(
    "data",
    [
        b"?1\r\n", b"\r\n", b":\r\n", b":1x\r\n", b"$-2\r\n", b"$3\r\nab\r\n", b"$2\r\nabcd",
        b"*1\r\n", b"+no end", b"+a\rb\r\n", b"=2\r\nab\r\n", b"=4\r\nabcd\r\n", b"%-1\r\n",
        b"*9223372036854775807\r\n:1\r\n", b"$9223372036854775807\r\na\r\n", b"#x\r\n", b"_x\r\n",
        b"(\r\n", b"(x\r\n", b",x\r\n", b"|1\r\n:1\r\n:2\r\n", b"%1\r\n:1\r\n", b"$1\r\nabc",
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    buffer = ReplyBuffer(3)
    buffer.raw(data)
    with pytest.raises(ReplyFormatError):
        python_values(buffer)


def test_fuzz_against_the_other_reader() -> None:
    """Damaged replies: both readers find the same values, or both refuse."""
    draw = random.Random(11)
    samples = [
        b"*2\r\n$3\r\nabc\r\n:12\r\n", b"%2\r\n+a\r\n,1.5\r\n+b\r\n#f\r\n", b"$5\r\nhello\r\n",
        b"*3\r\n_\r\n*-1\r\n$-1\r\n", b"~1\r\n(123\r\n", b">2\r\n+x\r\n=5\r\ntxt:a\r\n",
        b"-ERR no\r\n",
    ]  # fmt: skip
    for _ in range(20_000):
        data = bytearray(b"".join(draw.choices(samples, k=draw.randrange(1, 4))))
        for _ in range(draw.randrange(3)):
            at = draw.randrange(len(data))
            what = draw.randrange(3)
            if what == 0:
                data[at] = draw.choice(b"0123456789*$:%~>+-_#(,|!=\r\nx")
            elif what == 1:
                del data[at]
            else:
                data.insert(at, draw.choice(b"0159*$:\r\n"))
            if not data:
                data.extend(b":1\r\n")
        buffer = ReplyBuffer(3)
        buffer.text("bulk", pattern(draw.randrange(880, 980)))  # so that it lies in two chunks
        buffer.raw(bytes(data))
        try:
            count = discarded(buffer) - 1
        except ReplyFormatError:
            continue
        source = BytesSource(bytes(data))
        try:
            for _ in range(count):
                read_reply(source)
        except (MalformedReply, ConnectionError, ValueError):
            pytest.fail(f"only one refuses {bytes(data)!r}")
        assert source.at_end()
