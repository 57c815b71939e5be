"""Grisu2: F. Loitsch, "Printing floating-point numbers quickly and accurately with integers", 2010.

The digits always read back as the same double; about one time in a thousand they are one more than
necessary. That, and which cached power is taken where two would do, follows Redis to the byte.

The value and the middles to its two neighbours are scaled by a cached power of ten so that the
binary point falls inside the word; digits of the upper middle are then produced until what is left
is less than the distance between the two:

    lower          v       upper
    --|------------|---------|--       spread = upper - lower, above = upper - v
"""

from libc.stdint cimport uint32_t, uint64_t

from carnelian.base.native cimport clz64, load64, mul_high

cdef enum:
    POWER_FIRST = -348
    POWER_STEP = 8
    POWER_COUNT = 87
    EXPONENT_MIN = -60      # of a scaled value: the integer part fits in 32 bits ...
    EXPONENT_MAX = -32      # ... and the fraction leaves room for a multiplication by ten

cdef uint64_t power_significand[POWER_COUNT]
cdef int power_exponent[POWER_COUNT]
cdef uint32_t powers_of_ten[10]


cdef inline uint64_t multiply(uint64_t a, uint64_t b) noexcept nogil:
    """The upper half of the product, rounded."""
    return mul_high(a, b) + (a * b >> 63)


cdef inline int cached_power(int exponent) noexcept nogil:
    """Index of the power of ten that brings a value with this binary exponent into the window."""
    cdef int power = <int>(-(exponent + POWER_COUNT) * 0.30102999566398114)
    cdef int i = (power - POWER_FIRST) // POWER_STEP
    cdef int scaled
    while True:
        scaled = exponent + power_exponent[i] + 64
        if scaled < EXPONENT_MIN:
            i += 1
        elif scaled > EXPONENT_MAX:
            i -= 1
        else:
            return i


cdef inline void round_down(char *last, uint64_t spread, uint64_t rest, uint64_t unit,
                            uint64_t above) noexcept nogil:
    """Lower the last digit while that stays above `lower` and comes nearer to the value."""
    while (rest < above and spread - rest >= unit
           and (rest + unit < above or above - rest > rest + unit - above)):
        last[0] -= 1
        rest += unit


cdef int generate(char *digits, int *power, uint64_t upper, uint64_t spread, uint64_t above,
                  int shift) noexcept nogil:
    cdef uint64_t one = <uint64_t>1 << shift
    cdef uint32_t whole = <uint32_t>(upper >> shift)
    cdef uint64_t fraction = upper & (one - 1)
    cdef uint64_t rest
    cdef uint64_t scale = 1
    cdef uint32_t unit
    cdef uint32_t digit
    cdef int place = 9
    cdef int count = 0
    while place > 0 and whole < powers_of_ten[place]:
        place -= 1
    while place >= 0:
        unit = powers_of_ten[place]
        digit = whole // unit
        whole -= digit * unit
        digits[count] = <char>(48 + digit)
        count += 1
        rest = (<uint64_t>whole << shift) + fraction
        if rest <= spread:
            power[0] += place
            round_down(digits + count - 1, spread, rest, <uint64_t>unit << shift, above)
            return count
        place -= 1
    while True:
        fraction *= 10
        spread *= 10
        scale *= 10
        digits[count] = <char>(48 + (fraction >> shift))
        count += 1
        fraction &= one - 1
        if fraction < spread:
            power[0] += place
            round_down(digits + count - 1, spread, fraction, one, above * scale)
            return count
        place -= 1


cdef int shortest_digits(double v, char *digits, int *power) noexcept nogil:
    cdef uint64_t bits = load64(&v)
    cdef uint64_t significand = bits & ((<uint64_t>1 << 52) - 1)
    cdef int exponent = <int>(bits >> 52 & 0x7FF)
    cdef uint64_t lower
    cdef uint64_t upper
    cdef uint64_t scale
    cdef int shift
    cdef int i
    if exponent:
        significand |= <uint64_t>1 << 52
    else:
        exponent = 1
    shift = clz64(significand)
    exponent -= 1075 + shift
    upper = ((significand << 1) + 1) << (shift - 1)
    # Below a power of two the neighbours are half as far away.
    if significand == <uint64_t>1 << 52:
        lower = ((significand << 2) - 1) << (shift - 2)
    else:
        lower = ((significand << 1) - 1) << (shift - 1)
    i = cached_power(exponent)
    scale = power_significand[i]
    power[0] = -(POWER_FIRST + i * POWER_STEP)
    # One unit off either side, as the scaling may be wrong by that much.
    upper = multiply(upper, scale) - 1
    lower = multiply(lower, scale) + 1
    return generate(digits, power, upper, upper - lower,
                    upper - multiply(significand << shift, scale),
                    -(exponent + power_exponent[i] + 64))


def _prepare():
    """Every eighth power of ten as a 64-bit significand, rounded, and a binary exponent."""
    cdef int i
    for i in range(10):
        powers_of_ten[i] = powers_of_ten[i - 1] * 10 if i else 1
    for i in range(POWER_COUNT):
        power = POWER_FIRST + POWER_STEP * i
        above = 10 ** power if power >= 0 else 1
        below = 1 if power >= 0 else 10 ** -power
        if power >= 0:
            exponent = above.bit_length() - 64
        else:
            exponent = -below.bit_length() - 63
        if exponent >= 0:
            below <<= exponent
        else:
            above <<= -exponent
        power_significand[i] = (2 * above + below) // (2 * below)
        power_exponent[i] = exponent


_prepare()
