"""The connection to the primary: connect, introduce ourselves, synchronise, follow the stream.

    CONNECT -> CONNECTING -> HANDSHAKE -> TRANSFER -> LOADING -> CONNECTED
       ^            |            |  '--- partial ---------------------^
       '------------'------------'-----------'-----------'------------'     any failure, logged

Nothing blocks: the socket is watched by the loop, names are resolved and files synced on threads.
After a failure the next attempt comes within a second, for ever, until `close`. All times are taken
from the monotonic clock. One per primary that is followed, owned by the Replica service; the loop's
thread only.
"""

from __future__ import annotations

import errno

from carnelian.base.text import printable
from carnelian.net.loop import HELD_STREAM
from carnelian.services import log
from carnelian.services.replication.applier import PrimarySession
from carnelian.services.replication.failures import FAILURES, LinkError, text_of
from carnelian.services.replication.file_loading import FileLoading
from carnelian.services.replication.handshake import (
    FullSync,
    Handshake,
    HandshakeError,
    Introduction,
    PartialSync,
    encode,
)
from carnelian.services.replication.streamed_loading import StreamedLoading
from carnelian.services.replication.transfer import Transfer
from carnelian.services.replication.transport import StreamEvents

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CONNECT, CONNECTING, HANDSHAKE, TRANSFER, LOADING, CONNECTED = (
    "connect", "connecting", "handshake", "sync", "loading", "connected",
)  # fmt: skip
RETRY_S = 1.0
ACK_S = 1.0
LINE_MAX = 16384
READ_SIZE = 1 << 18
READS_PER_TURN = 8
WAITING = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class PrimaryLink:
    """`owner` is told by `link_changed(link)` when the link comes up or goes down."""

    def __init__(self, owner: Any, host: str, port: int) -> None:
        self.owner = owner
        self.loop = owner.loop
        self.engine = owner.engine
        self.config = owner.config
        self.state = owner.state
        self.transport = owner.transport
        self.snapshots = owner.snapshots
        self.host = host
        self.port = port
        self.name = f"{printable(host)}:{port}"  # for the log
        self.phase = CONNECT
        self.attempt = 0  # of this link; results of earlier ones are not for us
        self.retry_at_s = 0.0
        self.last_io_s = self.engine.clock.steady_s()
        self.last_ack_s = 0.0
        self.down_since_s = 0.0  # 0: has never been up
        self.stream: Any = None  # net.stream.Stream
        self.events: Any = None  # StreamEvents of it
        self.inbox = b""  # of a line that has not ended yet
        self.outbox = b""
        self.buffer: Any = None
        self.handshake: Handshake | None = None
        self.transfer: Transfer | None = None
        self.loading: FileLoading | None = None
        self.streamed: StreamedLoading | None = None
        self.full: FullSync | None = None
        self.swaps = False  # the snapshot is loaded aside, then exchanged for the data
        self.leftover = b""
        self.session: Any = None

    @property
    def hands_over(self) -> bool:
        """Whether this is the last step of a FAILOVER."""
        failover = self.state.failover
        return failover is not None and bool(failover.is_handing_over)

    @property
    def is_connected(self) -> bool:
        return self.phase == CONNECTED

    # --- connecting ---

    def connect(self) -> None:
        log.notice(f"Connecting to MASTER {self.name}")
        self.phase = CONNECTING
        self.attempt += 1
        attempt = self.attempt
        self.last_io_s = self.engine.clock.steady_s()

        def resolved(address: str, failure: BaseException | None) -> None:
            if attempt != self.attempt or self.phase != CONNECTING:
                return
            if failure is not None:
                self.fail(f"Unable to resolve {self.name}: {failure}")
            else:
                self.open_socket(address)

        self.transport.resolve(self.host, self.port, resolved)

    def open_socket(self, address: str) -> None:
        source_address = self.config.bind_source_addr
        try:
            self.stream = self.transport.connect(address, self.port, source_address)
        except OSError as error:
            self.fail(f"Unable to connect to MASTER: {error.strerror or error}")
            return
        self.events = StreamEvents(self.loop, self.stream, self.on_readable, self.on_writable)
        log.notice("MASTER <-> REPLICA sync started")
        self.watch()

    def connected(self) -> None:
        try:
            self.transport.established(self.stream)
            if not self.stream.shake_hands():
                return  # called again when it can go on
        except OSError as failed:
            raise LinkError(f"Error condition on socket for SYNC: {failed.strerror}") from None
        log.notice("Non blocking connect for SYNC fired the event.")
        self.phase = HANDSHAKE
        self.last_io_s = self.engine.clock.steady_s()
        resumable = self.owner.resumable
        self.handshake = Handshake(
            Introduction(
                port=int(self.config.replica_announce_port or self.config.port),
                address=self.config.replica_announce_ip or "",
                user=self.config.masteruser or "",
                password=self.config.masterauth or "",
                replid=self.state.replid if resumable else None,
                offset=self.state.offset if resumable else 0,
                failover=self.hands_over,
            )
        )
        self.send(self.handshake.begin())
        self.watch()

    # --- the socket ---

    def watch(self) -> None:
        """Listen for what the present phase needs."""
        self.events.watch(
            reads=self.phase not in (CONNECTING, LOADING),
            writes=self.phase == CONNECTING or bool(self.outbox),
        )

    def on_writable(self) -> None:
        if self.phase == CONNECTING:
            self.guard(self.connected)
        elif self.outbox and self.phase == LOADING:
            self.guard(self.show_life)
        elif self.outbox:
            self.guard(lambda: self.send(b""))

    def guard(self, step: Callable[[], None]) -> None:
        """Take a step; whatever goes wrong ends the attempt."""
        try:
            step()
            if self.stream is not None:
                self.events.follow()
        except FAILURES as failed:
            self.fail(text_of(failed))
        except Exception as bug:  # a bug of ours must not end the server
            self.fail(f"internal error: {bug!r}")

    def send(self, data: bytes) -> None:
        """Send what the socket takes now; the rest waits."""
        had_rest = bool(self.outbox)
        self.outbox += data
        try:
            self.outbox = self.outbox[self.stream.send(self.outbox) :]
        except OSError as failed:
            if failed.errno not in WAITING:
                raise
        if bool(self.outbox) != had_rest:
            self.watch()

    def on_readable(self) -> None:
        if self.phase == CONNECTED:
            self.guard(self.read_stream)
        elif self.phase == HANDSHAKE:
            self.guard(self.read_lines)
        elif self.phase == TRANSFER:
            self.guard(self.read_snapshot)

    def receive(self) -> bytes | None:
        """What has arrived, None for nothing yet."""
        try:
            data: bytes = self.stream.recv(READ_SIZE)
        except OSError as failed:
            if failed.errno in WAITING:
                return None
            raise
        if not data:
            raise LinkError("connection closed by MASTER")
        self.last_io_s = self.engine.clock.steady_s()
        return data

    # --- handshake ---

    def read_lines(self) -> None:
        handshake = self.handshake
        assert handshake is not None
        self.inbox += self.receive() or b""
        while handshake.outcome is None:
            line, newline, rest = self.inbox.partition(b"\n")
            if not newline:
                if len(self.inbox) > LINE_MAX:
                    raise HandshakeError("Master sends a line without end")
                return
            self.inbox = rest
            answer = handshake.receive(line.rstrip(b"\r"))
            if answer:
                self.send(answer)
        self.handshake = None
        rest, self.inbox = self.inbox, b""
        if self.hands_over:
            self.state.failover.taken()
        if isinstance(handshake.outcome, FullSync):
            self.start_transfer(handshake.outcome, rest)
        else:
            self.resume(handshake.outcome, rest)

    def resume(self, outcome: PartialSync, rest: bytes) -> None:
        log.notice("Successful partial resynchronization with master.")
        if outcome.replid is not None and outcome.replid != self.state.replid:
            log.notice(f"Master replication ID changed to {outcome.replid}")
            self.state.adopt_id(outcome.replid)
        log.notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
        self.follow(rest)

    # --- full synchronisation ---

    def start_transfer(self, full: FullSync, rest: bytes) -> None:
        log.notice(f"Full resync from master: {full.replid}:{full.offset}")
        self.full = full
        self.phase = TRANSFER
        self.owner.full_syncs += 1
        mode = self.config.repl_diskless_load
        self.swaps = mode == "swapdb"
        streams = mode in ("swapdb", "flush-before-load") or (
            mode == "on-empty-db" and not self.engine.sizes()
        )
        self.transfer = Transfer(str(self.config.dir), self.load_part if streams else None)
        self.buffer = bytearray(READ_SIZE)
        self.watch()
        if rest:
            self.take_snapshot(memoryview(rest))

    def read_snapshot(self) -> None:
        view = memoryview(self.buffer)
        for _ in range(READS_PER_TURN):
            try:
                count = self.stream.recv_into(view)
            except OSError as failed:
                if failed.errno in WAITING:
                    return
                raise
            if count == 0:
                raise LinkError("I/O error trying to sync with MASTER: connection lost")
            self.take_snapshot(view[:count])
            if self.phase != TRANSFER:
                return

    def take_snapshot(self, data: memoryview) -> None:
        transfer = self.transfer
        assert transfer is not None
        self.last_io_s = self.engine.clock.steady_s()
        self.engine.count_input(len(data))
        was_started = transfer.started
        self.leftover = transfer.feed(data)
        if transfer.started and not was_started:
            where = "disk" if transfer.consumer is None else "parser"
            size = f"{transfer.length} bytes" if transfer.length >= 0 else "streamed data with EOF"
            log.notice(f"MASTER <-> REPLICA sync: receiving {size} from master to {where}")
        if not transfer.complete:
            return
        if transfer.consumer is None:
            self.load(transfer)
        else:
            self.finish_streamed()

    # --- loading while it arrives ---

    def load_part(self, data: memoryview) -> None:
        if self.streamed is None:
            assert self.full is not None
            assert self.transfer is not None
            self.owner.before_load(keeps_data=self.swaps)
            self.streamed = StreamedLoading(
                self.snapshots,
                self.transfer.length,
                swap=self.swaps,
                serve_old=self.full.replid == self.state.replid,
                lazily=bool(self.config.replica_lazy_flush),
            )
        self.streamed.feed(data)

    def finish_streamed(self) -> None:
        assert self.streamed is not None
        assert self.transfer is not None
        self.streamed.check(self.transfer.received)  # before anything of ours is given up
        if self.swaps:
            self.owner.before_load()
        self.streamed.finish()
        aux = self.streamed.reader.aux
        self.streamed = None
        self.buffer = None
        self.take_over(aux)

    # --- loading from a file ---

    def load(self, transfer: Transfer) -> None:
        self.phase = LOADING
        self.buffer = None
        self.watch()
        kept = not self.owner.deletes_sync_files()
        self.loading = FileLoading(
            self.loop,
            self.transport,
            self.snapshots,
            transfer.fd,
            lazily=bool(self.config.replica_lazy_flush),
            keep=(lambda: transfer.keep_as(self.snapshots.path)) if kept else None,
            begins=self.owner.before_load,
            done=self.loaded,
        )
        self.owner.before_load(keeps_data=True)
        self.loading.start()

    def loaded(self, failure: str | None) -> None:
        assert self.loading is not None
        destroyed, aux = self.loading.is_destroyed, self.loading.aux
        self.loading = None
        if failure is not None:
            if destroyed:
                self.owner.data_lost()
            self.fail(f"Failed trying to load the MASTER synchronization DB: {failure}")
            return
        self.guard(lambda: self.take_over(aux))

    def take_over(self, aux: dict[bytes, bytes]) -> None:
        """The data is in place: go on with the stream. `aux` is what the snapshot says of
        itself."""
        assert self.transfer is not None
        assert self.full is not None
        self.owner.data_replaced(self.full.replid, self.full.offset, aux)
        self.transfer.discard()  # what is to stay has its final name
        self.transfer = None
        log.notice("MASTER <-> REPLICA sync: Finished with success")
        rest, self.leftover = self.leftover, b""
        self.full = None
        self.follow(rest)

    # --- the stream ---

    def follow(self, rest: bytes) -> None:
        """The link is up: apply what comes from here on."""
        self.phase = CONNECTED
        self.session = PrimarySession(
            self.engine, self.state, self, max(self.state.stream_db, 0)
        )
        self.session.attach(self.stream)
        self.down_since_s = 0.0
        self.owner.resumable = True
        self.owner.link_changed(self)
        self.watch()
        self.send_ack()
        if rest:
            self.session.feed(rest)
            self.after_stream()

    def read_stream(self) -> None:
        if not self.session.read():
            raise LinkError("Connection with master lost.")
        self.last_io_s = self.engine.clock.steady_s()
        self.after_stream()

    def take_up(self) -> None:
        """Every turn while CLIENT PAUSE holds the stream back: go on when that is over."""
        if self.session.go_on_if_free():
            self.loop.set_stage(HELD_STREAM, None)
            self.after_stream()

    def after_stream(self) -> None:
        session = self.session
        if session is None or session.ended:
            return  # a command of the stream, or a kill, has ended the link
        if session.held:
            self.loop.set_stage(HELD_STREAM, lambda: self.guard(self.take_up))
        self.state.stream_db = session.database
        for offset in session.take_acks():
            self.send_ack(offset)

    def send_ack(self, offset: int | None = None) -> None:
        """How far we are; or were, when the primary asked."""
        applied = self.state.offset if offset is None else offset
        words = ["REPLCONF", "ACK", str(applied), *self.owner.ack_words()]
        self.last_ack_s = self.engine.clock.steady_s()
        self.send(encode(*words))

    def show_life(self) -> None:
        """While nothing is to be said: a primary that hears nothing gives us up."""
        try:
            self.send(b"\n")
        except OSError:
            if self.phase != LOADING:
                raise
            # The snapshot is here, whatever becomes of its sender.

    def session_killed(self, session: Any) -> None:
        """CLIENT KILL, from within a command."""
        self.loop.call_soon(
            lambda: self.fail("Connection with master killed.") if session is self.session else None
        )

    # --- time and ends ---

    def cron(self) -> None:
        now_s = self.engine.clock.steady_s()
        silent = now_s - self.last_io_s > self.config.repl_timeout
        try:
            if self.phase == CONNECT:
                if now_s >= self.retry_at_s:
                    self.connect()
            elif self.phase in (CONNECTING, HANDSHAKE) and silent:
                self.fail("Timeout connecting to the MASTER...")
            elif self.phase == TRANSFER and silent:
                self.fail(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to set"
                    " the 'repl-timeout' parameter to a larger value."
                )
            elif self.phase == CONNECTED and silent:
                self.fail("MASTER timeout: no data nor PING received...")
            elif now_s - self.last_ack_s >= ACK_S and self.phase == CONNECTED:
                self.send_ack()
            elif now_s - self.last_ack_s >= ACK_S and self.phase in (TRANSFER, LOADING):
                self.last_ack_s = now_s
                self.show_life()
        except FAILURES as failed:
            self.fail(text_of(failed))

    def fail(self, reason: str) -> None:
        """End this attempt; another follows."""
        log.warning(f"MASTER {self.name} while {self.describe_phase()}: {reason}")
        was_up = self.phase == CONNECTED
        refused = self.handshake is not None and self.handshake.is_refused and self.hands_over
        self.end()
        self.phase = CONNECT
        now_s = self.engine.clock.steady_s()
        # A lost link is renewed at once, a failed attempt not before a second has passed.
        self.retry_at_s = now_s if was_up else now_s + RETRY_S
        if was_up:
            self.down_since_s = now_s
            log.notice(f"Reconnecting to MASTER {self.name}")
        self.owner.link_changed(self)
        if refused:
            self.state.failover.refused("Failover target rejected psync request")

    def describe_phase(self) -> str:
        return {
            CONNECT: "waiting",
            CONNECTING: "connecting",
            HANDSHAKE: "in handshake",
            TRANSFER: "receiving the snapshot",
            LOADING: "loading the snapshot",
            CONNECTED: "following",
        }[self.phase]

    def end(self) -> None:
        """Let go of everything the attempt had."""
        self.attempt += 1
        if self.loading is not None:
            if self.loading.is_destroyed:
                self.owner.data_lost()
            self.loading.cancel()
            self.loading = None
        if self.streamed is not None:
            streamed, self.streamed = self.streamed, None
            streamed.cancel()
            self.owner.load_failed(lost=streamed.is_destroyed)
        if self.transfer is not None:
            self.transfer.discard()
            self.transfer = None
        if self.session is not None:
            session, self.session = self.session, None
            self.loop.set_stage(HELD_STREAM, None)
            session.close()
        if self.stream is not None:
            self.events.close()
            self.stream = self.events = None
        self.handshake = None
        self.full = None
        self.inbox = self.outbox = self.leftover = b""
        self.buffer = None

    def close(self) -> None:
        """For good."""
        self.end()
        self.phase = CONNECT
