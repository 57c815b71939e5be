"""INFO: sections and fields that clients and exporters read, and that figures are true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, SocketClient
from tests.support.servers import Server

# What redis-py, redis-exporter and Datadog's agent look at.
NAMES = """
    redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds hz
    executable config_file gcc_version connected_clients maxclients blocked_clients
    client_recent_max_input_buffer client_recent_max_output_buffer pubsub_clients used_memory
    used_memory_human used_memory_rss used_memory_peak used_memory_overhead used_memory_startup
    used_memory_dataset used_memory_lua used_memory_scripts maxmemory maxmemory_policy
    mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_normal mem_clients_slaves
    mem_aof_buffer mem_allocator mem_not_counted_for_evict allocator_active allocator_allocated
    allocator_resident allocator_frag_ratio allocator_rss_ratio rss_overhead_ratio
    active_defrag_running lazyfree_pending_objects lazyfreed_objects loading async_loading
    rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status
    rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_last_cow_size aof_enabled
    aof_rewrite_in_progress aof_rewrite_scheduled aof_last_rewrite_time_sec
    aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_last_write_status aof_last_cow_size
    module_fork_in_progress total_connections_received total_commands_processed
    instantaneous_ops_per_sec total_net_input_bytes total_net_output_bytes
    instantaneous_input_kbps instantaneous_output_kbps rejected_connections sync_full
    sync_partial_ok sync_partial_err expired_keys expired_stale_perc
    expired_time_cap_reached_count evicted_keys evicted_clients keyspace_hits keyspace_misses
    pubsub_channels pubsub_patterns latest_fork_usec total_forks migrate_cached_sockets
    slave_expires_tracked_keys active_defrag_hits active_defrag_misses tracking_total_keys
    tracking_total_items tracking_total_prefixes total_error_replies total_reads_processed
    total_writes_processed acl_access_denied_auth role connected_slaves master_replid
    master_replid2 master_repl_offset second_repl_offset repl_backlog_active repl_backlog_size
    repl_backlog_first_byte_offset repl_backlog_histlen used_cpu_sys used_cpu_user
    used_cpu_sys_children used_cpu_user_children cluster_enabled eventloop_cycles
    eventloop_duration_sum eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec
    instantaneous_eventloop_duration_usec
"""
FIELDS = NAMES.split()


def fields(client: Client, *sections: str) -> dict[str, str]:
    lines = client.call("INFO", *sections).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def headings(client: Client, *sections: str) -> list[str]:
    lines = client.call("INFO", *sections).decode().splitlines()
    return [line[2:] for line in lines if line.startswith("# ")]


def test_fields_that_are_read(client: Client) -> None:
    client.call("SET", "a", "1")
    assert [name for name in FIELDS if name not in fields(client)] == []


def test_which_sections(client: Client) -> None:
    usual = headings(client)
    assert usual == headings(client, "default")
    assert "Commandstats" not in usual
    assert headings(client, "all") == [
        *(name for name in usual[: usual.index("Modules")]),
        "Commandstats", "Errorstats", "Latencystats", "Cluster", "Keyspace",
    ]  # fmt: skip
    assert "Modules" in headings(client, "everything")
    assert headings(client, "CPU", "server", "cpu") == ["Server", "CPU"]
    assert headings(client, "nosuch") == []


def test_keyspace_and_average_ttl(client: Client) -> None:
    assert "db0" not in fields(client, "keyspace")
    client.call("SET", "a", "1")
    assert fields(client, "keyspace")["db0"] == "keys=1,expires=0,avg_ttl=0,subexpiry=0"
    client.call("SET", "b", "1", "EX", 1000)
    client.call("SET", "c", "1", "EX", 3000)
    client.call("HSET", "h", "f", "v")
    client.call("HEXPIRE", "h", 100, "FIELDS", 1, "f")
    found = dict(part.split("=") for part in fields(client, "keyspace")["db0"].split(","))
    assert (found["keys"], found["expires"], found["subexpiry"]) == ("4", "2", "1")
    assert 1_900_000 < int(found["avg_ttl"]) <= 2_000_000


def test_commandstats_and_errorstats(client: Client) -> None:
    client.call("CONFIG", "RESETSTAT")
    client.call("SET", "a", "x")
    client.call("SET", "a", "x")
    client.error("INCR", "a")
    client.error("SET", "a")
    client.error("LPUSH", "a", "1")
    stats = fields(client, "commandstats")
    assert stats["cmdstat_set"].startswith("calls=2,usec=")
    assert stats["cmdstat_set"].endswith("rejected_calls=0,failed_calls=0") or (
        stats["cmdstat_set"].endswith("rejected_calls=1,failed_calls=0")
    )
    assert stats["cmdstat_incr"].endswith("rejected_calls=0,failed_calls=1")
    assert stats["cmdstat_config|resetstat"].startswith("calls=1,")
    errors = fields(client, "errorstats")
    assert errors == {"errorstat_ERR": "count=2", "errorstat_WRONGTYPE": "count=1"}
    assert fields(client, "stats")["total_error_replies"] == "3"


def test_hits_misses_and_expired(client: Client) -> None:
    client.call("CONFIG", "RESETSTAT")
    client.call("SET", "a", "1")
    client.call("GET", "a")
    client.call("GET", "nothing")
    found = fields(client, "stats")
    assert (found["keyspace_hits"], found["keyspace_misses"]) == ("1", "1")


def numbers(client: SocketClient, *names: str) -> list[int]:
    found = fields(client, "stats")
    return [int(found[name]) for name in names]


def test_reads_and_writes_are_counted(server: Server, connect: Any) -> None:
    client = connect()
    names = ("total_reads_processed", "total_writes_processed", "total_commands_processed")
    before = numbers(client, *names)
    client.pipeline([["PING"]] * 50)
    after = numbers(client, *names)
    assert after[2] - before[2] == 51
    assert 2 <= after[0] - before[0] < 20
    assert 2 <= after[1] - before[1] < 20
    client.call("CONFIG", "RESETSTAT")
    assert numbers(client, *names)[0] == 1


@pytest.mark.parametrize("backend", ["epoll", "poll"])
def test_what_the_loop_tells(
    make_server: Callable[..., Server], backend: str, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    server = make_server(io_backend=backend, unixsocket=path)
    with server.connect() as client:
        shown = fields(client, "server")
        assert shown["multiplexing_api"] == backend
        assert shown["listener0"].startswith("name=tcp,bind=127.0.0.1")
        assert shown["listener0"].endswith(f",port={server.port}")
        assert shown["listener1"] == f"name=unix,bind={path}"
        names = ("eventloop_cycles", "eventloop_duration_sum", "eventloop_duration_cmd_sum")
        before = numbers(client, *names)
        client.call("DEBUG", "SLEEP", "0.02")
        after = numbers(client, *names)
        assert after[0] - before[0] >= 2
        assert after[1] - before[1] >= 20_000
        assert after[2] - before[2] >= 20_000
        client.call("CONFIG", "RESETSTAT")
        assert numbers(client, *names)[1] < 20_000


def test_memory_adds_up(connect: Any) -> None:
    client = connect()
    before = fields(client, "memory")
    client.call("DEBUG", "POPULATE", 2000)
    found = fields(client, "memory")
    used, overhead = int(found["used_memory"]), int(found["used_memory_overhead"])
    assert used - int(before["used_memory"]) > 2000 * 25
    assert int(found["used_memory_dataset"]) == used - overhead
    assert 0 < int(found["used_memory_startup"]) < overhead < used
    assert 0 < float(found["used_memory_dataset_perc"].rstrip("%")) < 100


@pytest.mark.parametrize("protocol", [2, 3])
def test_as_text(connect: Any, protocol: int) -> None:
    reply = connect(protocol).reply("INFO", "cluster")
    assert reply.kind == ("=" if protocol == 3 else "$")
