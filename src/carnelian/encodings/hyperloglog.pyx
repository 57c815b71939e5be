"""HyperLogLog in Redis's own bytes. Contracts are in the .pxd.

    +------+---+-----+------------------+--------------
    | HYLL | E | 000 | count, 64-bit LE | registers        E: 0 dense, 1 sparse
    +------+---+-----+------------------+--------------

The top bit of the count means that it is out of date. Dense registers are 6 bits each, the first
in the low bits of the first byte: four registers fill three bytes. Sparse ones are runs:

    00llllll                l+1 registers that are 0           (ZERO)
    01llllll llllllll       the same, 14 bits, high bits first (XZERO)
    1vvvvvll                l+1 registers that are v+1         (VAL)
"""

from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset

from carnelian.base.native cimport ctz64, load64, store64
from carnelian.base.slice cimport Slice


cdef extern from "math.h" nogil:
    long long llroundl(long double x)

cdef enum:
    INDEX_BITS = 14
    RANK_BITS = 64 - INDEX_BITS     # a hash without its register number
    RANK_SLOTS = 64                 # registers can hold up to 63, whatever a hash can produce
    VALUE_MAX = 32                  # of a VAL opcode
    VALUE_RUN_MAX = 4
    ZERO_RUN_MAX = 64
    SCAN_FOR_MERGE = 5

cdef enum OpcodeKind:
    ZERO
    XZERO
    VAL

cdef struct Opcode:
    OpcodeKind kind
    int size
    int run
    int value

cdef uint64_t HASH_SEED = 0xADC83B19
cdef uint64_t HASH_FACTOR = 0xC6A4A7935BD1E995
cdef double ALPHA = 0.721347520444481703680         # 0.5 / ln 2


cdef uint64_t murmur64(const char *p, size_t n) noexcept nogil:
    """MurmurHash64A, little-endian, with HyperLogLog's own seed."""
    cdef uint64_t h = HASH_SEED ^ (<uint64_t>n * HASH_FACTOR)
    cdef uint64_t k
    while n >= 8:
        k = load64(p) * HASH_FACTOR
        k = (k ^ (k >> 47)) * HASH_FACTOR
        h = (h ^ k) * HASH_FACTOR
        p += 8
        n -= 8
    if n:
        k = 0
        memcpy(&k, p, n)
        h = (h ^ k) * HASH_FACTOR
    h = (h ^ (h >> 47)) * HASH_FACTOR
    return h ^ (h >> 47)


cdef inline int rank_of(Slice element, int *index) noexcept nogil:
    """The register of an element, and the position of the first 1 in the rest of its hash."""
    cdef uint64_t h = murmur64(element.ptr, element.len)
    index[0] = <int>(h & (HLL_REGISTERS - 1))
    return ctz64(h >> INDEX_BITS | <uint64_t>1 << RANK_BITS) + 1


cdef HllKind hll_kind(const uint8_t *p, size_t n) noexcept nogil:
    if n < HLL_HEADER_SIZE or memcmp(p, b"HYLL", 4) != 0:
        return HLL_NONE
    if p[4] == HLL_SPARSE:
        return HLL_SPARSE
    return HLL_DENSE if p[4] == HLL_DENSE and n == HLL_DENSE_SIZE else HLL_NONE


cdef void hll_new(HllWork *work) noexcept nogil:
    memset(work.data, 0, HLL_HEADER_SIZE)
    memcpy(work.data, b"HYLL", 4)
    work.data[4] = HLL_SPARSE
    work.data[HLL_HEADER_SIZE] = 0x7F           # XZERO over all registers
    work.data[HLL_HEADER_SIZE + 1] = 0xFF
    work.size = HLL_HEADER_SIZE + 2


cdef int hll_load(HllWork *work, const uint8_t *p, size_t n) noexcept nogil:
    if n > HLL_SPARSE_SIZE_MAX:
        return HLL_CORRUPT
    memcpy(work.data, p, n)
    work.size = n
    return 0


# --- the cached count -----------------------------------------------------------------------------

cdef bint hll_cached(const uint8_t *p, uint64_t *count) noexcept nogil:
    count[0] = load64(p + 8)
    return p[15] & 0x80 == 0


cdef void hll_cache_store(uint8_t *p, uint64_t count) noexcept nogil:
    store64(p + 8, count)


cdef void hll_cache_clear(uint8_t *p) noexcept nogil:
    p[15] |= 0x80


# --- dense ----------------------------------------------------------------------------------------

cdef inline uint32_t load_four(const uint8_t *p) noexcept nogil:
    return <uint32_t>p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16


cdef int dense_set(uint8_t *p, int index, int value) noexcept nogil:
    cdef uint8_t *four = p + HLL_HEADER_SIZE + index // 4 * 3
    cdef int shift = index % 4 * 6
    cdef uint32_t word = load_four(four)
    if value <= <int>(word >> shift & 63):
        return 0
    word = (word & ~(<uint32_t>63 << shift)) | <uint32_t>value << shift
    four[0] = <uint8_t>word
    four[1] = <uint8_t>(word >> 8)
    four[2] = <uint8_t>(word >> 16)
    return 1


cdef int hll_dense_add(uint8_t *p, Slice element) noexcept nogil:
    cdef int index
    cdef int rank = rank_of(element, &index)
    return dense_set(p, index, rank)


cdef void dense_histogram(const uint8_t *p, int *histogram) noexcept nogil:
    cdef int[RANK_SLOTS] odd        # two tables: equal neighbours do not wait for one counter
    cdef uint32_t word
    cdef int i
    cdef int _
    memset(odd, 0, sizeof(odd))
    p += HLL_HEADER_SIZE
    for _ in range(HLL_REGISTERS // 4):
        word = load_four(p)
        histogram[word & 63] += 1
        odd[word >> 6 & 63] += 1
        histogram[word >> 12 & 63] += 1
        odd[word >> 18] += 1
        p += 3
    for i in range(RANK_SLOTS):
        histogram[i] += odd[i]


cdef void dense_merge(uint8_t *registers, const uint8_t *p) noexcept nogil:
    cdef uint32_t word
    cdef uint8_t value
    cdef int _
    cdef int k
    p += HLL_HEADER_SIZE
    for _ in range(HLL_REGISTERS // 4):
        word = load_four(p)
        for k in range(4):
            value = <uint8_t>(word >> 6 * k & 63)
            if value > registers[k]:
                registers[k] = value
        registers += 4
        p += 3


# --- sparse ---------------------------------------------------------------------------------------

cdef inline bint read_opcode(const uint8_t *p, const uint8_t *end, Opcode *opcode) noexcept nogil:
    """False at the end of the string, also if it cuts an opcode in two."""
    if p >= end:
        return False
    opcode.size = 1
    opcode.value = 0
    if p[0] & 0x80:
        opcode.kind = VAL
        opcode.run = (p[0] & 3) + 1
        opcode.value = (p[0] >> 2 & 31) + 1
    elif p[0] & 0x40 == 0:
        opcode.kind = ZERO
        opcode.run = p[0] + 1
    else:
        if end - p < 2:
            return False
        opcode.kind = XZERO
        opcode.size = 2
        opcode.run = (<int>(p[0] & 0x3F) << 8 | p[1]) + 1
    return True


cdef inline uint8_t *put_value(uint8_t *p, int value, int run) noexcept nogil:
    p[0] = <uint8_t>(0x80 | (value - 1) << 2 | (run - 1))
    return p + 1


cdef inline uint8_t *put_run(uint8_t *p, Opcode *old, int run) noexcept nogil:
    """What is left of an opcode that is split: as many of the same registers, if any."""
    if run == 0:
        return p
    if old.kind == VAL:
        return put_value(p, old.value, run)
    if run > ZERO_RUN_MAX:
        p[0] = <uint8_t>(0x40 | (run - 1) >> 8)
        p[1] = <uint8_t>(run - 1)
        return p + 2
    p[0] = <uint8_t>(run - 1)
    return p + 1


cdef void merge_values(HllWork *work, uint8_t *p) noexcept nogil:
    """Join equal VAL opcodes that became neighbours, among the few that can have changed."""
    cdef uint8_t *end = work.data + work.size
    cdef Opcode a
    cdef Opcode b
    cdef int left = SCAN_FOR_MERGE
    while left and read_opcode(p, end, &a):
        left -= 1
        if (a.kind == VAL and read_opcode(p + 1, end, &b) and b.kind == VAL
                and a.value == b.value and a.run + b.run <= VALUE_RUN_MAX):
            put_value(p + 1, a.value, a.run + b.run)
            memmove(p, p + 1, <size_t>(end - p) - 1)
            end -= 1
            work.size -= 1
        else:
            p += a.size


cdef int hll_to_dense(HllWork *work) noexcept nogil:
    cdef uint8_t sparse[HLL_SPARSE_SIZE_MAX]
    cdef const uint8_t *p = sparse + HLL_HEADER_SIZE
    cdef const uint8_t *end = sparse + work.size
    cdef Opcode opcode
    cdef int index = 0
    cdef int i
    if work.data[4] == HLL_DENSE:
        return 0
    memcpy(sparse, work.data, work.size)
    memset(work.data + HLL_HEADER_SIZE, 0, HLL_DENSE_SIZE - HLL_HEADER_SIZE)
    while read_opcode(p, end, &opcode) and opcode.run <= HLL_REGISTERS - index:
        if opcode.kind == VAL:
            for i in range(index, index + opcode.run):
                dense_set(work.data, i, opcode.value)
        index += opcode.run
        p += opcode.size
    if p != end or index != HLL_REGISTERS:
        memcpy(work.data, sparse, work.size)
        return HLL_CORRUPT
    work.data[4] = HLL_DENSE
    work.size = HLL_DENSE_SIZE
    return 0


cdef int promote(HllWork *work, int index, int value) noexcept nogil:
    if hll_to_dense(work) != 0:
        return HLL_CORRUPT
    return dense_set(work.data, index, value)


cdef int sparse_set(HllWork *work, int index, int value, size_t sparse_max) noexcept nogil:
    cdef uint8_t *begin = work.data + HLL_HEADER_SIZE
    cdef uint8_t *end = work.data + work.size
    cdef uint8_t *p = begin
    cdef uint8_t *previous = begin
    cdef uint8_t split[8]
    cdef uint8_t *q = split
    cdef Opcode opcode
    cdef int first = 0
    cdef int growth
    if value > VALUE_MAX:
        return promote(work, index, value)
    while True:
        if not read_opcode(p, end, &opcode):
            return HLL_CORRUPT
        if index < first + opcode.run:
            break
        previous = p
        p += opcode.size
        first += opcode.run
    if opcode.kind == VAL and opcode.value >= value:
        return 0
    q = put_run(q, &opcode, index - first)
    q = put_value(q, value, 1)
    q = put_run(q, &opcode, first + opcode.run - 1 - index)
    growth = <int>(q - split) - opcode.size
    if growth > 0 and work.size + <size_t>growth > sparse_max:
        return promote(work, index, value)
    if <int64_t>work.size + growth > HLL_SPARSE_SIZE_MAX:
        return HLL_CORRUPT
    memmove(p + opcode.size + growth, p + opcode.size, <size_t>(end - p) - opcode.size)
    memcpy(p, split, <size_t>(q - split))
    work.size = <size_t>(<int64_t>work.size + growth)
    merge_values(work, previous)
    return 1


cdef int hll_add(HllWork *work, Slice element, size_t sparse_max) noexcept nogil:
    cdef int index
    cdef int rank = rank_of(element, &index)
    if work.data[4] == HLL_DENSE:
        return dense_set(work.data, index, rank)
    return sparse_set(work, index, rank, sparse_max)


# --- counting and merging -------------------------------------------------------------------------

cdef double sigma(double x) noexcept nogil:
    cdef double y = 1
    cdef double z = x
    cdef double before
    if x == 1.0:
        return INFINITY
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if before == z:
            return z


cdef double tau(double x) noexcept nogil:
    cdef double y = 1
    cdef double z = 1 - x
    cdef double before
    if x == 0.0 or x == 1.0:
        return 0
    while True:
        x = sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) * (1 - x) * y
        if before == z:
            return z / 3


cdef uint64_t estimate(const int *histogram) noexcept nogil:
    """O. Ertl, "New cardinality estimation algorithms for HyperLogLog", arXiv:1702.01284."""
    cdef double m = HLL_REGISTERS
    cdef double z = m * tau((m - histogram[RANK_BITS + 1]) / m)
    cdef int rank
    for rank in range(RANK_BITS, 0, -1):
        z += histogram[rank]
        z *= 0.5
    z += m * sigma(histogram[0] / m)
    return <uint64_t>llroundl(ALPHA * m * m / z)


cdef int64_t hll_count(const uint8_t *p, size_t n) noexcept nogil:
    cdef int[RANK_SLOTS] histogram
    cdef const uint8_t *end = p + n
    cdef Opcode opcode
    cdef int index = 0
    memset(histogram, 0, sizeof(histogram))
    if p[4] == HLL_DENSE:
        dense_histogram(p, histogram)
        return <int64_t>estimate(histogram)
    p += HLL_HEADER_SIZE
    while read_opcode(p, end, &opcode) and opcode.run <= HLL_REGISTERS - index:
        histogram[opcode.value] += opcode.run
        index += opcode.run
        p += opcode.size
    if p != end or index != HLL_REGISTERS:
        return HLL_CORRUPT
    return <int64_t>estimate(histogram)


cdef int hll_merge(uint8_t *registers, const uint8_t *p, size_t n) noexcept nogil:
    cdef const uint8_t *end = p + n
    cdef Opcode opcode
    cdef int index = 0
    cdef int i
    if p[4] == HLL_DENSE:
        dense_merge(registers, p)
        return 0
    p += HLL_HEADER_SIZE
    while read_opcode(p, end, &opcode) and opcode.run <= HLL_REGISTERS - index:
        for i in range(index, index + opcode.run):
            if opcode.value > registers[i]:
                registers[i] = <uint8_t>opcode.value
        index += opcode.run
        p += opcode.size
    return 0 if p == end and index == HLL_REGISTERS else HLL_CORRUPT


cdef uint64_t hll_count_registers(const uint8_t *registers) noexcept nogil:
    cdef int[RANK_SLOTS] histogram
    cdef int i
    memset(histogram, 0, sizeof(histogram))
    for i in range(HLL_REGISTERS):
        histogram[registers[i] & 63] += 1
    return estimate(histogram)


cdef int hll_raise(HllWork *work, const uint8_t *registers, size_t sparse_max) noexcept nogil:
    cdef int i
    for i in range(HLL_REGISTERS):
        if registers[i] == 0:
            continue
        if work.data[4] == HLL_DENSE:
            dense_set(work.data, i, registers[i])
        elif sparse_set(work, i, registers[i], sparse_max) < 0:
            return HLL_CORRUPT
    return 0
