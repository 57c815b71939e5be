"""RDB files and payloads; see snapshot.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.unistd cimport usleep

from carnelian.base.crc64 cimport crc64
from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport load64, unlikely
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.stream_group cimport nacked_ever
from carnelian.encodings.stream_idempotency cimport idem_ever
from carnelian.encodings.table cimport (
    Table, TableIter, table_iter_init, table_next, table_prefetch,
    table_prefetch_segment, table_reserve,
)
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.access cimport access_frequency, access_pack_lfu
from carnelian.keyspace.database cimport (
    Database, KeyRef, database_count, database_free, database_new, key_expire_at, key_find,
    key_unlink,
)
from carnelian.keyspace.entry cimport (
    EXPIRES, TYPE_STREAM, Entry, entry_key, entry_type, entry_when,
)
from carnelian.keyspace.value cimport entry_free
from carnelian.formats.rdb cimport (
    RDB_AUX, RDB_EOF, RDB_EXPIRE_MS, RDB_EXPIRE_S, RDB_FREQ, RDB_FUNCTION2, RDB_HASH_METADATA,
    RDB_HASH, RDB_HASH_LISTPACK, RDB_IDLE, RDB_KEY_META, RDB_LIST, RDB_MODULE_AUX, RDB_RESIZE_DB,
    RDB_SELECT_DB, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_SLOT_INFO,
    RDB_STREAM_LISTPACKS_4, RDB_STREAM_LISTPACKS_5, RDB_STRING, RDB_VERSION_FIELD_TTL,
    RDB_VERSION_GIVEN_BACK, RDB_VERSION_MAX, RDB_VERSION_PLAIN, RDB_VERSION_PRODUCERS,
    RDB_ZSET_LISTPACK, RdbIn, RdbOut, RdbValue, rdb_byte, rdb_bytes, rdb_fail,
    rdb_fixed32, rdb_fixed64, rdb_flush, rdb_in_free, rdb_in_init, rdb_keep, rdb_length,
    rdb_out_free, rdb_out_init, rdb_put, rdb_put_byte, rdb_put_fixed64, rdb_put_length,
    rdb_put_string, rdb_rewind, rdb_skip_strings, rdb_string,
)
from carnelian.types.rdb_in cimport rdb_drop_value, rdb_get_value
from carnelian.types.rdb_out cimport rdb_put_value, rdb_value_type


cdef enum:
    MAGIC_SIZE = 9
    CHECKSUM_SIZE = 8
    FOOTER_SIZE = 10               # of a DUMP payload: version, CRC
    AHEAD_KEYS = 12
    SEGMENT_KEYS = 4               # the buckets of keys are asked for so much later
    SKIPPED_MAX = 64               # elements of a value that looking ahead goes past
    KEY_SIZE_MIN = 4               # bytes a key with its value takes in a file
    STREAMED_KEYS_MAX = 1 << 22


class SnapshotError(ValueError):
    """The file or payload cannot be used; `offset` says where it was noticed."""

    def __init__(self, text, offset=0):
        super().__init__(text)
        self.offset = offset


# --- writing ---

cdef void put_aux(RdbOut *w, bytes name, bytes value):
    rdb_put_byte(w, RDB_AUX)
    rdb_put_string(w, name, len(name))
    rdb_put_string(w, value, len(value))


cdef void put_key(RdbOut *w, Entry *e, uint32_t now_s, int access_mode) noexcept nogil:
    """access_mode: 0 for neither, 1 for idle time, 2 for frequency."""
    cdef Slice key = entry_key(e)
    if e.flags & EXPIRES:
        rdb_put_byte(w, RDB_EXPIRE_MS)
        rdb_put_fixed64(w, <uint64_t>entry_when(e))
    if access_mode == 1:
        rdb_put_byte(w, RDB_IDLE)
        rdb_put_length(w, now_s - e.access if now_s > e.access else 0)
    elif access_mode == 2:
        rdb_put_byte(w, RDB_FREQ)
        rdb_put_byte(w, <uint8_t>access_frequency(e.access, now_s))
    rdb_put_byte(w, <uint8_t>rdb_value_type(e))
    rdb_put_string(w, key.ptr, key.len)
    rdb_put_value(w, e)


cdef bint put_database(RdbOut *w, Database *db, uint32_t now_s, int access_mode) noexcept nogil:
    cdef TableIter it
    cdef void *e
    if database_count(db) == 0:
        return True
    rdb_put_byte(w, RDB_SELECT_DB)
    rdb_put_length(w, <uint64_t>db.id)
    rdb_put_byte(w, RDB_RESIZE_DB)
    rdb_put_length(w, database_count(db))
    rdb_put_length(w, db.wheel.count)
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL and not w.failed:
        put_key(w, <Entry *>e, now_s, access_mode)
        if w.keys_done != NULL:
            w.keys_done[0] += 1
        if unlikely(w.key_delay_us > 0):
            usleep(w.key_delay_us)
        e = table_next(&it)
    return not w.failed


cdef int value_version(int type) noexcept nogil:
    """The oldest version of files that may hold a value of this type."""
    if type == RDB_HASH_METADATA:
        return RDB_VERSION_FIELD_TTL
    if type == RDB_STREAM_LISTPACKS_4:
        return RDB_VERSION_PRODUCERS
    if type == RDB_STREAM_LISTPACKS_5:
        return RDB_VERSION_GIVEN_BACK
    return RDB_VERSION_PLAIN


cdef int streams_version(Database *db) noexcept nogil:
    cdef int version = RDB_VERSION_PLAIN
    cdef TableIter it
    cdef void *e
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL:
        if entry_type(<Entry *>e) == TYPE_STREAM:
            version = max(version, value_version(rdb_value_type(<Entry *>e)))
        e = table_next(&it)
    return version


cdef int database_version(Database *db) noexcept nogil:
    """The oldest version of files for what it holds: 10, unless newer features are in use."""
    cdef int version = RDB_VERSION_PLAIN
    if db.field_timers != NULL and db.field_timers.heap.count != 0:
        version = RDB_VERSION_FIELD_TTL
    if unlikely(idem_ever or nacked_ever):
        version = max(version, streams_version(db))
    return version


def write_snapshot(Engine engine, int fd, aux, *, bint compress=True, bint checksum=True,
                   int access_mode=0, bint without_data=False, int key_delay_us=0,
                   bint write_back=False, keys_done=None):
    """Write all databases to a descriptor. `aux` is a list of (name, value) in bytes; `keys_done` a
    memoryview of an int64 that is counted up; with `write_back` the system writes as we go.

    Returns the bytes written; OSError with the errno of the first failed write.
    """
    cdef RdbOut w
    cdef int64_t[::1] counter = keys_done
    cdef int version = RDB_VERSION_PLAIN
    cdef int i
    cdef bint good = True
    cdef uint64_t crc
    rdb_out_init(&w, fd)
    w.compress = compress
    w.checksum = checksum
    w.key_delay_us = key_delay_us
    w.write_back = write_back
    if counter is not None:
        w.keys_done = &counter[0]
    for i in range(0 if without_data else engine.database_count):
        version = max(version, database_version(engine.databases[i]))
    magic = b"REDIS%04d" % version
    rdb_put(&w, magic, MAGIC_SIZE)
    for name, value in aux:
        put_aux(&w, name, value)
    with nogil:
        for i in range(0 if without_data else engine.database_count):
            good = good and put_database(
                &w, engine.databases[i], engine.access_clock, access_mode)
        rdb_put_byte(&w, RDB_EOF)
        good = rdb_flush(&w) and good
        crc = w.crc if checksum else 0
        w.checksum = False
        rdb_put_fixed64(&w, crc)
        good = rdb_flush(&w) and good
    failed, written = w.failed, w.written
    rdb_out_free(&w)
    if not good:
        raise OSError(failed, "write")
    return written


cdef bytes dump_entry(Entry *e):
    """The payload of DUMP: type and value, then version and CRC."""
    cdef RdbOut w
    cdef uint8_t version[2]
    cdef bytes made
    rdb_out_init(&w, -1)
    rdb_put_byte(&w, <uint8_t>rdb_value_type(e))
    rdb_put_value(&w, e)
    version[0] = <uint8_t>value_version(rdb_value_type(e))
    version[1] = 0
    rdb_put(&w, <const char *>version, 2)
    rdb_put_fixed64(&w, crc64(0, w.buffer, w.used))
    made = w.buffer[:w.used]
    rdb_out_free(&w)
    return made


# --- reading ---

cdef bint skip_value(RdbIn *r, int type) noexcept nogil:
    """False for what takes long to skip."""
    cdef uint64_t count = 1
    if type == RDB_HASH or type == RDB_LIST or type == RDB_SET:
        if not rdb_length(r, &count) or count > SKIPPED_MAX:
            return False
        count *= 1 + (type == RDB_HASH)
    elif type != RDB_STRING and type != RDB_HASH_LISTPACK and type != RDB_ZSET_LISTPACK and (
            type != RDB_SET_LISTPACK and type != RDB_SET_INTSET):
        return False
    return rdb_skip_strings(r, count)


cdef void fetch(LookAhead *ahead, Table *keys, uint64_t hash) noexcept nogil:
    """Have a key's segment brought, and the bucket of an earlier one whose segment is there."""
    ahead.hashes[ahead.seen % 16] = hash
    table_prefetch_segment(keys, hash)
    if ahead.seen >= SEGMENT_KEYS:
        table_prefetch(keys, ahead.hashes[(ahead.seen - SEGMENT_KEYS) % 16])
    ahead.seen += 1


cdef bint look_at_key(LookAhead *ahead, Table *keys) noexcept nogil:
    """The next key, if it is a key."""
    cdef RdbIn *r = &ahead.input
    cdef uint8_t op = 0
    cdef uint64_t ignored = 0
    cdef const uint8_t *p = NULL
    cdef Slice key
    while rdb_byte(r, &op) and op >= RDB_IDLE:
        if op == RDB_EXPIRE_MS or op == RDB_EXPIRE_S:
            rdb_bytes(r, 8 if op == RDB_EXPIRE_MS else 4, &p)
        elif op == RDB_FREQ:
            rdb_bytes(r, 1, &p)
        elif op != RDB_IDLE or not rdb_length(r, &ignored):
            return False
    if r.error != NULL or op >= RDB_KEY_META or not rdb_string(r, &key):
        return False
    fetch(ahead, keys, hash_bytes(key.ptr, key.len))
    return skip_value(r, op)


cdef void look_ahead(LookAhead *ahead, const RdbIn *r, Table *keys) noexcept nogil:
    """After a key has been read up to r.at."""
    ahead.keys -= 1
    if ahead.keys <= 0:
        ahead.keys = 0
        ahead.input.start = ahead.input.at = r.at
        ahead.input.end = r.end
        ahead.input.error = NULL
    elif ahead.input.at == NULL:
        return                         # it stopped at something; wait until that is behind us
    while ahead.keys < AHEAD_KEYS:
        ahead.keys += 1
        if not look_at_key(ahead, keys):
            ahead.input.at = NULL
            return


cdef class SnapshotReader:
    """Loads an RDB file into an engine. `data` is a bytes-like object, usually an mmap."""

    def __init__(self, Engine engine, data, *, bint verify_checksum=True, bint keep_expired=False):
        cdef const uint8_t[::1] view = data
        self.prepare(engine, verify_checksum, keep_expired)
        self.mapping = view
        if view.shape[0] < MAGIC_SIZE:
            raise SnapshotError("the file is too short to be an RDB file")
        rdb_in_init(&self.input, <const char *>&view[0], <size_t>view.shape[0])
        self.read_header()

    def __dealloc__(self):
        rdb_drop_value(&self.value)
        rdb_in_free(&self.input)
        rdb_in_free(&self.ahead.input)
        mem_free(self.key_room)

    cdef int prepare(self, Engine engine, bint verify_checksum, bint keep_expired) except -1:
        self.engine = engine
        self.aux = {}
        self.verify_checksum = verify_checksum
        self.keep_expired = keep_expired
        self.now_ms = engine.clock.wall_us() // 1000
        self.when_ms = self.idle_s = self.freq = -1
        return 0

    @property
    def offset(self):
        """Bytes read so far."""
        return self.dropped + <size_t>(self.input.at - self.input.start)

    def load_some(self, int64_t bytes_max):
        """Load about so many bytes; True when the end of the data has been reached and checked."""
        self.step(bytes_max)
        return self.done

    cdef int fail(self) except -1:
        cdef const RdbIn *r = &self.input
        raise SnapshotError(
            r.error.decode() if r.error != NULL else "damaged data",
            self.dropped + <size_t>((r.error_at if r.error != NULL else r.at) - r.start))

    cdef int step(self, int64_t bytes_max) except -1:
        """Read on for about so many bytes, to the end, or until a stream has no more for now."""
        cdef RdbIn *r = &self.input
        cdef const uint8_t *stop = r.at + bytes_max
        cdef int64_t keys
        self.ahead.keys = 0            # a stream's bytes may lie elsewhere by now
        while not self.done:
            keys = self.keys
            if unlikely(self.version == 0):
                self.read_header()
            elif unlikely(self.key is not None):
                self.go_on_with_key()
            else:
                self.read_record()
            if unlikely(r.error != NULL):
                if not r.starved:
                    self.fail()
                rdb_rewind(r)
                return 0
            rdb_keep(r)
            if self.keys != keys:
                if unlikely(self.key_delay_us > 0):
                    usleep(self.key_delay_us)
                    return 0
                if r.at >= stop:
                    return 0
        return 0

    cdef int read_header(self) except -1:
        cdef const uint8_t *p = NULL
        cdef bytes magic
        if not rdb_bytes(&self.input, MAGIC_SIZE, &p):
            return 0
        magic = p[:MAGIC_SIZE]
        if not magic.startswith(b"REDIS") or not magic[5:].isdigit():
            raise SnapshotError("Wrong signature trying to load DB from file")
        if not 1 <= int(magic[5:]) <= RDB_VERSION_MAX:
            raise SnapshotError(f"Can't handle RDB format version {int(magic[5:])}")
        self.version = int(magic[5:])
        return 0

    cdef int read_record(self) except -1:
        """An opcode with what belongs to it. Here and below: what fails sets `input.error`, and
        what is set before that is set again when a stream goes on."""
        cdef RdbIn *r = &self.input
        cdef uint8_t op = 0
        cdef uint32_t seconds = 0
        cdef uint64_t value = 0
        cdef uint8_t counter = 0
        if not rdb_byte(r, &op):
            return 0
        if op == RDB_EXPIRE_MS:
            rdb_fixed64(r, &value)
            self.when_ms = <int64_t>value
        elif op == RDB_EXPIRE_S:
            rdb_fixed32(r, &seconds)
            self.when_ms = <int64_t>seconds * 1000
        elif op == RDB_IDLE:
            rdb_length(r, &value)
            self.idle_s = <int64_t>value
        elif op == RDB_FREQ:
            rdb_byte(r, &counter)
            self.freq = counter
        elif op >= RDB_KEY_META:
            self.read_opcode(op)
        else:
            self.begin_key(op)
        return 0

    cdef int read_opcode(self, int op) except -1:
        cdef RdbIn *r = &self.input
        cdef uint64_t value = 0
        cdef uint64_t ignored = 0
        cdef Slice name
        cdef Slice text
        if op == RDB_SELECT_DB:
            if not rdb_length(r, &value):
                return 0
            if value >= <uint64_t>self.engine.database_count:
                rdb_fail(r, b"Data file was created with a larger number of databases")
                return 0
            self.db_id = <int>value
        elif op == RDB_RESIZE_DB:
            if rdb_length(r, &value) and rdb_length(r, &ignored):
                table_reserve(
                    self.engine.databases[self.db_id].keys, min(value, self.keys_max()))
        elif op == RDB_SLOT_INFO:
            for _ in range(3):
                rdb_length(r, &ignored)
        elif op == RDB_AUX:
            if rdb_string(r, &name):
                key = name.ptr[:name.len]
                if rdb_string(r, &text):
                    self.aux[key] = text.ptr[:text.len]
        elif op == RDB_EOF:
            self.check_end()
        elif op == RDB_FUNCTION2:
            rdb_fail(r, b"the file holds function libraries, which are not supported yet")
        elif op == RDB_MODULE_AUX or op == RDB_KEY_META:
            rdb_fail(r, b"the file holds module data")
        else:
            rdb_fail(r, b"unknown opcode")
        return 0

    cdef int check_end(self) except -1:
        cdef RdbIn *r = &self.input
        cdef size_t size = <size_t>(r.at - r.start)
        cdef const uint8_t *p = NULL
        cdef uint64_t wanted
        if self.version >= 5:
            if not rdb_bytes(r, CHECKSUM_SIZE, &p):
                return 0
            wanted = load64(p)
            if wanted and self.verify_checksum and wanted != crc64(
                    self.crc, <const char *>r.start, size):
                rdb_fail(r, b"Wrong RDB checksum")
                return 0
        self.done = True
        return 0

    cdef Slice keep_key(self, Slice key) noexcept:
        """The key where reading its value leaves it alone."""
        if key.ptr != self.input.scratch:
            return key
        if self.key_room_size < key.len:
            mem_free(self.key_room)
            self.key_room = <char *>mem_alloc(key.len)
            self.key_room_size = key.len
        memcpy(self.key_room, key.ptr, key.len)
        return slice_of(self.key_room, key.len)

    cdef uint64_t keys_max(self) noexcept:
        """So many keys may come at most; of a stream, so many are believed."""
        if self.input.streamed:
            return STREAMED_KEYS_MAX
        return <uint64_t>(self.input.end - self.input.at) // KEY_SIZE_MIN

    cdef int begin_key(self, int type) except -1:
        cdef RdbIn *r = &self.input
        cdef Database *db = self.engine.databases[self.db_id]
        cdef KeyRef ref
        cdef Slice name
        if not rdb_string(r, &name):
            return 0
        name = self.keep_key(name)
        ref = key_find(db, name.ptr, name.len)
        if ref.slot != NULL:
            rdb_fail(r, b"the same key twice")
            return 0
        memset(&self.value, 0, sizeof(RdbValue))
        self.value.type = type
        self.read_value(&ref)
        if unlikely(r.starved and self.value.begun):
            self.key = name.ptr[:name.len]
        look_ahead(&self.ahead, r, db.keys)
        return 0

    cdef int go_on_with_key(self) except -1:
        cdef KeyRef ref = key_find(
            self.engine.databases[self.db_id], self.key, len(self.key))
        self.read_value(&ref)
        if self.input.error == NULL:
            self.key = None
        return 0

    cdef int read_value(self, KeyRef *ref) except -1:
        if not rdb_get_value(&self.input, &self.value, ref):
            return 0
        self.keys += 1
        if ref.slot != NULL:
            # With a history to go on with, replicas must be told: left to the expiry cycle.
            if 0 <= self.when_ms < self.now_ms and not self.keep_expired and (
                    b"repl-id" not in self.aux):
                self.expired += 1
                self.engine.discard(key_unlink(ref))
            else:
                if self.when_ms >= 0:
                    key_expire_at(ref, self.when_ms)
                set_access(ref.slot[0], self.engine, self.idle_s, self.freq)
        self.when_ms = self.idle_s = self.freq = -1
        return 0


cdef void set_access(Entry *e, Engine engine, int64_t idle_s, int freq) noexcept:
    cdef uint32_t now_s = engine.access_clock
    if engine.lfu:
        e.access = access_pack_lfu(now_s, <uint32_t>freq if freq >= 0 else 5)
    else:
        e.access = now_s - <uint32_t>idle_s if 0 <= idle_s < now_s else now_s


def check_file(data, bint verify_checksum):
    """Raise SnapshotError unless a whole file begins and ends as one should; on any thread."""
    cdef const uint8_t[::1] view = data
    cdef size_t size = <size_t>view.shape[0]
    cdef uint64_t wanted
    cdef uint64_t found
    magic = bytes(view[:MAGIC_SIZE])
    if not magic.startswith(b"REDIS") or not magic[5:].isdigit():
        raise SnapshotError("Wrong signature trying to load DB from file")
    if not 1 <= int(magic[5:]) <= RDB_VERSION_MAX:
        raise SnapshotError(f"Can't handle RDB format version {int(magic[5:])}")
    if int(magic[5:]) < 5:
        return
    if size < MAGIC_SIZE + 1 + CHECKSUM_SIZE or view[size - CHECKSUM_SIZE - 1] != RDB_EOF:
        raise SnapshotError("Short read or OOM loading DB", size)
    wanted = load64(&view[size - CHECKSUM_SIZE])
    if not wanted or not verify_checksum:
        return
    with nogil:
        found = crc64(0, <const char *>&view[0], size - CHECKSUM_SIZE)
    if found != wanted:
        raise SnapshotError("Wrong RDB checksum")


def check_payload(bytes payload):
    """Whether a DUMP payload has a version we read and a right checksum."""
    cdef const char *p = payload
    cdef size_t n = len(payload)
    if n < FOOTER_SIZE:
        return False
    if (<const uint8_t *>p)[n - 10] | (<const uint8_t *>p)[n - 9] << 8 > RDB_VERSION_MAX:
        return False
    return load64(p + n - 8) == crc64(0, p, n - 8)


def dump_key(Engine engine, int db_id, bytes key):
    """The DUMP payload of a key that exists."""
    cdef KeyRef ref = key_find(engine.databases[db_id], key, len(key))
    return dump_entry(ref.slot[0])


def build_value(bytes payload, bytes key):
    """Read a checked DUMP payload into an entry that is in no database, and return its address.

    0 for an empty value; SnapshotError when the bytes make no sense. The caller owns the entry.
    """
    cdef Database *scratch = database_new(0, 0)
    cdef KeyRef ref = key_find(scratch, key, len(key))
    cdef RdbIn r
    cdef RdbValue value
    cdef uint8_t type = 0
    cdef Entry *made = NULL
    cdef bint good
    rdb_in_init(&r, payload, len(payload) - FOOTER_SIZE)
    memset(&value, 0, sizeof(RdbValue))
    good = rdb_byte(&r, &type)
    value.type = type
    good = good and rdb_get_value(&r, &value, &ref)
    if good and ref.slot != NULL:
        made = key_unlink(&ref)
    if good and r.at != r.end:
        good = rdb_fail(&r, b"bytes left over")
    rdb_in_free(&r)
    database_free(scratch)
    if not good:
        if made != NULL:
            entry_free(made)
        raise SnapshotError(r.error.decode() if r.error != NULL else "damaged data")
    return <size_t>made
