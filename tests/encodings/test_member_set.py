"""Big sets against a plain set: integers in their words and text in blocks side by side."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.member_set import MemberSet

EDGES = [0, 1, -1, 2**62 - 1, 2**62, -(2**62), -(2**62) - 1, 2**63 - 1, -(2**63), 2**63]
MEMBERS = st.one_of(
    st.integers(-300, 300).map(lambda n: b"%d" % n),
    st.sampled_from([b"%d" % n for n in EDGES]),
    st.integers(-3, 40).map(lambda n: b"0%d" % n),
    st.integers(0, 200).map(lambda n: n.to_bytes(8, "little")),
    st.sampled_from([0, 1, 127, 128, 129, 16383, 16384, 40000]).map(b"x".__mul__),
    st.binary(max_size=12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), MEMBERS), max_size=500))
def test_behaves_like_a_set(steps):
    live = memory.stats()["live"]
    subject, model = MemberSet(), set()
    for number, (removing, text) in enumerate(steps):
        assert (text in subject) == (text in model)
        if removing == 0:
            assert subject.remove(text) == (text in model)
            model.discard(text)
        else:
            assert subject.add(text) == (text not in model)
            model.add(text)
        if number % 20 == 0:
            assert subject.verify()
    assert subject.verify()
    assert len(subject) == len(model)
    assert sorted(subject) == sorted(model)
    assert all(text in subject for text in model)
    assert not model or subject.random() in model
    twin = subject.copy()
    assert twin.verify()
    assert sorted(twin) == sorted(model)
    del subject, twin
    assert memory.stats()["live"] == live


def test_integers_take_no_blocks():
    live = memory.stats()["live"]
    subject = MemberSet()
    for n in range(-50_000, 50_000):
        assert subject.add(b"%d" % n)
    assert subject.verify()
    assert subject.bytes_used() / 100_000 < 24
    for n in range(-50_000, 50_000):
        assert subject.remove(b"%d" % n)
    assert len(subject) == 0
    del subject
    assert memory.stats()["live"] == live


def test_an_integer_is_not_its_bytes():
    """Eight bytes that hold the same number are another member."""
    subject = MemberSet()
    assert subject.add(b"1")
    for text in [b"01", b"+1", b" 1", b"1 ", b"-0", (1).to_bytes(8, "little"), b"3"]:
        assert text not in subject
        assert subject.add(text)
    assert len(subject) == 8
