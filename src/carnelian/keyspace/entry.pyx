"""Building and reshaping of entries; entry.pxd has the layout."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.base.native cimport store32
from carnelian.base.slice cimport Slice


cdef Slice entry_key(void *e) noexcept nogil:
    cdef Slice s
    s.ptr = entry_key_ptr(<Entry *>e)
    s.len = entry_key_len(<Entry *>e)
    return s


cdef inline void put_lengths(Entry *e, size_t key_len, size_t value_len) noexcept nogil:
    cdef char *p = <char *>e + HEADER_SIZE + EXPIRY_SIZE * (e.flags & 1)
    if e.flags & LONG_KEY:
        store32(p, <uint32_t>key_len)
        p += 4
    else:
        e.short_key_len = <uint8_t>key_len
    if e.flags & LONG_VALUE:
        store32(p, <uint32_t>value_len)
    elif not e.flags & POINTER:
        e.short_value_len = <uint8_t>value_len


cdef Entry *entry_new(
    int kind, int flags, const char *key, size_t key_len, size_t value_len
) noexcept nogil:
    cdef Entry *e
    if key_len > SHORT_MAX:
        flags |= LONG_KEY
    if value_len > SHORT_MAX:
        flags |= LONG_VALUE
    e = <Entry *>mem_alloc(key_offset(flags) + key_len + value_len)
    e.kind = <uint8_t>kind
    e.flags = <uint8_t>flags
    e.access = 0
    put_lengths(e, key_len, value_len)
    memcpy(entry_key_ptr(e), key, key_len)
    return e


cdef Entry *entry_reshape(Entry *e, int layout_flags, size_t value_len) noexcept nogil:
    cdef size_t key_len = entry_key_len(e)
    cdef size_t old_value = 8 if e.flags & POINTER else entry_value_len(e)
    cdef size_t kept = old_value if old_value < value_len else value_len
    cdef size_t usable
    cdef size_t size
    cdef Entry *fresh
    layout_flags &= EXPIRES | POINTER
    layout_flags |= e.flags & LONG_KEY
    if value_len > SHORT_MAX:
        layout_flags |= LONG_VALUE
    size = key_offset(layout_flags) + key_len + value_len
    if layout_flags == e.flags & LAYOUT_FLAGS:
        usable = mem_usable(e)
        if size <= usable and (size > usable >> 1 or usable <= 64):
            put_lengths(e, key_len, value_len)
            return e
    fresh = <Entry *>mem_alloc(size)
    memcpy(fresh, e, HEADER_SIZE + EXPIRY_SIZE * (e.flags & layout_flags & EXPIRES))
    fresh.flags = <uint8_t>(layout_flags | e.flags & ~LAYOUT_FLAGS)
    put_lengths(fresh, key_len, value_len)
    memcpy(entry_key_ptr(fresh), entry_key_ptr(e), key_len)
    memcpy(entry_value_ptr(fresh), entry_value_ptr(e), kept)
    mem_free(e)
    return fresh


cdef Entry *entry_rekeyed(Entry *e, const char *key, size_t key_len) noexcept nogil:
    cdef size_t value_len = 8 if e.flags & POINTER else entry_value_len(e)
    cdef Entry *fresh = entry_new(e.kind, e.flags & POINTER, key, key_len, value_len)
    fresh.flags |= <uint8_t>(e.flags & ~LAYOUT_FLAGS)
    fresh.access = e.access
    memcpy(entry_value_ptr(fresh), entry_value_ptr(e), value_len)
    return fresh
