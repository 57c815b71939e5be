"""The backlog against a plain bytes object."""

from __future__ import annotations

import gc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from carnelian.base import memory
from native.backlog import BLOCK_SIZE, NativeBacklog
from tests.support.resp import encode_command

SIZES = st.one_of(st.integers(0, 100), st.integers(BLOCK_SIZE - 60, BLOCK_SIZE + 60))


class Machine(RuleBasedStateMachine):
    @initialize(offset=st.sampled_from([0, 1, 12345, 2**62]))
    def begin(self, offset: int) -> None:
        self.start = offset
        self.bytes = b""  # all ever written
        gc.collect()
        self.live = memory.stats()["live"]
        self.backlog = NativeBacklog(offset)

    @rule(size=SIZES, fill=st.integers(0, 255))
    def append(self, size: int, fill: int) -> None:
        data = bytes([fill]) * size
        self.backlog.append(data)
        self.bytes += data

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=4))
    def put_command(self, sizes: list[int]) -> None:
        words = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
        self.backlog.put_command(words)
        self.bytes += encode_command(words)

    @rule(share=st.floats(0, 1))
    def trim(self, share: float) -> None:
        offset = self.start + int(len(self.bytes) * share)
        first = self.backlog.first
        self.backlog.trim(offset)
        assert first <= self.backlog.first <= max(offset, first)
        assert offset - self.backlog.first < BLOCK_SIZE or first > offset

    @rule(share=st.floats(0, 1), parts=st.integers(1, 8))
    def read(self, share: float, parts: int) -> None:
        kept = self.backlog.end - self.backlog.first
        offset = self.backlog.first + int(kept * share)
        found = self.backlog.read(offset, parts)
        wanted = self.bytes[offset - self.start :]
        assert wanted.startswith(found)
        assert len(found) == len(wanted) or len(found) > (parts - 1) * BLOCK_SIZE

    @invariant()
    def check(self) -> None:
        if hasattr(self, "backlog"):
            assert self.backlog.verify()
            assert self.backlog.end == self.start + len(self.bytes)
            kept = self.backlog.end - self.backlog.first
            assert self.backlog.memory() <= kept + 3 * BLOCK_SIZE + 4096

    def teardown(self) -> None:
        if hasattr(self, "backlog"):
            del self.backlog
            assert memory.stats()["live"] == self.live


TestBacklogMachine = Machine.TestCase
TestBacklogMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
