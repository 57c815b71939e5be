"""List values in all three forms against a Python list, with an audit after each step."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from carnelian.base import memory
from native.list_value import ListValue

ELEMENTS = st.one_of(
    st.sampled_from([b"", b"a", b"b", b"1"]),
    st.sampled_from([100, 253, 254, 300, 600, 5000]).map(b"x".__mul__),
    st.binary(max_size=20),
)
INDEXES = st.integers(0, 1 << 16)


class ListMachine(RuleBasedStateMachine):
    @initialize(fill=st.sampled_from([-2, -1, 1, 4, 40, 0]), expires=st.booleans())
    def start(self, fill: int, expires: bool) -> None:
        self.list: Any = ListValue(b"some key", expires, fill)
        self.model: list[bytes] = []

    @rule(front=st.booleans(), elements=st.lists(ELEMENTS, min_size=1, max_size=12))
    def push(self, front: bool, elements: list[bytes]) -> None:
        self.list.push(front, elements)
        if front:
            self.model[:0] = elements[::-1]
        else:
            self.model += elements

    @rule(index=INDEXES, element=ELEMENTS)
    def set(self, index: int, element: bytes) -> None:
        if self.model:
            index %= len(self.model)
            self.list.set(index, element)
            self.model[index] = element

    @rule(index=INDEXES, element=ELEMENTS)
    def insert(self, index: int, element: bytes) -> None:
        index %= len(self.model) + 1
        self.list.insert(index, element)
        self.model.insert(index, element)

    @rule(index=INDEXES, n=st.integers(0, 30))
    def delete(self, index: int, n: int) -> None:
        index %= len(self.model) + 1
        self.list.delete(index, n)
        del self.model[index : index + n]

    @rule(at_front=st.booleans(), n=st.integers(1, 3))
    def pop(self, at_front: bool, n: int) -> None:
        index = 0 if at_front else max(len(self.model) - n, 0)
        self.delete(index, n)

    @rule(element=ELEMENTS, most=st.integers(0, 3), backward=st.booleans())
    def remove(self, element: bytes, most: int, backward: bool) -> None:
        where = [i for i, other in enumerate(self.model) if other == element]
        chosen = (where[::-1] if backward else where)[: most or None]
        assert self.list.remove(element, most, backward) == len(chosen)
        self.model = [e for i, e in enumerate(self.model) if i not in chosen]

    @rule(index=INDEXES, backward=st.booleans())
    def read(self, index: int, backward: bool) -> None:
        index %= len(self.model) + 1
        there = self.model[index] if index < len(self.model) else None
        assert self.list.get(index) == there
        if there is not None:
            expected = self.model[index::-1] if backward else self.model[index:]
            assert self.list.elements(index, backward) == expected

    @invariant()
    def sound(self) -> None:
        if hasattr(self, "list"):
            assert self.list.elements() == self.model
            assert self.list.verify()
            assert self.list.copy_is_equal()


TestListValue = ListMachine.TestCase
TestListValue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_forms_and_leaks() -> None:
    before = memory.stats()["live"]
    some = ListValue()
    forms: list[str] = []
    for n in range(2000):
        some.push(n % 2, [b"%08d" % n])
        if not forms or forms[-1] != some.encoding:
            forms.append(some.encoding)
    assert forms == ["embedded", "node", "quicklist"]
    while len(some.elements()) > 1:
        some.delete(0, 7 if len(some.elements()) > 7 else 1)
        if forms[-1] != some.encoding:
            forms.append(some.encoding)
    assert forms == ["embedded", "node", "quicklist", "node", "embedded"]
    del some
    assert memory.stats()["live"] == before
