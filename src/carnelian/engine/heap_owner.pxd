"""What has a heap of its own, and how Python code gets into it.

Owner: whoever made it. The heap lives on while any block of it does. Callers: front-ends.
"""

from carnelian.base.memory cimport Heap


cdef class HeapOwner:
    cdef Heap *heap


cdef class HeapScope:
    cdef HeapOwner owner
    cdef Heap *before
