"""A turn of the loop inside a command, as a script that takes long will have them: what the outer
turn holds stays as it is.

A hook of CONFIG SET takes the place of such a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.turns import Peer, stepped_server

FILLER = "f" * 300


class Stage:
    """A server, and a command of it in which something happens."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.within: Callable[[], None] | None = None
        server.config.on_change("hz", self.run)

    def run(self, _: int) -> None:
        within, self.within = self.within, None
        if within is not None:
            within()


HOOKED = ("CONFIG", "SET", "hz", "21")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with stepped_server() as server:
        yield Stage(server)


def test_others_are_served_and_the_rest_of_the_batch_is_untouched(stage: Stage) -> None:
    first, second, third = (Peer(stage.server) for _ in range(3))
    seen: list[Any] = []

    def within() -> None:
        for peer, name in ((second, "two"), (third, "three")):
            peer.send(*[("ECHO", f"{name}{i}{FILLER}") for i in range(40)])
            seen.extend(peer.read() for _ in range(40))
        assert first.poll() is None, "what it is owed comes when its command is done"

    stage.within = within
    first.send(("ECHO", "before"), HOOKED, *[("ECHO", f"after{i}") for i in range(30)])
    assert first.read() == b"before"
    assert seen == [f"{name}{i}{FILLER}".encode() for name in ("two", "three") for i in range(40)]
    assert first.read() == "OK"
    assert [first.read() for _ in range(30)] == [f"after{i}".encode() for i in range(30)]


def test_commands_that_arrive_for_the_one_whose_command_runs_wait(stage: Stage) -> None:
    first, second = Peer(stage.server), Peer(stage.server)

    def within() -> None:
        first.send(("SET", "k", "late"), ("GET", "k"))
        assert second.call("SET", "k", "early") == "OK"
        assert second.call("GET", "k") == b"early"

    stage.within = within
    first.send(HOOKED, ("GET", "k"))
    assert [first.read() for _ in range(4)] == ["OK", b"early", "OK", b"late"]


def test_its_client_is_killed_or_goes_away(stage: Stage) -> None:
    first, second, third = (Peer(stage.server) for _ in range(3))

    def kill() -> None:
        number = first.connection.id
        assert second.call("CLIENT", "KILL", "ID", str(number)) == 1
        assert second.call("PING") == "PONG"

    stage.within = kill
    first.send(HOOKED, ("SET", "not", "any more"))
    first.await_end()
    assert second.call("EXISTS", "not") == 0

    def leave() -> None:
        third.close()
        assert second.call("PING") == "PONG"

    stage.within = leave
    third.send(("CONFIG", "SET", "hz", "22"), ("SET", "still", "run"))
    for _ in range(4):
        stage.server.loop.turn_once()
    assert second.call("GET", "still") == b"run"
    assert third.connection not in stage.server.loop.connections()


def test_others_come_and_go_with_the_same_descriptors(stage: Stage) -> None:
    first = Peer(stage.server)
    leaving = [Peer(stage.server) for _ in range(10)]
    coming: list[Peer] = []

    def within() -> None:
        for peer in leaving:
            peer.close()
        for _ in range(3):
            stage.server.loop.turn_once()
        coming.extend(Peer(stage.server) for _ in range(10))
        for peer in coming:
            assert peer.call("ECHO", FILLER) == FILLER.encode()

    stage.within = within
    first.send(HOOKED)
    for peer in leaving:
        peer.send(("PING",))  # so that the outer turn has events for them, too
    assert first.read() == "OK"
    for peer in coming:
        assert peer.call("PING") == "PONG"
    assert len(stage.server.loop.connections()) == 11


def test_turns_inside_turns(stage: Stage) -> None:
    peers = [Peer(stage.server) for _ in range(5)]
    order: list[int] = []

    def level(depth: int) -> Callable[[], None]:
        def within() -> None:
            order.append(depth)
            if depth + 1 < len(peers):
                stage.within = level(depth + 1)
                peers[depth + 1].send(
                    ("ECHO", f"a{depth}"), ("CONFIG", "SET", "hz", str(30 + depth)),
                    ("ECHO", f"b{depth}"),
                )  # fmt: skip
                assert peers[depth + 1].read() == f"a{depth}".encode()
            order.append(depth)

        return within

    stage.within = level(0)
    peers[0].send(HOOKED, ("ECHO", "last"))
    assert peers[0].read() == "OK"
    assert peers[0].read() == b"last"
    assert order == [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
    for depth, peer in enumerate(peers[1:]):
        assert [peer.read(), peer.read()] == ["OK", f"b{depth}".encode()]


def test_expiry_and_services_wait_for_the_command_to_end(stage: Stage) -> None:
    first, second = Peer(stage.server), Peer(stage.server)
    called: list[str] = []

    def within() -> None:
        stage.server.loop.call_soon(lambda: called.append("service"))
        for _ in range(3):
            assert second.call("PING") == "PONG"
        assert not called

    stage.within = within
    assert first.call(*HOOKED) == "OK"
    stage.server.loop.turn_once()
    assert called == ["service"]
