"""The reply buffer in Python: every typed reply, places, sending in pieces."""

from libc.stdint cimport int64_t

from carnelian.base.blob cimport (
    Blob, blob_data, blob_from, blob_is_shared, blob_memory, blob_release, blob_resize, blob_retain,
)
from carnelian.resp.reader cimport PythonReplies, ReplyReader, ReplySink
from carnelian.resp.reply cimport (
    Reply, ReplyMark, iovec, reply_array, reply_attribute, reply_bignum, reply_blob, reply_bool,
    reply_bulk, reply_bulk_int, reply_bulk_text, reply_clear, reply_consume, reply_copy,
    reply_copy_since, reply_defer, reply_double, reply_empty_array, reply_empty_bulk, reply_error,
    reply_free, reply_init, reply_int, reply_iovec, reply_is_empty, reply_literal, reply_map,
    reply_mark, reply_null, reply_null_array, reply_ok, reply_pending_bytes,
    reply_push, reply_queued, reply_raw, reply_rollback, reply_set, reply_set_array, reply_set_map,
    reply_set_set, reply_share, reply_splice, reply_status, reply_verbatim,
    reply_verify,
)


cdef enum:
    IOVEC_MAX = 64


cdef class SharedBytes:
    """A Python object's reference to a blob."""
    cdef Blob *blob

    def __cinit__(self, bytes data not None):
        self.blob = blob_from(data, len(data))

    def __dealloc__(self):
        blob_release(self.blob)

    def __bytes__(self):
        return blob_data(self.blob)[:self.blob.len]

    @property
    def refs(self):
        return self.blob.refs

    @property
    def capacity(self):
        return self.blob.capacity

    @property
    def memory(self):
        return blob_memory(self.blob)

    def resize(self, size_t length, bytes fill not None):
        """Change the length; new bytes are `fill`."""
        cdef size_t old = self.blob.len
        assert not blob_is_shared(self.blob)
        self.blob = blob_resize(self.blob, length)
        while old < length:
            blob_data(self.blob)[old] = fill[0]
            old += 1

    def churn(self, int times):
        """Retain and release many times without the GIL, for races between threads."""
        cdef int _time
        with nogil:
            for _time in range(times):
                blob_retain(self.blob)
                blob_release(self.blob)


cdef class Place:
    """A mark or a deferred length."""
    cdef ReplyMark mark


cdef class ReplyBuffer:
    cdef Reply r

    def __cinit__(self, int resp=2):
        reply_init(&self.r)
        self.r.resp = resp

    def __dealloc__(self):
        reply_free(&self.r)

    def __bytes__(self):
        return reply_copy(&self.r)

    def __len__(self):
        return reply_pending_bytes(&self.r)

    def __bool__(self):
        return not reply_is_empty(&self.r)

    @property
    def chunks(self):
        return self.r.chunks

    @property
    def memory(self):
        return self.r.memory

    def verify(self):
        return bool(reply_verify(&self.r))

    def clear(self):
        reply_clear(&self.r)

    def raw(self, bytes data not None):
        reply_raw(&self.r, data, len(data))

    def fixed(self, str name):
        """A reply without arguments."""
        if name == "ok":
            reply_ok(&self.r)
        elif name == "queued":
            reply_queued(&self.r)
        elif name == "null":
            reply_null(&self.r)
        elif name == "null array":
            reply_null_array(&self.r)
        elif name == "empty bulk":
            reply_empty_bulk(&self.r)
        elif name == "empty array":
            reply_empty_array(&self.r)
        elif name == "literal":
            reply_literal(&self.r, b"+PONG\r\n")
        elif name == "bulk text":
            reply_bulk_text(&self.r, b"text")
        else:
            raise ValueError(name)

    def text(self, str kind, bytes data not None):
        """A reply made of bytes."""
        if kind == "status":
            reply_status(&self.r, data, len(data))
        elif kind == "error":
            reply_error(&self.r, data, len(data))
        elif kind == "bulk":
            reply_bulk(&self.r, data, len(data))
        elif kind == "bignum":
            reply_bignum(&self.r, data, len(data))
        elif kind == "verbatim":
            reply_verbatim(&self.r, b"txt", data, len(data))
        else:
            raise ValueError(kind)

    def number(self, str kind, value):
        """A reply made of a number, or the header of an aggregate."""
        if kind == "int":
            reply_int(&self.r, value)
        elif kind == "bulk int":
            reply_bulk_int(&self.r, value)
        elif kind == "bool":
            reply_bool(&self.r, value)
        elif kind == "double":
            reply_double(&self.r, value)
        elif kind == "array":
            reply_array(&self.r, value)
        elif kind == "map":
            reply_map(&self.r, value)
        elif kind == "set":
            reply_set(&self.r, value)
        elif kind == "push":
            reply_push(&self.r, value)
        elif kind == "attribute":
            return bool(reply_attribute(&self.r, value))
        else:
            raise ValueError(kind)

    def blob(self, SharedBytes data not None):
        reply_blob(&self.r, data.blob)

    def share(self, SharedBytes data not None):
        reply_share(&self.r, data.blob)

    def splice(self, ReplyBuffer source not None):
        reply_splice(&self.r, &source.r)

    def defer(self):
        cdef Place place = Place()
        place.mark = reply_defer(&self.r)
        return place

    def set_length(self, Place place not None, str kind, n):
        if kind == "array":
            reply_set_array(&self.r, place.mark, n)
        elif kind == "map":
            reply_set_map(&self.r, place.mark, n)
        elif kind == "set":
            reply_set_set(&self.r, place.mark, n)
        else:
            raise ValueError(kind)

    def mark(self):
        cdef Place place = Place()
        place.mark = reply_mark(&self.r)
        return place

    def rollback(self, Place place not None):
        reply_rollback(&self.r, place.mark)

    def since(self, Place place not None):
        return reply_copy_since(&self.r, place.mark)

    def vectors(self, int count_max=IOVEC_MAX):
        """What writev would be given."""
        cdef iovec out[IOVEC_MAX]
        cdef int i
        cdef int count = reply_iovec(&self.r, out, min(count_max, IOVEC_MAX))
        return [(<char *>out[i].iov_base)[:out[i].iov_len] for i in range(count)]

    def consume(self, size_t sent):
        assert sent <= reply_pending_bytes(&self.r)
        reply_consume(&self.r, sent)


def bench(str what, int clients, int depth, int rounds, bytes data not None):
    """Turns of `clients` replies, `depth` commands each, as the event loop makes them."""
    cdef Reply replies[256]
    cdef iovec out[IOVEC_MAX]
    cdef bint is_bulk = what == "bulk"
    cdef const char *p = data
    cdef size_t n = len(data)
    cdef int i
    cdef int _round
    cdef int _command
    assert 0 < clients <= 256
    for i in range(clients):
        reply_init(&replies[i])
    with nogil:
        for _round in range(rounds):
            for i in range(clients):
                for _command in range(depth):
                    if is_bulk:
                        reply_bulk(&replies[i], p, n)
                    else:
                        reply_ok(&replies[i])
            for i in range(clients):
                reply_iovec(&replies[i], out, IOVEC_MAX)
                reply_consume(&replies[i], reply_pending_bytes(&replies[i]))
    for i in range(clients):
        reply_free(&replies[i])


cdef class CountingSink(ReplySink):
    """Counts what it is told."""
    cdef dict counts

    cdef int note(self, str what) except -1:
        self.counts[what] = self.counts.get(what, 0) + 1
        return 0

    cdef int bulk(self, const char *p, size_t n) except -1:
        return self.note("bulk")

    cdef int begin(self, int holds, int64_t count) except -1:
        return self.note("begin")

    cdef int end(self, int holds) except -1:
        return self.note("end")


cdef ReplyMark since(Place place):
    cdef ReplyMark start
    if place is not None:
        return place.mark
    start.chunk = NULL
    start.offset = 0
    return start


def python_values(ReplyBuffer buffer not None, Place place=None):
    """All replies since a place, as Python objects."""
    cdef ReplyReader reader = ReplyReader()
    cdef PythonReplies sink = PythonReplies()
    cdef int64_t count = reader.read(&buffer.r, since(place), sink)
    assert count == len(sink.values)
    return sink.values


def counted(ReplyBuffer buffer not None):
    cdef ReplyReader reader = ReplyReader()
    cdef CountingSink sink = CountingSink()
    sink.counts = {}
    reader.read(&buffer.r, since(None), sink)
    return sink.counts


def discarded(ReplyBuffer buffer not None):
    """How many replies were read and told nobody."""
    cdef ReplyReader reader = ReplyReader()
    return reader.read(&buffer.r, since(None), ReplySink())


def bench_reader(ReplyBuffer buffer not None, int rounds):
    """Read the replies many times, without making anything of them."""
    cdef ReplyReader reader = ReplyReader()
    cdef ReplySink sink = ReplySink()
    cdef int _round
    for _round in range(rounds):
        reader.read(&buffer.r, since(None), sink)
