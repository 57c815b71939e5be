"""Finding keys by a declaration, as Python sees it."""

from libc.string cimport memset

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.engine.keys cimport KeyPlan, KeysFound, keys_find_by_plan, keys_free, keys_items


def find(declaration, list argv):
    """[(index, key flags), ...] of a call."""
    cdef KeyPlan plan = KeyPlan(declaration)
    cdef KeysFound found
    cdef Slice *slices = <Slice *>mem_alloc(sizeof(Slice) * (<size_t>len(argv) + 1))
    cdef bytes word
    cdef int i
    for i in range(<int>len(argv)):
        word = <bytes>argv[i]
        slices[i].ptr = word
        slices[i].len = <size_t>len(word)
    memset(&found, 0, sizeof(found))
    with nogil:
        keys_find_by_plan(plan, slices, i + 1 if argv else 0, &found)
    result = [(keys_items(&found)[i].index, keys_items(&found)[i].flags)
              for i in range(found.count)]
    keys_free(&found)
    mem_free(slices)
    return result
