"""The reply buffer: every type read back by the tests' client side, places, partial sends."""

import gc
import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.reply import ReplyBuffer, SharedBytes
from tests.support.resp import BytesSource, Reply, read_reply

INTEGERS = [0, 1, 9, 10, 42, 99, 100, 999, 1000, 9999, 10_000, 123_456_789, 2**31, 2**63 - 1]
SIZES = [0, 1, 3, 4, 7, 8, 15, 16, 17, 99, 100, 900, 950, 1023, 1024, 5000, 16_300, 16_384, 40_000]
PREFIX = {"array": "*", "map": "%", "set": "~", "push": ">"}
DEFERRED = sorted(PREFIX.keys() - {"push"})


@pytest.fixture(autouse=True)
def no_leak():
    gc.collect()  # engines of tests before this one
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


def written(buffer):
    """The one reply in the buffer."""
    assert buffer.verify()
    source = BytesSource(bytes(buffer))
    reply = read_reply(source)
    assert source.at_end()
    return reply


def pattern(size, start=0):
    return bytes((start + n) % 251 for n in range(size))


def header(resp, kind, n):
    if resp == 2:
        return b"*%d\r\n" % (n * 2 if kind == "map" else n)
    return b"%b%d\r\n" % (PREFIX[kind].encode(), n)


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize(
    ("name", "two", "three"),
    [
        ("ok", b"+OK\r\n", b"+OK\r\n"),
        ("queued", b"+QUEUED\r\n", b"+QUEUED\r\n"),
        ("null", b"$-1\r\n", b"_\r\n"),
        ("null array", b"*-1\r\n", b"_\r\n"),
        ("empty bulk", b"$0\r\n\r\n", b"$0\r\n\r\n"),
        ("empty array", b"*0\r\n", b"*0\r\n"),
        ("literal", b"+PONG\r\n", b"+PONG\r\n"),
        ("bulk text", b"$4\r\ntext\r\n", b"$4\r\ntext\r\n"),
    ],
)
def test_fixed_replies(resp, name, two, three):
    buffer = ReplyBuffer(resp)
    buffer.fixed(name)
    assert bytes(buffer) == (two if resp == 2 else three)


@pytest.mark.parametrize("value", sorted({*INTEGERS, *(-n for n in INTEGERS), -(2**63)}))
def test_integers(value):
    buffer = ReplyBuffer()
    buffer.number("int", value)
    assert bytes(buffer) == b":%d\r\n" % value
    buffer.clear()
    buffer.number("bulk int", value)
    assert written(buffer) == Reply("$", str(value).encode())


def test_every_small_integer():
    buffer = ReplyBuffer()
    for value in range(-11_000, 11_000):
        buffer.number("int", value)
    assert bytes(buffer) == b"".join(b":%d\r\n" % value for value in range(-11_000, 11_000))
    assert buffer.verify()


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("size", SIZES)
def test_bytes(resp, size):
    data = pattern(size)
    buffer = ReplyBuffer(resp)
    buffer.text("bulk", data)
    assert written(buffer) == Reply("$", data)
    buffer.clear()
    buffer.text("verbatim", data)
    assert written(buffer) == (Reply("$", data) if resp == 2 else Reply("=", ("txt", data)))
    buffer.clear()
    shared = SharedBytes(data)
    buffer.blob(shared)
    assert written(buffer) == Reply("$", data)
    assert shared.refs == (2 if size > 1024 else 1)
    buffer.clear()
    assert shared.refs == 1
    buffer.text("status", b"s" * size)
    assert written(buffer) == Reply("+", "s" * size)
    assert not data or len(buffer) == size + 3


@pytest.mark.parametrize("resp", [2, 3])
def test_numbers(resp):
    buffer = ReplyBuffer(resp)
    for value in (True, False):
        buffer.number("bool", value)
        assert written(buffer) == (Reply(":", int(value)) if resp == 2 else Reply("#", value))
        buffer.clear()
    for value, text in [
        (0.0, "0"), (3.0, "3"), (-1.5, "-1.5"), (0.1, "0.1"), (1e300, "1e+300"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
    ]:
        buffer.number("double", value)
        assert written(buffer) == (Reply("$", text.encode()) if resp == 2 else Reply(",", text))
        buffer.clear()
    digits = b"-1234567999999999999999999999999999999"
    buffer.text("bignum", digits)
    assert written(buffer) == (Reply("$", digits) if resp == 2 else Reply("(", int(digits)))


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("n", [0, 1, 9, 10, 1000, 2**31])
def test_headers(resp, n):
    buffer = ReplyBuffer(resp)
    for kind in PREFIX:
        buffer.number(kind, n)
        assert bytes(buffer) == header(resp, kind, n)
        buffer.clear()
    assert buffer.number("attribute", n) == (resp == 3)
    assert bytes(buffer) == (b"|%d\r\n" % n if resp == 3 else b"")


def test_error_is_one_line():
    buffer = ReplyBuffer()
    buffer.text("error", b"ERR a\r\nb\nc")
    assert bytes(buffer) == b"-ERR a  b c\r\n"
    buffer.clear()
    buffer.text("error", b"ERR " + b"\n" * 20_000)
    assert bytes(buffer) == b"-ERR " + b" " * 20_000 + b"\r\n"


def test_an_empty_reply_holds_nothing():
    buffer = ReplyBuffer()
    assert not buffer
    assert buffer.verify()
    assert (len(buffer), buffer.chunks, buffer.memory, bytes(buffer)) == (0, 0, 0, b"")
    buffer.raw(b"x" * 100_000)
    assert buffer
    assert buffer.memory >= 100_000
    buffer.consume(100_000)
    assert not buffer
    assert buffer.verify()
    assert (len(buffer), buffer.chunks, buffer.memory, buffer.vectors()) == (0, 0, 0, [])


def test_blobs_share_the_chunk_before_them():
    shared = SharedBytes(pattern(20_000))
    buffer = ReplyBuffer()
    for _ in range(8):
        buffer.blob(shared)
    assert shared.refs == 9
    assert bytes(buffer) == (b"$20000\r\n" + bytes(shared) + b"\r\n") * 8
    assert buffer.memory < 8 * 20_000 + 4096
    assert buffer.verify()
    one = 20_000 + 10
    buffer.consume(one * 3 - 1)
    assert shared.refs == 6
    assert len(buffer) == one * 5 + 1
    assert b"".join(buffer.vectors()) == bytes(buffer)
    buffer.clear()
    assert shared.refs == 1


def test_the_last_reference_may_be_the_reply():
    shared = SharedBytes(pattern(20_000))
    buffer = ReplyBuffer()
    buffer.blob(shared)
    del shared
    assert bytes(buffer) == b"$20000\r\n" + pattern(20_000) + b"\r\n"


@pytest.mark.parametrize("large", [False, True])
def test_consume_at_every_byte(large):
    def fill(buffer, shared):
        buffer.fixed("ok")
        buffer.blob(shared)
        buffer.text("bulk", pattern(1100 if large else 40))
        buffer.share(shared)
        buffer.number("int", 12345)

    shared = SharedBytes(pattern(1100))
    whole = ReplyBuffer()
    fill(whole, shared)
    data = bytes(whole)
    step = 1 if not large else 7
    for cut in range(0, len(data) + 1, step):
        buffer = ReplyBuffer()
        fill(buffer, shared)
        buffer.consume(cut)
        assert buffer.verify()
        assert len(buffer) == len(data) - cut
        assert bytes(buffer) == data[cut:]
        assert b"".join(buffer.vectors()) == data[cut:]
        buffer.fixed("queued")
        assert bytes(buffer) == data[cut:] + b"+QUEUED\r\n"
        buffer.consume(len(buffer))
        assert not buffer.memory
    del whole, buffer
    assert shared.refs == 1


def test_consume_byte_by_byte():
    buffer = ReplyBuffer()
    shared = SharedBytes(pattern(2000))
    for n in range(3):
        buffer.number("int", n)
        buffer.blob(shared)
    data = bytes(buffer)
    for sent in range(len(data)):
        assert buffer.vectors(1)[0][:1] == data[sent : sent + 1]
        buffer.consume(1)
        assert buffer.verify()
    assert not buffer
    assert shared.refs == 1


def test_iovec_is_limited():
    shared = SharedBytes(pattern(2000))
    buffer = ReplyBuffer()
    for _ in range(20):
        buffer.blob(shared)
    assert len(buffer.vectors(5)) == 5
    data = bytes(buffer)
    sent = b""
    while buffer:
        piece = b"".join(buffer.vectors(3))
        sent += piece
        buffer.consume(len(piece))
    assert sent == data


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("kind", DEFERRED)
@pytest.mark.parametrize("before", [0, 990, 1010, 16_200])
@pytest.mark.parametrize("after", [0, 5, 900, 20_000])
def test_deferred_length(resp, kind, before, after):
    for n in (0, 7, 123_456):
        buffer = ReplyBuffer(resp)
        buffer.raw(b"b" * before)
        place = buffer.defer()
        buffer.raw(b"a" * after)
        buffer.set_length(place, kind, n)
        assert bytes(buffer) == b"b" * before + header(resp, kind, n) + b"a" * after
        assert buffer.verify()
        assert len(buffer) == len(bytes(buffer))


def test_rollback_to_nothing():
    buffer = ReplyBuffer()
    place = buffer.mark()
    buffer.raw(bytes(50_000))
    buffer.rollback(place)
    assert buffer.verify()
    assert (len(buffer), buffer.memory) == (0, 0)


BLOBS = {size: SharedBytes(pattern(size, 7)) for size in (10, 1025, 30_000)}
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from(SIZES), st.integers(900, 1100))
LEAVES = st.one_of(
    st.tuples(st.just("raw"), LENGTHS),
    st.tuples(st.just("bulk"), LENGTHS),
    st.tuples(st.just("int"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("blob"), st.sampled_from(sorted(BLOBS))),
    st.tuples(st.just("share"), st.sampled_from(sorted(BLOBS))),
)
STEPS = st.recursive(
    st.lists(LEAVES, max_size=6),
    lambda inner: st.lists(
        st.one_of(
            LEAVES,
            st.tuples(st.sampled_from(DEFERRED), st.tuples(st.integers(0, 2**40), inner)),
            st.tuples(st.sampled_from(["rolled back", "spliced"]), inner),
        ),
        max_size=6,
    ),
    max_leaves=25,
)


def perform(buffer, resp, steps):
    """Write the steps; the bytes they must come to."""
    expected = b""
    for step, argument in steps:
        start = buffer.mark()
        if step in ("raw", "bulk"):
            data = pattern(argument)
            buffer.raw(data) if step == "raw" else buffer.text("bulk", data)
            piece = data if step == "raw" else b"$%d\r\n%b\r\n" % (argument, data)
        elif step == "int":
            buffer.number("int", argument)
            piece = b":%d\r\n" % argument
        elif step in ("blob", "share"):
            data = bytes(BLOBS[argument])
            buffer.blob(BLOBS[argument]) if step == "blob" else buffer.share(BLOBS[argument])
            piece = data if step == "share" else b"$%d\r\n%b\r\n" % (argument, data)
        elif step in PREFIX:
            place = buffer.defer()
            piece = perform(buffer, resp, argument[1])
            buffer.set_length(place, step, argument[0])
            piece = header(resp, step, argument[0]) + piece
        elif step == "rolled back":
            perform(buffer, resp, argument)
            buffer.rollback(start)
            piece = b""
        else:
            source = ReplyBuffer(resp)
            piece = perform(source, resp, argument)
            buffer.splice(source)
            assert not source
            assert source.verify()
        assert buffer.verify(), step
        if step != "rolled back":
            assert buffer.since(start).endswith(piece)
        expected += piece
    return expected


@settings(max_examples=150, deadline=None)
@given(resp=st.sampled_from([2, 3]), steps=STEPS, cuts=st.lists(LENGTHS, max_size=8))
def test_any_sequence(resp, steps, cuts):
    buffer = ReplyBuffer(resp)
    expected = perform(buffer, resp, steps)
    assert bytes(buffer) == expected
    for cut in cuts:
        sent = min(cut, len(expected))
        buffer.consume(sent)
        expected = expected[sent:]
        assert buffer.verify()
        assert bytes(buffer) == expected
        assert len(buffer) == len(expected)
        expected += perform(buffer, resp, steps[:2])
        assert bytes(buffer) == expected
    buffer.consume(len(buffer))
    assert not buffer.memory
    assert all(blob.refs == 1 for blob in BLOBS.values())


def test_blob_resize_keeps_bytes():
    blob = SharedBytes(pattern(100))
    expected = pattern(100)
    for length in (101, 5000, 5001, 100_000, 90_000, 3, 0, 17):
        fill = bytes([length % 256])
        blob.resize(length, fill)
        expected = expected[:length] + fill * (length - len(expected))
        assert bytes(blob) == expected
        assert blob.capacity >= length
        assert blob.memory < 2 * length + (1 << 20)
    assert blob.memory < 256


def test_blob_references_from_threads():
    blob = SharedBytes(bytes(100))
    threads = [threading.Thread(target=blob.churn, args=(200_000,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blob.refs == 1
