"""The way up, and its harmless defaults; see host.pxd."""

from _collections import defaultdict

from libc.stdint cimport int64_t

from carnelian.engine.command cimport Command
from carnelian.engine.session cimport Session

from carnelian.engine.errors import error

NOT_HERE = error("This engine has no such service")
DEFAULT_USER = b"default"


cdef class Configuration:
    """The settings of an engine that was given none: a test holds the values against the
    declarations."""

    def __cinit__(self):
        self.file = ""
        self.enable_debug_command = "no"
        self.enable_module_command = "no"
        self.hll_sparse_max_bytes = 3000
        self.hz = 10
        self.io_backend = "auto"
        self.latency_tracking = True
        self.latency_tracking_info_percentiles = (50.0, 99.0, 99.9)
        self.maxclients = 10000
        self.maxmemory_policy = "noeviction"
        self.port = 6379
        self.proto_max_bulk_len = 512 << 20

    cpdef list answer_get(self, list patterns):
        """[(name, value), ...] of the parameters that match, for CONFIG GET."""
        return []

    cpdef bytes answer_set(self, list pairs, bint local, bint loading):
        """Set (name, value) pairs: the error reply of CONFIG SET, empty when all is set. `local`:
        the client is on this machine."""
        return NOT_HERE.text

    cpdef bytes answer_rewrite(self):
        """CONFIG REWRITE: the error reply, empty when the file is written."""
        return NOT_HERE.text


cdef class Persistence:
    """Snapshots and the append-only file. What answers `bint` tells whether it worked."""

    cpdef bint keeps_files(self):
        return False

    cpdef bint save(self):
        """A snapshot, in the foreground."""
        return False

    cpdef bint is_saving(self):
        """In the background."""
        return False

    cpdef bint start_saving(self):
        return False

    cpdef object schedule_saving(self):
        """Once no other child runs."""

    cpdef bint unschedule_saving(self):
        """Whether that was to come."""
        return False

    cpdef bint cancel_saving(self):
        """Whether a child was saving."""
        return False

    cpdef int64_t last_save_s(self):
        return 0

    cpdef bint is_rewriting(self):
        return False

    cpdef bint start_rewriting(self):
        return False

    cpdef object schedule_rewriting(self):
        pass

    cpdef str active_child(self):
        """What the child process that runs writes; empty: none runs."""
        return ""

    cpdef bint flushed(self):
        """All data went by FLUSHALL. Whether that is in a snapshot already."""
        return False

    cpdef bint reload_snapshot(self):
        """Add what the snapshot file has."""
        return False

    cpdef object flush_log(self):
        """Have what the append-only file buffers in the file."""

    cpdef bint reload_log(self):
        return False

    cpdef int64_t log_buffer_bytes(self):
        return 0

    cpdef dict figures(self):
        """INFO persistence."""
        return {}

    cpdef tuple fork_figures(self):
        """(us the last fork took, forks)."""
        return 0, 0

    cpdef object reset_figures(self):
        """CONFIG RESETSTAT."""


cdef class Replication:
    """The stream and its readers. A service's own commands know the class that implements it."""

    def __cinit__(self):
        self.role_name = "master"

    cpdef object forget(self, Session session):
        """A replica's session has ended."""

    cpdef object write_unsaved(self):
        """The primary's stream has a write, and our disk fails."""

    cpdef object change_id(self):
        """Another history: nobody can continue."""

    cpdef int replica_count(self):
        return 0

    cpdef tuple output_figures(self, Session session):
        """Of a replica: (blocks of the stream kept for it, bytes)."""
        return 0, 0

    cpdef tuple stream_bytes(self):
        """(memory of the stream kept, that of repl-backlog-size among it)."""
        return 0, 0

    cpdef dict counts(self):
        """The fields of INFO stats."""
        return {}

    cpdef dict section(self):
        """INFO replication."""
        return {"role": self.role_name}

    cpdef object reset_figures(self):
        """CONFIG RESETSTAT."""


cdef class Users:
    """Who may come in: here the default user, without a password."""

    cpdef bint needs_password(self):
        """Whether the default user, which everybody is at first, has one."""
        return False

    cpdef bint exists(self, bytes name):
        return name == DEFAULT_USER

    cpdef bint authenticate(self, bytes name, bytes password):
        return name == DEFAULT_USER


cdef class Process:
    """The process around the engine. A host process is nobody's but its own: it does not end by
    SHUTDOWN."""

    def __cinit__(self):
        self.mode = "standalone"

    cpdef bint shutdown(self, set words, str asked_by):
        """End it all; False if that failed."""
        return False

    cpdef bint is_shutting_down(self):
        """Whether an end is under way that may yet come to nothing."""
        return False

    cpdef bint abort_shutdown(self):
        """Whether there was one to abort."""
        return False

    cpdef dict shutdown_figures(self):
        """What INFO server tells of a shutdown that is under way."""
        return {}

    cpdef object loop_figures(self):
        """Of the loop that waits for clients, by name; see Loop.figures."""
        return defaultdict(int)

    cpdef list listeners(self):
        """(kind, addresses, port) of what listens for clients."""
        return []

    cpdef object rates(self):
        """Counters' growth per second, by name."""
        return defaultdict(float)

    cpdef object reset_figures(self):
        """CONFIG RESETSTAT, beyond the engine's counters."""


cdef class Log:
    """Says nothing."""

    cpdef object message(self, int level, str text):
        """One line; all others come to this."""

    cpdef object debug(self, str text):
        self.message(LOG_DEBUG, text)

    cpdef object verbose(self, str text):
        self.message(LOG_VERBOSE, text)

    cpdef object notice(self, str text):
        self.message(LOG_NOTICE, text)

    cpdef object warning(self, str text):
        self.message(LOG_WARNING, text)


cdef class MemoryPressure:
    """`maxmemory`: asked before a command runs while there is a limit (GATE_MAXMEMORY)."""

    cdef int make_room(self, Command command) except -1:
        """Bring memory below the limit; CommandError if that cannot be and the command takes
        more."""
        return 0


cdef class Host:
    """The way up of one engine."""

    def __cinit__(self):
        self.reset()

    def reset(self):
        """Back to the defaults: those above let go of the engine."""
        self.configuration = Configuration()
        self.persistence = Persistence()
        self.replication = Replication()
        self.users = Users()
        self.process = Process()
        self.log = Log()
        self.memory = MemoryPressure()
