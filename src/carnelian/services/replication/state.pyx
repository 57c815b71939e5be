"""The replication stream of one engine; see state.pxd."""

from os import urandom

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.numbers cimport format_int64
from carnelian.base.slice cimport Slice, slices_of
from carnelian.engine.call cimport Call
from carnelian.engine.engine cimport Engine
from carnelian.engine.host cimport Replication
from carnelian.engine.propagation cimport REPLICAS_ONLY, SINK_STREAM, Sink, for_replicas_only
from carnelian.engine.session cimport Session
from carnelian.services.replication.backlog cimport (
    BACKLOG_BLOCK_SIZE, backlog_append, backlog_free, backlog_init, backlog_memory,
    backlog_put_command, backlog_trim, backlog_verify,
)
from carnelian.services.replication.replica_link cimport ReplicaLink

from carnelian.engine.errors import error
from carnelian.services.replication import report

cdef enum:
    FLUSH_BYTES_MIN = 65536
    PUT_OFF_MS_MAX = 2

NO_ID = "0" * 40
NO_REPLICATION = error("This engine has no replication")


cdef ReplicationState state_of(Call call):
    """The state of the engine a command runs on."""
    cdef Replication found = call.engine.host.replication
    if isinstance(found, ReplicationState):
        return <ReplicationState>found
    raise NO_REPLICATION


def random_id():
    return urandom(20).hex()


cdef class StreamSink(Sink):
    def __cinit__(self):
        self.rank = SINK_STREAM

    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1:
        cdef ReplicationState state = self.state
        cdef Slice select[2]
        cdef char digits[24]
        if db_id < REPLICAS_ONLY:
            db_id = for_replicas_only(db_id)
        if db_id >= 0 and db_id != state.stream_db:
            select[0].ptr = b"SELECT"
            select[0].len = 6
            select[1].ptr = digits
            select[1].len = format_int64(digits, db_id)
            backlog_put_command(&state.backlog, select, 2)
            state.stream_db = db_id
        if encoded.ptr != NULL:
            backlog_append(&state.backlog, encoded.ptr, encoded.len)
        else:
            encoded[0] = backlog_put_command(&state.backlog, argv, argc)
        state.advance()
        return 0


cdef class ReplicationState:
    def __cinit__(self, Engine engine, config):
        self.engine = engine
        self.config = config
        self.replica_links = []
        self.replid = random_id()
        self.replid2 = NO_ID
        self.second_offset = -1
        self.stream_db = -1
        self.size_wanted = 1 << 20
        self.sink = StreamSink()
        self.sink.state = self
        backlog_init(&self.backlog, 0)

    def __dealloc__(self):
        backlog_free(&self.backlog)

    # --- the stream ---

    @property
    def offset(self):
        return self.engine.propagation.offset

    @property
    def role(self):
        return self.role_name

    @role.setter
    def role(self, str name):
        assert name in ("master", "slave")
        if name == self.role_name:
            return
        self.role_name = name
        self.stream_db = -1
        if self.has_backlog and name == "master":
            self.engine.propagation.attach(self.sink)
        elif self.has_backlog:
            self.engine.propagation.detach(self.sink)
        self.engine.propagation.counts_commands = name == "master" and not self.has_backlog

    cdef void advance(self):
        """Bytes were added to the backlog."""
        self.engine.propagation.offset = self.backlog.end
        if self.backlog.count != self.trimmed_count:
            self.trim()

    cdef int append_raw(self, const char *p, size_t n) except -1:
        if self.has_backlog:
            backlog_append(&self.backlog, p, n)
            self.advance()
        else:
            self.engine.propagation.offset += <int64_t>n
        return 0

    def append(self, data):
        """Stream bytes of the primary we follow, in the order they came."""
        cdef const unsigned char[:] view = data
        if view.shape[0]:
            self.append_raw(<const char *>&view[0], <size_t>view.shape[0])

    def feed(self, list argv):
        """A command of the stream's own: PING, REPLCONF GETACK, in no database. Only on a
        primary."""
        cdef Slice *slices
        if self.has_backlog:
            slices = slices_of(argv)
            backlog_put_command(&self.backlog, slices, <int>len(argv))
            mem_free(slices)
            self.advance()

    # --- what is kept of it ---

    def create_backlog(self):
        """Start to keep the stream, from here on."""
        if self.has_backlog:
            return
        backlog_init(&self.backlog, self.engine.propagation.offset)
        self.has_backlog = True
        self.trimmed_count = 0
        self.flushed = self.backlog.end
        self.engine.propagation.counts_commands = False
        if self.role_name == "master":
            self.stream_db = -1
            self.engine.propagation.attach(self.sink)

    def drop_backlog(self):
        """Keep nothing any more; there must be no replica."""
        if not self.has_backlog:
            return
        self.cut_replicas()
        if self.role_name == "master":
            self.engine.propagation.detach(self.sink)
            self.engine.propagation.counts_commands = True
        self.has_backlog = False
        backlog_free(&self.backlog)

    def resize_backlog(self, int64_t size):
        self.size_wanted = size
        if self.has_backlog:
            self.trim()

    cdef void trim(self):
        """Give up what is beyond repl-backlog-size and no replica has still to read."""
        cdef int64_t keep = self.backlog.end - self.size_wanted
        cdef ReplicaLink link
        if <int64_t>(self.backlog.count * BACKLOG_BLOCK_SIZE) > self.size_wanted:
            for item in self.replica_links:
                link = <ReplicaLink>item
                if 0 <= link.position < keep:
                    keep = link.position
            backlog_trim(&self.backlog, keep)
        self.trimmed_count = self.backlog.count

    def tidy(self):
        """From the timer: replicas may have caught up without anything being written."""
        if self.has_backlog:
            self.trim()

    def can_continue(self, str replid, int64_t next_byte):
        """Whether a replica that knows this history may go on with that byte (the first is 1)."""
        known = replid.lower() == self.replid or (
            replid.lower() == self.replid2 and next_byte <= self.second_offset)
        return (known and self.has_backlog
                and self.backlog.first < next_byte <= self.backlog.end + 1)

    # --- identity ---

    def adopt(self, str replid, int64_t offset):
        """As a replica, after a full synchronization: this is the history now, from there on."""
        self.cut_replicas()
        self.replid = replid
        self.forget_second()
        self.restart_at(offset)

    def adopt_id(self, str replid):
        """As a replica: the primary goes on with our history under a new name."""
        if replid == self.replid:
            return
        self.replid2 = self.replid
        self.second_offset = self.offset + 1
        self.replid = replid
        self.cut_replicas()

    def restart_at(self, int64_t offset):
        """Forget all bytes: an empty backlog at that offset."""
        self.engine.propagation.offset = offset
        if self.has_backlog:
            backlog_free(&self.backlog)
            backlog_init(&self.backlog, offset)
            self.flushed = offset
            self.trimmed_count = 0
        else:
            self.create_backlog()

    def shift_id(self):
        """A promoted replica: who knows the old ID may continue up to here, and from here with
        the new one."""
        self.replid2 = self.replid
        self.second_offset = self.offset + 1
        self.replid = random_id()
        self.stream_db = -1

    cpdef object change_id(self):
        """Another history: nobody can continue."""
        self.replid = random_id()
        self.forget_second()

    def forget_second(self):
        self.replid2 = NO_ID
        self.second_offset = -1

    def restore(self, str replid, int64_t offset):
        """What a snapshot says of itself, at start. A primary's history goes on under a new ID:
        its replicas may continue with the old one."""
        if self.role_name == "master":
            self.replid2 = replid
            self.second_offset = offset + 1
        else:
            self.replid = replid
        self.restart_at(offset)

    def aux(self):
        """What snapshots say of the stream, so that it can be continued after a restart."""
        if not self.has_backlog and self.role_name == "master":
            return []
        return [(b"repl-stream-db", b"%d" % max(self.stream_db, 0)),
                (b"repl-id", self.replid.encode()), (b"repl-offset", b"%d" % self.offset)]

    # --- replicas ---

    def attach(self, ReplicaLink link):
        """A replica's PSYNC or SYNC: it takes part from now on."""
        link.backlog = &self.backlog
        link.become_replica()
        self.replica_links.append(link)

    cpdef object forget(self, Session session):
        """The session is gone; from Engine.drop_session."""
        link = session.replica
        session.replica = None
        if link in self.replica_links:
            self.replica_links.remove(link)
            if self.primary is not None:
                self.primary.lost(link)

    def cut_replicas(self):
        """Close all replicas' connections: they will come back and ask how to go on."""
        for link in list(self.replica_links):
            session = link.connection
            link.close()
            self.engine.drop_session(session)

    def flush(self, bint at_once):
        """Before the replies of a turn of the loop: have new stream bytes sent.

        Unless `at_once`, little is put off for a moment: many small writes cost a busy primary
        more than everything else about replication. True when something was put off."""
        cdef ReplicaLink link
        if self.flushed == self.backlog.end or not self.has_backlog:
            return False
        if not at_once and self.backlog.end - self.flushed < FLUSH_BYTES_MIN:
            if not self.put_off_ms:
                self.put_off_ms = self.engine.steady_ms
            if self.engine.steady_ms - self.put_off_ms < PUT_OFF_MS_MAX:
                return True
        self.put_off_ms = 0
        self.flushed = self.backlog.end
        for item in list(self.replica_links):
            link = <ReplicaLink>item
            if link.is_streaming():
                link.connection.wrote()
            else:
                link.connection.over_limit()
        return False

    # --- figures ---

    cpdef dict section(self):
        return report.section(self)

    cpdef dict counts(self):
        return report.counts(self)

    def role_reply(self):
        return report.role(self)

    cpdef int replica_count(self):
        return <int>len(self.replica_links)

    cpdef tuple output_figures(self, Session session):
        return (0, 0) if session.replica is None else session.replica.output_figures()

    cpdef tuple stream_bytes(self):
        kept = self.backlog_figures()[2]
        # What is kept beyond the backlog's size is kept for replicas that lag.
        return kept, min(kept, self.config.repl_backlog_size) if self.replica_links else kept

    cpdef object reset_figures(self):
        if self.primary is not None:
            self.primary.reset_figures()

    cpdef object write_unsaved(self):
        if self.replica is not None:
            self.replica.obeys_in_spite()

    def backlog_figures(self):
        """(bytes kept, offset of the first of them, memory)."""
        if not self.has_backlog:
            return 0, 0, 0
        return (self.backlog.end - self.backlog.first, self.backlog.first + 1,
                backlog_memory(&self.backlog))

    def verify(self):
        return backlog_verify(&self.backlog)
