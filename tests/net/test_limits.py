"""maxclients, timeout, and the limits of query and output buffers, at start and by CONFIG SET."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import SocketClient
from tests.support.resp import encode_command
from tests.support.servers import Server
from tests.support.waiting import wait_until

MB = 1024 * 1024
Make = Callable[..., Server]


def count(client: SocketClient, *filters: str) -> int:
    return len(client.call("CLIENT", "LIST", *filters).splitlines())


def test_maxclients(make_server: Make) -> None:
    server = make_server()
    with server.connect() as first:
        wait_until(lambda: count(first) == 1, "the prober is gone")
        first.call("CONFIG", "SET", "maxclients", 2)
        with server.connect() as second, server.connect() as third:
            assert second.call("PING") == "PONG"
            assert third.read_reply().value == "ERR max number of clients reached"
            assert third.closed()
        wait_until(lambda: count(first) == 1, "the second is gone")
        with server.connect() as fourth:
            assert fourth.call("PING") == "PONG"
        error = first.error("CONFIG", "SET", "maxclients", 4_000_000_000)
        assert "not able to handle the specified number of clients" in error


def test_idle_clients_are_closed(make_server: Make) -> None:
    server = make_server(timeout=1, hz=100)
    with server.connect() as idle, server.connect() as blocked:
        blocked.send("BLPOP", "k", 0)
        assert idle.closed()
        assert not blocked.readable()
        with server.connect() as other:
            other.call("CONFIG", "SET", "timeout", 0)


def test_being_served_counts_as_activity(make_server: Make) -> None:
    server = make_server(timeout=1, hz=100)
    with server.connect() as idle, server.connect() as blocked, server.connect() as other:
        blocked.send("BLPOP", "k", 0)
        assert idle.closed(), "time enough has passed for both"
        with server.connect() as pusher:
            pusher.call("RPUSH", "k", "x")
        assert blocked.read_reply().value[1].value == b"x"
        with server.connect() as watcher:
            lines = watcher.call("CLIENT", "LIST").decode().splitlines()
        assert all(" idle=0 " in line for line in lines if "cmd=blpop" in line)
        assert not blocked.readable(0.1)
        assert blocked.call("PING") == "PONG"
        assert other.closed()


def test_query_buffer_limit(make_server: Make) -> None:
    server = make_server(client_query_buffer_limit="1mb")
    with server.connect() as client, server.connect() as other:
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n")
        try:
            client.send_raw(b"x" * 2 * MB)
            assert client.closed()
        except ConnectionError:
            pass
        assert other.call("PING") == "PONG"
        assert other.call("CONFIG", "SET", "client-query-buffer-limit", "10mb") == "OK"
        assert other.call("ECHO", "x" * 2 * MB) == b"x" * 2 * MB


def test_longest_argument(make_server: Make) -> None:
    server = make_server(proto_max_bulk_len="1mb")
    with server.connect() as other:
        with server.connect() as client:
            client.send_raw(b"*2\r\n$4\r\nECHO\r\n$1048577\r\n")
            assert client.read_reply().value == "ERR Protocol error: invalid bulk length"
            assert client.closed()
        other.call("CONFIG", "SET", "proto-max-bulk-len", "2mb")
        assert len(other.call("ECHO", "x" * (MB + 1))) == MB + 1


def test_hard_output_limit(make_server: Make) -> None:
    server = make_server(client_output_buffer_limit="normal 1mb 0 0")
    with server.connect() as client, server.connect() as other:
        other.call("SET", "big", "x" * 100_000)
        client.send_raw(b"GET big\r\n" * 1000)  # 100 MB, more than sockets hold
        wait_until(lambda: count(other) == 1, "it is closed")
        assert client.closed()
        limits = "normal 0 0 0 pubsub 32mb 8mb 60"
        assert other.call("CONFIG", "SET", "client-output-buffer-limit", limits) == "OK"
        assert len(other.pipeline([("GET", "big")] * 100)) == 100


def test_soft_output_limit_takes_time(make_server: Make) -> None:
    server = make_server(client_output_buffer_limit="normal 0 1mb 1", hz=100)
    with server.connect() as client, server.connect() as other:
        other.call("SET", "big", "x" * 100_000)
        client.send_raw(b"GET big\r\n" * 300)
        wait_until(lambda: count(other, "FLAGS", "N") == 2, "both are there")
        wait_until(lambda: count(other) == 1, "it is closed")
        assert client.closed()


def test_a_transaction_is_executed_although_its_reply_is_too_much(make_server: Make) -> None:
    server = make_server(client_output_buffer_limit="normal 100000 0 0")
    with server.connect() as client, server.connect() as other:
        other.call("SET", "big", "x" * 60_000)
        for command in [("MULTI",), *[("GET", "big")] * 100, ("SET", "done", "1"), ("EXEC",)]:
            client.send(*command)
        wait_until(lambda: other.call("GET", "done") == b"1", "it is executed")
        wait_until(lambda: count(other) == 1, "it is closed")


def ask(client: SocketClient, *commands: tuple[str, ...]) -> bool:
    """Whether all of them are answered; if not, nothing is."""
    client.send_raw(b"".join(encode_command(command) for command in commands))
    try:
        for _ in commands:
            client.read_reply()
    except ConnectionError:
        return False
    return True


def fill_list(client: SocketClient) -> None:
    client.call("RPUSH", "list", *["x" * 100] * 1500)
    client.call("SET", "big", "x" * 150_000)


def test_a_reply_over_the_hard_limit_ends_its_client(make_server: Make) -> None:
    server = make_server()
    with server.connect() as other:
        fill_list(other)
        other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0")
        with server.connect() as client:
            assert ask(client, ("LRANGE", "list", "0", "850"))
            assert not ask(client, ("LRANGE", "list", "0", "-1"))
        with server.connect() as client:
            assert not ask(client, ("GET", "big"))
        with server.connect() as client:
            assert not ask(client, *[("LRANGE", "list", "0", "300")] * 5)
        with server.connect() as client:
            assert not ask(client, ("MULTI",), *[("LRANGE", "list", "0", "300")] * 5, ("EXEC",))
        assert other.call("PING") == "PONG"


def test_what_a_pipeline_makes_in_one_turn_is_no_slow_reader(make_server: Make) -> None:
    server = make_server(client_output_buffer_limit="normal 100000 0 0")
    with server.connect() as client:
        client.call("SET", "k", "x" * 70)
        client.send_raw(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * 2900)  # 64 kB, 223 kB of replies
        for _ in range(2900):
            assert client.read_reply().value == b"x" * 70


def test_a_message_over_the_limit_ends_the_subscriber(make_server: Make) -> None:
    server = make_server(client_output_buffer_limit="pubsub 100000 0 0")
    with server.connect() as one, server.connect() as other:
        one.call("SUBSCRIBE", "c")
        other.call("PUBLISH", "c", "x" * 50_000)
        assert one.message()[2] == b"x" * 50_000
        other.call("PUBLISH", "c", "x" * 150_000)
        assert one.closed()


def test_a_query_over_the_limit_is_not_executed(make_server: Make) -> None:
    server = make_server(client_query_buffer_limit="1mb")
    with server.connect() as client, server.connect() as other:
        try:
            client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1500000\r\n")
            client.send_raw(b"x" * 1_500_000 + b"\r\n")
            assert client.closed()
        except ConnectionError:
            pass
        assert other.call("EXISTS", "k") == 0
        # Arguments that are complete do not count, as in Redis.
        pairs = [word for i in range(3) for word in (f"k{i}", "x" * 500_000)]
        assert other.call("MSET", *pairs) == "OK"


def test_what_waits_for_exec_is_part_of_the_query(make_server: Make) -> None:
    server = make_server(client_query_buffer_limit="1mb")
    with server.connect() as client, server.connect() as other:
        client.call("MULTI")
        queued = 0
        try:
            while client.call("SET", f"k{queued}", "x" * 20_000) == "QUEUED" and queued < 100:
                queued += 1
        except ConnectionError:
            pass
        assert 45 <= queued <= 53
        assert other.call("DBSIZE") == 0
        assert b"client_query_buffer_limit_disconnections:1\r\n" in other.call("INFO", "stats")


def test_an_empty_command_does_not_use_up_reply_skip(make_server: Make) -> None:
    server = make_server()
    with server.connect() as client:
        for empty in (b"*0\r\n", b"\r\n", b"*-1\r\n"):
            client.send("CLIENT", "REPLY", "SKIP")
            client.send_raw(empty)
            client.send("ECHO", "skipped")
            assert client.call("ECHO", "heard") == b"heard"


def test_idle_subscribers_are_not_closed(make_server: Make) -> None:
    server = make_server(timeout=1, hz=100)
    with server.connect() as idle, server.connect() as one, server.connect(3) as other:
        one.call("SUBSCRIBE", "c")
        other.send("PSUBSCRIBE", "*")
        assert idle.closed()
        with server.connect() as publisher:
            assert publisher.call("PUBLISH", "c", "m") == 2
        assert one.message() == [b"message", b"c", b"m"]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("backend", ["epoll", "poll"])
def test_out_of_descriptors(make_server: Make, backend: str) -> None:
    server = make_server(io_backend=backend)
    pid = server.process.pid
    with server.connect() as first:
        first.call("PING")
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        wait_until(lambda: count(first) == 1, "the prober is gone")
        taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        used = next(fd for fd in range(len(taken) + 1) if fd not in taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, most))
        with server.connect() as waiting:
            waiting.send("PING")
            before = cpu_seconds(pid)
            assert not waiting.readable(0.7)
            assert cpu_seconds(pid) - before < 0.3, "it does not try again and again"
            assert first.call("PING") == "PONG"
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
            assert waiting.read_reply().value == "PONG"
