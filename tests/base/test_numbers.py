"""Numbers to and from text, against Python's own conversions and known answers of Valkey 9.1."""

from __future__ import annotations

import math
import random
import struct
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from native import base as native

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
EDGES = sorted(
    {sign * (base**power + step)
     for base in (2, 10) for power in range(65) for step in (-1, 0, 1) for sign in (-1, 1)}
)
NUMBERLIKE = st.text("0123456789+-.eExXinfaNty \0", max_size=24).map(str.encode)


def is_canonical(text: bytes) -> bool:
    try:
        return str(int(text)).encode() == text
    except ValueError:
        return False


def test_integers_at_every_power() -> None:
    for value in EDGES:
        text = str(value).encode()
        signed = -(2**63) <= value < 2**63
        unsigned = 0 <= value < 2**64
        assert native.int64_from(text) == (value if signed else None)
        assert native.uint64_from(text) == (value if unsigned else None)
        if signed:
            assert native.int64_text(value) == text
        if unsigned:
            assert native.uint64_text(value) == text
            assert native.digit_count(value) == len(text)


@given(INT64)
def test_int64_round_trip(value: int) -> None:
    assert native.int64_text(value) == str(value).encode()
    assert native.int64_from(native.int64_text(value)) == value


@given(UINT64)
def test_uint64_round_trip(value: int) -> None:
    assert native.uint64_text(value) == str(value).encode()
    assert native.uint64_from(native.uint64_text(value)) == value
    assert native.uint64_lenient_from(b"+00" + native.uint64_text(value)) == value


@given(st.one_of(NUMBERLIKE, st.binary(max_size=22), INT64.map(lambda v: str(v).encode())))
@example(b"")
@example(b"-")
@example(b"-0")
@example(b"+1")
@example(b"00")
@example(b"01")
@example(b" 1")
@example(b"1 ")
@example(b"1\0")
@example(b"1_0")
@example("\u0661".encode())
@example(b"1234567:")
@example(b"1234567/")
@example(b"12345678901234567890123")
def test_integers_have_one_spelling(text: bytes) -> None:
    good = is_canonical(text)
    assert (native.int64_from(text) is not None) == (good and -(2**63) <= int(text) < 2**63)
    assert (native.uint64_from(text) is not None) == (good and 0 <= int(text) < 2**64)


@given(st.binary(min_size=8, max_size=8), INT64)
def test_eight_at_once_sees_every_wrong_byte(noise: bytes, seed: int) -> None:
    rng = random.Random(seed)
    text = bytearray(b"123456789012345678")
    i = rng.randrange(len(text))
    text[i] = noise[0]
    assert (native.int64_from(bytes(text)) is None) == (not is_canonical(bytes(text)))


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"007", 7), (b"+7", 7), (b"0", 0), (b"000", 0), (b"-7", None), (b"", None), (b"+", None),
     (b"18446744073709551615", 2**64 - 1), (b"18446744073709551616", None), (b"1.", None)],
)
def test_uint64_lenient(text: bytes, value: int | None) -> None:
    assert native.uint64_lenient_from(text) == value


# --- doubles ---


def same_double(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return struct.pack("d", a) == struct.pack("d", b)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"1", 1.0), (b"+1", 1.0), (b"-0", -0.0), (b"5.", 5.0), (b".5", 0.5), (b"-.5e1", -5.0),
     (b"1e5", 1e5), (b"1E+5", 1e5), (b"1e-5", 1e-5), (b"inf", math.inf), (b"-inf", -math.inf),
     (b"+INF", math.inf), (b"Infinity", math.inf), (b"-iNfInItY", -math.inf),
     (b"0x10", 16.0), (b"0x1.8p1", 3.0), (b"5e-324", 5e-324), (b"1e-310", 1e-310),
     (b"1.7976931348623157e308", 1.7976931348623157e308), (b"9007199254740993", 2.0**53),
     (b"0" * 400 + b"1", 1.0), (b"1" + b"0" * 300, 1e300), (b"0.1" + b"0" * 5000, 0.1),
     (b"0e9999", 0.0), (b"0.00001e23", 1e18),
     (b"nan", None), (b"-nan", None), (b"nan(1)", None), (b"", None), (b" 1", None), (b"1 ", None),
     (b"\t1", None), (b"1e400", None), (b"-1e400", None), (b"1e-400", None), (b"1e", None),
     (b"1e+", None), (b".", None), (b"-", None), (b"+-1", None), (b"1\x00", None), (b"0x", None),
     (b"1,5", None), (b"1_000", None), (b"infin", None), (b"1e5.0", None), (b"1" * 5000, None)],
)
def test_parse_double(text: bytes, value: float | None) -> None:
    assert same_double(native.double_from(text), value)


@given(st.floats(allow_nan=False))
def test_parse_double_is_exact(value: float) -> None:
    assert same_double(native.double_from(repr(value).encode()), value)
    if abs(value) < 1e30:
        assert same_double(native.double_from(f"{value:.6f}".encode()), float(f"{value:.6f}"))


def as_redis_takes_it(text: bytes) -> float | None:
    """float() without its extras: spaces, underscores, NaN; and with strtod's range errors."""
    lowered = text.lower()
    try:
        value = float(text)
    except ValueError:
        return None
    overflow = math.isinf(value) and b"n" not in lowered
    underflow = value == 0 and bool(set(lowered.split(b"e")[0]) & set(b"123456789"))
    return None if math.isnan(value) or overflow or underflow or b" " in text else value


@given(NUMBERLIKE.filter(lambda text: b"x" not in text.lower()))
def test_parse_double_takes_only_numbers(text: bytes) -> None:
    assert same_double(native.double_from(text), as_redis_takes_it(text))


# What Valkey 9.1 answers to ZSCORE.
SCORES = {
    "0": "0", "1": "1", "-1": "-1", "3.14": "3.14", "0.1": "0.1", "1e3": "1000", "inf": "inf",
    "-inf": "-inf", "1e17": "100000000000000000", "1e18": "1000000000000000000",
    "4611686018427387904": "4611686018427387904", "4611686018427388928": "4611686018427389000",
    "1e19": "1e+19", "1e21": "1e+21", "1e22": "1e+22",
    "123456789012345680000": "123456789012345680000", "1.5e300": "1.5e+300", "1e-5": "0.00001",
    "1e-6": "0.000001", "1e-7": "1e-7", "3e-10": "3e-10", "1.5e-7": "1.5e-7",
    "0.0001234": "1.234e-4", "0.00012345678": "1.2345678e-4", "0.000012345678": "1.2345678e-5",
    "0.0012345678901234": "0.0012345678901234", "123456.789012345": "1.23456789012345e+5",
    "12.3456789012345": "12.3456789012345", "1.7976931348623157e308": "1.7976931348623157e+308",
    "5e-324": "5e-324", "2.2250738585072014e-308": "2.2250738585072014e-308",
    "0.1000000000000000055511151231257827": "0.1", "1.1": "1.1", "100.5": "100.5",
    "123456.789": "123456.789", "9007199254740993": "9007199254740992",
    "-1234567890123456789012": "-1234567890123456800000", "1e100": "1e+100",
    "12345678e20": "1.2345678e+27", "1.2e23": "1.2e+23",
}


@pytest.mark.parametrize("text", SCORES)
def test_format_double_like_redis(text: str) -> None:
    assert native.double_text(float(text)) == SCORES[text].encode()


def test_format_double_keeps_the_sign_of_zero() -> None:
    assert native.double_text(-0.0) == b"-0"


@given(st.one_of(st.floats(), INT64.map(float), st.decimals(-(10**9), 10**9, places=4).map(float)))
def test_format_double_reads_back(value: float) -> None:
    text = native.double_text(value)
    if math.isnan(value):
        assert text == b"nan"
        return
    assert same_double(native.double_from(text), value)
    if not math.isinf(value) and abs(value) < 1e15:
        assert len(text) <= len(repr(value)) + 10


def test_format_double_of_random_bits() -> None:
    rng = random.Random(7)
    shortest = 0
    for _ in range(20000):
        value = struct.unpack("d", rng.getrandbits(64).to_bytes(8, "little"))[0]
        if math.isfinite(value):
            text = native.double_text(value)
            assert float(text) == value
            assert len(text) <= 25
            shortest += Decimal(text.decode()) == Decimal(repr(value))
    assert shortest > 19800


# --- long doubles ---


def increased(a: bytes, b: bytes) -> str:
    """The exact decimal sum with 17 decimals, zeros trimmed."""
    with localcontext() as context:
        context.prec = 200
        total = (Decimal(a.decode()) + Decimal(b.decode())).quantize(
            Decimal(1).scaleb(-17), ROUND_HALF_EVEN)
    text = f"{total:f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [(b"10.5", b"0.1", b"10.6"), (b"5.0e3", b"2.0e2", b"5200"), (b"3", b"-3", b"0"),
     (b"-0", b"-0", b"0"), (b"0", b"-1e-30", b"0"), (b"1e-17", b"0", b"0.00000000000000001"),
     (b"17179869184", b"1.5", b"17179869185.5"), (b"-0.1", b"-0.2", b"-0.3"),
     (b"1e19", b"0", b"10000000000000000000"), (b"1e20", b"0", b"100000000000000000000"),
     (b"inf", b"1", b"inf"), (b"-inf", b"1", b"-inf"), (b"inf", b"-inf", b"nan"),
     (b"0.99999999999999999999", b"0", b"1"),
     (b"18446744073709551615", b"0", b"18446744073709551615"),
     (b"", b"1", None), (b" 1", b"1", None), (b"1", b"nan", None), (b"1e5000", b"0", None),
     (b"1e-5000", b"0", None), (b"0x10", b"0", b"16"), (b"1x", b"0", None), (b"1\0", b"0", None),
     (b"0" * 5119 + b"1", b"0", None), (b"0" * 5118 + b"1", b"0", b"1")],
)
def test_long_double(a: bytes, b: bytes, total: bytes | None) -> None:
    assert native.long_double_sum(a, b) == total


def test_long_double_at_its_largest() -> None:
    text = native.long_double_sum(b"-1e4932", b"0")
    assert len(text) in (4934, 4)   # the second where long double is double
    assert text.startswith(b"-")


@given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.integers(-(10**6), 10**6))
def test_long_double_sums_like_decimals(a: int, places: int, b: int) -> None:
    left = f"{Decimal(a).scaleb(-places):f}".encode()
    right = f"{Decimal(b).scaleb(-3):f}".encode()
    got = Decimal(native.long_double_sum(left, right).decode())
    want = Decimal(increased(left, right))
    assert abs(got - want) <= max(abs(want), abs(Decimal(left.decode()))) * Decimal(2) ** -62


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_long_double_prints_doubles_like_printf(value: float) -> None:
    text = f"{value:.17f}".rstrip("0").rstrip(".")
    assert native.long_double_sum(value.hex().encode(), b"0").decode() == (
        "0" if text in ("-0", "") else text)


def test_another_locale_changes_nothing() -> None:
    import locale

    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"):
        try:
            locale.setlocale(locale.LC_NUMERIC, name)
            break
        except locale.Error:
            continue
    else:
        pytest.skip("no locale with a decimal comma here")
    try:
        assert native.double_from(b"1234567890.12345678901") == 1234567890.12345678901
        assert native.long_double_sum(b"1e30", b"0") == b"1000000000000000000000000000000"
    finally:
        locale.setlocale(locale.LC_NUMERIC, "C")
