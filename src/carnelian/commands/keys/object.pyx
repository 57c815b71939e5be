"""OBJECT: how a value is represented and when it was used last."""

from libc.stdint cimport int64_t
from libc.string cimport strlen

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, READS, STALE
from carnelian.engine.replies cimport container_help
from carnelian.keyspace.access cimport access_frequency
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.value cimport value_encoding
from carnelian.resp.reply cimport reply_bulk, reply_int, reply_null

from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import KEYS_INSPECTED

command = family("generic")

SWITCHING = (" Please note that when switching between policies at runtime LRU and LFU data will"
             " take some time to adjust.")


cdef bint look(Call call, KeyRef *ref):
    """Find the key without using it; a missing one is answered here."""
    call.engine.expiry.find(ref, call.db, call.argv[2].ptr, call.argv[2].len)
    if ref.slot == NULL:
        call.engine.stats.misses += 1
        reply_null(call.reply)
        return False
    call.engine.stats.hits += 1
    return True


command(0, "OBJECT", container=True, since="2.2.3",
        about="Commands that look at the inner form of values.")


cdef int encoding(Call call) except -1:
    cdef KeyRef ref
    cdef const char *name
    if look(call, &ref):
        name = value_encoding(ref.slot[0])
        reply_bulk(call.reply, name, strlen(name))
    return 0


command(handler(encoding), "OBJECT ENCODING key", READS, since="2.2.3", cost="O(1)",
        about="Name the representation of a value.", key_flags=KEYS_INSPECTED,
        tips=("nondeterministic_output",),
        help=("    Return the kind of internal representation used in order to store the value",
              "    associated with a <key>."))


cdef int freq(Call call) except -1:
    cdef KeyRef ref
    if look(call, &ref):
        if not call.engine.lfu:
            raise error("An LFU maxmemory policy is not selected, access frequency not tracked."
                        + SWITCHING)
        reply_int(call.reply, access_frequency(
            ref.slot[0].access, call.engine.access_clock, &call.engine.limits))
    return 0


command(handler(freq), "OBJECT FREQ key", READS, since="4.0.0", cost="O(1)",
        about="Tell how often a key is used, on a logarithmic scale.", key_flags=KEYS_INSPECTED,
        tips=("nondeterministic_output",),
        help=("    Return the access frequency index of the <key>. The returned integer is",
              "    proportional to the logarithm of the recent access frequency of the key."))


command(handler(container_help), "OBJECT HELP", LOADING | STALE, since="6.2.0", cost="O(1)",
        about="Explain the subcommands.")


cdef int idletime(Call call) except -1:
    cdef KeyRef ref
    if look(call, &ref):
        if call.engine.lfu:
            raise error("An LFU maxmemory policy is selected, idle time not tracked." + SWITCHING)
        # A clock that was set back must not show as years of idleness.
        reply_int(call.reply,
                  max(<int64_t>call.engine.access_clock - <int64_t>ref.slot[0].access, 0))
    return 0


command(handler(idletime), "OBJECT IDLETIME key", READS, since="2.2.3", cost="O(1)",
        about="Tell for how many seconds a key has not been used.", key_flags=KEYS_INSPECTED,
        tips=("nondeterministic_output",),
        help=("    Return the idle time of the <key>, that is the approximated number of",
              "    seconds elapsed since the last access to the key."))


cdef int refcount(Call call) except -1:
    cdef KeyRef ref
    if look(call, &ref):
        reply_int(call.reply, 1)
    return 0


command(handler(refcount), "OBJECT REFCOUNT key", READS, since="2.2.3", cost="O(1)",
        about="Tell how many references there are to a value.", key_flags=KEYS_INSPECTED,
        tips=("nondeterministic_output",),
        help=("    Return the number of references of the value associated with the specified",
              "    <key>."))
