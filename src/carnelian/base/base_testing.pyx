"""The native leaf functions of this layer as Python ones. Only tests may import it."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.clock cimport clock_ms, clock_us, monotonic_ns, monotonic_us
from carnelian.base.glob cimport glob_match
from carnelian.base.numbers cimport (
    DOUBLE_CHARS_MAX, INT64_CHARS_MAX, LONG_DOUBLE_CHARS_MAX, digits10, format_double, format_int64,
    format_long_double, format_uint64, parse_double, parse_int64, parse_long_double, parse_uint64,
    parse_uint64_lenient,
)
from carnelian.base.random cimport random64, random_below

# --- numbers ---


def int64_from(bytes text):
    cdef int64_t value = 0
    return value if parse_int64(text, len(text), &value) else None


def uint64_from(bytes text):
    cdef uint64_t value = 0
    return value if parse_uint64(text, len(text), &value) else None


def uint64_lenient_from(bytes text):
    cdef uint64_t value = 0
    return value if parse_uint64_lenient(text, len(text), &value) else None


def double_from(bytes text):
    cdef double value = 0
    return value if parse_double(text, len(text), &value) else None


def int64_text(int64_t value):
    cdef char buffer[INT64_CHARS_MAX]
    return buffer[:format_int64(buffer, value)]


def uint64_text(uint64_t value):
    cdef char buffer[INT64_CHARS_MAX]
    return buffer[:format_uint64(buffer, value)]


def double_text(double value):
    cdef char buffer[DOUBLE_CHARS_MAX]
    return buffer[:format_double(buffer, value)]


def long_double_sum(bytes first, bytes second):
    """What INCRBYFLOAT makes of two numbers; None if one of them is not a number."""
    cdef char buffer[LONG_DOUBLE_CHARS_MAX]
    cdef long double a = 0
    cdef long double b = 0
    if not parse_long_double(first, len(first), &a):
        return None
    if not parse_long_double(second, len(second), &b):
        return None
    return buffer[:format_long_double(buffer, a + b)]


def digit_count(uint64_t value):
    return digits10(value)


# --- glob ---


def glob(bytes pattern, bytes text, bint nocase=False):
    return glob_match(pattern, len(pattern), text, len(text), nocase) != 0


# --- clock and random ---


def clocks():
    return clock_ms(), clock_us(), monotonic_us(), monotonic_ns()


def draw():
    return random64()


def draw_below(uint64_t n):
    return random_below(n)
