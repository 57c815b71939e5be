"""RDB files read; see snapshot.pxd."""

from time import time

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.unistd cimport usleep

from carnelian.base.crc64 cimport crc64
from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport load64, unlikely
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.table cimport (
    Table, table_prefetch, table_prefetch_segment, table_reserve,
)
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.access cimport access_pack_lfu
from carnelian.keyspace.database cimport (
    Database, KeyRef, key_expire_at, key_find, key_unlink,
)
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.value cimport value_rdb_drop, value_rdb_get
from carnelian.formats.rdb cimport (
    RDB_AUX, RDB_EOF, RDB_EXPIRE_MS, RDB_EXPIRE_S, RDB_FREQ, RDB_FUNCTION2, RDB_HASH,
    RDB_HASH_LISTPACK, RDB_IDLE, RDB_KEY_META, RDB_LIST, RDB_MAGIC_SIZE, RDB_MODULE_AUX,
    RDB_RESIZE_DB, RDB_SELECT_DB, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_SLOT_INFO,
    RDB_STRING, RDB_VERSION_VALKEY, RDB_ZSET_LISTPACK, RdbIn, RdbValue, rdb_byte, rdb_bytes,
    rdb_fail, rdb_fixed32, rdb_fixed64, rdb_in_free, rdb_in_init, rdb_keep, rdb_length,
    rdb_magic_version, rdb_rewind, rdb_skip_strings, rdb_string, rdb_type_of,
)

from carnelian.services import log


cdef enum:
    CHECKSUM_SIZE = 8
    AHEAD_KEYS = 12
    SEGMENT_KEYS = 4               # the buckets of keys are asked for so much later
    SKIPPED_MAX = 64               # elements of a value that looking ahead goes past
    KEY_SIZE_MIN = 4               # bytes a key with its value takes in a file
    STREAMED_KEYS_MAX = 1 << 22
    NUMBER_CHARS_MAX = 20


MAGICS = (b"REDIS", b"VALKEY")


class SnapshotError(ValueError):
    """The file or payload cannot be used; `offset` says where it was noticed."""

    def __init__(self, text, offset=0):
        super().__init__(text)
        self.offset = offset


cdef int version_of(const uint8_t *magic) except -1:
    """Of the file that begins with these bytes."""
    cdef int told = 0
    cdef int version = rdb_magic_version(magic, &told)
    if version == 0:
        raise SnapshotError("Wrong signature trying to load DB from file")
    if version < 0:
        raise SnapshotError(f"Can't handle RDB format version {told}")
    return version


def begins_snapshot(data):
    """Whether what begins with `data`, of which there may be little yet, can be an RDB file."""
    head = bytes(data[:6])
    return any(magic.startswith(head[:len(magic)]) for magic in MAGICS)


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


def tell_origin(bytes name, bytes value):
    """What a file says of itself, in the log in Redis's words."""
    number = int(value) if value.isdigit() and len(value) < NUMBER_CHARS_MAX else 0
    if name == b"redis-ver" or name == b"valkey-ver":
        maker = "Valkey " if name == b"valkey-ver" else ""
        version = ascii(value.decode("latin-1")).strip("'\"")
        log.notice(f"Loading RDB produced by {maker}version {version}")
    elif name == b"ctime" and number:
        log.notice(f"RDB age {max(int(time()) - number, 0)} seconds")
    elif name == b"used-mem" and number:
        log.notice(f"RDB memory usage when created {number / (1 << 20):.2f} Mb")
    elif name == b"aof-base" and value == b"1":
        log.notice("RDB is base AOF")


cdef class SnapshotReader:
    """Loads an RDB file into an engine. `data` is a bytes-like object, usually an mmap."""

    def __init__(
        self, Engine engine, data, *, bint verify_checksum=True, bint keep_expired=False,
        bint quiet=False
    ):
        """`quiet`: the log is not told where the data comes from."""
        cdef const uint8_t[::1] view = data
        self.quiet = quiet
        self.prepare(engine, verify_checksum, keep_expired)
        self.mapping = view
        if view.shape[0] < RDB_MAGIC_SIZE:
            raise SnapshotError("the file is too short to be an RDB file")
        rdb_in_init(&self.input, <const char *>&view[0], <size_t>view.shape[0])
        self.read_header()

    def __dealloc__(self):
        value_rdb_drop(&self.value)
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
        if not rdb_bytes(&self.input, RDB_MAGIC_SIZE, &p):
            return 0
        self.version = version_of(p)
        self.input.valkey = self.version == RDB_VERSION_VALKEY
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
                    if not self.quiet:
                        tell_origin(key, self.aux[key])
        elif op == RDB_EOF:
            self.check_end()
        elif op == RDB_FUNCTION2:
            rdb_fail(r, b"the file holds function libraries, which are not supported yet")
        elif op == RDB_KEY_META and r.valkey:
            rdb_fail(r, b"the file holds slots that were being imported")
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

    cdef int begin_key(self, uint8_t type) except -1:
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
        self.value.type = rdb_type_of(r, type)
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
        if not value_rdb_get(&self.input, &self.value, ref):
            if ref.slot != NULL and not (self.input.starved and self.value.begun):
                self.engine.discard(key_unlink(ref))
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
    if size < RDB_MAGIC_SIZE:
        raise SnapshotError("Wrong signature trying to load DB from file")
    if version_of(&view[0]) < 5:
        return
    if size < RDB_MAGIC_SIZE + 1 + CHECKSUM_SIZE or view[size - CHECKSUM_SIZE - 1] != RDB_EOF:
        raise SnapshotError("Short read or OOM loading DB", size)
    wanted = load64(&view[size - CHECKSUM_SIZE])
    if not wanted or not verify_checksum:
        return
    with nogil:
        found = crc64(0, <const char *>&view[0], size - CHECKSUM_SIZE)
    if found != wanted:
        raise SnapshotError("Wrong RDB checksum")
