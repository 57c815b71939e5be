"""Keys, values and expiry across all layouts of an entry, against a dictionary."""

from __future__ import annotations

import gc
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carnelian.base import memory
from native.database import DatabaseUnderTest

LENGTHS = st.one_of(
    st.integers(0, 40), st.integers(250, 260), st.sampled_from([1000, 1024, 2049, 70_000])
)
VALUES = st.builds(lambda n, byte: bytes((byte,)) * n, LENGTHS, st.integers(1, 255))
KEYS = st.builds(
    lambda length, number: b"%d" % number + b"k" * length,
    st.sampled_from([0, 1, 15, 253, 254, 255, 300, 70_000]),
    st.integers(0, 9),
)
TIMES = st.one_of(st.integers(0, 2**44), st.integers(0, 2**62))


def setup_module() -> None:
    """Engines of tests before must not be freed while live blocks are counted here."""
    gc.collect()


class Held(NamedTuple):
    value: bytes
    when: int | None
    pointer: bool
    marked: bool


class Databases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.live = memory.stats()["live"]
        self.db = DatabaseUnderTest()
        self.model: dict[bytes, Held] = {}

    def some(self, data: st.DataObject, pointer: bool | None = None) -> bytes | None:
        keys = [k for k, held in self.model.items() if pointer in (None, held.pointer)]
        return data.draw(st.sampled_from(sorted(keys))) if keys else None

    def update(self, key: bytes, **changes: object) -> None:
        self.model[key] = self.model[key]._replace(**changes)  # type: ignore[arg-type]

    @rule(key=KEYS, value=VALUES, pointer=st.booleans())
    def create(self, key: bytes, value: bytes, pointer: bool) -> None:
        assert self.db.has(key) == (key in self.model)
        if key not in self.model:
            (self.db.create_pointer if pointer else self.db.create)(key, value)
            self.model[key] = Held(value, None, pointer, False)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if key := self.some(data):
            self.db.remove(key)
            del self.model[key]

    @rule(data=st.data(), length=LENGTHS)
    def resize(self, data: st.DataObject, length: int) -> None:
        if key := self.some(data, False):
            self.db.resize(key, length, b"x")
            value = self.model[key].value[:length]
            self.update(key, value=value + b"x" * (length - len(value)))

    @rule(data=st.data(), insert=VALUES)
    def splice(self, data: st.DataObject, insert: bytes) -> None:
        if key := self.some(data, False):
            value = self.model[key].value
            offset = data.draw(st.integers(0, len(value)))
            gone = data.draw(st.integers(0, len(value) - offset))
            self.db.splice(key, offset, gone, insert)
            self.update(key, value=value[:offset] + insert + value[offset + gone :])

    @rule(data=st.data(), value=VALUES, pointer=st.booleans())
    def represent(self, data: st.DataObject, value: bytes, pointer: bool) -> None:
        if key := self.some(data):
            (self.db.set_pointer if pointer else self.db.set_inline)(key, value)
            self.update(key, value=value, pointer=pointer)

    @rule(data=st.data(), when=TIMES)
    def expire(self, data: st.DataObject, when: int) -> None:
        if key := self.some(data):
            self.db.expire(key, when)
            self.update(key, when=when)

    @rule(data=st.data())
    def persist(self, data: st.DataObject) -> None:
        if key := self.some(data):
            assert self.db.persist(key) == (self.model[key].when is not None)
            self.update(key, when=None)

    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        if key := self.some(data):
            self.db.mark(key)
            self.update(key, marked=True)

    @rule(data=st.data(), other=KEYS, copy=st.booleans())
    def rename(self, data: st.DataObject, other: bytes, copy: bool) -> None:
        key = self.some(data)
        if key is not None and other not in self.model:
            self.db.rename(key, other, copy)
            self.model[other] = self.model[key]._replace(when=None)
            if not copy:
                del self.model[key]

    @precondition(lambda self: len(self.model) > 5)
    @rule()
    def clear(self) -> None:
        self.db.clear()
        self.model.clear()

    @invariant()
    def agrees(self) -> None:
        assert self.db.verify()
        assert len(self.db) == len(self.model)
        for key, held in self.model.items():
            assert self.db.get(key) == held

    def teardown(self) -> None:
        self.db.close()
        assert memory.stats()["live"] == self.live


TestDatabase = Databases.TestCase
TestDatabase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("key_length", [0, 1, 255, 256, 5000])
@pytest.mark.parametrize("value_length", [0, 1, 255, 256, 5000])
def test_every_layout_survives_expire_and_persist(key_length: int, value_length: int) -> None:
    key, value = b"k" * key_length, b"v" * value_length
    db = DatabaseUnderTest()
    db.create(key, value)
    db.mark(key)
    for when in (5, 2**60, 7):
        db.expire(key, when)
        assert db.get(key) == (value, when, False, True)
        assert db.verify()
    assert db.persist(key)
    assert not db.persist(key)
    assert db.get(key) == (value, None, False, True)
    db.close()
