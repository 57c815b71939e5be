"""The same data given to a real server: HyperLogLog strings, positions, bits, streams."""

import random

import pytest

from native import bitops
from native import geohash as geo
from native import hyperloglog as hll
from native.stream import Entries

UNITS = {"m": 1, "km": 1000, "ft": 0.3048, "mi": 1609.34}


@pytest.fixture
def redis(redis_server):
    with redis_server.connect() as client:
        yield client.call


@pytest.fixture
def valkey(valkey_server):
    with valkey_server.connect() as client:
        yield client.call


@pytest.mark.parametrize("sparse_max", [0, 200, 3000, 20_000])
def test_pfadd_bytes(redis, sparse_max):
    redis("CONFIG", "SET", "hll-sparse-max-bytes", sparse_max)
    source = random.Random(sparse_max)
    data = None
    for _ in range(60):
        batch = [b"%d" % source.randrange(1 << source.choice((5, 12, 20, 40)))
                 for _ in range(source.choice((1, 5, 100)))]
        changed = redis("PFADD", "h", *batch)
        data, mine = hll.add(data, *batch, sparse_max=sparse_max)
        assert mine == bool(changed)
        assert data == redis("GET", "h")
        if source.random() < 0.3:
            assert hll.count(data) == redis("PFCOUNT", "h")
            data = hll.with_cache(data)
            assert data == redis("GET", "h")
    redis("CONFIG", "SET", "hll-sparse-max-bytes", 3000)


@pytest.mark.parametrize(
    "sizes", [(5, 50), (300, 400, 1), (20_000, 10), (10, 20_000), (2500, 2500)])
def test_pfmerge_bytes(redis, sizes):
    strings = []
    for i, size in enumerate(sizes):
        redis("PFADD", f"s{i}", *(b"%d:%d" % (i, j // (i + 1)) for j in range(size)))
        strings.append(redis("GET", f"s{i}"))
    keys = [f"s{i}" for i in range(len(sizes))]
    assert hll.count_union(*strings) == redis("PFCOUNT", *keys)
    redis("PFMERGE", "d", *keys)
    assert hll.merge(None, *strings) == redis("GET", "d")
    redis("PFMERGE", "s0", "s1")
    assert hll.merge(strings[0], strings[1]) == redis("GET", "s0")


def test_positions(redis):
    source = random.Random(1)
    positions = [(180, 85.05112878), (-180, -85.05112878), (0, 0), (180, -85.05112878)]
    for _ in range(500):
        positions.append((source.uniform(-180, 180), source.uniform(-85.05, 85.05)))
    for name, at in enumerate(positions):
        redis("GEOADD", "g", *map(repr, at), name)
    names = range(len(positions))
    scores = [int(redis("ZSCORE", "g", name)) for name in names]
    assert scores == [geo.encode(*at) for at in positions]
    for score, reply in zip(scores, redis("GEOPOS", "g", *names), strict=True):
        # 7.0 prints 17 decimals
        assert geo.decode(score) == pytest.approx([float(part) for part in reply], abs=1e-16)
    strings = [text.decode() for text in redis("GEOHASH", "g", *names)]
    assert [geo.string(score) for score in scores] == strings
    for _ in range(500):
        a, b = source.choice(names), source.choice(names)
        unit = source.choice(list(UNITS))
        distance = geo.distance_m(*geo.decode(scores[a]), *geo.decode(scores[b])) / UNITS[unit]
        text = geo.format_distance(distance)
        assert text.encode() == redis("GEODIST", "g", a, b, unit)


def members_in(call, key):
    reply = call("ZRANGE", key, 0, -1, "WITHSCORES")
    return [(int(score), name) for name, score in zip(reply[::2], reply[1::2], strict=True)]


def printed(found, unit_m=1.0):
    return [[name, geo.format_distance(distance / unit_m).encode()] for name, distance in found]


@pytest.mark.parametrize("seed", range(4))
def test_searches(redis, seed):
    source = random.Random(seed)
    for i in range(600):
        at = source.uniform(-180, 180), source.uniform(-85, 85)
        if seed >= 2:
            at = source.gauss(2.3, 0.5), source.gauss(48.8, 0.5)
        redis("GEOADD", "g", *map(repr, at), f"m{i}")
    members = members_in(redis, "g")
    for _ in range(150):
        at = source.uniform(-180, 180), source.uniform(-85, 85)
        if source.random() < 0.5:
            at = source.gauss(2.3, 0.5), source.gauss(48.8, 0.5)
        unit = source.choice(list(UNITS))
        unit_m = UNITS[unit]
        size = 10 ** source.uniform(1, 7.3) / unit_m
        height = size * source.uniform(0.1, 3)
        search = ["GEOSEARCH", "g", "FROMLONLAT", *map(repr, at)]
        if source.random() < 0.5:
            expected = redis(*search, "BYRADIUS", repr(size), unit, "WITHDIST")
            found = geo.search(members, at=at, radius=size, unit_m=unit_m)
        else:
            expected = redis(*search, "BYBOX", repr(size), repr(height), unit, "WITHDIST")
            found = geo.search(members, at=at, box=(size, height), unit_m=unit_m)
        assert printed(found, unit_m) == expected


def test_polygons(valkey):
    source = random.Random(7)
    for i in range(2000):
        at = source.uniform(-179, 179), source.uniform(-84, 84)
        valkey("GEOADD", "g", *map(repr, at), f"m{i}")
    members = members_in(valkey, "g")
    for _ in range(100):
        x, y, size = source.uniform(-170, 170), source.uniform(-80, 80), source.uniform(1, 60)
        polygon = [(max(-180, min(180, x + source.uniform(-size, size))),
                    max(-85, min(85, y + source.uniform(-size, size))))
                   for _ in range(source.randrange(3, 9))]
        flat = [repr(number) for corner in polygon for number in corner]
        expected = valkey("GEOSEARCH", "g", "BYPOLYGON", len(polygon), *flat, "WITHDIST")
        assert printed(geo.search(members, polygon=polygon)) == expected


def test_bit_fields(redis):
    source = random.Random(5)
    data = b""
    for _ in range(600):
        signed = source.random() < 0.5
        width = source.randrange(1, 65 if signed else 64)
        kind = f"{'i' if signed else 'u'}{width}"
        offset = source.randrange(300)
        policy = source.choice(bitops.POLICIES)
        number = source.choice((source.randrange(-10, 10), source.randrange(-(2**63), 2**63)))
        old = bitops.get_field(data, offset, width, signed)
        change = ["BITFIELD", "f", "OVERFLOW", policy]
        if source.random() < 0.5:
            value = bitops.fit(number if signed else number % 2**64, 0, width, signed, policy)
            expected = None if value is None else old
            got = redis(*change, "SET", kind, offset, number)
        else:
            expected = value = bitops.fit(old, number, width, signed, policy)
            got = redis(*change, "INCRBY", kind, offset, number)
        if value is not None:
            data = bitops.set_field(data, offset, width, value % 2**64)
        assert got == [expected]
        assert (redis("GET", "f") or b"").rstrip(b"\0") == data.rstrip(b"\0")


def id_text(id):
    return b"%d-%d" % id


def facts_of(call, with_lag):
    stream = call("XINFO", "STREAM", "s")
    stream = dict(zip(stream[::2], stream[1::2], strict=True))
    groups = []
    for flat in call("XINFO", "GROUPS", "s"):
        row = dict(zip(flat[::2], flat[1::2], strict=True))
        groups.append((row[b"name"], row[b"last-delivered-id"], row[b"pending"]))
        if with_lag:
            groups.append((row[b"entries-read"], row[b"lag"]))
    return (stream[b"length"], stream[b"radix-tree-keys"], stream[b"last-generated-id"],
            stream[b"max-deleted-entry-id"], stream[b"entries-added"],
            stream[b"recorded-first-entry-id"], groups)


def facts_here(stream, with_lag):
    facts = stream.facts
    groups = []
    for name, last, entries_read in stream.groups():
        groups.append((name, id_text(last), len(stream.pending(name))))
        if with_lag:
            groups.append((None if entries_read < 0 else entries_read, stream.lag(name)))
    return (len(stream), stream.nodes, id_text(facts["last"]), id_text(facts["max_deleted"]),
            facts["added"], id_text(facts["first"]), groups)


def read_group(valkey, stream, group, consumer, count):
    reply = valkey("XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", "s", ">")
    after = {name: last for name, last, _ in stream.groups()}[group]
    entries = stream.entries((after[0], after[1] + 1), count=count)
    if consumer not in [row[0] for row in stream.consumers(group)]:
        stream.create_consumer(group, consumer)
    for id, *_ in entries:
        stream.advance(group, id)
        stream.deliver(group, consumer, id)
    got = reply[0][1] if reply else []
    assert [(id_text(id), parts) for id, *parts in entries] == [tuple(entry) for entry in got]


@pytest.mark.parametrize("removing", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_streams(valkey, seed, removing):
    """Lag only while nothing is removed: Valkey left out later corrections to Redis's."""
    source = random.Random(seed)
    actions = ["add"] * 6 + ["read"] * 4 + ["ack"]
    if removing:
        actions += ["delete", "trim", "min"]
    stream = Entries(4096, 10)
    valkey("CONFIG", "SET", "stream-node-max-entries", 10)
    ids = []
    for step in range(400):
        action = source.choice(actions)
        if action == "add" or not ids:
            last = stream.facts["last"]
            ids.append((last[0] + source.randrange(3), last[1] + source.randrange(1, 3)))
            parts = [b"f", b"%d" % source.randrange(3), b"g%d" % source.randrange(2), b"1"]
            valkey("XADD", "s", id_text(ids[-1]), *parts)
            stream.append(ids[-1], *parts)
        elif action == "read":
            group = source.choice([b"a", b"b", b"c"])
            if stream.create_group(group, (0, 0), -1):
                valkey("XGROUP", "CREATE", "s", group, "0")
            read_group(valkey, stream, group, source.choice([b"x", b"y"]), source.randrange(1, 9))
        elif action == "delete":
            id = source.choice(ids[-30:])
            assert valkey("XDEL", "s", id_text(id)) == stream.delete(id)
        elif action == "trim":
            goal = max(0, len(stream) - source.randrange(30))
            approximate = source.random() < 0.5
            got = valkey("XTRIM", "s", "MAXLEN", "~" if approximate else "=", goal)
            assert got == stream.trim(length=goal, approximate=approximate)
        elif action == "min":
            id = source.choice(ids[-60:])
            approximate = source.random() < 0.5
            got = valkey("XTRIM", "s", "MINID", "~" if approximate else "=", id_text(id))
            assert got == stream.trim(id_min=id, approximate=approximate)
        elif action == "ack" and stream.groups():
            group = source.choice(stream.groups())[0]
            id = source.choice(ids)
            assert valkey("XACK", "s", group, id_text(id)) == stream.acknowledge(group, id)
        assert stream.verify()
        assert facts_here(stream, not removing) == facts_of(valkey, not removing), (step, action)
    everything = [[id_text(id), parts] for id, *parts in stream.entries()]
    assert everything == valkey("XRANGE", "s", "-", "+")
    assert everything[::-1] == valkey("XREVRANGE", "s", "+", "-")
    valkey("CONFIG", "SET", "stream-node-max-entries", 100)
