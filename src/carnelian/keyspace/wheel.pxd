"""Entries in order of expiry: a timing wheel of 8 levels with 256 slots, one millisecond to 2^63.

Adding, removing and moving are O(1); finding what is due costs as much as there is due (each entry
descends at most once per level), however many keys wait. The wheel owns its slots; the entries
belong to the database, and each holds its own position (entry.pxd: place and slot).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.native cimport load16, load32
from carnelian.keyspace.entry cimport Entry


cdef enum:
    WHEEL_LEVELS = 8
    WHEEL_SLOTS = 256
    ADDRESS_SIZE = 6
    WHEEL_CHUNK = 352          # entries per chunk: 2,112 bytes, a size of which spans waste nothing

cdef struct WheelSlot:
    # all but the first hold WHEEL_CHUNK addresses of 6 bytes; the first grows up to that
    char **chunks
    uint32_t count
    uint32_t chunk_count
    uint32_t chunk_capacity    # of `chunks`
    uint32_t first_capacity    # of chunks[0]

cdef struct Wheel:
    int64_t now_ms             # every entry due before this has been handed out
    size_t count
    int pouring                # level whose current slot is only partly poured down, 0 for none
    WheelSlot *levels[WHEEL_LEVELS]
    uint64_t occupied[WHEEL_LEVELS][4]

cdef void wheel_init(Wheel *w, int64_t now_ms) noexcept nogil
cdef void wheel_free(Wheel *w) noexcept nogil                      # slots only
cdef void wheel_add(Wheel *w, Entry *e, int64_t when_ms) noexcept nogil
cdef void wheel_remove(Wheel *w, Entry *e) noexcept nogil
cdef void wheel_moved(Wheel *w, Entry *e) noexcept nogil           # the entry now lives at `e`
# Some entry with when < now_ms, or NULL; one that is overdue when it is added comes up one
# millisecond later. Stays in the wheel until the caller removes it. `steps` bounds the entries
# moved down a level by this call and is lowered by them; at 0 NULL may mean "ask again".
cdef Entry *wheel_due(Wheel *w, int64_t now_ms, int *steps) noexcept nogil
# The clock was set back: sort all entries anew around that time.
cdef void wheel_turn_back(Wheel *w, int64_t now_ms) noexcept nogil
# A lower bound of the next expiry, exact within its slot; -1 when empty.
cdef int64_t wheel_next_ms(Wheel *w) noexcept nogil
# Mean time to live, an estimate: a few entries speak for all of their slot, which expire close to
# them.
cdef int64_t wheel_mean_ttl_ms(Wheel *w, int64_t now_ms) noexcept nogil
cdef bint wheel_verify(Wheel *w) noexcept nogil


cdef inline char *wheel_cell(WheelSlot *s, uint32_t place) noexcept nogil:
    return s.chunks[place // WHEEL_CHUNK] + place % WHEEL_CHUNK * ADDRESS_SIZE


cdef inline Entry *wheel_entry(WheelSlot *s, uint32_t place) noexcept nogil:
    cdef char *p = wheel_cell(s, place)
    return <Entry *>(<uint64_t>load16(p + 4) << 32 | load32(p))
