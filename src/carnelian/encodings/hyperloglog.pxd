"""HyperLogLog in Redis's own bytes, so that such strings travel between the two in RDB files.

The string belongs to the caller. Reading works on it as it is, and so does adding to a dense one,
whose size never changes. Anything else is done on a `HllWork`, a copy on the caller's stack that
can hold every valid string and that the caller stores back when done:

    if hll_kind(p, n) == HLL_DENSE: changed = hll_dense_add(p, element)
    else:   hll_load(&work, p, n); changed = hll_add(&work, element, sparse_max); ...
            hll_cache_clear(work.data); store work.data, work.size

The bytes may come from a client (SET), so every opcode is checked against the end of the string.
Nothing here allocates.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.slice cimport Slice


cdef enum HllKind:
    HLL_DENSE = 0
    HLL_SPARSE = 1
    HLL_NONE = 255          # "Key is not a valid HyperLogLog string value."

cdef enum:
    HLL_REGISTERS = 16384
    HLL_HEADER_SIZE = 16
    HLL_DENSE_SIZE = HLL_HEADER_SIZE + HLL_REGISTERS * 6 // 8
    HLL_SPARSE_SIZE_MAX = HLL_HEADER_SIZE + 2 * HLL_REGISTERS       # one opcode per register
    HLL_CORRUPT = -1        # "Corrupted HLL object detected"

cdef struct HllWork:
    size_t size
    uint8_t data[HLL_SPARSE_SIZE_MAX + 8]


# Header, magic and length are right. The opcodes of a sparse one are checked when they are read.
cdef HllKind hll_kind(const uint8_t *p, size_t n) noexcept nogil

cdef void hll_new(HllWork *work) noexcept nogil
# 0, or HLL_CORRUPT if the string (of a kind other than HLL_NONE) is longer than any valid one.
cdef int hll_load(HllWork *work, const uint8_t *p, size_t n) noexcept nogil

# 1 if a register grew, 0 if not, or HLL_CORRUPT. The cached count is left alone: after the last
# addition that changed something (and PFADD of a new key does) the caller clears it. `sparse_max`
# is hll-sparse-max-bytes: a sparse string about to exceed it turns dense.
cdef int hll_add(HllWork *work, Slice element, size_t sparse_max) noexcept nogil
cdef int hll_dense_add(uint8_t *p, Slice element) noexcept nogil
cdef int hll_to_dense(HllWork *work) noexcept nogil              # 0, or HLL_CORRUPT

cdef bint hll_cached(const uint8_t *p, uint64_t *count) noexcept nogil
cdef void hll_cache_store(uint8_t *p, uint64_t count) noexcept nogil
cdef void hll_cache_clear(uint8_t *p) noexcept nogil

# The estimate, ignoring the cache, or HLL_CORRUPT.
cdef int64_t hll_count(const uint8_t *p, size_t n) noexcept nogil

# Unions go through HLL_REGISTERS bytes, zeroed by the caller: merge the sources into them, then
# count them (PFCOUNT) or raise the destination's registers to them (PFMERGE: the destination is
# merged too, and made dense first if any source is). 0, or HLL_CORRUPT.
cdef int hll_merge(uint8_t *registers, const uint8_t *p, size_t n) noexcept nogil
cdef uint64_t hll_count_registers(const uint8_t *registers) noexcept nogil
cdef int hll_raise(HllWork *work, const uint8_t *registers, size_t sparse_max) noexcept nogil
