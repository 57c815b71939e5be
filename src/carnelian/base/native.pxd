"""Declarations of native.h. Everything here is nogil and inlines to a few instructions."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t


cdef extern from "native.h" nogil:
    const bint DEBUG "CARNELIAN_DEBUG"
    const bint ASAN "CARNELIAN_ASAN"

    bint likely "cn_likely"(bint condition)
    bint unlikely "cn_unlikely"(bint condition)

    uint64_t load64 "cn_load64"(const void *p)
    uint32_t load32 "cn_load32"(const void *p)
    uint16_t load16 "cn_load16"(const void *p)
    void store64 "cn_store64"(void *p, uint64_t value)
    void store32 "cn_store32"(void *p, uint32_t value)
    void store16 "cn_store16"(void *p, uint16_t value)

    uint64_t fold_mul "cn_fold_mul"(uint64_t a, uint64_t b)
    uint64_t mul_high "cn_mul_high"(uint64_t a, uint64_t b)
    int ctz64 "cn_ctz64"(uint64_t value)
    int clz64 "cn_clz64"(uint64_t value)
    int popcount64 "cn_popcount64"(uint64_t value)

    bint add_overflow "cn_add_overflow"(int64_t a, int64_t b, int64_t *result)
    bint sub_overflow "cn_sub_overflow"(int64_t a, int64_t b, int64_t *result)
    bint mul_overflow "cn_mul_overflow"(int64_t a, int64_t b, int64_t *result)

    void prefetch "cn_prefetch"(const void *p)

    uint32_t atomic_load32 "cn_atomic_load32"(const uint32_t *p)
    bint atomic_cas32 "cn_atomic_cas32"(uint32_t *p, uint32_t *expected, uint32_t value)
    uint32_t atomic_swap32 "cn_atomic_swap32"(uint32_t *p, uint32_t value)
    void *atomic_load_ptr "cn_atomic_load_ptr"(void **p)
    void *atomic_swap_ptr "cn_atomic_swap_ptr"(void **p, void *value)
    bint atomic_cas_ptr "cn_atomic_cas_ptr"(void **p, void **expected, void *value)
    int64_t atomic_add64 "cn_atomic_add64"(int64_t *p, int64_t value)
    int64_t atomic_load64 "cn_atomic_load64"(const int64_t *p)

    uint64_t ticks "cn_ticks"()
