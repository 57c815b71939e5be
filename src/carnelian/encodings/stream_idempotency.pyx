"""What producers lately added to a stream; see stream_idempotency.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.stream_id cimport stream_id_less
from carnelian.encodings.table cimport (
    TableIter, table_add, table_bytes, table_clear, table_count, table_find, table_free,
    table_iter_init, table_new, table_next, table_remove, table_verify,
)


cdef enum:
    KEY_OFFSET = 4              # of the text behind `producer_len`, which is part of the key
    SORT_RUNS = 48


cdef Slice record_key(void *entry) noexcept nogil:
    cdef IdemRecord *r = <IdemRecord *>entry
    return slice_of(<const char *>&r.producer_len, r.key_len)


cdef Slice producer_key(void *entry) noexcept nogil:
    cdef IdemProducer *p = <IdemProducer *>entry
    return slice_of(p.name, p.name_len)


cdef Slice idem_producer_id(const IdemRecord *r) noexcept nogil:
    return slice_of(r.text, r.producer_len)


cdef Slice idem_message_id(const IdemRecord *r) noexcept nogil:
    return slice_of(r.text + r.producer_len, r.key_len - KEY_OFFSET - r.producer_len)


cdef Idempotency *idem_new(int64_t duration_s, int64_t size_max) noexcept nogil:
    cdef Idempotency *m = <Idempotency *>mem_alloc_zeroed(sizeof(Idempotency))
    m.records = table_new(record_key)
    m.producers = table_new(producer_key)
    m.duration_s = duration_s
    m.size_max = size_max
    return m


cdef void free_all(Idempotency *m) noexcept nogil:
    cdef IdemRecord *r = m.oldest
    cdef IdemRecord *newer
    cdef TableIter it
    cdef void *producer
    while r != NULL:
        newer = r.newer
        mem_free(r)
        r = newer
    table_iter_init(&it, m.producers)
    producer = table_next(&it)
    while producer != NULL:
        mem_free(producer)
        producer = table_next(&it)
    m.oldest = m.newest = NULL


cdef void idem_clear(Idempotency *m) noexcept nogil:
    free_all(m)
    table_clear(m.records)
    table_clear(m.producers)


cdef void idem_free(Idempotency *m) noexcept nogil:
    if m == NULL:
        return
    free_all(m)
    table_free(m.records)
    table_free(m.producers)
    mem_free(m)


cdef Idempotency *idem_copy(const Idempotency *m) noexcept nogil:
    cdef Idempotency *copy
    cdef IdemRecord *r
    if m == NULL:
        return NULL
    copy = idem_new(m.duration_s, m.size_max)
    r = m.oldest
    while r != NULL:
        idem_add(copy, idem_producer_id(r), idem_message_id(r), r.id)
        r = r.newer
    copy.added = m.added
    copy.duplicates = m.duplicates
    return copy


cdef uint64_t idem_count(const Idempotency *m) noexcept nogil:
    return table_count(m.records)


cdef IdemRecord *record_new(Slice producer, Slice message) noexcept nogil:
    cdef size_t size = producer.len + message.len
    cdef IdemRecord *r = <IdemRecord *>mem_alloc(sizeof(IdemRecord) + size)
    r.key_len = <uint32_t>(KEY_OFFSET + size)
    r.producer_len = <uint32_t>producer.len
    memcpy(r.text, producer.ptr, producer.len)
    memcpy(r.text + producer.len, message.ptr, message.len)
    return r


cdef void leave_producer(IdemProducer *p, IdemRecord *r) noexcept nogil:
    """Take a record out of its producer's list; nearly always it is the oldest there."""
    cdef IdemRecord *before = NULL
    cdef IdemRecord *at = p.oldest
    while at != r:
        before = at
        at = at.next
    if before == NULL:
        p.oldest = r.next
    else:
        before.next = r.next
    if p.newest == r:
        p.newest = before
    p.count -= 1


cdef void drop(Idempotency *m, IdemRecord *r) noexcept nogil:
    cdef IdemProducer *p = r.producer
    cdef Slice key = record_key(r)
    table_remove(m.records, hash_bytes(key.ptr, key.len), key.ptr, key.len)
    if r.older != NULL:
        r.older.newer = r.newer
    else:
        m.oldest = r.newer
    if r.newer != NULL:
        r.newer.older = r.older
    else:
        m.newest = r.older
    leave_producer(p, r)
    if p.count == 0:
        key = producer_key(p)
        table_remove(m.producers, hash_bytes(key.ptr, key.len), key.ptr, key.len)
        mem_free(p)
    mem_free(r)


cdef void idem_expire(Idempotency *m, int64_t now_ms) noexcept nogil:
    cdef int64_t end_ms = now_ms - m.duration_s * 1000
    # A producer's own oldest is always met first: IDs only grow.
    while m.oldest != NULL and end_ms > 0 and m.oldest.id.ms < <uint64_t>end_ms:
        drop(m, m.oldest)


cdef bint idem_find(Idempotency *m, Slice producer, Slice message, StreamId *id) noexcept nogil:
    cdef IdemRecord *wanted = record_new(producer, message)
    cdef Slice key = record_key(wanted)
    cdef void **slot = table_find(m.records, hash_bytes(key.ptr, key.len), key.ptr, key.len)
    if slot != NULL:
        id[0] = (<IdemRecord *>slot[0]).id
    mem_free(wanted)
    return slot != NULL


cdef void idem_forget(Idempotency *m, Slice producer, Slice message) noexcept nogil:
    cdef IdemRecord *wanted = record_new(producer, message)
    cdef Slice key = record_key(wanted)
    cdef void **slot = table_find(m.records, hash_bytes(key.ptr, key.len), key.ptr, key.len)
    if slot != NULL:
        drop(m, <IdemRecord *>slot[0])
    mem_free(wanted)


cdef IdemProducer *producer_of(Idempotency *m, Slice name) noexcept nogil:
    cdef uint64_t hash = hash_bytes(name.ptr, name.len)
    cdef void **slot = table_find(m.producers, hash, name.ptr, name.len)
    cdef IdemProducer *p
    if slot != NULL:
        return <IdemProducer *>slot[0]
    p = <IdemProducer *>mem_alloc_zeroed(sizeof(IdemProducer) + name.len)
    p.name_len = <uint32_t>name.len
    memcpy(p.name, name.ptr, name.len)
    table_add(m.producers, hash, p)
    return p


cdef void idem_add(Idempotency *m, Slice producer, Slice message, StreamId id) noexcept nogil:
    cdef IdemRecord *r = record_new(producer, message)
    cdef IdemProducer *p = producer_of(m, producer)
    cdef Slice key = record_key(r)
    table_add(m.records, hash_bytes(key.ptr, key.len), r)
    r.id = id
    r.producer = p
    r.next = NULL
    r.newer = NULL
    r.older = m.newest
    if m.newest != NULL:
        m.newest.newer = r
    else:
        m.oldest = r
    m.newest = r
    if p.count:
        p.newest.next = r
    else:
        p.oldest = r
    p.newest = r
    p.count += 1
    m.added += 1
    if p.count > <uint64_t>m.size_max:
        drop(m, p.oldest)


cdef IdemRecord *merge(IdemRecord *a, IdemRecord *b) noexcept nogil:
    """Two lists in order as one; only `newer` is kept right."""
    cdef IdemRecord *first = NULL
    cdef IdemRecord **end = &first
    while a != NULL and b != NULL:
        if stream_id_less(b.id, a.id):
            end[0] = b
            b = b.newer
        else:
            end[0] = a
            a = a.newer
        end = &end[0].newer
    end[0] = a if a != NULL else b
    return first


cdef void idem_sort(Idempotency *m) noexcept nogil:
    # runs[i] is NULL or a sorted list of 2^i records
    cdef IdemRecord *runs[SORT_RUNS]
    cdef IdemRecord *rest = m.oldest
    cdef IdemRecord *run
    cdef int i
    memset(runs, 0, sizeof(runs))
    while rest != NULL:
        run = rest
        rest = rest.newer
        run.newer = NULL
        run.producer.oldest = run.producer.newest = NULL
        i = 0
        while runs[i] != NULL and i < SORT_RUNS - 1:
            run = merge(runs[i], run)
            runs[i] = NULL
            i += 1
        runs[i] = merge(runs[i], run)
    run = NULL
    for i in range(SORT_RUNS):
        run = merge(runs[i], run)
    relink(m, run)


cdef void relink(Idempotency *m, IdemRecord *oldest) noexcept nogil:
    """Make all lists those of the records from `oldest` on."""
    cdef IdemRecord *r = oldest
    cdef IdemRecord *before = NULL
    cdef IdemProducer *p
    while r != NULL:
        p = r.producer
        r.older = before
        r.next = NULL
        if p.newest != NULL:
            p.newest.next = r
        else:
            p.oldest = r
        p.newest = r
        before = r
        r = r.newer
    m.oldest = oldest
    m.newest = before


cdef size_t idem_bytes(const Idempotency *m) noexcept nogil:
    cdef size_t total
    cdef IdemRecord *r
    if m == NULL:
        return 0
    total = sizeof(Idempotency) + table_bytes(m.records) + table_bytes(m.producers)
    r = m.oldest
    while r != NULL:
        total += mem_usable(r)
        r = r.newer
    return total


cdef bint idem_verify(const Idempotency *m) noexcept nogil:
    cdef TableIter it
    cdef IdemRecord *r
    cdef IdemProducer *p
    cdef uint64_t seen = 0
    cdef uint64_t owned = 0
    if m == NULL:
        return True
    r = m.oldest
    while r != NULL:
        seen += 1
        if (r.newer == NULL) != (r == m.newest) or (
                r.newer != NULL and r.newer.older != r):
            return False
        r = r.newer
    table_iter_init(&it, m.producers)
    p = <IdemProducer *>table_next(&it)
    while p != NULL:
        if p.count == 0 or p.count > <uint64_t>m.size_max or p.newest.next != NULL:
            return False
        owned += p.count
        p = <IdemProducer *>table_next(&it)
    return (seen == owned == table_count(m.records) and table_verify(m.records)
            and table_verify(m.producers))
