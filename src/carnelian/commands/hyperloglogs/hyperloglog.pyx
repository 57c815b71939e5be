"""The HyperLogLog commands, on strings in Redis's own representation."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.hyperloglog cimport (
    HLL_CORRUPT, HLL_DENSE, HLL_HEADER_SIZE, HLL_NONE, HLL_REGISTERS, HLL_SPARSE, HllKind, HllWork,
    hll_add, hll_cache_clear, hll_cache_store, hll_cached, hll_count, hll_count_registers,
    hll_dense_add, hll_kind, hll_load, hll_merge, hll_new, hll_raise, hll_to_dense,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, DENY_OOM, FAST, MAY_REPLICATE, READS, WRITES
from carnelian.engine.events cimport NOTIFY_STRING
from carnelian.engine.values cimport assign_text
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport STRING_RAW, TYPE_STRING, Entry
from carnelian.types.string.value cimport text_value, text_writable
from carnelian.resp.reply cimport reply_array, reply_bulk, reply_int, reply_literal, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import CommandError, error
from carnelian.declare.flags import KEY_ACCESS, KEY_INSERT, KEY_RW, KEYS_EXTENDED, SYSCMD

command = family("hyperloglog")

NOT_HYPERLOGLOG = CommandError(b"WRONGTYPE Key is not a valid HyperLogLog string value.")
CORRUPT = CommandError(b"INVALIDOBJ Corrupted HLL object detected")


cdef enum:
    SELF_TEST_ELEMENTS = 1000000
    SELF_TEST_SPARSE_MAX = 3000


cdef HllKind kind_of(Entry *e) except? HLL_NONE:
    cdef Slice value = text_value(e)
    cdef HllKind kind = hll_kind(<const uint8_t *>value.ptr, value.len)
    if kind == HLL_NONE:
        raise NOT_HYPERLOGLOG
    return kind


cdef int check(int outcome) except -1:
    if outcome == HLL_CORRUPT:
        raise CORRUPT
    return outcome


cdef int load(HllWork *work, Entry *e) except -1:
    cdef Slice value = text_value(e)
    return check(hll_load(work, <const uint8_t *>value.ptr, value.len))


cdef void store(Call call, KeyRef *ref, HllWork *work):
    assign_text(call, ref, <char *>work.data, work.size, True)
    ref.slot[0].flags |= STRING_RAW


cdef int pfadd(Call call) except -1:
    cdef HllWork work
    cdef KeyRef ref
    cdef uint8_t *p
    cdef int64_t updates = 0
    cdef size_t sparse_max
    cdef int i
    if call.find_typed_to_write(1, TYPE_STRING, &ref) and kind_of(ref.slot[0]) == HLL_DENSE:
        p = <uint8_t *>text_writable(&ref)
        ref.slot[0].flags |= STRING_RAW
        for i in range(2, call.argc):
            updates += hll_dense_add(p, call.argv[i])
        if updates:
            hll_cache_clear(p)
    else:
        if ref.slot == NULL:
            hll_new(&work)
            updates = 1
        else:
            load(&work, ref.slot[0])
        sparse_max = <size_t>call.engine.host.configuration.hll_sparse_max_bytes
        for i in range(2, call.argc):
            updates += check(hll_add(&work, call.argv[i], sparse_max))
        if updates:
            hll_cache_clear(work.data)
            store(call, &ref, &work)
    if updates:
        call.changed(&ref, NOTIFY_STRING, b"pfadd")
        call.dirty += updates - 1
    reply_int(call.reply, updates != 0)
    return 0


command(handler(pfadd), "PFADD key [element [element ...]]", WRITES | DENY_OOM | FAST,
        since="2.8.9", cost="O(1) for each element", key_flags=KEYS_EXTENDED,
        about="Add elements to a HyperLogLog; whether its estimate may have changed.")


cdef int merge_keys(Call call, int first, uint8_t *registers, bint *any_dense) except -1:
    """Raise the registers to those of the keys from argument `first` on."""
    cdef KeyRef ref
    cdef Slice value
    cdef int i
    memset(registers, 0, HLL_REGISTERS)
    for i in range(first, call.argc):
        if call.find_typed(i, TYPE_STRING, &ref):
            if kind_of(ref.slot[0]) == HLL_DENSE:
                any_dense[0] = True
            value = text_value(ref.slot[0])
            check(hll_merge(registers, <const uint8_t *>value.ptr, value.len))
    return 0


cdef int pfcount(Call call) except -1:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef KeyRef ref
    cdef Slice value
    cdef uint64_t count = 0
    cdef int64_t estimate
    cdef bint any_dense = False
    if call.argc > 2:
        merge_keys(call, 1, registers, &any_dense)
        count = hll_count_registers(registers)
    elif call.find_typed(1, TYPE_STRING, &ref):
        kind_of(ref.slot[0])
        value = text_value(ref.slot[0])
        if not hll_cached(<const uint8_t *>value.ptr, &count):
            estimate = hll_count(<const uint8_t *>value.ptr, value.len)
            if estimate == HLL_CORRUPT:
                raise CORRUPT
            count = <uint64_t>estimate
            hll_cache_store(<uint8_t *>text_writable(&ref), count)
            # The string has changed, so this is propagated although it only reads.
            call.modified(&ref)
        ref.slot[0].flags |= STRING_RAW
    reply_int(call.reply, <int64_t>count)
    return 0


command(handler(pfcount), "PFCOUNT key [key ...]", READS | MAY_REPLICATE, since="2.8.9",
        cost="O(1) for one key, whose estimate is kept; O(N) for N keys",
        key_flags=KEY_RW | KEY_ACCESS,
        about="Estimate how many different elements HyperLogLogs have seen.",
        key_notes=("RW because it may change the internal representation of the"
                   " key, and propagate to replicas",))


cdef int pfmerge(Call call) except -1:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef HllWork work
    cdef KeyRef ref
    cdef bint any_dense = False
    merge_keys(call, 1, registers, &any_dense)
    if call.find_typed_to_write(1, TYPE_STRING, &ref):
        load(&work, ref.slot[0])
    else:
        hll_new(&work)
    if any_dense:
        check(hll_to_dense(&work))
    check(hll_raise(&work, registers, <size_t>call.engine.host.configuration.hll_sparse_max_bytes))
    hll_cache_clear(work.data)
    store(call, &ref, &work)
    # Redis says pfadd too: it is an addition of many elements.
    call.changed(&ref, NOTIFY_STRING, b"pfadd")
    reply_ok(call.reply)
    return 0


command(handler(pfmerge), "PFMERGE destkey [sourcekey [sourcekey ...]]", WRITES | DENY_OOM,
        since="2.8.9", cost="O(N) where N is the number of keys",
        key_flags=(KEY_RW | KEY_ACCESS | KEY_INSERT,),
        about="Merge HyperLogLogs into one.")


cdef bint make_dense(Call call, KeyRef *ref) except -1:
    """Whether it was sparse."""
    cdef HllWork work
    if kind_of(ref.slot[0]) == HLL_DENSE:
        return False
    load(&work, ref.slot[0])
    check(hll_to_dense(&work))
    store(call, ref, &work)
    call.dirty += 1
    return True


cdef int reply_registers(Call call, KeyRef *ref) except -1:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef Slice value
    cdef int i
    make_dense(call, ref)
    value = text_value(ref.slot[0])
    memset(registers, 0, HLL_REGISTERS)
    check(hll_merge(registers, <const uint8_t *>value.ptr, value.len))
    reply_array(call.reply, HLL_REGISTERS)
    for i in range(HLL_REGISTERS):
        reply_int(call.reply, registers[i])
    return 0


cdef bytes opcodes_text(Slice value):
    """The runs of a sparse one: zeros (z, long Z) and values (v)."""
    cdef list runs = []
    cdef size_t i = HLL_HEADER_SIZE
    cdef uint8_t c
    while i < value.len:
        c = <uint8_t>value.ptr[i]
        if c & 0x80:
            runs.append(b"v:%d,%d" % ((c >> 2 & 31) + 1, (c & 3) + 1))
        elif c & 0x40:
            if i + 1 == value.len:
                break
            i += 1
            runs.append(b"Z:%d" % (((c & 63) << 8 | <uint8_t>value.ptr[i]) + 1))
        else:
            runs.append(b"z:%d" % ((c & 63) + 1))
        i += 1
    return b" ".join(runs)


cdef int pfdebug(Call call) except -1:
    cdef KeyRef ref
    cdef bytes text
    if not call.find_typed_to_write(2, TYPE_STRING, &ref):
        raise error("The specified key does not exist")
    if kind_of(ref.slot[0]) == HLL_SPARSE and call.is_word(1, b"decode"):
        text = opcodes_text(text_value(ref.slot[0]))
        reply_bulk(call.reply, text, len(text))
    elif call.is_word(1, b"decode"):
        raise error("HLL encoding is not sparse")
    elif call.is_word(1, b"getreg"):
        reply_registers(call, &ref)
    elif call.is_word(1, b"encoding"):
        if kind_of(ref.slot[0]) == HLL_SPARSE:
            reply_literal(call.reply, b"+sparse\r\n")
        else:
            reply_literal(call.reply, b"+dense\r\n")
    elif call.is_word(1, b"todense"):
        reply_int(call.reply, make_dense(call, &ref))
    else:
        raise error(b"Unknown PFDEBUG subcommand '%b'" % call.bytes(1))
    return 0


command(handler(pfdebug), "PFDEBUG subcommand key", WRITES | DENY_OOM | ADMIN, since="2.8.9",
        cost="O(1)", key_flags=KEY_RW | KEY_ACCESS, keys=("2",), doc_flags=SYSCMD,
        about="Show or change how a HyperLogLog is represented.")


cdef int pfselftest(Call call) except -1:
    """The estimate is within six standard errors, and the same for both representations."""
    cdef HllWork sparse
    cdef HllWork dense
    cdef uint64_t element
    cdef int64_t checkpoint = 1
    cdef int64_t estimate
    cdef int64_t i
    hll_new(&sparse)
    hll_new(&dense)
    check(hll_to_dense(&dense))
    for i in range(1, SELF_TEST_ELEMENTS + 1):
        element = <uint64_t>i ^ <uint64_t>call.engine.now_ms << 20
        hll_add(&sparse, slice_of(<char *>&element, 8), SELF_TEST_SPARSE_MAX)
        hll_dense_add(dense.data, slice_of(<char *>&element, 8))
        if i != checkpoint:
            continue
        estimate = hll_count(dense.data, dense.size)
        if estimate != hll_count(sparse.data, sparse.size):
            raise error("TESTFAILED dense/sparse disagree")
        if abs(estimate - checkpoint) > max(checkpoint * 6 * 104 // 12800, 1):
            raise error(f"TESTFAILED Too big error. card:{checkpoint}"
                        f" abserr:{abs(estimate - checkpoint)}")
        checkpoint *= 10
    reply_ok(call.reply)
    return 0


command(handler(pfselftest), "PFSELFTEST", ADMIN, since="2.8.9", cost="O(1)", doc_flags=SYSCMD,
        about="Check the HyperLogLog code: the estimates, and that the representations agree.")
