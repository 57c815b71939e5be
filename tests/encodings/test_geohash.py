"""Geohashes and searches: known replies of Redis, round trips, and search against brute force."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.encodings import geohash as _geohash  # noqa: F401  (importable on its own)
from native import geohash as geo

LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-85.05112878, 85.05112878)

PALERMO = (13.361389, 38.115556)
CATANIA = (15.087269, 37.502669)


def test_replies_of_redis():
    palermo, catania = geo.encode(*PALERMO), geo.encode(*CATANIA)
    assert (palermo, catania) == (3479099956230698, 3479447370796909)
    assert geo.decode(palermo) == (13.36138933897018433, 38.11555639549629859)
    assert geo.string(palermo) == "sqc8b49rny0"
    assert geo.string(catania) == "sqdtr74hyu0"
    distance = geo.distance_m(*geo.decode(palermo), *geo.decode(catania))
    assert geo.format_distance(distance) == "166274.1516"
    assert geo.format_distance(distance / 1609.34) == "103.3182"


def test_format_distance():
    for value, text in ((0, "0.0000"), (0.00004, "0.0000"), (0.0001, "0.0001"), (0.775, "0.7750"),
                        (12.5, "12.5000"), (-1.25, "-1.2500"), (123456789.00005, "123456789.0000")):
        assert geo.format_distance(value) == text


@given(LONGITUDES, LATITUDES)
def test_round_trip(longitude, latitude):
    assert geo.valid(longitude, latitude)
    x, y = geo.decode(geo.encode(longitude, latitude))
    assert abs(x - longitude) <= 360 / 2**26
    # At 180 degrees the index needs a 27th bit, and a score of 54 bits loses one: so in Redis.
    cell = 171 / 2**26 * (2 if longitude == 180 else 1)
    assert abs(y - latitude) <= cell


@given(st.floats())
def test_any_score_decodes_to_a_position(score):
    assert geo.valid(*geo.decode(score))
    assert len(geo.string(score)) == 11


def test_limits_of_positions():
    assert geo.valid(180, 85.05112878)
    assert not geo.valid(180.1, 0)
    assert not geo.valid(0, 85.06)
    assert not geo.valid(math.nan, 0)


def scattered(seed: int, count: int, near=None, spread=5.0) -> list[tuple[int, int]]:
    random_ = random.Random(seed)
    members = []
    for name in range(count):
        if near is None:
            at = random_.uniform(-180, 180), random_.uniform(-85, 85)
        else:
            at = (max(-180, min(180, random_.gauss(near[0], spread))),
                  max(-85, min(85, random_.gauss(near[1], spread))))
        members.append((geo.encode(*at), name))
    return members


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(-150, 150), st.floats(-75, 75), st.floats(0, 1_500_000))
def test_circle_finds_every_point(seed, longitude, latitude, radius):
    members = scattered(seed, 150, (longitude, latitude))
    found = dict(geo.search(members, at=(longitude, latitude), radius=radius))
    for score, name in members:
        distance = geo.distance_m(longitude, latitude, *geo.decode(score))
        if distance <= radius:
            assert found.pop(name) == distance
    assert not found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(-150, 150), st.floats(-70, 70),
       st.floats(0, 900_000), st.floats(0, 900_000))
def test_box_finds_every_point(seed, longitude, latitude, width, height):
    members = scattered(seed, 150, (longitude, latitude), 3.0)
    found = dict(geo.search(members, at=(longitude, latitude), box=(width, height)))
    for score, name in members:
        x, y = geo.decode(score)
        if (geo.distance_m(x, y, x, latitude) <= height / 2
                and geo.distance_m(x, y, longitude, y) <= width / 2):
            assert found.pop(name) == geo.distance_m(longitude, latitude, x, y)
    assert not found


def test_units():
    members = scattered(3, 200, PALERMO, 1.0)
    metres = geo.search(members, at=PALERMO, radius=100_000)
    assert metres
    assert geo.search(members, at=PALERMO, radius=100, unit_m=1000) == metres


@pytest.mark.parametrize("polygon", [
    [(0, 0), (10, 0), (10, 10), (0, 10)],
    [(0, 0), (10, 0), (5, 3), (10, 10), (0, 10)],
    [(-5, 40), (3, 48), (12, 41), (2, 44)],
])
def test_polygon(polygon):
    members = scattered(1, 500, polygon[0], 9.0)
    found = {name for name, _ in geo.search(members, polygon=polygon)}
    inside = set()
    for score, name in members:
        x, y = geo.decode(score)
        crossed = 0
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
                crossed += 1
        if crossed % 2:
            inside.add(name)
    assert found == inside
    assert inside
    assert geo.search(members, polygon=[]) == []
