"""The way up: what engine, commands and net ask of the floors above them.

One small interface for each concern, with harmless defaults: a bare engine has no files, no
replicas, no password, and a log that says nothing. The composition root derives its parts from them
and puts those into the engine's Host; there is no other way up. What commands need at speed is
`cdef` or a field, what Python implements is `cpdef`. A Host belongs to one engine, whose thread
alone uses it.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.command cimport Command
from carnelian.engine.session cimport Session


cdef enum:                     # levels of the log
    LOG_DEBUG
    LOG_VERBOSE
    LOG_NOTICE
    LOG_WARNING


cdef class Configuration:
    """Settings that the lower floors read; each field is the parameter of its name."""
    cdef public str file                   # absolute path of the configuration file, if any
    cdef public bint cluster_enabled
    cdef public str enable_debug_command
    cdef public str enable_module_command
    cdef public uint64_t hll_sparse_max_bytes
    cdef public int hz
    cdef public str io_backend
    cdef public bint latency_tracking
    cdef public tuple latency_tracking_info_percentiles
    cdef public bint lazyfree_lazy_expire
    cdef public bint lazyfree_lazy_server_del
    cdef public bint lazyfree_lazy_user_flush
    cdef public int64_t maxclients
    cdef public uint64_t maxmemory
    cdef public str maxmemory_policy
    cdef public int port
    cdef public uint64_t proto_max_bulk_len

    cpdef list answer_get(self, list patterns)
    cpdef bytes answer_set(self, list pairs, bint local, bint loading)
    cpdef bytes answer_rewrite(self)


cdef class Persistence:
    cpdef bint keeps_files(self)
    cpdef bint save(self)
    cpdef bint is_saving(self)
    cpdef bint start_saving(self)
    cpdef object schedule_saving(self)
    cpdef bint unschedule_saving(self)
    cpdef bint cancel_saving(self)
    cpdef int64_t last_save_s(self)
    cpdef bint is_rewriting(self)
    cpdef bint start_rewriting(self)
    cpdef object schedule_rewriting(self)
    cpdef str active_child(self)
    cpdef bint flushed(self)
    cpdef bint reload_snapshot(self)
    cpdef object flush_log(self)
    cpdef bint reload_log(self)
    cpdef int64_t log_buffer_bytes(self)
    cpdef dict figures(self)
    cpdef tuple fork_figures(self)
    cpdef object reset_figures(self)


cdef class Replication:
    cdef readonly str role_name

    cpdef object forget(self, Session session)
    cpdef object write_unsaved(self)
    cpdef object change_id(self)
    cpdef int replica_count(self)
    cpdef tuple output_figures(self, Session session)
    cpdef tuple stream_bytes(self)
    cpdef dict counts(self)
    cpdef dict section(self)
    cpdef object reset_figures(self)


cdef class Users:
    cpdef bint needs_password(self)
    cpdef bint exists(self, bytes name)
    cpdef bint authenticate(self, bytes name, bytes password)


cdef class Process:
    cdef readonly str mode
    cdef public bint cron_paused           # DEBUG PAUSE-CRON

    cpdef bint shutdown(self, set words, str asked_by)
    cpdef bint is_shutting_down(self)
    cpdef bint abort_shutdown(self)
    cpdef dict shutdown_figures(self)
    cpdef object loop_figures(self)
    cpdef list listeners(self)
    cpdef object rates(self)
    cpdef object reset_figures(self)


cdef class Log:
    cpdef object message(self, int level, str text)
    cpdef object debug(self, str text)
    cpdef object verbose(self, str text)
    cpdef object notice(self, str text)
    cpdef object warning(self, str text)


cdef class MemoryPressure:
    cdef int make_room(self, Command command) except -1


cdef class Host:
    cdef public Configuration configuration
    cdef public Persistence persistence
    cdef public Replication replication
    cdef public Users users
    cdef public Process process
    cdef public Log log
    cdef public MemoryPressure memory
