"""MEMORY: what takes how many bytes."""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport (
    Heap, heap_committed, heap_live, heap_peak, heap_tidy_all, heap_used, mem_usable,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, READS, STALE
from carnelian.engine.engine cimport Engine
from carnelian.engine.replies cimport container_help, reply_structure
from carnelian.keyspace.database cimport KeyRef, database_count
from carnelian.keyspace.entry cimport EXPIRES, POINTER, Entry, entry_pointer
from carnelian.keyspace.value cimport value_bytes
from carnelian.resp.reply cimport reply_int, reply_null, reply_ok, reply_verbatim

from carnelian.base import resident
from carnelian.commands.clients.client_info import client_type, session_bytes
from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX
from carnelian.declare.flags import KEYS_INSPECTED

command = family("server")

cdef extern from *:
    """
    #if defined(__linux__)
    #include <malloc.h>
    #endif
    #if defined(__GLIBC__)
    #define cn_malloc_trim() ((void)malloc_trim(0))
    #else
    #define cn_malloc_trim() ((void)0)
    #endif
    """
    void trim_malloc "cn_malloc_trim"() nogil

cdef enum:
    SLOT_BYTES = 64 // 7           # of a bucket of the table of keys
    WHEEL_BYTES = 8                # of an expiry in the wheel
    FRAGMENTED_BYTES = 10 << 20    # waste below that is nothing to tell
    CLIENT_BYTES_MAX = 200 << 10

TYPE_REPLICA = 1                    # of client_type
TO_SHARDS = ("nondeterministic_output", "request_policy:all_shards", "response_policy:special")


def overhead_bytes(Engine engine):
    """What is no data: bytes at the start, of clients, replicas, the backlog, the append-only
    file's buffer, and of the tables of keys by database."""
    cdef int i
    sizes = {True: 0, False: 0}
    for each in engine.sessions.values():
        sizes[client_type(each) == TYPE_REPLICA] += session_bytes(each)
    stream, backlog = engine.host.replication.stream_bytes()
    return {
        "startup": min(engine.startup_bytes, heap_used(engine.heap)),
        "clients": sizes[False],
        "replicas": sizes[True] + stream - backlog,
        "backlog": backlog,
        "stream": stream,
        "aof": engine.host.persistence.log_buffer_bytes(),
        "tables": {
            i: engine.databases[i].keys.bytes for i in range(engine.database_count)
            if database_count(engine.databases[i])
        },
    }


cdef int64_t entry_bytes(Entry *e) noexcept:
    """A key with its value, as the allocator rounds, and its places in table and wheel."""
    cdef int64_t total = <int64_t>mem_usable(e) + SLOT_BYTES
    if e.flags & EXPIRES:
        total += WHEEL_BYTES
    if e.flags & POINTER:
        total += <int64_t>value_bytes(e.kind, entry_pointer(e))
    return total


command(0, "MEMORY", container=True, since="4.0.0", about="Commands about the use of memory.")


cdef int usage(Call call) except -1:
    cdef KeyRef ref
    cdef int i = 3
    while i < call.argc:
        if not call.is_word(i, b"samples") or i + 1 == call.argc:
            raise SYNTAX
        if call.int(i + 1) < 0:
            raise SYNTAX
        i += 2
    call.engine.expiry.find(&ref, call.db, call.argv[2].ptr, call.argv[2].len)
    if ref.slot == NULL:
        reply_null(call.reply)
    else:
        reply_int(call.reply, entry_bytes(ref.slot[0]))
    return 0


command(handler(usage), "MEMORY USAGE key [SAMPLES count]", READS, since="4.0.0",
        cost="O(N) where N is the number of samples.", key_flags=KEYS_INSPECTED,
        about="Return how many bytes a key and its value take.",
        help=("    Return memory in bytes used by <key> and its value. Nested values are",
              "    sampled up to <count> times (default: 5, 0 means sample all)."))


def overhead_total(Engine engine, dict parts):
    names = ("startup", "clients", "replicas", "backlog", "aof")
    total = sum([parts[name] for name in names]) + sum(parts["tables"].values())
    return min(total, heap_used(engine.heap))


def figures(Engine engine):
    """MEMORY STATS, in the order of Redis."""
    used, peak = heap_used(engine.heap), max(heap_peak(engine.heap), 1)
    active, rss = max(heap_committed(engine.heap), used), resident.resident_bytes()
    parts = overhead_bytes(engine)
    tables = parts["tables"]
    overhead = overhead_total(engine, parts)
    keys = sum([size[1] for size in engine.sizes()])
    beyond_start = used - parts["startup"]
    found = {
        "peak.allocated": peak,
        "total.allocated": used,
        "startup.allocated": parts["startup"],
        "replication.backlog": parts["backlog"],
        "clients.slaves": parts["replicas"],
        "clients.normal": parts["clients"],
        "cluster.links": 0,
        "aof.buffer": parts["aof"],
        "lua.caches": 0,
        "functions.caches": 0,
    }
    for number, size in tables.items():
        found[f"db.{number}"] = {"overhead.hashtable.main": size, "overhead.hashtable.expires": 0}
    return found | {
        "overhead.total": overhead,
        "keys.count": keys,
        "keys.bytes-per-key": beyond_start // keys if keys else 0,
        "dataset.bytes": used - overhead,
        "dataset.percentage": (used - overhead) * 100.0 / max(beyond_start, 1),
        "peak.percentage": used * 100.0 / peak,
        "allocator.allocated": used,
        "allocator.active": active,
        "allocator.resident": rss,
        "allocator-fragmentation.ratio": active / max(used, 1),
        "allocator-fragmentation.bytes": active - used,
        "allocator-rss.ratio": rss / max(active, 1),
        "allocator-rss.bytes": rss - active,
        "rss-overhead.ratio": 1.0,
        "rss-overhead.bytes": 0,
        "fragmentation": rss / max(used, 1),
        "fragmentation.bytes": rss - used,
    }


cdef int stats(Call call) except -1:
    reply_structure(call.reply, figures(call.engine))
    return 0


command(handler(stats), "MEMORY STATS", since="4.0.0", cost="O(1)", tips=TO_SHARDS,
        about="Return figures of what memory is used for.",
        help=("    Return information about the memory usage of the server.",))


def advice(dict found, int clients):
    """What is remarkable in MEMORY STATS, as sentences."""
    used = found["total.allocated"]
    lines = []
    if found["peak.allocated"] > 1.5 * used and (
            found["peak.allocated"] - used > FRAGMENTED_BYTES):
        lines.append(
            "Peak memory: the server once used more than 150% of what it uses now. Memory that was"
            " not given back since stands by for reuse; MEMORY PURGE returns what it can.")
    if found["allocator-fragmentation.ratio"] > 1.4 and (
            found["allocator-fragmentation.bytes"] > FRAGMENTED_BYTES):
        lines.append(
            "High allocator fragmentation: over 40% more is reserved than used, because blocks of"
            " some sizes were freed that others cannot take.")
    if clients and found["clients.normal"] > clients * CLIENT_BYTES_MAX:
        lines.append(
            "Big client buffers: clients take more than 200 KB each on average. Perhaps some do not"
            " read their replies or messages.")
    return lines


cdef int doctor(Call call) except -1:
    cdef bytes text
    found = figures(call.engine)
    lines = advice(found, len(call.engine.sessions))
    if found["total.allocated"] < FRAGMENTED_BYTES // 2 and not lines:
        lines = ["This instance uses hardly any memory: there is nothing to find yet."]
    elif not lines:
        lines = ["No memory issue was found in this instance."]
    text = "\n\n".join(lines).encode() + b"\n"
    reply_verbatim(call.reply, b"txt", text, len(text))
    return 0


command(handler(doctor), "MEMORY DOCTOR", since="4.0.0", cost="O(1)", tips=TO_SHARDS,
        about="Look for memory problems.",
        help=("    Return memory problems reports.",))


cdef int malloc_stats(Call call) except -1:
    cdef Heap *heap = call.engine.heap
    cdef bytes text = (
        f"blocks in use: {heap_live(heap)}\nbytes in use: {heap_used(heap)}\n"
        f"most bytes ever: {heap_peak(heap)}\nbytes of spans: {heap_committed(heap)}\n").encode()
    reply_verbatim(call.reply, b"txt", text, len(text))
    return 0


command(handler(malloc_stats), "MEMORY MALLOC-STATS", since="4.0.0",
        cost="Depends on how much memory is allocated, could be slow", tips=TO_SHARDS,
        about="Return the allocator's own figures.",
        help=("    Return internal statistics report from the memory allocator.",))


cdef int purge(Call call) except -1:
    heap_tidy_all(call.engine.heap)
    trim_malloc()
    reply_ok(call.reply)
    return 0


command(handler(purge), "MEMORY PURGE", since="4.0.0",
        cost="Depends on how much memory is allocated, could be slow", tips=(
            "request_policy:all_shards", "response_policy:all_succeeded"),
        about="Give unused memory back to the system.",
        help=("    Attempt to purge dirty pages for reclamation by the allocator.",))


command(handler(container_help), "MEMORY HELP", LOADING | STALE, since="4.0.0", cost="O(1)",
        about="Say what the subcommands do.")
