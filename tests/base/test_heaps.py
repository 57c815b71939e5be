"""Heaps: blocks come back whole whoever frees them, and each heap knows its own."""

from __future__ import annotations

import threading

import pytest

from carnelian.base import memory
from native.heap import Blocks, HeapBox, zeroed_is_zero

SIZES_MAX = (1, 64, 500, 3200, 20_000, 65_536, 300_000)


@pytest.fixture(autouse=True)
def no_leaks():
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


@pytest.mark.parametrize("size_max", SIZES_MAX)
@pytest.mark.parametrize("place", ["own", "process", "other"])
def test_blocks_return_to_their_heap(size_max: int, place: str):
    box, other = HeapBox(), HeapBox()
    free_in = {"own": box, "process": None, "other": other}[place]
    blocks = Blocks(2000)
    blocks.fill(box, size_max, 1)
    assert box.figures()[0] == 2000
    assert box.figures()[1] >= 2000
    assert blocks.free(free_in, 0, 3)
    assert box.verify()
    assert blocks.resize(box, size_max, 2)
    assert box.verify()
    assert blocks.resize(free_in, size_max, 3)
    assert blocks.free(free_in, 1, 2)
    assert blocks.free(free_in, 0, 1)
    assert box.verify()
    assert other.verify()
    assert [each.figures()[:2] for each in (box, other)] == [(0, 0), (0, 0)]
    for each in (box, other):
        each.tidy_all()
        assert each.verify()


@pytest.mark.parametrize("size_max", SIZES_MAX)
def test_the_process_has_a_heap_too(size_max: int):
    box, blocks = HeapBox(), Blocks(500)
    for free_in in (None, box):
        blocks.fill(None, size_max, 1)
        assert box.figures() == (0, 0, 0)
        assert blocks.resize(None, size_max, 2)
        assert blocks.free(free_in, 0, 1)


@pytest.mark.parametrize("size", [1, 3200, 3201, 65_536, 65_537, 1 << 20, 3 << 20])
def test_zeroed_blocks_are_zero(size: int):
    assert zeroed_is_zero(size)


@pytest.mark.parametrize("size_max", [64, 3200, 65_536])
def test_what_others_freed_is_found_by_count(size_max: int):
    box, blocks = HeapBox(), Blocks(20_000)
    blocks.fill(box, size_max, 1)
    committed = box.figures()[2]
    # in two passes over all spans, so that none is empty after the first
    assert blocks.free(None, 0, 2)
    box.tidy(1000)
    assert box.verify()
    assert blocks.free(None, 1, 2)
    for _ in range(1000):
        if not box.tidy(16):
            break
    assert box.verify()
    assert box.figures()[:2] == (0, 0)
    kept = box.figures()[2]
    assert kept <= committed
    assert kept < 80 * 65_536      # warm spans, and small ones that are current
    box.tidy_all()
    blocks.fill(box, size_max, 2)
    assert blocks.free(box, 0, 1)
    assert box.verify()


def test_little_is_given_back_at_once():
    box, blocks = HeapBox(), Blocks(200_000)
    blocks.fill(box, 100, 1)
    assert blocks.free(box, 0, 1)
    assert 0 < box.tidy(10) <= 10


def test_threads_free_what_another_allocates():
    boxes = [HeapBox() for _ in range(3)]
    damaged = []

    def run(own: HeapBox, mine: list[Blocks], others: list[Blocks], barrier) -> None:
        for number, (blocks, taken) in enumerate(zip(mine, others, strict=True)):
            blocks.fill(own, 3000 if number % 3 else 30_000, number)
            barrier.wait()
            # two threads free one third each of what the third one made, while it makes more
            damaged.extend([1] * (not taken.free(own, number % 3, 3)))
            damaged.extend([1] * (not own.verify()))
            barrier.wait()

    rounds = 12
    work = [[Blocks(3000) for _ in range(rounds)] for _ in boxes]
    barrier = threading.Barrier(3)
    threads = [
        threading.Thread(target=run, args=(box, work[i], work[(i + 1) % 3], barrier))
        for i, box in enumerate(boxes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not damaged
    for number, box in enumerate(boxes):
        for blocks in work[number]:
            assert blocks.free(boxes[(number + 2) % 3], 0, 1)
        assert box.verify()
    assert [box.figures()[:2] for box in boxes] == [(0, 0)] * 3


def test_a_heap_outlives_its_holder_while_a_block_lives():
    box, blocks = HeapBox(), Blocks(5000)
    blocks.fill(box, 10_000, 1)
    del box
    assert blocks.free(None, 0, 1)
