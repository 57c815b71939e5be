"""Redis's packed forms as Python lists."""

from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.formats.foreign cimport (
    FOREIGN_INTSET, FOREIGN_LISTPACK, FOREIGN_ZIPLIST, FOREIGN_ZIPMAP, ForeignIter, ListpackOut,
    foreign_init, foreign_next, listpack_begin, listpack_end, listpack_free, listpack_put,
)

KINDS = {
    "listpack": FOREIGN_LISTPACK, "ziplist": FOREIGN_ZIPLIST, "zipmap": FOREIGN_ZIPMAP,
    "intset": FOREIGN_INTSET,
}


def walk(str kind, bytes block):
    """The elements, or None for a damaged block. Reads a copy of exactly the block's size."""
    cdef ForeignIter it
    cdef Slice element
    cdef size_t n = len(block)
    cdef char *copy = <char *>mem_alloc(n)
    found = []
    memcpy(copy, <char *>block, n)
    foreign_init(&it, KINDS[kind], copy, n)
    while foreign_next(&it, &element):
        found.append(element.ptr[:element.len])
    mem_free(copy)
    return None if it.bad else found


def build_listpack(elements):
    cdef ListpackOut lp
    cdef bytes element
    listpack_begin(&lp)
    for element in elements:
        listpack_put(&lp, element, len(element))
    listpack_end(&lp)
    made = (<char *>lp.data)[:lp.used]
    listpack_free(&lp)
    return made
