"""Whether a Carnelian has all its native memory back, and its structures are sound.

A test may leave keys, which go first, but no block that nothing refers to. What is freed in the
background, with a closing connection or by the timer takes a moment: the count is waited for.
"""

from __future__ import annotations

import pytest

from tests.support.client import Client
from tests.support.servers import Server
from tests.support.waiting import wait_until

SOON_S = 0.2
LATER_S = 3.0
QUIET_S = 0.25  # between two looks: pools are given back when a round of the timer sees no command
baselines: dict[int, dict[str, int]] = {}  # figures of the empty server, by its PID
at_start: dict[int, dict[str, int]] = {}  # the same as the running test found them


def figures(client: Client) -> dict[str, int]:
    """Native memory in use, this client's own included."""
    flat = client.call("DEBUG", "ALLOCATIONS")
    return {name.decode(): int(n) for name, n in zip(flat[::2], flat[1::2], strict=True)}


def live_blocks(client: Client) -> int:
    return figures(client)["live"]


def note_baseline(server: Server) -> None:
    """Remember what an empty server needs, when it is met for the first time; and what it has now:
    a test is not blamed for blocks that were there before it, left by tests that do not check."""
    with server.connect() as client:
        live_blocks(client)
        found = figures(client)
    first = baselines.setdefault(server.pid, found)
    at_start[server.pid] = max(first, found, key=lambda one: one["live"])


def check_for_leaks(server: Server) -> None:
    """Fail the test that leaves damage or unreachable blocks; the next test starts anew."""
    if not server.alive() or server.pid not in baselines:
        return
    with server.connect() as client:
        if client.reply("DEBUG", "VERIFY").value != "OK":
            pytest.fail("DEBUG VERIFY finds the data set damaged")
        client.reply("CLIENT", "UNPAUSE")
        client.reply("FLUSHALL")
        before = at_start.get(server.pid, baselines[server.pid])
        wanted = before["live"]
        for time_s, interval_s in ((SOON_S, 0.005), (LATER_S, QUIET_S)):
            try:
                wait_until(lambda: live_blocks(client) <= wanted, "", time_s, interval_s)
                return
            except TimeoutError:
                continue
        baselines[server.pid] = found = figures(client)
        listed = client.call("CLIENT", "LIST").decode()
        pytest.fail(
            f"{found['live'] - wanted} blocks of native memory are not freed:"
            f" {before} before, {found} now; clients:\n{listed}"
        )
