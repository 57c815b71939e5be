"""The clocks agree with Python's; random numbers are repeatable, bounded and spread out."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnelian.base.clock import Clock
from native import base as native
from native import random as native_random
from native.clock import read


def test_clocks() -> None:
    wall, steady = time.time_ns(), time.monotonic_ns()
    clock, other = Clock(), Clock()
    wall_us, steady_us = read(clock)
    assert abs(wall_us - wall // 10**3) < 10**6
    assert 0 <= steady_us - steady // 1000 < 10**6
    assert read(clock)[1] >= steady_us
    assert clock.steady_s() >= steady_us / 1e6
    assert abs(clock.wall_s() - wall // 10**9) < 2
    clock.jump_ms(-3_600_000)
    assert abs(read(clock)[0] + 3_600_000_000 - wall_us) < 10**6
    assert abs(read(other)[0] - wall_us) < 10**6, "each has its own"


def test_known_sequence() -> None:
    """xoshiro256** with splitmix64(42), worked out in Python integers."""
    mask = 2**64 - 1

    def rotate(x: int, k: int) -> int:
        return (x << k | x >> (64 - k)) & mask

    x, state = 42, []
    for _ in range(4):
        x = (x + 0x9E3779B97F4A7C15) & mask
        z = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        state.append(z ^ z >> 31)
    want = []
    for _ in range(50):
        want.append(rotate(state[1] * 5 & mask, 7) * 9 & mask)
        shifted = state[1] << 17 & mask
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = rotate(state[3], 45)
    native_random.seed(42)
    assert [native.draw() for _ in range(50)] == want


@given(st.integers(0, 2**64 - 1))
def test_below(n: int) -> None:
    for _ in range(5):
        drawn = native.draw_below(n)
        assert drawn < n or drawn == n == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 100])
def test_even_spread(n: int) -> None:
    native_random.seed(n)
    counts = Counter(native.draw_below(n) for _ in range(20000))
    assert set(counts) == set(range(n))
    expected = 20000 / n
    assert sum((c - expected) ** 2 / expected for c in counts.values()) < n + 6 * n**0.5 + 10


def test_unbiased_for_huge_bounds() -> None:
    n = 3 * 2**62
    native_random.seed(1)
    low = sum(native.draw_below(n) < n // 3 for _ in range(3000))
    assert 850 < low < 1150
