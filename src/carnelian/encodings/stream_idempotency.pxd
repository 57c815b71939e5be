"""Which messages of which producers a stream has lately taken (XADD IDMP): a producer that sends
one again gets the ID it has.

A record lives until it is `duration_s` old by its entry's ID, or its producer has `size_max` newer
ones. Records are found by producer and message ID together; the oldest of all, and of each
producer, is at the head of a list. Owned by the stream.

    record, a block                          key
    0                                  48    52                 56
    +------------------------------+---------+------------------+----------+------------+
    | lists, producer, entry's ID  | key len | producer ID len  | producer | message ID |
    +------------------------------+---------+------------------+----------+------------+
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream_id cimport StreamId
from carnelian.encodings.table cimport Table


cdef struct IdemRecord:
    IdemRecord *older           # of all producers
    IdemRecord *newer
    IdemRecord *next            # newer, of the same producer
    IdemProducer *producer
    StreamId id
    uint32_t key_len            # of what follows: length of the producer's ID, it, the message's ID
    uint32_t producer_len
    char text[1]

cdef struct IdemProducer:
    IdemRecord *oldest
    IdemRecord *newest
    uint64_t count
    uint32_t name_len
    char name[1]

cdef struct Idempotency:
    Table *records
    Table *producers
    IdemRecord *oldest
    IdemRecord *newest
    int64_t duration_s
    int64_t size_max
    uint64_t added              # ever
    uint64_t duplicates

cdef enum:
    IDEM_DURATION_MAX_S = 86400
    IDEM_SIZE_MAX = 10000
    IDEM_DURATION_USUAL_S = 100
    IDEM_SIZE_USUAL = 100


cdef Idempotency *idem_new(int64_t duration_s, int64_t size_max) noexcept nogil
cdef void idem_free(Idempotency *m) noexcept nogil                          # NULL is fine
cdef Idempotency *idem_copy(const Idempotency *m) noexcept nogil
cdef void idem_clear(Idempotency *m) noexcept nogil                         # forget all records
# Forget what is too old.
cdef void idem_expire(Idempotency *m, int64_t now_ms) noexcept nogil
# The ID the message got; 0 if it is not known.
cdef bint idem_find(Idempotency *m, Slice producer, Slice message, StreamId *id) noexcept nogil
# If the message is known, do not know it any more.
cdef void idem_forget(Idempotency *m, Slice producer, Slice message) noexcept nogil
# The message must not be known.
cdef void idem_add(Idempotency *m, Slice producer, Slice message, StreamId id) noexcept nogil
# Records were added producer by producer: put them all in the order of their IDs.
cdef void idem_sort(Idempotency *m) noexcept nogil
cdef uint64_t idem_count(const Idempotency *m) noexcept nogil
cdef Slice idem_producer_id(const IdemRecord *r) noexcept nogil
cdef Slice idem_message_id(const IdemRecord *r) noexcept nogil
cdef size_t idem_bytes(const Idempotency *m) noexcept nogil
cdef bint idem_verify(const Idempotency *m) noexcept nogil
