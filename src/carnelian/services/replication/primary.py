"""The primary's side of replication: who may attach, timers, acknowledgements, WAIT.

One per server with a loop (`ReplicationState.primary`), on replicas too: they have replicas of
their own. Only the loop's thread uses it.
"""

from __future__ import annotations

import _socket
from select import POLLOUT, poll

from carnelian.engine.errors import CommandError, error
from carnelian.engine.serving import wake_waiting
from carnelian.net.loop import REPLICAS
from carnelian.services import log
from carnelian.services.replication.full_sync import FullSync
from carnelian.services.replication.replica_link import (
    ONLINE,
    SEND_SNAPSHOT,
    WAIT_START,
    ReplicaLink,
)

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.aof.append_only import AppendOnly
    from carnelian.services.persistence.snapshots import Snapshots

PENDING_OUTPUT = error("SYNC and PSYNC are invalid with pending output")
NOT_A_CONNECTION = error("Only a network connection can become a replica")
FAILING_OVER = CommandError(b"NOMASTERLINK Can't SYNC while failing over")
NO_MASTER_LINK = CommandError(b"NOMASTERLINK Can't SYNC while not connected with my master")
NO_REPLICAS = CommandError(b"NOREPLICAS Not enough good replicas to write.")
WRITABLE_WAIT_MS = 50
GETACK = [b"REPLCONF", b"GETACK", b"*"]


class Primary:
    def __init__(
        self, loop: Any, state: Any, config: Config, snapshots: Snapshots, aof: AppendOnly
    ) -> None:
        self.loop = loop
        self.state = state
        self.config = config
        self.aof = aof
        self.engine = snapshots.engine
        self.full_sync = FullSync(loop, state, config, snapshots, snapshots.children)
        self.reset_figures()
        self.seconds = 0
        self.ticks = 0
        self.alone_s = 0  # seconds without any replica
        self.acks_changed = False
        self.acks_wanted = False
        self.good = 0  # replicas that count for min-replicas-to-write, as last judged
        self.synced_offset = 0  # of the append-only file, as last seen
        self.on_acks: list[Callable[[], None]] = []
        state.primary = self
        loop.set_stage(REPLICAS, self.before_replies)
        config.on_change("repl-backlog-size", state.resize_backlog)
        config.on_change("appendonly", self.log_switched)
        config.on_any_change(
            ("min-replicas-to-write", "min-replicas-max-lag"), self.judge_good_replicas
        )

    def reset_figures(self) -> None:
        """CONFIG RESETSTAT."""
        self.full_syncs = 0
        self.partial_syncs = 0
        self.partial_refusals = 0

    # --- attaching ---

    def link_of(self, session: Any) -> Any:
        """The session as a replica to be."""
        if session.replica is None:
            if session.descriptor() < 0:
                raise NOT_A_CONNECTION
            session.replica = ReplicaLink(self.state, session)
        return session.replica

    def sync(self, session: Any, replid: str | None, next_byte: int = -1) -> None:
        """PSYNC, or SYNC without a replid. Answers by itself; CommandError says why not."""
        link = self.link_of(session)
        if link in self.state.replica_links:
            return
        if self.state.failover is not None and self.state.failover.is_active:
            raise FAILING_OVER
        if self.state.role == "slave" and not (
            self.state.replica is not None and self.state.replica.is_connected
        ):
            raise NO_MASTER_LINK
        if link.owes_replies:
            raise PENDING_OUTPUT
        log.notice(f"Replica {link.describe()} asks for synchronization")
        link.speaks_sync = replid is None
        if replid is not None and self.continues(link, replid, next_byte):
            return
        self.full_syncs += 1
        link.enter(WAIT_START)
        self.attach(link)
        self.full_sync.request(link)

    def attach(self, link: Any) -> None:
        if not self.state.has_backlog:
            if self.state.role == "master":
                # The bytes so far were counted by nobody: it is another history.
                self.state.change_id()
                log.notice(
                    f"Replication backlog created, my new replication IDs are"
                    f" '{self.state.replid}' and '{self.state.replid2}'"
                )
            self.state.create_backlog()
        self.state.attach(link)
        self.alone_s = 0
        if self.config.repl_disable_tcp_nodelay:
            self.set_nodelay(link, False)

    def set_nodelay(self, link: Any, on: bool) -> None:
        handle = _socket.socket(fileno=link.connection.descriptor())
        try:
            handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, int(on))
        except OSError:
            pass  # a Unix socket
        finally:
            handle.detach()

    def continues(self, link: Any, replid: str, next_byte: int) -> bool:
        """Go on with what the backlog has, if it has it."""
        if not self.state.can_continue(replid, next_byte):
            if replid != "?":
                self.partial_refusals += 1
                log.notice(
                    f"Unable to partial resync with replica {link.describe()}: it asked for"
                    f" {replid}:{next_byte}, I have {self.state.replid} (and"
                    f" {self.state.replid2} up to {self.state.second_offset}),"
                    f" backlog {self.state.backlog_figures()[:2]}"
                )
            return False
        self.partial_syncs += 1
        link.position = next_byte - 1
        link.enter(ONLINE)
        self.attach(link)
        replid_text = f" {self.state.replid}" if link.takes_psync2 else ""
        link.send_text(f"+CONTINUE{replid_text}\r\n".encode())
        log.notice(
            f"Partial resynchronization request from {link.describe()} accepted. Sending"
            f" {link.waiting_bytes} bytes of backlog starting from offset {next_byte}."
        )
        self.judge_good_replicas()
        return True

    def lost(self, link: Any) -> None:
        """A replica's connection has ended."""
        log.notice(f"Connection with replica {link.describe()} lost.")
        self.full_sync.lost(link)
        self.judge_good_replicas()
        self.state.tidy()

    # --- what replicas say ---

    def acknowledged(self, session: Any, offset: int, aof_offset: int) -> None:
        link = session.replica
        if link is None or link not in self.state.replica_links:
            return
        link.acknowledge(offset, aof_offset)
        self.acks_changed = True
        if link.starts_on_ack and link.stage == ONLINE:
            link.starts_on_ack = False
            link.wake()
            log.notice(f"Streaming to replica {link.describe()} begins")
            self.judge_good_replicas()

    def online(self) -> list[Any]:
        return [link for link in self.state.replica_links if link.stage == ONLINE]

    def count_acked(self, offset: int) -> int:
        return sum(link.ack_offset >= offset for link in self.online())

    def count_aof_acked(self, offset: int) -> int:
        return sum(link.aof_ack_offset >= offset for link in self.online())

    def aof_is_on(self) -> bool:
        return bool(self.config.appendonly)

    def aof_synced(self, offset: int) -> int:
        """1 when everything up to there is safe in the append-only file."""
        return int(self.aof.synced_offset >= offset)

    def log_switched(self, _: bool) -> None:
        """Who waits for a local sync may wait in vain."""
        self.acks_changed = True

    def follow_sync(self) -> None:
        """Has the append-only file's sync gone on while somebody waits for it?"""
        offset = self.aof.synced_offset
        if offset != self.synced_offset:
            self.synced_offset = offset
            self.acks_changed = True

    def want_acks(self) -> None:
        """Somebody waits: ask the replicas how far they are, once a turn."""
        self.acks_wanted = True

    def judge_good_replicas(self) -> None:
        """Refuse writes while min-replicas-to-write is not met."""
        config = self.config
        lag_max = config.min_replicas_max_lag
        self.good = sum(link.stage_s() < lag_max + 1 for link in self.online())
        refuse = (
            self.state.role == "master"
            and config.min_replicas_to_write
            and lag_max
            and self.good < config.min_replicas_to_write
        )
        self.engine.refusals.set("replicas", self.refusal if refuse else None)

    def refusal(self, writes: bool, saves: bool) -> CommandError | None:
        return NO_REPLICAS if writes else None

    # --- each turn ---

    def before_replies(self) -> bool:
        if self.config.appendonly and self.engine.blocking.has_wait():
            self.follow_sync()
        if self.acks_changed:
            self.acks_changed = False
            wake_waiting(self.engine)
            if self.state.failover is not None:
                self.state.failover.step()
            for listener in self.on_acks:
                listener()
        at_once = self.acks_wanted or not self.loop.busy
        if self.acks_wanted:
            self.acks_wanted = False
            failover = self.state.failover
            allowed = failover is None or failover.may_ask()
            if allowed and self.state.replica_links and self.state.role == "master":
                self.state.feed(GETACK)
        return bool(self.state.flush(at_once))

    # --- the timer ---

    def cron(self) -> None:
        """Ten times a second or oftener: what is due; once a second: the clock of replication."""
        self.full_sync.start_if_due()
        if self.state.failover is not None:
            self.state.failover.step()
        self.ticks += 1
        if self.ticks * self.loop.cron_interval_ms < 1000:
            return
        self.ticks = 0
        self.seconds += 1
        self.state.tidy()
        if self.state.replica_links:
            self.alone_s = 0
            self.keep_alive()
            self.cut_silent()
        else:
            self.alone_s += 1
            self.forget_backlog()
        if self.config.min_replicas_to_write:
            self.judge_good_replicas()

    def keep_alive(self) -> None:
        """The stream carries a PING at times; who waits for a snapshot gets empty lines."""
        paused = bool(self.engine.pause.holders)  # it would never be in step
        if (
            self.state.role == "master"
            and not paused
            and self.seconds % self.config.repl_ping_replica_period == 0
        ):
            self.state.feed([b"PING"])
        self.full_sync.keep_alive()

    def cut_silent(self) -> None:
        limit_s = self.config.repl_timeout
        for link in list(self.state.replica_links):
            silent = link.silent_s() > limit_s and link.stage_s() > limit_s
            if link.stage == ONLINE and silent and not link.speaks_sync:
                log.warning(f"Disconnecting timedout replica (streaming sync): {link.describe()}")
                link.close()
            elif link.stage == SEND_SNAPSHOT and silent and link.has_chunk:
                log.warning(f"Disconnecting timedout replica (full sync): {link.describe()}")
                link.close()

    def forget_backlog(self) -> None:
        """Nobody has read for long: free the memory. Who comes later needs a snapshot anyway."""
        state, ttl_s = self.state, self.config.repl_backlog_ttl
        if state.role == "master" and state.has_backlog and ttl_s and self.alone_s > ttl_s:
            state.change_id()
            state.drop_backlog()
            log.notice(f"Replication backlog freed after {ttl_s} seconds without replicas.")

    # --- the end ---

    def send_rest(self, links: list[Any], timeout_s: float) -> None:
        """At shutdown, before the snapshot: these replicas get all of the stream, so that they can
        go on from the snapshot's offset; the others what their sockets take."""
        deadline_s = self.engine.clock.steady_s() + timeout_s
        for link in self.online():
            link.send_now()
        while left := [link for link in links if link.send_now()]:
            if self.engine.clock.steady_s() >= deadline_s:
                return
            writable = poll()
            for link in left:
                writable.register(link.connection.descriptor(), POLLOUT)
            writable.poll(WRITABLE_WAIT_MS)
