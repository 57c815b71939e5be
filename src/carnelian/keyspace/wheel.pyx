"""The expiry wheel; see wheel.pxd.

An entry lies at the level of the highest byte in which its time differs from `now_ms`, in the slot
that byte names. Advancing to the start of the earliest occupied slot keeps that true for all other
slots, so only that one slot has to be poured down.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from carnelian.base.memory cimport mem_alloc_zeroed, mem_free, mem_realloc
from carnelian.base.native cimport clz64, ctz64, store16, store32, store64
from carnelian.keyspace.entry cimport Entry, entry_place, entry_slot, entry_when


cdef enum:
    FIRST_CAPACITY = 4
    TTL_SAMPLES = 16               # of a slot


cdef void wheel_init(Wheel *w, int64_t now_ms) noexcept nogil:
    memset(w, 0, sizeof(Wheel))
    w.now_ms = now_ms


cdef void free_slot(WheelSlot *s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.chunk_count):
        mem_free(s.chunks[i])
    mem_free(s.chunks)
    memset(s, 0, sizeof(WheelSlot))


cdef void wheel_free(Wheel *w) noexcept nogil:
    cdef int level
    cdef int i
    for level in range(WHEEL_LEVELS):
        if w.levels[level] != NULL:
            for i in range(WHEEL_SLOTS):
                free_slot(&w.levels[level][i])
            mem_free(w.levels[level])
    wheel_init(w, w.now_ms)


cdef inline void put(WheelSlot *s, uint32_t place, Entry *e) noexcept nogil:
    cdef char *p = wheel_cell(s, place)
    store32(p, <uint32_t><uint64_t>e)
    store16(p + 4, <uint16_t>(<uint64_t>e >> 32))


cdef inline int level_of(int64_t when_ms, int64_t now_ms) noexcept nogil:
    cdef uint64_t differs = <uint64_t>when_ms ^ <uint64_t>now_ms
    return (63 - clz64(differs)) >> 3 if differs else 0


cdef void slot_reserve(WheelSlot *s) noexcept nogil:
    """Make room for one more pointer."""
    if s.count < s.first_capacity or (s.count < s.chunk_count * WHEEL_CHUNK and s.chunk_count > 1):
        return
    if s.chunk_count <= 1 and s.first_capacity < WHEEL_CHUNK:
        if s.chunks == NULL:
            s.chunks = <char **>mem_alloc_zeroed(sizeof(char *))
            s.chunk_capacity = 1
            s.chunk_count = 1
        s.first_capacity = min(max(s.first_capacity * 2, FIRST_CAPACITY), <uint32_t>WHEEL_CHUNK)
        s.chunks[0] = <char *>mem_realloc(s.chunks[0], s.first_capacity * ADDRESS_SIZE)
        return
    if s.chunk_count == s.chunk_capacity:
        s.chunk_capacity *= 2
        s.chunks = <char **>mem_realloc(s.chunks, s.chunk_capacity * sizeof(char *))
    s.chunks[s.chunk_count] = <char *>mem_realloc(NULL, WHEEL_CHUNK * ADDRESS_SIZE)
    s.chunk_count += 1


cdef void place_entry(Wheel *w, Entry *e) noexcept nogil:
    cdef int64_t when_ms = entry_when(e)
    cdef int level
    cdef int index
    cdef WheelSlot *s
    if when_ms < w.now_ms:
        when_ms = w.now_ms
    level = level_of(when_ms, w.now_ms)
    index = (when_ms >> (8 * level)) & 255
    if w.levels[level] == NULL:
        w.levels[level] = <WheelSlot *>mem_alloc_zeroed(WHEEL_SLOTS * sizeof(WheelSlot))
    s = &w.levels[level][index]
    slot_reserve(s)
    put(s, s.count, e)
    store32(<char *>e + 16, s.count)
    store16(<char *>e + 20, <uint16_t>(level << 8 | index))
    s.count += 1
    w.occupied[level][index >> 6] |= <uint64_t>1 << (index & 63)


cdef void unplace_entry(Wheel *w, Entry *e) noexcept nogil:
    cdef uint32_t place = entry_place(e)
    cdef int level = entry_slot(e) >> 8
    cdef int index = entry_slot(e) & 255
    cdef WheelSlot *s = &w.levels[level][index]
    cdef Entry *last
    s.count -= 1
    last = wheel_entry(s, s.count)
    put(s, place, last)
    store32(<char *>last + 16, place)
    if s.count == 0:
        free_slot(s)
        w.occupied[level][index >> 6] &= ~(<uint64_t>1 << (index & 63))
    elif s.chunk_count > 1 and s.count <= (s.chunk_count - 2) * WHEEL_CHUNK:
        s.chunk_count -= 1
        mem_free(s.chunks[s.chunk_count])


cdef void wheel_add(Wheel *w, Entry *e, int64_t when_ms) noexcept nogil:
    store64(<char *>e + 8, <uint64_t>when_ms)
    place_entry(w, e)
    w.count += 1


cdef void wheel_remove(Wheel *w, Entry *e) noexcept nogil:
    unplace_entry(w, e)
    w.count -= 1


cdef void wheel_moved(Wheel *w, Entry *e) noexcept nogil:
    cdef uint16_t slot = entry_slot(e)
    put(&w.levels[slot >> 8][slot & 255], entry_place(e), e)


cdef int first_occupied(Wheel *w, int level, int start) noexcept nogil:
    """Index of the first occupied slot from `start` on, or -1."""
    cdef int word = start >> 6
    cdef uint64_t bits
    if start >= WHEEL_SLOTS:
        return -1
    bits = w.occupied[level][word] & (~<uint64_t>0 << (start & 63))
    while bits == 0:
        word += 1
        if word == 4:
            return -1
        bits = w.occupied[level][word]
    return word * 64 + ctz64(bits)


cdef bint earliest(Wheel *w, int *level_out, int *index_out, int64_t *start_out) noexcept nogil:
    cdef int level
    cdef int index
    cdef int shift
    if w.pouring:
        level = w.pouring
        index = (w.now_ms >> (8 * level)) & 255
        if w.occupied[level][index >> 6] >> (index & 63) & 1:
            level_out[0] = level
            index_out[0] = index
            start_out[0] = w.now_ms
            return True
        w.pouring = 0
    for level in range(WHEEL_LEVELS):
        shift = 8 * level
        index = first_occupied(w, level, (w.now_ms >> shift) & 255)
        if index >= 0:
            level_out[0] = level
            index_out[0] = index
            start_out[0] = (w.now_ms >> shift >> 8 << 8 | index) << shift if level < 7 else (
                <int64_t>index << 56)
            if start_out[0] < w.now_ms:
                start_out[0] = w.now_ms
            return True
    return False


cdef Entry *wheel_due(Wheel *w, int64_t now_ms, int *steps) noexcept nogil:
    cdef int level = 0
    cdef int index = 0
    cdef int64_t start = 0
    cdef WheelSlot *s
    cdef Entry *e
    while earliest(w, &level, &index, &start):
        if start >= now_ms:
            break
        w.now_ms = start
        s = &w.levels[level][index]
        if level == 0:
            return wheel_entry(s, s.count - 1)
        while s.count:
            if steps[0] <= 0:
                w.pouring = level
                return NULL
            steps[0] -= 1
            e = wheel_entry(s, s.count - 1)
            unplace_entry(w, e)
            place_entry(w, e)
    if w.now_ms < now_ms:
        w.now_ms = now_ms
    return NULL


cdef void wheel_turn_back(Wheel *w, int64_t now_ms) noexcept nogil:
    cdef Entry **all = <Entry **>mem_realloc(NULL, max(w.count, <size_t>1) * sizeof(Entry *))
    cdef size_t count = 0
    cdef size_t k
    cdef int level
    cdef int index
    cdef uint32_t i
    for level in range(WHEEL_LEVELS):
        for index in range(WHEEL_SLOTS if w.levels[level] != NULL else 0):
            for i in range(w.levels[level][index].count):
                all[count] = wheel_entry(&w.levels[level][index], i)
                count += 1
    wheel_free(w)
    w.now_ms = now_ms
    for k in range(count):
        place_entry(w, all[k])
    w.count = count
    mem_free(all)


cdef int64_t wheel_next_ms(Wheel *w) noexcept nogil:
    cdef int level = 0
    cdef int index = 0
    cdef int64_t start = 0
    if not earliest(w, &level, &index, &start):
        return -1
    return start


cdef double slot_ttl_ms(WheelSlot *slot, int64_t now_ms) noexcept nogil:
    cdef uint32_t step = slot.count // TTL_SAMPLES + 1
    cdef double total = 0
    cdef uint32_t seen = 0
    cdef uint32_t i = 0
    while i < slot.count:
        total += max(entry_when(wheel_entry(slot, i)) - now_ms, 0)
        seen += 1
        i += step
    return total / seen


cdef int64_t wheel_mean_ttl_ms(Wheel *w, int64_t now_ms) noexcept nogil:
    cdef WheelSlot *slot
    cdef double total = 0
    cdef int level
    cdef int i
    for level in range(WHEEL_LEVELS):
        if w.levels[level] == NULL:
            continue
        for i in range(WHEEL_SLOTS):
            slot = &w.levels[level][i]
            if slot.count:
                total += slot.count * slot_ttl_ms(slot, now_ms)
    return <int64_t>(total / w.count) if w.count else 0


cdef bint wheel_verify(Wheel *w) noexcept nogil:
    cdef size_t seen = 0
    cdef int level
    cdef int index
    cdef uint32_t i
    cdef WheelSlot *s
    cdef Entry *e
    for level in range(WHEEL_LEVELS):
        for index in range(WHEEL_SLOTS):
            if w.levels[level] == NULL or w.levels[level][index].count == 0:
                if w.occupied[level][index >> 6] >> (index & 63) & 1:
                    return False
                continue
            s = &w.levels[level][index]
            if not w.occupied[level][index >> 6] >> (index & 63) & 1:
                return False
            for i in range(s.count):
                e = wheel_entry(s, i)
                if entry_place(e) != i or entry_slot(e) != level << 8 | index:
                    return False
            seen += s.count
    return seen == w.count
