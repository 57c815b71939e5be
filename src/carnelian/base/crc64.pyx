"""CRC-64 by slicing: sixteen tables take sixteen bytes a step; long inputs by carry-less
multiplication, where the processor can (crc64_fold.h). Anyone may call it, on any thread.

`tables[k][b]` is what byte `b` leaves in the checksum once k more bytes have followed it. The
checksum so far is folded into the first eight bytes; lookups of one step need not wait for others.
"""

from libc.stdint cimport uint64_t

from carnelian.base.native cimport load64

cdef extern from "crc64_fold.h" nogil:
    struct FoldKeys "cn_fold_keys":
        uint64_t far[2]
        uint64_t near[2]

    bint can_fold "cn_can_fold"()
    void crc64_fold "cn_crc64_fold"(
        const FoldKeys *keys, uint64_t crc, const char *p, size_t n, char *out)

cdef enum:
    SLICES = 16
    FOLD_MIN = 256                 # shorter inputs are not worth it
    FOLD_STEP = 64

cdef uint64_t POLYNOMIAL = 0x95AC9329AC4BC9B5    # 0xAD93D23594C935A9 with its bits reversed
cdef uint64_t[SLICES][256] tables
cdef FoldKeys keys
cdef bint folds


cdef inline uint64_t slice8(uint64_t word, int first) noexcept nogil:
    """Eight bytes, of which the lowest goes to table `first`."""
    return (tables[first][word & 255]
            ^ tables[first - 1][word >> 8 & 255]
            ^ tables[first - 2][word >> 16 & 255]
            ^ tables[first - 3][word >> 24 & 255]
            ^ tables[first - 4][word >> 32 & 255]
            ^ tables[first - 5][word >> 40 & 255]
            ^ tables[first - 6][word >> 48 & 255]
            ^ tables[first - 7][word >> 56])


cdef uint64_t crc64(uint64_t crc, const char *p, size_t n) noexcept nogil:
    cdef char folded[16]
    cdef size_t whole
    if folds and n >= FOLD_MIN:
        whole = n // FOLD_STEP * FOLD_STEP
        crc64_fold(&keys, crc, p, whole, folded)
        return crc64_sliced(crc64_sliced(0, folded, sizeof(folded)), p + whole, n - whole)
    return crc64_sliced(crc, p, n)


cdef uint64_t crc64_sliced(uint64_t crc, const char *p, size_t n) noexcept nogil:
    while n >= 16:
        crc = slice8(load64(p + 8), 7) ^ slice8(crc ^ load64(p), 15)
        p += 16
        n -= 16
    if n >= 8:
        crc = slice8(crc ^ load64(p), 7)
        p += 8
        n -= 8
    while n:
        crc = crc >> 8 ^ tables[0][(crc ^ <unsigned char>p[0]) & 255]
        p += 1
        n -= 1
    return crc


cdef uint64_t power(int degree) noexcept nogil:
    """x^degree modulo the polynomial, reflected: x^0 is the top bit."""
    cdef uint64_t value = <uint64_t>1 << 63
    cdef int _
    for _ in range(degree):
        value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
    return value


cdef void prepare() noexcept nogil:
    global folds
    cdef uint64_t crc
    cdef int i
    cdef int k
    cdef int _
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        tables[0][i] = crc
    for k in range(1, SLICES):
        for i in range(256):
            crc = tables[k - 1][i]
            tables[k][i] = crc >> 8 ^ tables[0][crc & 255]
    keys.far[0] = power(512 + 63)
    keys.far[1] = power(512 - 1)
    keys.near[0] = power(128 + 63)
    keys.near[1] = power(128 - 1)
    folds = can_fold()


prepare()
