"""The settings by which values take their shape: one struct for each engine, that its databases
point to.

Owner: the engine, whose configuration hooks change it; all below only read.
"""

from libc.stdint cimport int64_t

from carnelian.encodings.stream cimport StreamLimits


cdef struct Limits:
    size_t hash_entries_max            # hash-max-listpack-entries, and so on
    size_t hash_value_max
    long list_fill                     # list-max-listpack-size
    size_t set_intset_max
    size_t set_entries_max
    size_t set_value_max
    size_t zset_entries_max
    size_t zset_value_max
    StreamLimits stream
    int64_t producer_duration_s        # stream-idmp-duration: for streams that set nothing else
    int64_t producer_size_max          # stream-idmp-maxsize
    int lfu_log_factor
    int lfu_decay_minutes

cdef void limits_init(Limits *limits) noexcept nogil               # as without a configuration
