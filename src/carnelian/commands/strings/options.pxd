"""The options SET, GETEX, MSETEX, DELEX and INCREX share: conditions and expiry times.

Owns no memory: an `Options` refers to arguments of the call by their index.
"""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.slice cimport Slice
from carnelian.engine.call cimport Call
from carnelian.keyspace.entry cimport Entry


cdef enum:
    OPTION_NX = 1
    OPTION_XX = 1 << 1
    OPTION_GET = 1 << 2
    OPTION_KEEPTTL = 1 << 3
    OPTION_PERSIST = 1 << 4
    OPTION_EX = 1 << 5
    OPTION_PX = 1 << 6
    OPTION_EXAT = 1 << 7
    OPTION_PXAT = 1 << 8
    OPTION_IFEQ = 1 << 9
    OPTION_IFNE = 1 << 10
    OPTION_IFDEQ = 1 << 11
    OPTION_IFDNE = 1 << 12
    OPTION_EXISTENCE = OPTION_NX | OPTION_XX
    OPTION_COMPARISON = OPTION_IFEQ | OPTION_IFNE | OPTION_IFDEQ | OPTION_IFDNE
    OPTION_TIME = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT
    OPTION_TTL = OPTION_TIME | OPTION_KEEPTTL | OPTION_PERSIST

cdef struct Options:
    uint32_t flags
    int time                   # index of the expiry time's argument
    int operand                # index of what the value or its digest is compared with


cdef uint32_t option_of(Slice word) noexcept nogil       # 0: none of them
# Arguments from `start` on; a word not among `allowed`, or at odds with an earlier one, is a syntax
# error.
cdef int options_parse(Call call, int start, uint32_t allowed, Options *options) except -1
# When the key is to expire, in unix milliseconds; 0 if the options do not say.
cdef int64_t options_expiry(Call call, Options *options) except -1
cdef int64_t expiry_ms(Call call, int i, uint32_t unit) except -1
# Whether IFEQ and its kin hold for a string; raises if the digest is not one.
cdef bint comparison_holds(Call call, uint32_t comparison, int operand, Entry *e) except -1
cdef void digest_text(Slice value, char *digest) noexcept nogil        # 16 characters
# Raise if a string of `length` and `more` bytes exceeds proto-max-bulk-len.
cdef int check_length(Call call, size_t length, size_t more) except -1
