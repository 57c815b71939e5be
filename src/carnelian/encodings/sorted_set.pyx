"""The big sorted set; see sorted_set.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.base.native cimport mul_high, prefetch, store32
from carnelian.base.random cimport random64
from carnelian.base.slice cimport Slice
from carnelian.encodings.counted_tree cimport (
    LEAF_CAP, MemberIter, Path, iter_next, tree_clear, tree_init, tree_insert, tree_rank,
    tree_remove, tree_rescore, tree_seek, tree_seek_rank, tree_verify,
)
from carnelian.encodings.member cimport LENGTH_LONG, Cut, Member, cut_both, member_slice
from carnelian.encodings.table cimport (
    table_add, table_bytes, table_count, table_find, table_find_word, table_free, table_new,
    table_prefetch, table_prefetch_segment, table_remove, table_remove_at, table_scan,
    table_verify, table_visit_fn,
)


cdef Slice member_key(void *entry) noexcept nogil:
    return member_slice(<Member *>entry)


cdef Member *member_new(double score, const char *p, size_t n) noexcept nogil:
    cdef size_t head = 1 if n < LENGTH_LONG else 5
    cdef Member *m = <Member *>mem_alloc(sizeof(double) + head + n)
    m.score = score
    if head == 1:
        m.body[0] = <uint8_t>n
    else:
        m.body[0] = LENGTH_LONG
        store32(&m.body[1], <uint32_t>n)
    memcpy(&m.body[head], p, n)
    return m


cdef SortedSet *sorted_set_new() noexcept nogil:
    cdef SortedSet *z = <SortedSet *>mem_alloc(sizeof(SortedSet))
    z.table = table_new(member_key)
    tree_init(&z.tree)
    z.member_bytes = 0
    return z


cdef void sorted_set_free(SortedSet *z) noexcept nogil:
    tree_clear(&z.tree, True)
    table_free(z.table)
    mem_free(z)


cdef SortedSet *sorted_set_copy(SortedSet *z) noexcept nogil:
    cdef SortedSet *copy = sorted_set_new()
    cdef MemberIter it
    cdef Member *m
    cdef Slice s
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        s = member_slice(m)
        sorted_set_add(copy, m.score, s.ptr, s.len)
        m = iter_next(&it)
    return copy


cdef size_t sorted_set_bytes(SortedSet *z) noexcept nogil:
    return mem_usable(z) + table_bytes(z.table) + z.tree.bytes + z.member_bytes


cdef Member *sorted_set_find(SortedSet *z, const char *p, size_t n) noexcept nogil:
    cdef void **slot = table_find(z.table, hash_bytes(p, n), p, n)
    return <Member *>slot[0] if slot != NULL else NULL


cdef Member *sorted_set_add(SortedSet *z, double score, const char *p, size_t n) noexcept nogil:
    cdef Member *m = member_new(score, p, n)
    z.member_bytes += mem_usable(m)
    table_add(z.table, hash_bytes(p, n), m)
    tree_insert(&z.tree, m)
    return m


cdef void seek_member(SortedSet *z, Member *m, Path *path) noexcept nogil:
    """Just before the member, in its own leaf."""
    cdef Cut cut = cut_both(m.score, member_slice(m), True)
    tree_seek(&z.tree, &cut, path)
    path.index -= 1


cdef void sorted_set_update(SortedSet *z, Member *m, double score) noexcept nogil:
    cdef Path path
    if score == m.score:
        return
    seek_member(z, m, &path)
    if not tree_rescore(&z.tree, &path, score):
        tree_remove(&z.tree, &path, 1)
        m.score = score
        tree_insert(&z.tree, m)


cdef inline void forget(SortedSet *z, Member *m) noexcept nogil:
    """Out of the table and the accounts; the tree is the caller's."""
    cdef Slice s = member_slice(m)
    table_remove(z.table, hash_bytes(s.ptr, s.len), s.ptr, s.len)
    z.member_bytes -= mem_usable(m)


cdef bint sorted_set_remove(SortedSet *z, const char *p, size_t n) noexcept nogil:
    cdef Member *m = <Member *>table_remove(z.table, hash_bytes(p, n), p, n)
    cdef Path path
    if m == NULL:
        return False
    seek_member(z, m, &path)
    tree_remove(&z.tree, &path, 1)
    z.member_bytes -= mem_usable(m)
    mem_free(m)
    return True


cdef void forget_run(SortedSet *z, Member **items, int count) noexcept nogil:
    """Free members of one leaf; what each step needs of memory was asked for by the one before."""
    cdef uint64_t hashes[LEAF_CAP]
    cdef Slice s
    cdef int i
    for i in range(count):
        prefetch(items[i])
    for i in range(count):
        s = member_slice(items[i])
        hashes[i] = hash_bytes(s.ptr, s.len)
        table_prefetch_segment(z.table, hashes[i])
    for i in range(count):
        table_prefetch(z.table, hashes[i])
    for i in range(count):
        table_remove_at(z.table, hashes[i], table_find_word(z.table, hashes[i], items[i]))
        z.member_bytes -= mem_usable(items[i])
        mem_free(items[i])


cdef size_t sorted_set_remove_range(SortedSet *z, size_t first, size_t end) noexcept nogil:
    cdef Path path
    cdef size_t left
    cdef size_t removed
    cdef int run
    if end > z.tree.count:
        end = z.tree.count
    if first >= end:
        return 0
    removed = left = end - first
    while left:
        tree_seek_rank(&z.tree, first, &path)
        run = <int>path.leaf.count - path.index
        if <size_t>run > left:
            run = <int>left
        forget_run(z, &path.leaf.items[path.index], run)
        tree_remove(&z.tree, &path, run)
        left -= run
    return removed


cdef Member *pop(SortedSet *z, size_t rank) noexcept nogil:
    cdef Path path
    cdef Member *m
    tree_seek_rank(&z.tree, rank, &path)
    m = path.leaf.items[path.index]
    forget(z, m)
    tree_remove(&z.tree, &path, 1)
    return m


cdef Member *sorted_set_pop_min(SortedSet *z) noexcept nogil:
    return pop(z, 0) if z.tree.count else NULL


cdef Member *sorted_set_pop_max(SortedSet *z) noexcept nogil:
    return pop(z, z.tree.count - 1) if z.tree.count else NULL


cdef int64_t sorted_set_rank(SortedSet *z, Member *m) noexcept nogil:
    cdef Path path
    seek_member(z, m, &path)
    return <int64_t>tree_rank(&z.tree, &path)


cdef Member *sorted_set_at(SortedSet *z, size_t rank) noexcept nogil:
    cdef Path path
    if rank >= z.tree.count:
        return NULL
    tree_seek_rank(&z.tree, rank, &path)
    return path.leaf.items[path.index]


cdef size_t sorted_set_cut(SortedSet *z, const Cut *cut) noexcept nogil:
    cdef Path path
    tree_seek(&z.tree, cut, &path)
    return tree_rank(&z.tree, &path)


cdef void sorted_set_seek(SortedSet *z, size_t rank, MemberIter *it) noexcept nogil:
    cdef Path path
    it.leaf = NULL
    it.index = 0
    if rank < z.tree.count:
        tree_seek_rank(&z.tree, rank, &path)
        it.leaf = path.leaf
        it.index = path.index


cdef Member *sorted_set_random(SortedSet *z) noexcept nogil:
    return sorted_set_at(z, mul_high(random64(), z.tree.count))


cdef uint64_t sorted_set_scan(
    SortedSet *z, uint64_t cursor, table_visit_fn visit, void *context
) noexcept nogil:
    return table_scan(z.table, cursor, visit, context)


cdef bint sorted_set_verify(SortedSet *z) noexcept nogil:
    """Audit: both indexes are sound and hold exactly the same members, and the bytes add up."""
    cdef MemberIter it
    cdef Member *m
    cdef size_t bytes_used = 0
    if not tree_verify(&z.tree) or not table_verify(z.table):
        return False
    if table_count(z.table) != z.tree.count:
        return False
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        if sorted_set_find(z, <char *>member_slice(m).ptr, member_slice(m).len) != m:
            return False
        bytes_used += mem_usable(m)
        m = iter_next(&it)
    return bytes_used == z.member_bytes
