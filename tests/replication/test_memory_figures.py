"""What INFO and CLIENT LIST say of the memory that replication takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import SocketClient
from tests.support.fake_primary import FakePrimary, command, snapshot
from tests.support.following import fields, follow, info, wait_up
from tests.support.persistence import wait_for
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
BLOCK = 65536
BACKLOG = 1 << 20
VALUE = "x" * 100_000
LAG = 160 * len(VALUE)  # several times what the kernel takes of it


@pytest.fixture
def primary(make_server: Make) -> Server:
    return make_server(
        repl_diskless_sync_delay=0, repl_backlog_size=BACKLOG,
        client_output_buffer_limit="replica 0 0 0",
    )


def attached(primary: Server) -> RawReplica:
    replica = RawReplica(primary, "capa", "eof", "capa", "psync2")
    replica.full_sync()
    return replica


def replicas(client: SocketClient) -> list[dict[str, str]]:
    listed = client.call("CLIENT", "LIST", "TYPE", "REPLICA").decode().splitlines()
    return [dict(word.split("=", 1) for word in line.split()) for line in listed]


def memory(client: SocketClient) -> dict[str, int]:
    shown = info(client, "memory")
    return {
        name: int(shown[f"mem_{name}"])
        for name in (
            "replication_backlog", "total_replication_buffers", "clients_slaves",
            "clients_normal", "aof_buffer", "cluster_links",
        )
    } | {"used": int(shown["used_memory"]), "overhead": int(shown["used_memory_overhead"])}


def test_replicas_that_lag_share_one_buffer(primary: Server) -> None:
    with primary.connect() as client:
        client.call("SET", "k", VALUE)
        alone = memory(client)
        assert alone["total_replication_buffers"] == alone["clients_slaves"] == 0
        with attached(primary) as one, attached(primary) as other:
            wait_until(
                lambda: all("online" in fields(primary)[f"slave{i}"] for i in (0, 1)), "online"
            )
            for each in replicas(client):
                assert (each["omem"], each["oll"], each["obl"]) == ("0", "0", "0")
            for _ in range(LAG // len(VALUE)):
                client.call("SET", "k", VALUE)
            found = memory(client)
            total = found["total_replication_buffers"]
            # Sockets have taken some of it; nobody's is kept twice.
            assert LAG // 2 < total < LAG + 4 * BLOCK
            assert found["replication_backlog"] == BACKLOG
            assert 0 <= found["clients_slaves"] - (total - BACKLOG) < 4 * BLOCK
            assert abs(found["used"] - alone["used"] - total) < 10 * BLOCK
            assert found["overhead"] - alone["overhead"] >= total
            stats = client.call("MEMORY", "STATS")
            shown = dict(zip(stats[::2], stats[1::2], strict=True))
            assert shown[b"replication.backlog"] == BACKLOG
            assert shown[b"clients.slaves"] > LAG // 2 - BACKLOG
            for each in replicas(client):
                assert int(each["omem"]) == int(each["oll"]) * BLOCK
                assert LAG // 2 < int(each["omem"]) <= total
                assert int(each["tot-mem"]) > int(each["omem"])
            for replica in (one, other):
                replica.commands(1 + LAG // len(VALUE))
            wait_until(lambda: all(r["omem"] == "0" for r in replicas(client)), "all is sent")
            wait_until(
                lambda: memory(client)["total_replication_buffers"] <= BACKLOG + 4 * BLOCK,
                "what was kept for them is given back",
            )
        wait_until(lambda: not replicas(client), "they are gone")
        assert memory(client)["clients_slaves"] == 0


def test_replicas_are_no_clients(primary: Server) -> None:
    with primary.connect() as client:
        before = memory(client)["clients_normal"]
        connected = info(client, "clients")["connected_clients"]
        with attached(primary):
            assert info(client, "clients")["connected_clients"] == connected
            found = memory(client)
            assert abs(found["clients_normal"] - before) < 1000
            assert found["clients_slaves"] > 0
            assert found["cluster_links"] == 0


def test_the_buffer_of_the_log(make_server: Make) -> None:
    server = make_server(appendonly="yes")
    wait_for(server, aof_rewrite_in_progress=0)
    with server.connect() as client:
        client.call("SET", "k", "x" * 300_000)
        found = memory(client)
        assert 300_000 <= found["aof_buffer"] < 1_200_000
        client.call("CONFIG", "SET", "appendonly", "no")
        assert memory(client)["aof_buffer"] == 0


def test_bytes_of_the_network(primary: Server, make_server: Make) -> None:
    with primary.connect() as client, attached(primary) as replica:
        before = info(client, "stats")
        client.call("SET", "k", VALUE)
        replica.until([b"SET", b"k", VALUE.encode()])
        after = info(client, "stats")
        name = "total_net_repl_output_bytes"
        assert len(VALUE) < int(after[name]) - int(before[name]) < len(VALUE) + 100
        assert int(before[name]) > 100  # the snapshot
        assert after["total_net_repl_input_bytes"] == "0"
    follower = make_server()
    with FakePrimary() as fake, follower.connect() as client:
        follow(follower, fake.port)
        talk = fake.accept()
        data = snapshot({"k": "v"})
        talk.synchronise(data)
        wait_up(follower)
        stream = command("SET", "k", VALUE)
        talk.send_raw(stream)
        talk.wait_acked(len(stream))
        shown = info(client, "stats")
        taken = int(shown["total_net_repl_input_bytes"])
        assert len(data) + len(stream) <= taken <= len(data) + len(stream) + 100
        assert int(shown["total_net_input_bytes"]) > taken
