"""What tools probe a server with: answers of one that has no modules and no cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.resp import Reply
from tests.support.servers import PeerMissing, shared

DISABLED = "ERR This instance has cluster support disabled"
AS_REDIS = [
    ("MODULE", "LIST"),
    ("MODULE", "LOAD", "/no/such.so"),
    ("MODULE", "LOADEX", "/no/such.so", "ARGS", "x"),
    ("MODULE", "UNLOAD", "x"),
    ("MODULE", "NOSUCH"),
    ("CLUSTER", "INFO"),
    ("CLUSTER", "NODES"),
    ("CLUSTER", "SLOTS"),
    ("CLUSTER", "SHARDS"),
    ("CLUSTER", "MYID"),
    ("CLUSTER", "KEYSLOT", "k"),
    ("CLUSTER", "COUNTKEYSINSLOT", "0"),
    ("CLUSTER", "GETKEYSINSLOT", "0", "1"),
    ("CLUSTER", "LINKS"),
    ("CLUSTER", "REPLICAS", "x"),
    ("CLUSTER", "RESET"),
    ("CLUSTER", "HELP"),
    ("CLUSTER", "NOSUCH"),
    ("CLUSTER",),
    ("READONLY",),
    ("READWRITE",),
    ("ASKING",),
]
AS_VALKEY = [
    ("CLIENT", "CAPA", "redirect"),
    ("CLIENT", "CAPA", "x", "y"),
    ("CLIENT", "CAPA"),
    ("CLIENT", "IMPORT-SOURCE", "ON"),
    ("CLIENT", "IMPORT-SOURCE", "off"),
    ("CLIENT", "IMPORT-SOURCE", "x"),
]


def answer_of(name: str, words: tuple[str, ...]) -> Reply:
    try:
        with shared.get(name).connect() as peer:
            return peer.reply(*words)
    except PeerMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("words", AS_REDIS, ids=" ".join)
def test_as_redis(client: Client, words: tuple[str, ...]) -> None:
    assert client.reply(*words) == answer_of("redis", words)


@pytest.mark.parametrize("words", AS_VALKEY, ids=" ".join)
def test_as_valkey(client: Client, words: tuple[str, ...]) -> None:
    assert client.reply(*words) == answer_of("valkey", words)


def test_pipelines_of_cluster_clients_end(client: Client) -> None:
    replies: list[Any] = client.pipeline([("READONLY",), ("PING",), ("CLUSTER", "SLOTS")])
    assert [reply.value for reply in replies] == [DISABLED, "PONG", DISABLED]
