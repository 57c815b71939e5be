"""The data set as commands: a base of the append-only file without a snapshot in it.

Runs in a forked child, or in the server itself when it starts empty; only reads the databases.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t
from libc.string cimport memset
from posix.unistd cimport usleep, write

from carnelian.base.slice cimport Slice
from carnelian.base.write_back cimport write_back_after
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.engine cimport Engine
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_head, commands_put, commands_put_int,
)
from carnelian.keyspace.database cimport database_count
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_key, entry_when
from carnelian.keyspace.key cimport Database
from carnelian.keyspace.value cimport value_commands_put
from carnelian.resp.command_writer cimport command_buffer_free, command_put_raw


cdef struct Writer:
    CommandsOut commands
    int fd
    int failed                     # errno of the first failed write
    size_t written
    bint write_back                # have the system write to disk every few megabytes
    int key_delay_us
    int64_t *keys_done             # counted up with each key, or NULL


cdef void flush(void *owner) noexcept nogil:
    cdef Writer *w = <Writer *>owner
    cdef const char *bytes = w.commands.out.bytes
    cdef size_t used = w.commands.out.used
    cdef size_t done = 0
    cdef ssize_t sent
    while done < used and not w.failed:
        sent = write(w.fd, bytes + done, used - done)
        if sent >= 0:
            done += <size_t>sent
            if w.write_back:
                write_back_after(w.fd, w.written, w.written + <size_t>sent)
            w.written += <size_t>sent
        elif errno != EINTR:
            w.failed = errno
    w.commands.out.used = 0


cdef void put_entry(CommandsOut *w, Entry *e) noexcept nogil:
    cdef Slice key = entry_key(e)
    value_commands_put(w, key, e)
    if e.flags & EXPIRES:
        commands_head(w, 3, b"PEXPIREAT")
        commands_put(w, key)
        commands_put_int(w, entry_when(e))


cdef void put_database(Writer *w, Database *db) noexcept nogil:
    cdef TableIter it
    cdef void *e
    if database_count(db) == 0:
        return
    commands_head(&w.commands, 2, b"SELECT")
    commands_put_int(&w.commands, db.id)
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL and not w.failed:
        put_entry(&w.commands, <Entry *>e)
        if w.keys_done != NULL:
            w.keys_done[0] += 1
        if w.key_delay_us > 0:
            usleep(w.key_delay_us)
        e = table_next(&it)


def write_dataset(Engine engine, int fd, int64_t stamp_s, int key_delay_us, bint write_back,
                  keys_done):
    """Write commands that make the data set; with `stamp_s` the time comes first. OSError."""
    cdef Writer w
    cdef int64_t[::1] counter = keys_done
    cdef int i
    memset(&w, 0, sizeof(Writer))
    if counter is not None:
        w.keys_done = &counter[0]
    w.fd = fd
    w.commands.owner = &w
    w.commands.full = flush
    w.key_delay_us = key_delay_us
    w.write_back = write_back
    if stamp_s:
        line = b"#TS:%d\r\n" % stamp_s
        command_put_raw(&w.commands.out, line, len(line))
    with nogil:
        for i in range(engine.database_count):
            put_database(&w, engine.databases[i])
        flush(&w)
        command_buffer_free(&w.commands.out)
    if w.failed:
        raise OSError(w.failed, "write")
