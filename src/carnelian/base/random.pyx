from libc.stdint cimport uint64_t
from carnelian.base.native cimport fold_mul
cdef uint64_t state = 88172645463325252ULL
cdef uint64_t random64() noexcept nogil:
    global state
    state += 0xa0761d6478bd642fULL
    return fold_mul(state, state ^ 0xe7037ed1a0b428dbULL)
