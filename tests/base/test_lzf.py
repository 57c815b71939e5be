"""LZF against a plain decoder, streams made by liblzf, and damaged streams."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base.memory import stats
from native.base import compress, decompress


def decode(stream: bytes, expected: int) -> bytes | None:
    """The format's definition, byte by byte; None for whatever is not a whole stream."""
    out = bytearray()
    i = 0
    try:
        while i < len(stream):
            control = stream[i]
            i += 1
            if control < 32:
                if i + control + 1 > len(stream):
                    return None
                out += stream[i : i + control + 1]
                i += control + 1
            else:
                length = control >> 5
                if length == 7:
                    length += stream[i]
                    i += 1
                back = ((control & 31) << 8 | stream[i]) + 1
                i += 1
                if back > len(out):
                    return None
                for _ in range(length + 2):
                    out.append(out[-back])
            if len(out) > expected:
                return None
    except IndexError:
        return None
    return bytes(out) if len(out) == expected and expected else None


def roomy(content: bytes) -> int:
    return len(content) + len(content) // 32 + 1


CONTENT = st.one_of(
    st.binary(min_size=4, max_size=400),
    st.lists(st.sampled_from([b"abc", b"a", b"hello ", b"\0" * 20, b"xyzzy"]), min_size=4).map(
        b"".join),
    st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=30),
              st.integers(4, 400)),
)


@settings(max_examples=300)
@given(CONTENT)
def test_round_trip(content: bytes) -> None:
    stream = compress(content, roomy(content))
    assert decode(stream, len(content)) == content
    assert decompress(stream, len(content)) == content
    for wrong in (len(content) - 1, len(content) + 1):
        assert decompress(stream, wrong) is None
    assert compress(content, len(stream)) == stream
    assert compress(content, len(stream) - 1) is None


@settings(max_examples=400)
@given(CONTENT, st.integers(0, 2**32), st.integers(-3, 3))
def test_damage(content: bytes, seed: int, off: int) -> None:
    rng = random.Random(seed)
    stream = bytearray(compress(content, roomy(content)))
    for _ in range(rng.randrange(1, 3)):
        stream[rng.randrange(len(stream))] = rng.randrange(256)
    damaged = bytes(stream[: rng.randrange(len(stream)) + 1])
    expected = max(len(content) + off, 1)
    assert decompress(damaged, expected) == decode(damaged, expected)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_noise(stream: bytes, expected: int) -> None:
    assert decompress(stream, expected) == decode(stream, expected)


@pytest.mark.parametrize("length", [100, 8191, 8192, 8193, 8200, 20000, 300000])
def test_distance_and_length_limits(length: int) -> None:
    rng = random.Random(length)
    noise = rng.randbytes(length)
    content = noise + noise[:700] + bytes(2000) + noise[-300:]
    stream = compress(content, roomy(content))
    assert decompress(stream, len(content)) == content
    assert len(stream) < length + length // 32 + 1100


def test_not_compressible() -> None:
    assert compress(b"", 10) is None
    assert compress(b"abc", 10) is None
    noise = random.Random(1).randbytes(5000)
    assert compress(noise, len(noise) - 4) is None


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        ("016161e01100016161",
         b"a" * 30),
        ("0d68656c6c6f20776f726c642c2068e0060c016c6f",
         b"hello world, hello world, hello"),
        ("0a3031323334353637383930e0ff09e1720d013839",
         b"0123456789" * 40),
        ("1f000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1c20"
         "2122232425262728292a2b2c2d2e2f303132333435363738393a3b00e0303b013a3b",
         bytes(range(60)) * 2),
    ],
)
def test_streams_of_liblzf(stream: str, content: bytes) -> None:
    assert decompress(bytes.fromhex(stream), len(content)) == content


def test_compresses_well() -> None:
    rows = b",".join(b'{"id":%d,"name":"user%d","tags":["a","b"]}' % (i, i * 7) for i in range(300))
    assert len(compress(rows, len(rows))) < len(rows) * 0.3
    assert len(compress(b"a" * 10000, 10000)) < 130


def test_leaves_no_memory() -> None:
    live = stats()["live"]
    for _ in range(10):
        decompress(b"\x00a\xe0\x05\x00", 15)
        compress(b"abc" * 100, 50)
    assert stats()["live"] == live
