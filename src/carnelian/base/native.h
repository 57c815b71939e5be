/* What C has and Cython cannot say: 128-bit products, bit counts, atomics, branch hints. */
#ifndef CARNELIAN_NATIVE_H
#define CARNELIAN_NATIVE_H

#include <stdint.h>
#include <string.h>

#ifndef CARNELIAN_DEBUG
#define CARNELIAN_DEBUG 0
#endif
#ifndef CARNELIAN_ASAN
#define CARNELIAN_ASAN 0
#endif

#define cn_likely(x) __builtin_expect(!!(x), 1)
#define cn_unlikely(x) __builtin_expect(!!(x), 0)

static inline uint64_t cn_load64(const void *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static inline uint32_t cn_load32(const void *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint16_t cn_load16(const void *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline void cn_store64(void *p, uint64_t v) { memcpy(p, &v, 8); }
static inline void cn_store32(void *p, uint32_t v) { memcpy(p, &v, 4); }
static inline void cn_store16(void *p, uint16_t v) { memcpy(p, &v, 2); }

static inline uint64_t cn_fold_mul(uint64_t a, uint64_t b) {
    unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}
static inline uint64_t cn_mul_high(uint64_t a, uint64_t b) {
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* Undefined for zero, like the instructions behind them. */
static inline int cn_ctz64(uint64_t v) { return __builtin_ctzll(v); }
static inline int cn_clz64(uint64_t v) { return __builtin_clzll(v); }
static inline int cn_popcount64(uint64_t v) { return __builtin_popcountll(v); }

/* Signed arithmetic that says when it overflowed (1) instead of wrapping silently. */
static inline int cn_add_overflow(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_add_overflow(a, b, r);
}
static inline int cn_sub_overflow(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_sub_overflow(a, b, r);
}
static inline int cn_mul_overflow(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_mul_overflow(a, b, r);
}

/* GCC takes a function that only calls __builtin_prefetch for one without effect, and drops calls
   of it. */
static inline void cn_prefetch(const void *p)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)p));
#elif defined(__aarch64__)
    __asm__ volatile("prfm pldl1keep, %0" : : "Q"(*(const char *)p));
#else
    __builtin_prefetch(p);
#endif
}

static inline uint32_t cn_atomic_load32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline int cn_atomic_cas32(uint32_t *p, uint32_t *expected, uint32_t value) {
    return __atomic_compare_exchange_n(p, expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline uint32_t cn_atomic_swap32(uint32_t *p, uint32_t v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
}
static inline void *cn_atomic_load_ptr(void **p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void *cn_atomic_swap_ptr(void **p, void *v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
}
static inline int cn_atomic_cas_ptr(void **p, void **expected, void *value) {
    return __atomic_compare_exchange_n(p, expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline int64_t cn_atomic_add64(int64_t *p, int64_t v)
{
    return __atomic_add_fetch(p, v, __ATOMIC_ACQ_REL);
}
static inline int64_t cn_atomic_load64(const int64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* A cheap counter that rises steadily; `ticks_per_second` of clock.pxd tells how fast. */
#if defined(__x86_64__)
static inline uint64_t cn_ticks(void) { return __builtin_ia32_rdtsc(); }
#elif defined(__aarch64__)
static inline uint64_t cn_ticks(void) {
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
}
#else
#include <time.h>
static inline uint64_t cn_ticks(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
#endif

#endif
