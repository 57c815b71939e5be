"""CONFIG SET and GET against a real Redis and Valkey: the same values give the same answers."""

from __future__ import annotations

from typing import Any

import pytest

from carnelian.services.config.config import PARAMETERS, Config, ConfigError
from carnelian.services.config.parameter import Bool, Enum, Integer, Memory, Parameter
from tests.support.servers import Server

VALUES: dict[type[Parameter], list[str]] = {
    Bool: ["yes", "NO", "", "maybe", "1"],
    Enum: ["", "nonsense", "a b"],
    Memory: [
        "",
        "kb",
        "1",
        "1B",
        "1k",
        "1Kb",
        "2mb",
        "3M",
        "1g",
        "1gb",
        "-1",
        "1.5mb",
        "1x",
        " 1",
        "1 kb",
        "50%",
        "100%",
        "101%",
        "-5%",
        "%",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551600",
        "9223372036854775808",
        "16777216tb",
        "17179869184gb",
        "0" * 127,
        "0" * 128,
    ],
    Integer: [
        "0",
        "1",
        "5",
        "-1",
        "+1",
        "01",
        " 1",
        "1 ",
        "",
        "x",
        "1kb",
        "99",
        "100",
        "101",
        "65535",
        "65536",
        "2147483647",
        "2147483648",
        "4294967296",
        "-2147483648",
        "-2147483649",
        "9223372036854775807",
        "9223372036854775808",
        "00",
        "-0",
        "1.0",
    ],
}
# Setting these would cut our connection, need the right system, or differ by design.
LEFT_OUT = {
    "maxclients",
    "bind",
    "port",
    "requirepass",
    "activedefrag",
    "dir",
    "timeout",
    "supervised",
    "io-backend",
    "locale-collate",
    "client-query-buffer-limit",
    "maxmemory-clients",
    "oom-score-adj",
    "watchdog-period",
    "crash-log-enabled",
    "appendonly",
}
# What one of the peers has other limits for, or other words.
OTHER_LIMITS = {
    "redis": {"loglevel", "maxmemory-samples", "repl-diskless-load"},
    "valkey": {"io-threads", "shutdown-on-sigint", "shutdown-on-sigterm"},
}
# We refuse sizes beyond 64 bits; the peers wrap around, Valkey only after multiplying.
BEYOND_64_BITS = {
    "redis": {"18446744073709551616", "17179869184gb"},
    "valkey": {"17179869184gb"},
}
SPECIAL = {
    "save": ["", "1 2", "3600 1 300 100", "1", "0 1", "1 -1", "a b", "1 1 ", " 1 1", "1  1",
             "+1 +2", "5 99999999999", "1 0", "1x 1"],
    "notify-keyspace-events": ["", "KEA", "AKE", "Kg$lshzxetd", "xK", "m", "q", "KEAm", "gxE$",
                               "k", "KEA "],
    "client-output-buffer-limit": ["", "normal 1 2 3", "NORMAL 1kb 1mb 3 replica 0 0 0",
                                   "slave 1g 1gb 60", "normal 1 2", "master 1 1 1", "x 1 1 1",
                                   "normal a 1 1", "normal 1 1 -1", "normal 1 1 1x",
                                   "pubsub 1 1 1 normal 1", "normal 1 1 4294967295",
                                   "normal  1 1", "normal 1 1  "],
    "oom-score-adj-values": ["0 200 800", "1 2", "1 2 3 4", "a 1 2", "-2000 0 2000", "2001 0 0",
                             "", "3 2 1", "1 2 +3"],
    "latency-tracking-info-percentiles": ["", "50", "50 99.9 100", "0 0.001", "101", "-1", "x",
                                          "50 ", "1_0", "inf", "nan", "1e1", "33.3333333"],
    "shutdown-on-sigint": ["", "default", "save", "nosave", "save nosave", "now force", "FORCE now",
                           "force save default", "x", "save x"],
    "oom-score-adj": ["relative", "yes", "absolute", "no"],
    "dbfilename": ["a/b", "a\\b", "x.rdb"],
    "proc-title-template": ["x", "", "{title}", "{title} {port}", "{nope}", "{", "{{", "{{x}}",
                            "a{", "a{title", "{server-mode}", "{config-file}", "}", "{}"],
    "cluster-announce-hostname": ["", "a.b-c", "a_b", "x" * 255, "x" * 256, "a b"],
    "acl-pubsub-default": ["ALLCHANNELS", "resetchannels"],
    "replica-announce-ip": ["", "1.2.3.4", "any thing"],
    "appenddirname": ["x"],
    "databases": ["5"],
    "nosuchthing": ["x"],
    "maxmemory-clients": ["1%", "100%", "101%", "0%", "-1%", "10mb", "x", "%", "01%", "1e3",
                          "9223372036854775808", "18446744073709551615"],
}  # fmt: skip


@pytest.fixture(params=["redis", "valkey"])
def peer(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


def ours(config: Config, arguments: list[str]) -> str:
    try:
        config.set(list(zip(arguments[::2], arguments[1::2], strict=True)))
    except ConfigError as error:
        return str(error)
    return "OK"


def compare(config: Config, client: Any, *arguments: str) -> str:
    theirs = str(client.reply("CONFIG", "SET", *arguments).value)
    assert (arguments, ours(config, list(arguments))) == (arguments, theirs)
    for name in arguments[::2]:
        listed = client.call("CONFIG", "GET", name)
        shown = [part.decode("utf-8", "surrogateescape") for part in listed]
        assert (arguments, config.get([name])) == (
            arguments,
            list(zip(shown[::2], shown[1::2], strict=True)),
        )
    return theirs


def follow(config: Config, client: Any) -> None:
    """Start from the peer's values."""
    for parameter in PARAMETERS:
        found = client.call("CONFIG", "GET", parameter.name)
        if found and parameter.name not in ("dir", "replicaof"):
            text = found[1].decode()
            words = text.split() if parameter.multiple else [text]
            config.assign(parameter.name, parameter.parse(words, parameter.default))


def probes(parameter: Parameter) -> list[str]:
    for kind in type(parameter).__mro__:
        if kind in VALUES:
            return VALUES[kind]
    return []


def test_kinds(peer: Server) -> None:
    config = Config()
    with peer.connect() as client:
        follow(config, client)
        known = {name.decode() for name in client.call("CONFIG", "GET", "*")[::2]}
        skipped = BEYOND_64_BITS[peer.name]
        left_out = LEFT_OUT | OTHER_LIMITS[peer.name]
        for parameter in PARAMETERS:
            name = parameter.name
            if name not in known or name in left_out or name.startswith("tls-"):
                continue
            before = config.show(name)
            choices = list(parameter.choices) if isinstance(parameter, Enum) else []
            for value in [*probes(parameter), *choices]:
                if isinstance(parameter, Memory) and value in skipped:
                    continue
                compare(config, client, name, value)
            if not parameter.immutable and not parameter.protected:
                assert compare(config, client, name, before) == "OK"


@pytest.mark.parametrize("name", SPECIAL)
def test_special(peer: Server, name: str) -> None:
    if name in OTHER_LIMITS[peer.name]:
        pytest.skip("differs by design")
    config = Config()
    with peer.connect() as client:
        follow(config, client)
        before = dict(config.get([name]))
        for value in SPECIAL[name]:
            compare(config, client, name, value)
        if before:
            compare(config, client, name, before[name])


def test_several_at_once(peer: Server) -> None:
    config = Config()
    with peer.connect() as client:
        follow(config, client)
        for arguments in [
            ("hz", "20", "tcp-keepalive", "6"),
            ("hz", "20", "HZ", "6"),
            ("hz", "30", "nosuch", "1", "databases", "1"),
            ("hz", "30", "databases", "1", "nosuch", "1"),
            ("hz", "40", "tcp-keepalive", "x"),
            ("slave-priority", "3", "replica-priority", "4"),
            ("Slave-Priority", "x"),
            ("save", "1 1", "hz", "x"),
            ("hz", "10", "tcp-keepalive", "300", "replica-priority", "100"),
        ]:
            compare(config, client, *arguments)


def test_get(peer: Server) -> None:
    config = Config()
    with peer.connect() as client:
        follow(config, client)
        known = {name.decode() for name in client.call("CONFIG", "GET", "*")[::2]}
        common = known & {name for name, _ in config.get(["*"])}
        for patterns in [
            ["MaxMemory"],
            ["maxmemory", "MAXMEMORY"],
            ["maxmemory*", "maxmemory-p*"],
            ["*max-*-entries", "HASH*"],
            ["slave-p*", "replica-priority"],
            ["list-max-[lz]*", "[^a-z]*"],
            ["repl-backlog-?iz?", "r\\epl-timeout", "r\\epl-timeou[t]", "hz["],
            ["save", "nosuch", "*nosuch*"],
        ]:
            listed = client.call("CONFIG", "GET", *patterns)
            shown = [part.decode() for part in listed]
            pairs = zip(shown[::2], shown[1::2], strict=True)
            theirs = {pair for pair in pairs if pair[0].lower() in common}
            ours = {pair for pair in config.get(patterns) if pair[0].lower() in common}
            assert (patterns, ours) == (patterns, theirs)
