"""The sequence of random numbers made repeatable, for simulations."""

from carnelian.base.random cimport random_seed


def seed(n):
    """Of this thread. Any integer below 2**64 will do."""
    random_seed(n)
