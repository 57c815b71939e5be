"""The loops behind list_node.pxd."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.encodings.packed_list cimport list_entry_after, list_entry_before, list_entry_check

cdef enum:
    NODE_SMALL = 4096       # smaller blocks also use what the allocator rounded up to


cdef void node_make(ListNode *n, size_t capacity, bint front) noexcept nogil:
    n.block = <uint8_t *>mem_alloc(capacity)
    if capacity < NODE_SMALL:
        capacity = mem_usable(n.block)
    n.capacity = <uint32_t>capacity
    n.start = n.end = n.capacity if front else 0
    n.count = 0


cdef void move_to(ListNode *n, size_t capacity, size_t need, bint front) noexcept nogil:
    """Into another block, with `need` bytes of slack or more at one end and none at the other."""
    cdef ListNode fresh
    cdef uint32_t used = <uint32_t>node_used(n)
    node_make(&fresh, capacity if capacity > used + need else used + need, front)
    if front:
        fresh.start -= used
    else:
        fresh.end += used
    memcpy(node_first(&fresh), node_first(n), used)
    fresh.count = n.count
    mem_free(n.block)
    n[0] = fresh


cdef bint node_make_room(ListNode *n, size_t need, bint front, size_t limit) noexcept nogil:
    cdef size_t used = node_used(n)
    cdef size_t slack = n.capacity - used
    cdef size_t start
    if used + need > limit:
        return False
    if slack >= need and slack >= n.capacity >> 2:
        # Worth a slide: the move is paid by the pushes that now find slack, at either end.
        start = (slack - need) >> 1
        if front:
            start += need
        memmove(n.block + start, node_first(n), used)
        n.start = <uint32_t>start
        n.end = <uint32_t>(start + used)
        return True
    if n.capacity >= limit:
        return False
    start = <size_t>n.capacity * 2
    move_to(n, start if start < limit else limit, need, front)
    return True


cdef uint8_t *splice_elsewhere(
    ListNode *n, size_t head, size_t remove, size_t insert, size_t limit
) noexcept nogil:
    cdef ListNode fresh
    cdef size_t tail = node_used(n) - head - remove
    cdef size_t used = head + insert + tail
    cdef size_t capacity = used + (used >> 2)
    if capacity > limit:
        capacity = limit if limit > used else used
    node_make(&fresh, capacity, False)
    memcpy(fresh.block, node_first(n), head)
    memcpy(fresh.block + head + insert, node_last(n) - tail, tail)
    fresh.end = <uint32_t>used
    fresh.count = n.count
    mem_free(n.block)
    n[0] = fresh
    return fresh.block + head


cdef uint8_t *node_splice(
    ListNode *n, const uint8_t *at, size_t remove, size_t insert, size_t limit
) noexcept nogil:
    """Moves the shorter side when there is slack for it, else the other."""
    cdef uint8_t *first = node_first(n)
    cdef size_t head = at - first
    cdef size_t tail = node_last(n) - at - remove
    cdef size_t grow
    cdef size_t less
    if insert <= remove:
        less = remove - insert
        if head < tail:
            memmove(first + less, first, head)
            n.start += <uint32_t>less
        else:
            memmove(first + head + insert, at + remove, tail)
            n.end -= <uint32_t>less
        return node_first(n) + head
    grow = insert - remove
    if n.start >= grow and (head <= tail or n.capacity - n.end < grow):
        memmove(first - grow, first, head)
        n.start -= <uint32_t>grow
    elif n.capacity - n.end >= grow:
        memmove(first + head + insert, at + remove, tail)
        n.end += <uint32_t>grow
    else:
        return splice_elsewhere(n, head, remove, insert, limit)
    return node_first(n) + head


cdef void node_split(ListNode *n, ListNode *right) noexcept nogil:
    cdef const uint8_t *p = node_first(n)
    cdef const uint8_t *middle = p + (node_used(n) >> 1)
    cdef uint32_t left = 0
    while p < middle and left + 1 < n.count:
        p = list_entry_after(p)
        left += 1
    node_make(right, node_last(n) - p, False)
    node_append(right, p, node_last(n) - p, n.count - left)
    n.end = <uint32_t>(p - n.block)
    n.count = left


cdef void node_append(
    ListNode *n, const uint8_t *entries, size_t size, uint32_t count
) noexcept nogil:
    if n.capacity - n.end < size:
        move_to(n, 0, size, False)
    memcpy(node_last(n), entries, size)
    n.end += <uint32_t>size
    n.count += count


cdef void node_trim(ListNode *n, uint32_t parts) noexcept nogil:
    cdef size_t used = node_used(n)
    if n.capacity - used > n.capacity // parts and n.capacity - used > 16:
        move_to(n, used, 0, False)


cdef void node_copy(const ListNode *n, ListNode *copy) noexcept nogil:
    node_make(copy, node_used(n), False)
    node_append(copy, node_first(n), node_used(n), n.count)


cdef bint node_verify(const ListNode *n) noexcept nogil:
    cdef const uint8_t *p
    cdef const uint8_t *end
    cdef const uint8_t *next_start
    cdef size_t step
    cdef uint32_t count = 0
    if n.block == NULL or not n.start < n.end <= n.capacity <= mem_usable(n.block):
        return False
    p = node_first(n)
    end = node_last(n)
    while p < end:
        step = list_entry_check(p, end)
        next_start = p + step
        if step == 0 or list_entry_before(next_start) != p:
            return False
        p = next_start
        count += 1
    return count == n.count
