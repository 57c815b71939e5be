/* CRC-64 by carry-less multiplication: 64 bytes at a time, where the processor can.

A block of 16 bytes is a polynomial over GF(2); to move it D bits further it is multiplied by
x^D mod P, one product for each half. Four blocks are moved by 512 bits side by side, so that
no product waits for another, and in the end into one, by 128 bits each. Bits are reflected, and a
product of two reflected halves is too large by one x: the keys are one degree lower for that. */
#ifndef CARNELIAN_CRC64_FOLD_H
#define CARNELIAN_CRC64_FOLD_H

#include <stddef.h>
#include <stdint.h>

struct cn_fold_keys {
    uint64_t far[2];  /* x^(512 + 63), x^(512 - 1) mod P: for the first and the second half */
    uint64_t near[2]; /* x^(128 + 63), x^(128 - 1) */
};

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

static int cn_can_fold(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

__attribute__((target("pclmul,sse4.1"))) static inline __m128i cn_fold(
    __m128i block, __m128i keys, __m128i following)
{
    __m128i first = _mm_clmulepi64_si128(block, keys, 0x00);
    __m128i second = _mm_clmulepi64_si128(block, keys, 0x11);
    return _mm_xor_si128(following, _mm_xor_si128(first, second));
}

/* n bytes, a multiple of 64 and not 0, as 16 bytes that leave the same checksum (begun with 0). */
__attribute__((target("pclmul,sse4.1"))) static void cn_crc64_fold(
    const struct cn_fold_keys *keys, uint64_t crc, const char *p, size_t n, char *out)
{
    const __m128i far = _mm_loadu_si128((const __m128i *)keys->far);
    const __m128i near = _mm_loadu_si128((const __m128i *)keys->near);
    const __m128i *at = (const __m128i *)p;
    const __m128i *end = (const __m128i *)(p + n);
    __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_set_epi64x(0, (long long)crc));
    __m128i b = _mm_loadu_si128(at + 1);
    __m128i c = _mm_loadu_si128(at + 2);
    __m128i d = _mm_loadu_si128(at + 3);
    for (at += 4; at < end; at += 4) {
        a = cn_fold(a, far, _mm_loadu_si128(at));
        b = cn_fold(b, far, _mm_loadu_si128(at + 1));
        c = cn_fold(c, far, _mm_loadu_si128(at + 2));
        d = cn_fold(d, far, _mm_loadu_si128(at + 3));
    }
    b = cn_fold(a, near, b);
    c = cn_fold(b, near, c);
    d = cn_fold(c, near, d);
    _mm_storeu_si128((__m128i *)out, d);
}
#else
static int cn_can_fold(void) { return 0; }
static void cn_crc64_fold(
    const struct cn_fold_keys *keys, uint64_t crc, const char *p, size_t n, char *out)
{
    (void)keys; (void)crc; (void)p; (void)n; (void)out;
}
#endif
#endif
