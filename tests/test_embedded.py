"""The engine in this process: replies, several clients, threads, blocking, time."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carnelian.base import memory
from carnelian.embedded import Engine, ErrorReply
from carnelian.services.config.config import ConfigError
from tests.support.waiting import wait_until


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def test_replies_as_python_values(engine: Engine) -> None:
    client = engine.connect(protocol=3)
    assert client.values([b"RPUSH", b"l", b"a", b"b"]) == [2]
    assert client.values([b"LRANGE", b"l", b"0", b"-1"]) == [[b"a", b"b"]]
    assert client.values([b"HSET", b"h", b"f", b"v"]) == [1]
    assert client.values([b"HGETALL", b"h"]) == [{b"f": b"v"}]
    assert client.values([b"SADD", b"s", b"x"]) == [1]
    assert client.values([b"SMEMBERS", b"s"]) == [{b"x"}]
    assert client.values([b"ZADD", b"z", b"1.5", b"m"]) == [1]
    assert client.values([b"ZSCORE", b"z", b"m"]) == [1.5]
    assert client.values([b"GET", b"none"]) == [None]
    assert client.values([b"GET", b"l"]) == [
        ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value")
    ]
    assert client.values([b"SUBSCRIBE", b"c"]) == [[b"subscribe", b"c", 1]]
    engine.execute([b"PUBLISH", b"c", b"hello"])
    assert client.values([b"PING"]) == [[b"message", b"c", b"hello"], b"PONG"]
    client.values([b"SET", b"big", b"x" * 100_000])
    assert client.values([b"GET", b"big"]) == [b"x" * 100_000]


def test_replies(engine: Engine) -> None:
    assert engine.execute([b"SET", b"k", b"v"]) == b"+OK\r\n"
    assert engine.execute([b"get", b"k"]) == b"$1\r\nv\r\n"
    assert engine.execute([b"NONSENSE"]).startswith(b"-ERR unknown command 'NONSENSE'")
    assert engine.execute([]) == b""
    assert engine.execute([b"HELLO", b"3"]).startswith(b"%7\r\n")
    assert engine.execute([b"GET", b"none"]) == b"_\r\n"
    with pytest.raises(TypeError):
        engine.execute(["PING"])  # type: ignore[list-item]


def test_clients_have_a_state_of_their_own(engine: Engine) -> None:
    other = engine.connect(3)
    other.execute([b"SELECT", b"2"])
    other.execute([b"SET", b"k", b"2"])
    assert engine.execute([b"GET", b"k"]) == b"$-1\r\n"
    assert other.execute([b"GET", b"none"]) == b"_\r\n"
    assert engine.execute([b"CLIENT", b"LIST"]).count(b" addr=local:0") == 2
    other.close()
    assert engine.execute([b"CLIENT", b"LIST"]).count(b" addr=local:0") == 1
    with pytest.raises(ConnectionError):
        other.execute([b"PING"])


def test_engines_share_nothing(engine: Engine) -> None:
    second = Engine()
    second.execute([b"SET", b"k", b"v"])
    assert engine.execute([b"GET", b"k"]) == b"$-1\r\n"
    second.close()


def test_settings(engine: Engine) -> None:
    other = Engine(requirepass="secret", maxmemory_policy="allkeys-lfu", databases="2")
    assert other.execute([b"SELECT", b"2"]) == b"-ERR DB index is out of range\r\n"
    assert b"allkeys-lfu" in other.execute([b"CONFIG", b"GET", b"maxmemory-policy"])
    assert other.execute([b"AUTH", b"wrong"]).startswith(b"-WRONGPASS")
    other.close()
    assert engine.execute([b"CONFIG", b"SET", b"slowlog-max-len", b"5"]) == b"+OK\r\n"
    assert engine.execute([b"SHUTDOWN"]).startswith(b"-ERR Errors trying to SHUTDOWN")


def test_settings_are_converted(tmp_path: Path) -> None:
    made = Engine(appendonly=True, dir=tmp_path, save=[(3600, 10), (60, 100)], slowlog_max_len=50)
    found = made.execute([b"CONFIG", b"GET", b"save", b"slowlog-max-len", b"appendonly"])
    made.close()
    assert b"3600 10 60 100" in found
    assert b"$2\r\n50\r\n" in found
    assert b"yes" in found


@pytest.mark.parametrize(
    "settings",
    [{"save": 60}, {"appendonly": 2}, {"databases": object()}, {"hz": True}, {"maxclients": 1.5}],
    ids=list,
)
def test_settings_of_the_wrong_type(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"the setting {next(iter(settings))}="):
        Engine(**settings)


@pytest.mark.parametrize(
    "settings", [{"maxmemory": "1gb"}, {"aclfile": "users"}, {"tls_port": 6380}], ids=str
)
def test_settings_that_would_protect_nothing(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="only the default is accepted"):
        Engine(**settings)


def test_settings_of_a_server(caplog: pytest.LogCaptureFixture) -> None:
    Engine(port=6380, proto_max_bulk_len="1mb").close()
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["The setting port has no effect inside a process."]
    with pytest.raises(ConfigError, match="no part in replication"):
        Engine(replicaof="10.0.0.1 6379")


def test_unknown_settings() -> None:
    with pytest.raises(TypeError):
        Engine(nonsense="1")
    with pytest.raises(ConfigError):
        Engine(databases="x")


def test_time_passes_between_calls(engine: Engine) -> None:
    engine.execute([b"SET", b"k", b"v"])
    engine.execute([b"PEXPIRE", b"k", b"10"])
    wait_until(lambda: engine.execute([b"GET", b"k"]) == b"$-1\r\n", "it expires")


def test_a_blocked_command_times_out(engine: Engine) -> None:
    started = time.monotonic()
    assert engine.execute([b"BLPOP", b"k", b"0.05"]) == b"*-1\r\n"
    assert 0.04 <= time.monotonic() - started < 2


def test_a_blocked_command_is_served_by_another_thread(engine: Engine) -> None:
    other = engine.connect()
    replies: list[bytes] = []
    waiting = threading.Thread(
        target=lambda: replies.append(other.execute([b"BLPOP", b"k", b"10"])), daemon=True
    )
    waiting.start()
    wait_until(lambda: b"flags=b" in engine.execute([b"CLIENT", b"LIST"]), "it waits")
    assert engine.execute([b"RPUSH", b"k", b"x"]) == b":1\r\n"
    waiting.join(10)
    assert replies == [b"*2\r\n$1\r\nk\r\n$1\r\nx\r\n"]


def test_closing_frees_everything() -> None:
    def work() -> None:
        engine = Engine()
        for i in range(100):
            engine.execute([b"SET", b"%d" % i, b"x" * i])
        engine.close()

    work()
    gc.collect()
    before = memory.stats()["live"]
    work()
    gc.collect()
    assert memory.stats()["live"] <= before


def test_messages_wait_for_their_client(engine: Engine) -> None:
    other = engine.connect()
    confirmed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    message = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
    assert other.execute([b"SUBSCRIBE", b"c"]) == confirmed
    assert engine.execute([b"PUBLISH", b"c", b"m"]) == b":1\r\n"
    assert other.take() == message
    assert other.take() == b""
    engine.execute([b"PUBLISH", b"c", b"m"])
    assert other.execute([b"PING"]) == message + b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
