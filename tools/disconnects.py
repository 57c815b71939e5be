"""A replica behind a failing connection, under load: `python -m tools.disconnects --count 100`.

The proxy between them cuts, delays and truncates at random, also within the first snapshot; the
backlog is big enough for everything. In the end both sides must have the same data, and only the
first synchronization may have been a full one.
"""

from __future__ import annotations

import argparse
import random
import time

from tests.support.fault_proxy import FaultProxy
from tests.support.following import digest, fields, follow, servers, wait_in_step, wait_up
from tests.support.persistence import fill
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.write_load import WriteLoad

SETTINGS = {
    "repl-diskless-sync-delay": 0,
    "repl-ping-replica-period": 1,
    "repl-backlog-size": "64mb",
}


def expires_soon(server: Server) -> bool:
    with server.connect() as client:
        for db_id in range(3):
            client.call("SELECT", db_id)
            if any(0 <= client.call("PTTL", key) < 10_000 for key in client.call("KEYS", "*")):
                return True
    return False


def storm(primary: Server, replica: Server, proxy: FaultProxy, count: int, seed: int) -> int:
    """Cut the connection so many times; how many batches were written meanwhile."""
    chance = random.Random(seed)
    with WriteLoad(primary, seed, 0.001) as load:
        for _ in range(count):
            seen = load.batches
            proxy.delay_s = chance.choice((0.0, 0.0, 0.01))
            wait_until(lambda seen=seen: load.batches > seen + 3, "load")  # type: ignore[misc]
            if chance.random() < 0.3:
                proxy.truncate_after(chance.randrange(1, 3000))
            known = proxy.connections
            proxy.cut()
            wait_until(
                lambda known=known: proxy.connections > known,  # type: ignore[misc]
                "the replica is back", 30,
            )
            proxy.truncate_after(None)
            wait_up(replica)
        proxy.delay_s = 0.0
    return load.batches


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.disconnects", description=__doc__)
    parser.add_argument("--primary", default="carnelian")
    parser.add_argument("--replica", default="redis")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    with servers((options.primary, SETTINGS), (options.replica, SETTINGS)) as (primary, replica):
        with FaultProxy(("127.0.0.1", primary.port or 0)) as proxy:
            with primary.connect() as client:
                fill(client)
            follow(replica, proxy.port)
            wait_up(replica)
            batches = storm(primary, replica, proxy, options.count, options.seed)
            wait_until(lambda: not expires_soon(primary), "expired", 30, 0.2)
            wait_in_step(primary, replica)
            same = digest(primary) == digest(replica)
        stats = fields(primary, "stats")
        print(
            f"{options.primary} to {options.replica}: {options.count} disconnects,"
            f" {proxy.connections} connections, {batches} batches of writes,"
            f" {stats['sync_full']} full and {stats['sync_partial_ok']} partial synchronizations,"
            f" data {'equal' if same else 'DIFFERENT'}, {time.monotonic() - started:.1f} s"
        )
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
