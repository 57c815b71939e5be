"""Runs of bytes; see slice.pxd."""

from carnelian.base.memory cimport mem_alloc, mem_free


cdef Slice *slices_of(list words) except NULL:
    cdef Slice *slices = <Slice *>mem_alloc(sizeof(Slice) * (len(words) + 1))
    cdef bytes word
    cdef size_t i = 0
    try:
        for word in words:
            slices[i].ptr = word
            slices[i].len = len(word)
            i += 1
    except BaseException:
        mem_free(slices)
        raise
    return slices
