"""Big hashes against a plain dict: values of all forms, expiry times coming and going."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.field_map import Fields

NAMES = st.one_of(
    st.integers(0, 60).map(lambda n: b"f%d" % n),
    st.sampled_from([0, 126, 127, 128, 254, 255, 300]).map(b"n".__mul__),
)
SIZES = st.sampled_from([0, 1, 7, 8, 30, 100, 253, 254, 255, 256, 5000, 16383, 16384, 20000])
VALUES = st.tuples(SIZES, st.sampled_from([b"a", b"b"])).map(lambda pair: pair[0] * pair[1])
WHEN = st.one_of(st.just(0), st.integers(1, 50), st.integers(2**40, 2**46))
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES, VALUES),
    st.tuples(st.just("put"), NAMES, VALUES),
    st.tuples(st.just("expire"), NAMES, WHEN),
    st.tuples(st.just("remove"), NAMES, st.none()),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=300))
def test_behaves_like_a_dict(steps):
    live = memory.stats()["live"]
    subject, model = Fields(), {}
    for number, (step, name, argument) in enumerate(steps):
        assert subject.get(name) == model.get(name)
        if step == "put":
            assert subject.put(name, argument) == (name not in model)
            model[name] = (argument, model.get(name, (b"", 0))[1])
        elif step == "expire":
            assert subject.expire(name, argument) == (name in model)
            if name in model:
                model[name] = (model[name][0], argument)
        else:
            assert subject.remove(name) == (model.pop(name, None) is not None)
        expiring = [when for _, when in model.values() if when]
        first = subject.first_expiring()
        assert (first[1] if first else None) == (min(expiring) if expiring else None)
        assert first is None or model[first[0]][1] == first[1]
        if number % 10 == 0:
            assert subject.verify()
    assert subject.verify()
    assert subject.items() == model
    twin = subject.copy()
    assert twin.verify()
    assert twin.items() == model
    assert subject.bytes_used() > 0
    del subject, twin
    assert memory.stats()["live"] == live


def test_everything_expires_in_order():
    live = memory.stats()["live"]
    subject = Fields()
    for n in range(2000):
        subject.put(b"f%d" % n, b"v")
        subject.expire(b"f%d" % n, 1 + n * 7919 % 2000)
    assert subject.verify()
    last = 0
    while first := subject.first_expiring():
        assert first[1] >= last
        last = first[1]
        assert subject.remove(first[0])
    assert len(subject) == 0
    del subject
    assert memory.stats()["live"] == live
