"""FAILOVER from end to end: the roles change, no write is lost, nobody synchronises anew."""

from __future__ import annotations

import threading

import pytest

from tests.support.following import digest, fields, follow, info, servers, wait_in_step, wait_up
from tests.support.waiting import wait_until

QUICK = {"repl-diskless-sync-delay": 0}


@pytest.mark.parametrize("target", ["carnelian", "redis"])
@pytest.mark.parametrize("leader", ["carnelian", "redis"])
def test_failover(leader: str, target: str) -> None:
    if leader == target == "redis":
        pytest.skip("that is theirs to test")
    with servers((leader, QUICK), (target, QUICK), ("carnelian", QUICK)) as (old, new, third):
        for replica in (new, third):
            follow(replica, old)
        for replica in (new, third):
            wait_up(replica)
        written = 0
        refused = threading.Event()

        def write() -> None:
            nonlocal written
            with old.connect() as client:
                while not client.reply("INCR", "counter").is_error:
                    written += 1
            refused.set()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(lambda: written > 100, "there are writes")
            with old.connect() as client:
                client.call("FAILOVER", "TO", "127.0.0.1", new.port, "TIMEOUT", 20000)
            wait_until(lambda: fields(new)["role"] == "master", "it takes over", 30)
            assert refused.wait(30)  # the writes that were held are refused by a replica
        finally:
            writer.join(30)
        wait_in_step(new, old)
        found = fields(old)
        assert found["role"] == "slave"
        assert found["master_failover_state"] == "no-failover"
        follow(third, new)
        wait_in_step(new, third)
        with new.connect() as client:
            assert client.call("GET", "counter") == str(written).encode()
            assert info(client, "stats")["sync_full"] == "0"
        assert digest(old) == digest(new) == digest(third)
