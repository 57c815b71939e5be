"""Sessions that wait go on; see serving.pxd."""

from itertools import islice

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slices_of
from carnelian.engine.admission cimport FROM_WAIT, admit, refuse
from carnelian.engine.blocking cimport (
    BLOCKED_ON_KEYS, BLOCKED_POSTPONED, BLOCKED_SHUTDOWN, BLOCKED_WAIT, Blocked,
)
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.execution cimport answer_error, drop_unwanted, run, run_for_client
from carnelian.engine.resolve cimport resolve
from carnelian.engine.session cimport CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, UNDECIDED, Session
from carnelian.keyspace.database cimport KeyRef, key_find
from carnelian.keyspace.entry cimport EXPIRES, TYPE_STREAM, entry_type, entry_when
from carnelian.resp.reply cimport ReplyMark, reply_mark, reply_null_array

from carnelian.engine.errors import CommandError


cdef enum:
    SERVE_BATCH = 16


cdef bint run_again(Engine engine, Blocked blocked) except -1:
    """Run a parked command once more. Whether it has been answered."""
    cdef Session session = blocked.session
    cdef Slice *slices = slices_of(blocked.argv)
    cdef int argc = <int>len(blocked.argv)
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Command command = None
    cdef bint parked = False
    try:
        try:
            # Permissions and the like may have changed since.
            command = resolve(engine, session, slices, argc)
            admit(engine, session, command, FROM_WAIT)
        except CommandError as refused:
            if command is not None:
                command.rejected += 1
            refuse(engine, session, command, refused)
        else:
            parked = run_for_client(engine, session, command, slices, argc, blocked)
    finally:
        mem_free(slices)
    if not parked:
        release(engine, blocked, mark)
    return not parked


cdef int time_out(Engine engine, Blocked blocked) except -1:
    """A wait has come to its end without result."""
    cdef Session session = blocked.session
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Command command = session.last_command
    cdef Slice *slices
    cdef bint parked = False
    if blocked.kind == BLOCKED_ON_KEYS and blocked.extra is None:
        # Whatever type the key has by now; BLMOVE too, whose answer else is no array.
        reply_null_array(&session.reply)
        if command is not None:
            command.calls += 1
    else:
        # What keeps state between its runs answers itself, or waits on.
        slices = slices_of(blocked.argv)
        try:
            command = resolve(engine, session, slices, <int>len(blocked.argv))
            parked = run(
                engine, session, command, slices, <int>len(blocked.argv), blocked, True)
        finally:
            mem_free(slices)
    if not parked:
        release(engine, blocked, mark)
    return 0


cdef void release(Engine engine, Blocked blocked, ReplyMark mark):
    """The command has been answered: the reply since `mark` goes out, the session goes on."""
    engine.blocking.unpark(blocked)
    drop_unwanted(blocked.session, mark)
    blocked.session.wrote()
    blocked.session.resumed()


cdef int type_at(Engine engine, tuple place):
    """The type of a key, -1 for none. One that has expired stays for who asks for it."""
    cdef bytes key = place[1]
    cdef KeyRef ref = key_find(engine.databases[<int>place[0]], key, len(key))
    if ref.slot == NULL or (
            ref.slot[0].flags & EXPIRES and entry_when(ref.slot[0]) < engine.now_ms):
        return -1
    return entry_type(ref.slot[0])


cdef int serve_queue(Engine engine, tuple place, int type) except -1:
    """Serve those who wait for a key with this type, in order of arrival, as long as it lasts.

    Who parks again keeps its place. The queue is read in ever larger pieces, so that neither one
    push to very many waiters nor a long row of those who park again costs more than it must."""
    cdef Blocked blocked
    cdef Py_ssize_t skip = 0
    cdef Py_ssize_t size = SERVE_BATCH
    while True:
        batch = list(islice(engine.blocking.queues.get(place, {}).get(type, ()), skip, skip + size))
        if not batch:
            return 0
        size *= 2
        for item in batch:
            blocked = <Blocked>item
            if blocked.served:
                continue
            if blocked.session.flags & (CLOSE_NOW | CLOSE_AFTER_REPLY | CLOSED | UNDECIDED):
                skip += 1          # about to go: what it took would be lost
            elif blocked.on_deletion or type_at(engine, place) == type:
                skip += not run_again(engine, blocked)
            elif type == TYPE_STREAM:
                skip += 1          # a later one may wait for the key's deletion
            else:
                return 0


cdef int serve_key(Engine engine, tuple place) except -1:
    for type in list(engine.blocking.queues.get(place, ())):
        serve_queue(engine, place, type)
    return 0


cdef int serve_timeouts(Engine engine) except -1:
    cdef Blocked blocked
    while True:
        blocked = engine.blocking.next_timed_out(engine.steady_ms)
        if blocked is None:
            return 0
        time_out(engine, blocked)


cdef void serve_waiting(Engine engine) noexcept:
    cdef dict ready
    cdef bint replaying = engine.expiry.replaying
    if engine.depth:
        return
    engine.expiry.replaying = False
    engine.tick()                  # an EXEC may have taken long: its keys may have expired
    try:
        while engine.blocking.ready:
            ready = engine.blocking.ready
            engine.blocking.ready = {}
            for place in ready:
                serve_key(engine, place)
        engine.propagation.end_unit()
    except BaseException as bug:
        engine.stats.internal_errors += 1
        engine.host.log.warning(f"Internal error while serving blocked clients: {bug!r}")
    engine.expiry.replaying = replaying


def wake_waiting(Engine engine):
    """Replicas or the append-only file have gone on: answer those in WAIT and WAITAOF who waited
    for that."""
    for blocked in list(engine.blocking.of_kind(BLOCKED_WAIT)):
        if not (<Blocked>blocked).served:
            run_again(engine, <Blocked>blocked)


cdef bint unblock(Engine engine, Session session, bint with_error):
    cdef Blocked blocked = session.blocked
    if blocked is None or blocked.kind == BLOCKED_POSTPONED or blocked.kind == BLOCKED_SHUTDOWN:
        return False
    if with_error:
        fail_blocked(engine, blocked, b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
    else:
        time_out(engine, blocked)
    return True


cdef int fail_blocked(Engine engine, Blocked blocked, bytes text) except -1:
    """A wait ends with an error, which is a failure of the command that waits."""
    cdef Session session = blocked.session
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Command command = session.last_command
    if command is not None:
        command.calls += 1
        command.failed += 1
    answer_error(engine, session, text)
    release(engine, blocked, mark)
    return 0


STATE_CHANGED = (
    b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")


def disconnect_blocked(Engine engine):
    """What clients wait for may never come: tell them, and let them find out where to go."""
    cdef Session session
    cdef Blocked blocked
    for item in list(engine.sessions.values()):
        session = <Session>item
        blocked = session.blocked
        if blocked is None or blocked.kind in (BLOCKED_POSTPONED, BLOCKED_SHUTDOWN):
            continue
        fail_blocked(engine, blocked, STATE_CHANGED)
        session.close_soon(True)


def fail_shutdowns(Engine engine, refused):
    """The server does not end: answer all who are in SHUTDOWN."""
    cdef Session session
    cdef ReplyMark mark
    for item in list(engine.blocking.of_kind(BLOCKED_SHUTDOWN)):
        session = (<Blocked>item).session
        mark = reply_mark(&session.reply)
        answer_error(engine, session, refused.text)
        release(engine, <Blocked>item, mark)
