"""Which arguments of a call are keys, and what the call does to them: key specs made native.

A KeyPlan is a command's key specs and, for the few commands whose keys no spec can describe, the
finder that is asked instead. Argument vectors may be malformed in any way: every index is checked.
ACL key checks, cluster routing, tracking and COMMAND GETKEYS ask `keys_find` of command.pxd.
"""

from libc.stdint cimport uint32_t

from carnelian.base.slice cimport Slice


cdef enum:
    KEY_RULES_MAX = 4
    KEYWORD_LEN_MAX = 15
    KEYS_INLINE = 16

cdef struct KeyRule:               # a declare.keyspec.KeySpec; its fields are explained there
    uint32_t flags
    int index
    int last
    int step
    int limit
    int count_at
    int first
    bint unknown
    char keyword[KEYWORD_LEN_MAX + 1]      # lower case; empty: none

cdef struct FoundKey:
    int index                      # in the argument vector
    uint32_t flags

cdef struct KeysFound:             # all zero: empty. Owner: the caller, until keys_free
    int count
    int capacity                   # of `more`
    FoundKey *more                 # all of them, once there are more than fit in `few`
    FoundKey few[KEYS_INLINE]

ctypedef void (*key_finder_t)(const Slice *argv, int argc, KeysFound *found) noexcept nogil


cdef class KeyPlan:
    cdef KeyRule rules[KEY_RULES_MAX]
    cdef int rule_count
    cdef bint asks_finder          # at once: what is done to a key depends on the arguments
    cdef key_finder_t finder       # or NULL


cdef void keys_find_by_plan(
    KeyPlan plan, const Slice *argv, int argc, KeysFound *found
) noexcept nogil
cdef void keys_free(KeysFound *found) noexcept nogil


cdef inline FoundKey *keys_items(KeysFound *found) noexcept nogil:
    return found.more if found.more != NULL else found.few
