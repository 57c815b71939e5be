"""The expiry wheel against a dictionary of times."""

from __future__ import annotations

import gc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carnelian.base import memory
from native.wheel import WheelUnderTest

START_MS = 1_700_000_000_123
# Near, around the borders of the levels, and anywhere.
DELAYS = st.one_of(
    st.integers(0, 600),
    st.builds(lambda level, by: (256**level) + by, st.integers(1, 6), st.integers(-3, 3)),
    st.integers(0, 2**55),
)


class Wheels(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        gc.collect()
        self.live = memory.stats()["live"]
        self.now = START_MS
        self.wheel = WheelUnderTest(self.now)
        self.model: dict[int, int] = {}
        self.late: set[int] = set()  # overdue when they came: due from the next millisecond on
        self.next_number = 0

    def add_at(self, when: int) -> None:
        self.wheel.add(self.next_number, when)
        self.model[self.next_number] = when
        self.next_number += 1

    @rule(delay=DELAYS, copies=st.sampled_from([1, 1, 1, 3, 700]))
    def add(self, delay: int, copies: int) -> None:
        for _ in range(copies):
            self.add_at(self.now + delay)

    @rule(ago=st.one_of(st.integers(1, 1000), st.just(2**62)))
    def add_overdue(self, ago: int) -> None:
        self.late.add(self.next_number)
        self.add_at(self.now - ago)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model)))
        self.wheel.remove(number)
        del self.model[number]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def relocate(self, data: st.DataObject) -> None:
        self.wheel.relocate(data.draw(st.sampled_from(sorted(self.model))))

    @rule(delay=DELAYS, steps=st.sampled_from([1, 7, 2000]))
    def advance(self, delay: int, steps: int) -> None:
        self.pass_time(delay)
        found = dict(self.wheel.due(self.now, steps))
        due = {number for number, when in self.model.items() if when < self.now}
        assert due - self.late <= found.keys() <= due
        for number, when in found.items():
            assert self.model.pop(number) == when

    def pass_time(self, delay: int) -> None:
        if delay:
            self.late.clear()
        self.now += delay

    @rule(delay=DELAYS, steps=st.integers(0, 3))
    def look(self, delay: int, steps: int) -> None:
        """A call whose steps run out leaves a sound wheel."""
        self.pass_time(delay)
        found, left = self.wheel.due_once(self.now, steps)
        due = {number for number, when in self.model.items() if when < self.now}
        if found:
            assert due
        elif left:
            assert due <= self.late

    @rule(by=DELAYS)
    def turn_back(self, by: int) -> None:
        """The clock is set back."""
        self.now = max(self.now - by, 0)
        self.wheel.turn_back(self.now)
        self.late = {number for number, when in self.model.items() if when < self.now}

    @invariant()
    def sound(self) -> None:
        assert self.wheel.verify()
        assert len(self.wheel) == len(self.model)
        following = self.wheel.next_ms()
        if self.model:
            assert 0 <= following <= max(min(self.model.values()), self.now)
        else:
            assert following == -1

    def teardown(self) -> None:
        self.wheel.close()
        assert memory.stats()["live"] == self.live


TestWheel = Wheels.TestCase
TestWheel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_many_in_one_slot_cost_one_step_each() -> None:
    wheel = WheelUnderTest(START_MS)
    count = 20_000
    for number in range(count):
        wheel.add(number, START_MS + 3_600_000)
    assert wheel.due(START_MS + 3_600_000, 2000) == []
    found = wheel.due(START_MS + 3_600_001, 2000)
    assert {number for number, _ in found} == set(range(count))
    wheel.close()


def test_due_in_order_of_time() -> None:
    wheel = WheelUnderTest(START_MS)
    for number, delay in enumerate([5, 70_000, 300, 1, 17_000_000, 299]):
        wheel.add(number, START_MS + delay)
    found = wheel.due(START_MS + 20_000_000, 1)
    assert [number for number, _ in found] == [3, 0, 5, 2, 1, 4]
    wheel.close()
