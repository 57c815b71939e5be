"""The replica's side of one server: whom it follows, and what that means for its clients.

It is `ReplicationState.replica`, through which REPLICAOF, ROLE, INFO and FAILOVER reach it. One per
server, used from the loop's thread.
"""

from __future__ import annotations

import os

from carnelian.engine.serving import disconnect_blocked
from carnelian.services import log
from carnelian.services.persistence.aof import append_only as aof_state
from carnelian.services.replication.primary_link import (
    CONNECTED,
    LOADING,
    TRANSFER,
    PrimaryLink,
)

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.aof.append_only import AppendOnly
    from carnelian.services.persistence.snapshots import Snapshots
    from carnelian.services.replication.transport import Transport

DATABASE_DIGITS_MAX = 9
DISK_TROUBLE_S = 10.0  # between lines of the log about it
ROLE_WORDS = {LOADING: "sync"}  # ROLE knows no state of its own for it


class Replica:
    def __init__(
        self,
        loop: Any,
        state: Any,
        config: Config,
        *,
        snapshots: Snapshots,
        aof: AppendOnly,
        transport: Transport,
    ) -> None:
        self.loop = loop
        self.state = state
        self.config = config
        self.snapshots = snapshots
        self.aof = aof
        self.transport = transport
        self.engine = snapshots.engine
        self.primary_link: PrimaryLink | None = None
        self.resumable = False  # our data and offset are a place in the history of our replid
        self.full_syncs = 0
        self.told_of_disk_s = -DISK_TROUBLE_S
        self.told_synced = 0  # of the append-only file, in the last acknowledgement
        self.state.replica = self
        if self.config.replicaof:
            self.state.role = "slave"
        self.config.on_any_change(
            ("replica-read-only", "replica-serve-stale-data"), self.follow_rules
        )

    @property
    def is_replica(self) -> bool:
        return self.primary_link is not None

    @property
    def is_connected(self) -> bool:
        return self.primary_link is not None and self.primary_link.is_connected

    # --- changes of role ---

    def start(self) -> None:
        """At start, after the data is loaded: follow whom the configuration names."""
        if self.config.replicaof:
            aux = self.snapshots.loaded_aux
            self.resumable = aux.get(b"repl-id") == self.state.replid.encode()
            if self.resumable:
                self.state.stream_db = self.stream_db_of(aux)
            self.become_replica(*self.config.replicaof)

    def follow(self, host: str, port: int) -> None:
        """REPLICAOF host port. Our own replicas stay: they may be able to go on."""
        if self.primary_link is None:
            disconnect_blocked(self.engine)
            self.state.create_backlog()
            self.resumable = True
        else:
            self.primary_link.close()
        self.config.assign("replicaof", (host, port), hooks=True)
        self.become_replica(host, port)

    def become_replica(self, host: str, port: int) -> None:
        self.state.role = "slave"
        self.primary_link = PrimaryLink(self, host, port)
        self.follow_rules()
        self.primary_link.connect()

    def promote(self, take_back: bool = False) -> None:
        """REPLICAOF NO ONE: go on alone with the data there is, under an ID of our own, because
        the old one may go on elsewhere. `take_back`: a FAILOVER has come to nothing."""
        if self.primary_link is None:
            return
        link, self.primary_link = self.primary_link, None
        link.close()
        self.config.assign("replicaof", (), hooks=True)
        self.state.shift_id()
        self.state.role = "master"
        self.state.cut_replicas()  # so that they learn of the new ID
        self.follow_rules()
        if not take_back:
            self.restart_log()

    def close(self) -> None:
        """At shutdown: no half-received file stays behind."""
        if self.primary_link is not None:
            self.primary_link.close()

    def follow_rules(self) -> None:
        """What clients may do, after role, link and configuration."""
        stale = not self.is_connected and not self.config.replica_serve_stale_data
        self.engine.set_replica(self.is_replica, bool(self.config.replica_read_only), stale)

    # --- what the link tells ---

    def link_changed(self, link: PrimaryLink) -> None:
        if link is self.primary_link:
            self.follow_rules()

    def before_load(self, keeps_data: bool = False) -> None:
        """The data set is about to be replaced; or to be kept until there is a new one."""
        if self.snapshots.children.active is not None:
            log.notice("Replica is about to load the snapshot of its master: killing a child")
            self.snapshots.children.kill()
        if keeps_data:
            return
        self.state.cut_replicas()
        self.aof.before_sync()

    def stream_db_of(self, aux: dict[bytes, bytes]) -> int:
        """The database in which the stream goes on behind a snapshot that says so of itself. That
        of a primary begins with a SELECT; a replica cannot put one into the stream it hands on."""
        text = aux.get(b"repl-stream-db", b"")
        good = text.isdigit() and len(text) < DATABASE_DIGITS_MAX
        return min(int(text), self.config.databases - 1) if good else 0

    def data_replaced(self, replid: str, offset: int, aux: dict[bytes, bytes]) -> None:
        self.state.adopt(replid, offset)
        self.state.stream_db = self.stream_db_of(aux)
        self.resumable = True
        self.engine.dirty = 0
        self.restart_log()

    def load_failed(self, lost: bool) -> None:
        """Loading without a file has come to nothing."""
        if lost:
            self.data_lost()
        else:
            self.aof.follow_config()

    def data_lost(self) -> None:
        """What is left is no point in anybody's history."""
        self.resumable = False
        self.state.change_id()

    def restart_log(self) -> None:
        """The append-only file describes other data than there now is."""
        self.aof.after_sync()

    def deletes_sync_files(self) -> bool:
        """Whether a received snapshot is not to be kept on disk."""
        persists = bool(self.config.save) or bool(self.config.appendonly)
        return bool(self.config.rdb_del_sync_files) and not persists

    def obeys_in_spite(self) -> None:
        """A write of the primary's comes while our own disk fails."""
        if not self.config.replica_ignore_disk_write_errors:
            log.warning("------------------------------------------------")
            log.warning("!!! Software Failure. Press left mouse button to continue")
            log.warning("Guru Meditation: Replica was unable to write command to disk.")
            log.warning("------------------------------------------------")
            os._exit(1)
        now_s = self.engine.clock.steady_s()
        if now_s - self.told_of_disk_s > DISK_TROUBLE_S:
            self.told_of_disk_s = now_s
            log.warning(
                "Replica is applying a command even though it is unable to write to disk."
            )

    def ack_words(self) -> list[str]:
        """What an acknowledgement tells besides the offset applied: what is safe in our own
        append-only file, for the primary's WAITAOF."""
        aof = self.aof
        if aof.state != aof_state.ON:
            return []
        self.told_synced = aof.synced_offset
        return ["FACK", str(self.told_synced)]

    def cron(self) -> None:
        if self.primary_link is None:
            return
        self.primary_link.cron()
        aof = self.aof
        if aof.state == aof_state.ON and aof.synced_offset != self.told_synced:
            self.send_ack()

    def send_ack(self) -> None:
        if self.primary_link is not None and self.primary_link.is_connected:
            self.primary_link.send_ack()

    # --- what it shows ---

    def role_reply(self) -> list[object]:
        """ROLE's reply of a replica."""
        link = self.primary_link
        assert link is not None
        return [
            b"slave",
            link.host.encode("utf-8", "surrogateescape"),
            link.port,
            ROLE_WORDS.get(link.phase, link.phase).encode(),
            self.state.offset if link.phase == CONNECTED else -1,
        ]

    def info(self) -> dict[str, object]:
        """The fields of INFO replication that a replica has; none on a primary."""
        link = self.primary_link
        if link is None:
            return {}
        now_s = self.engine.clock.steady_s()
        syncing = link.phase in (TRANSFER, LOADING)
        unread = link.session.unread if link.session is not None else 0
        fields: dict[str, object] = {
            "master_host": link.host,
            "master_port": link.port,
            "master_link_status": "up" if link.is_connected else "down",
            "master_last_io_seconds_ago": int(now_s - link.last_io_s) if link.is_connected else -1,
            "master_sync_in_progress": int(syncing),
            "slave_read_repl_offset": self.state.offset + unread,
            "slave_repl_offset": self.state.offset,
        }
        transfer = link.transfer
        if syncing and transfer is not None:
            total = max(transfer.length, 0)
            fields |= {
                "master_sync_total_bytes": total,
                "master_sync_read_bytes": transfer.received,
                "master_sync_left_bytes": total - transfer.received,
                "master_sync_perc": f"{100 * transfer.received / total if total else 0:.2f}",
                "master_sync_last_io_seconds_ago": int(now_s - link.last_io_s),
            }
        if not link.is_connected:
            down_s = int(now_s - link.down_since_s) if link.down_since_s else -1
            fields["master_link_down_since_seconds"] = down_s
        fields |= {
            "slave_priority": self.config.replica_priority,
            "slave_read_only": int(self.config.replica_read_only),
            "replica_announced": int(self.config.replica_announced),
        }
        return fields
