"""Numbers to and from text. Owns no memory; anyone native may call it, with or without the GIL."""

from libc cimport errno
from libc.math cimport frexpl, isinf, isnan, ldexpl, signbit
from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport strtod, strtold
from libc.string cimport memchr, memcpy, memset

from carnelian.base.grisu cimport DIGITS_MAX, shortest_digits
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport clz64, likely, load64, unlikely


cdef extern from *:
    """
    #include <float.h>
    #include <locale.h>
    #ifdef __APPLE__
    #include <xlocale.h>
    #endif

    typedef unsigned __int128 cn_uint128;

    static const uint64_t cn_upper_halves = UINT64_C(0xF0F0F0F0F0F0F0F0);
    static const uint64_t cn_all_threes = UINT64_C(0x3030303030303030);

    static const char cn_digit_pairs[201] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";

    static const uint64_t cn_powers_of_ten[20] = {
        1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
        10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
        1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
        10000000000000000000u
    };
    """
    ctypedef unsigned long long uint128_t "cn_uint128"
    ctypedef void *locale_t
    const uint64_t UPPER_HALVES "cn_upper_halves"
    const uint64_t ALL_THREES "cn_all_threes"
    const int LC_ALL_MASK
    const int LDBL_MANT_DIG
    const char *DIGIT_PAIRS "cn_digit_pairs"
    const uint64_t *POWERS_OF_TEN "cn_powers_of_ten"
    locale_t newlocale(int mask, const char *name, locale_t base) nogil
    locale_t uselocale(locale_t locale) nogil

cdef enum:
    DOUBLE_POWER_MAX = 22        # the last power of ten a double holds exactly
    LONG_DOUBLE_POWER_MAX = 27   # and the last one of a 64-bit significand
    DECIMALS = 17                # of format_long_double
    TEXT_SIZE = 320              # longer numbers are copied to the heap

cdef struct Decimal:
    uint64_t digits
    int exponent
    bint negative

cdef double double_powers[DOUBLE_POWER_MAX + 1]
cdef long double long_double_powers[LONG_DOUBLE_POWER_MAX + 1]
cdef locale_t c_locale


# --- integers in ---

cdef inline bint eight_digits(const char *p, uint64_t *value) noexcept nogil:
    """The number eight digits spell: pairs, fours and all eight are joined inside one word."""
    cdef uint64_t word = load64(p)
    cdef uint64_t raised = word + <uint64_t>0x0606060606060606
    # The upper half of a digit is 3 and stays 3 when 6 is added.
    if ((word & UPPER_HALVES) != ALL_THREES) | ((raised & UPPER_HALVES) != ALL_THREES):
        return False
    word = (word & <uint64_t>0x0F0F0F0F0F0F0F0F) * 0xA01 >> 8
    word = (word & <uint64_t>0x00FF00FF00FF00FF) * 0x640001 >> 16
    word = (word & <uint64_t>0x0000FFFF0000FFFF) * <uint64_t>0x271000000001 >> 32
    value[0] = word
    return True


cdef inline bint parse_digits(const char *p, size_t n, uint64_t *out) noexcept nogil:
    """Up to 19 digits: they cannot overflow."""
    cdef uint64_t value = 0
    cdef uint64_t part
    cdef unsigned int digit
    while n >= 8:
        if not eight_digits(p, &part):
            return False
        value = value * 100000000 + part
        p += 8
        n -= 8
    while n:
        digit = <unsigned char>p[0] - <unsigned int>48
        if digit > 9:
            return False
        value = value * 10 + digit
        p += 1
        n -= 1
    out[0] = value
    return True


cdef bint parse_int64(const char *p, size_t n, int64_t *out) noexcept nogil:
    cdef uint64_t value
    cdef bint negative = False
    if unlikely(n == 0 or n > INT64_CHARS_MAX):
        return False
    if p[0] == c'-':
        negative = True
        p += 1
        n -= 1
    if unlikely(n == 0 or n > 19):
        return False
    if p[0] == c'0':
        if n > 1 or negative:
            return False
        out[0] = 0
        return True
    if not parse_digits(p, n, &value):
        return False
    if unlikely(value > <uint64_t>INT64_MAX + negative):
        return False
    out[0] = <int64_t>(0 - value) if negative else <int64_t>value
    return True


cdef bint parse_uint64(const char *p, size_t n, uint64_t *out) noexcept nogil:
    cdef uint64_t value
    cdef unsigned int last
    if n == 0 or n > INT64_CHARS_MAX or (p[0] == c'0' and n > 1):
        return False
    if n < INT64_CHARS_MAX:
        return parse_digits(p, n, out)
    last = <unsigned char>p[n - 1] - <unsigned int>48
    if not parse_digits(p, n - 1, &value) or last > 9:
        return False
    if value > UINT64_MAX // 10 or (value == UINT64_MAX // 10 and last > UINT64_MAX % 10):
        return False
    out[0] = value * 10 + last
    return True


cdef bint parse_uint64_lenient(const char *p, size_t n, uint64_t *out) noexcept nogil:
    if n > 1 and p[0] == c'+':
        p += 1
        n -= 1
    while n > 1 and p[0] == c'0':
        p += 1
        n -= 1
    return parse_uint64(p, n, out)


# --- integers out ---

cdef int digits10(uint64_t v) noexcept nogil:
    # 1233 / 4096 is log10(2), near enough for 64 bits; the comparison corrects the guess.
    cdef int guess = (64 - clz64(v | 1)) * 1233 >> 12
    return guess + 1 - (v < POWERS_OF_TEN[guess]) if guess else 1


cdef inline void write_digits(char *end, uint64_t v, int count) noexcept nogil:
    """The `count` lowest digits of `v`, zeros in front where it has fewer, ending before `end`."""
    cdef uint64_t rest
    while count >= 2:
        rest = v // 100
        end -= 2
        memcpy(end, DIGIT_PAIRS + (v - rest * 100) * 2, 2)
        v = rest
        count -= 2
    if count:
        (end - 1)[0] = <char>(48 + v % 10)


cdef int format_uint64(char *buffer, uint64_t v) noexcept nogil:
    cdef int count
    if v < 10:
        buffer[0] = <char>(48 + v)
        return 1
    count = digits10(v)
    write_digits(buffer + count, v, count)
    return count


cdef int format_int64(char *buffer, int64_t v) noexcept nogil:
    if v >= 0:
        return format_uint64(buffer, <uint64_t>v)
    buffer[0] = c'-'
    return 1 + format_uint64(buffer + 1, 0 - <uint64_t>v)


# --- floating point in ---

cdef inline const char *scan_digits(const char *p, const char *end, uint64_t *value) noexcept nogil:
    cdef unsigned int digit
    while p < end:
        digit = <unsigned char>p[0] - <unsigned int>48
        if digit > 9:
            break
        value[0] = value[0] * 10 + digit
        p += 1
    return p


cdef bint scan_decimal(const char *p, size_t n, Decimal *decimal) noexcept nogil:
    """Whether this is a plain decimal of up to 19 digits; the C library gets all else."""
    cdef const char *end = p + n
    cdef const char *start
    cdef uint64_t exponent = 0
    cdef Py_ssize_t count
    cdef Py_ssize_t fraction = 0
    cdef bint exponent_negative
    decimal.digits = 0
    decimal.negative = n > 0 and p[0] == c'-'
    if n and (p[0] == c'-' or p[0] == c'+'):
        p += 1
    start = p
    p = scan_digits(p, end, &decimal.digits)
    count = p - start
    if p < end and p[0] == c'.':
        start = p + 1
        p = scan_digits(start, end, &decimal.digits)
        fraction = p - start
    count += fraction
    if count == 0 or count > 19:
        return False
    decimal.exponent = -<int>fraction
    if p < end and (p[0] | 32) == c'e':
        p += 1
        exponent_negative = p < end and p[0] == c'-'
        if p < end and (p[0] == c'-' or p[0] == c'+'):
            p += 1
        start = p
        p = scan_digits(p, end, &exponent)
        if p == start or p - start > 3:
            return False
        decimal.exponent += -<int>exponent if exponent_negative else <int>exponent
    return p == end


cdef inline bint is_space(char c) noexcept nogil:
    return c == c' ' or c'\t' <= c <= c'\r'


cdef bint parse_double_with_libc(const char *p, size_t n, double *out) noexcept nogil:
    cdef char stack[TEXT_SIZE]
    cdef char *text = &stack[0]
    cdef char *end
    cdef double value
    cdef bint whole
    cdef bint in_range
    cdef locale_t previous = uselocale(c_locale)
    if n >= TEXT_SIZE:
        text = <char *>mem_alloc(n + 1)
    memcpy(text, p, n)
    text[n] = 0
    errno.errno = 0
    value = strtod(text, &end)
    # ERANGE with a value that is neither zero nor infinite is a subnormal, and those are fine.
    in_range = errno.errno != errno.ERANGE or not (value == 0 or isinf(value))
    uselocale(previous)
    whole = end == text + n
    if n >= TEXT_SIZE:
        mem_free(text)
    if not whole or not in_range or isnan(value):
        return False
    out[0] = value
    return True


cdef bint parse_double(const char *p, size_t n, double *out) noexcept nogil:
    cdef Decimal decimal
    cdef double value
    if n == 0 or is_space(p[0]):
        return False
    # Digits and power of ten both exact: one rounding gives the nearest double (Clinger 1990).
    if (likely(scan_decimal(p, n, &decimal)) and decimal.digits <= <uint64_t>1 << 53
            and -DOUBLE_POWER_MAX <= decimal.exponent <= DOUBLE_POWER_MAX):
        value = <double>decimal.digits
        if decimal.exponent < 0:
            value = value / double_powers[-decimal.exponent]
        else:
            value = value * double_powers[decimal.exponent]
        out[0] = -value if decimal.negative else value
        return True
    return parse_double_with_libc(p, n, out)


cdef bint parse_long_double_with_libc(const char *p, size_t n, long double *out) noexcept nogil:
    cdef char text[LONG_DOUBLE_CHARS_MAX]
    cdef char *end
    cdef long double value
    cdef bint in_range
    cdef locale_t previous
    if n >= LONG_DOUBLE_CHARS_MAX:   # Redis has the same limit
        return False
    memcpy(text, p, n)
    text[n] = 0
    previous = uselocale(c_locale)
    errno.errno = 0
    value = strtold(text, &end)
    in_range = errno.errno != errno.ERANGE or not (value == 0 or isinf(value))
    uselocale(previous)
    if end != text + n or not in_range or isnan(value):
        return False
    out[0] = value
    return True


cdef bint parse_long_double(const char *p, size_t n, long double *out) noexcept nogil:
    cdef Decimal decimal
    cdef long double value
    if n == 0 or is_space(p[0]):
        return False
    if (LDBL_MANT_DIG >= 64 and scan_decimal(p, n, &decimal)
            and -LONG_DOUBLE_POWER_MAX <= decimal.exponent <= LONG_DOUBLE_POWER_MAX):
        value = <long double>decimal.digits
        if decimal.exponent < 0:
            value = value / long_double_powers[-decimal.exponent]
        else:
            value = value * long_double_powers[decimal.exponent]
        out[0] = -value if decimal.negative else value
        return True
    return parse_long_double_with_libc(p, n, out)


# --- floating point out ---

cdef int write_exponent(char *buffer, int exponent) noexcept nogil:
    buffer[0] = c'e'
    buffer[1] = c'-' if exponent < 0 else c'+'
    return 2 + format_uint64(buffer + 2, <uint64_t>(-exponent if exponent < 0 else exponent))


cdef int lay_out(char *buffer, const char *digits, int count, int power) noexcept nogil:
    """`digits` times ten to the `power` as Redis spells it: an exponent only when far from the dot.

    `first` is the power of the first digit: "1e+21" has 21, "0.001" has -3.
    """
    cdef int first = power + count - 1
    cdef int zeros
    if 0 <= power < 8:
        memcpy(buffer, digits, count)
        memset(buffer + count, c'0', power)
        return count + power
    if power < 0 and (power > -7 or -4 < first < 4):
        if first >= 0:
            memcpy(buffer, digits, first + 1)
            buffer[first + 1] = c'.'
            memcpy(buffer + first + 2, digits + first + 1, count - first - 1)
            return count + 1
        zeros = -first - 1
        buffer[0] = c'0'
        buffer[1] = c'.'
        memset(buffer + 2, c'0', zeros)
        memcpy(buffer + 2 + zeros, digits, count)
        return 2 + zeros + count
    buffer[0] = digits[0]
    if count == 1:
        return 1 + write_exponent(buffer + 1, first)
    buffer[1] = c'.'
    memcpy(buffer + 2, digits + 1, count - 1)
    return 1 + count + write_exponent(buffer + 1 + count, first)


cdef int write_word(char *buffer, const char *word, int length, bint negative) noexcept nogil:
    buffer[0] = c'-'
    memcpy(buffer + negative, word, length)
    return length + negative


cdef int format_double(char *buffer, double v) noexcept nogil:
    cdef char digits[DIGITS_MAX]
    cdef int power
    cdef int count
    cdef bint negative
    if unlikely(isnan(v)):
        return write_word(buffer, b"nan", 3, False)
    # Beyond 2^62 Redis uses the shortest digits for integers too.
    if -4611686018427387904.0 <= v <= 4611686018427387904.0 and <double><int64_t>v == v:
        if v == 0:
            return write_word(buffer, b"0", 1, signbit(v))
        return format_int64(buffer, <int64_t>v)
    negative = v < 0
    if unlikely(isinf(v)):
        return write_word(buffer, b"inf", 3, negative)
    buffer[0] = c'-'
    count = shortest_digits(v, digits, &power)
    return negative + lay_out(buffer + negative, digits, count, power)


cdef inline int trim_zeros(const char *buffer, int length) noexcept nogil:
    while buffer[length - 1] == c'0':
        length -= 1
    return length - 1 if buffer[length - 1] == c'.' else length


cdef int format_long_double_exactly(char *buffer, uint64_t significand, int shift) noexcept nogil:
    """significand / 2^shift with 17 decimals, ties to even like printf; 0 <= shift <= 127."""
    cdef uint64_t whole = significand >> shift if shift < 64 else 0
    cdef uint64_t fraction = significand - (whole << shift if shift < 64 else 0)
    cdef uint128_t product = <uint128_t>fraction * POWERS_OF_TEN[DECIMALS]
    cdef uint128_t half = <uint128_t>1 << shift >> 1
    cdef uint64_t decimals = <uint64_t>(product >> shift)
    cdef uint128_t rest = product - (<uint128_t>decimals << shift)
    cdef int length
    if rest > half or (rest == half and shift and decimals & 1):
        decimals += 1
    if decimals == POWERS_OF_TEN[DECIMALS]:
        decimals = 0
        whole += 1
    length = format_uint64(buffer, whole)
    if decimals == 0:
        return length
    buffer[length] = c'.'
    length += 1 + DECIMALS
    write_digits(buffer + length, decimals, DECIMALS)
    return trim_zeros(buffer, length)


cdef int format_long_double(char *buffer, long double v) noexcept nogil:
    cdef bint negative = v < 0
    cdef int exponent
    cdef int length
    cdef long double fraction
    cdef locale_t previous
    if isnan(v):
        return write_word(buffer, b"nan", 3, False)
    if isinf(v):
        return write_word(buffer, b"inf", 3, negative)
    buffer[0] = c'-'
    fraction = frexpl(-v if negative else v, &exponent)
    if LDBL_MANT_DIG <= 64 and -63 <= exponent <= 64:
        length = negative + format_long_double_exactly(
            buffer + negative, <uint64_t>ldexpl(fraction, 64), 64 - exponent)
    elif LDBL_MANT_DIG <= 64 and exponent < 0:
        length = write_word(buffer, b"0", 1, negative)
    else:
        previous = uselocale(c_locale)
        length = snprintf(buffer, LONG_DOUBLE_CHARS_MAX, b"%.17Lf", v)
        uselocale(previous)
        if memchr(buffer, c'.', length) != NULL:
            length = trim_zeros(buffer, length)
    if length == 2 and buffer[0] == c'-' and buffer[1] == c'0':
        buffer[0] = c'0'
        return 1
    return length


cdef void prepare() noexcept:
    global c_locale
    cdef int i
    # Written as strtod would see it, whatever locale the embedding program has chosen.
    c_locale = newlocale(LC_ALL_MASK, b"C", NULL)
    double_powers[0] = 1
    for i in range(1, DOUBLE_POWER_MAX + 1):
        double_powers[i] = double_powers[i - 1] * 10
    long_double_powers[0] = 1
    for i in range(1, LONG_DOUBLE_POWER_MAX + 1):
        long_double_powers[i] = long_double_powers[i - 1] * 10


prepare()
