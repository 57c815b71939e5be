"""Conditions and expiry times of string commands; see string_options.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.native cimport add_overflow, likely
from carnelian.base.slice cimport Slice, slice_equal, slice_is
from carnelian.base.xxh3 cimport xxh3_64
from carnelian.engine.call cimport Call
from carnelian.engine.session cimport INTERNAL, PRIMARY
from carnelian.keyspace.entry cimport Entry
from carnelian.types.string.value cimport text_value

from carnelian.engine.errors import STRING_TOO_LONG, SYNTAX, error


cdef enum:
    DIGEST_LENGTH = 16
    LENGTH_LIMIT_MIN = 1 << 20     # proto-max-bulk-len is never lower

cdef int64_t SECONDS_MAX = 0x7FFFFFFFFFFFFFFF // 1000


cdef uint32_t option_of(Slice word) noexcept nogil:
    if word.len == 2:
        if slice_is(word, b"nx"):
            return OPTION_NX
        if slice_is(word, b"xx"):
            return OPTION_XX
        if slice_is(word, b"ex"):
            return OPTION_EX
        if slice_is(word, b"px"):
            return OPTION_PX
    elif word.len == 4:
        if slice_is(word, b"exat"):
            return OPTION_EXAT
        if slice_is(word, b"pxat"):
            return OPTION_PXAT
        if slice_is(word, b"ifeq"):
            return OPTION_IFEQ
        if slice_is(word, b"ifne"):
            return OPTION_IFNE
    elif slice_is(word, b"get"):
        return OPTION_GET
    elif slice_is(word, b"keepttl"):
        return OPTION_KEEPTTL
    elif slice_is(word, b"persist"):
        return OPTION_PERSIST
    elif slice_is(word, b"ifdeq"):
        return OPTION_IFDEQ
    elif slice_is(word, b"ifdne"):
        return OPTION_IFDNE
    return 0


cdef uint32_t rivals_of(uint32_t option) noexcept nogil:
    """Options that must not come before this one. Redis lets most be repeated."""
    if option & OPTION_TTL:
        return OPTION_TTL & ~option
    if option & OPTION_COMPARISON:
        return OPTION_EXISTENCE | OPTION_COMPARISON
    if option & OPTION_EXISTENCE:
        return OPTION_COMPARISON | OPTION_EXISTENCE & ~option
    return 0


cdef int options_parse(Call call, int start, uint32_t allowed, Options *options) except -1:
    cdef uint32_t option
    cdef int i = start
    options.flags = 0
    options.time = options.operand = 0
    while i < call.argc:
        option = option_of(call.argv[i])
        if not option & allowed or options.flags & rivals_of(option):
            raise SYNTAX
        options.flags |= option
        if option & (OPTION_TIME | OPTION_COMPARISON):
            i += 1
            if i == call.argc:
                raise SYNTAX
            if option & OPTION_TIME:
                options.time = i
            else:
                options.operand = i
        i += 1
    return 0


cdef int64_t options_expiry(Call call, Options *options) except -1:
    if not options.flags & OPTION_TIME:
        return 0
    return expiry_ms(call, options.time, options.flags & OPTION_TIME)


cdef int64_t expiry_ms(Call call, int i, uint32_t unit) except -1:
    cdef int64_t when = call.int(i)
    cdef bint in_seconds = unit & (OPTION_EX | OPTION_EXAT) != 0
    cdef bint good = 0 < when and (not in_seconds or when <= SECONDS_MAX)
    if good:
        if in_seconds:
            when *= 1000
        if unit & (OPTION_EX | OPTION_PX):
            good = not add_overflow(when, call.engine.now_ms, &when)
    if not good:
        raise error(f"invalid expire time in '{call.command.name}' command")
    return when


cdef void digest_text(Slice value, char *digest) noexcept nogil:
    cdef uint64_t rest = xxh3_64(value.ptr, value.len)
    cdef int i
    cdef int nibble
    for i in range(DIGEST_LENGTH - 1, -1, -1):
        nibble = <int>(rest & 15)
        digest[i] = <char>(nibble + (48 if nibble < 10 else 87))
        rest >>= 4


cdef bint comparison_holds(Call call, uint32_t comparison, int operand, Entry *e) except -1:
    cdef Slice value = text_value(e)
    cdef Slice wanted = call.argv[operand]
    cdef char digest[DIGEST_LENGTH + 1]
    if comparison & (OPTION_IFEQ | OPTION_IFNE):
        return slice_equal(value, wanted) == (comparison == OPTION_IFEQ)
    if wanted.len != DIGEST_LENGTH:
        raise error("digest must be exactly 16 hexadecimal characters")
    digest_text(value, digest)
    digest[DIGEST_LENGTH] = 0
    return slice_is(wanted, digest) == (comparison == OPTION_IFDEQ)


cdef int check_length(Call call, size_t length, size_t more) except -1:
    cdef uint64_t limit
    if likely(more <= LENGTH_LIMIT_MIN and length <= LENGTH_LIMIT_MIN - more):
        return 0
    if call.session.flags & (PRIMARY | INTERNAL):
        return 0
    limit = call.engine.host.configuration.proto_max_bulk_len
    if length + more < length or length + more > limit:
        raise STRING_TOO_LONG
    return 0
