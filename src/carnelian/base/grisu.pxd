"""Shortest decimal digits of a double, digit for digit those of Redis 7.2 and Valkey."""


cdef enum:
    DIGITS_MAX = 18

# The digits of finite non-zero |v| = digits * 10^power; returns how many there are, 17 at most.
cdef int shortest_digits(double v, char *digits, int *power) noexcept nogil
