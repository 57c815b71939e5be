"""The counters of an engine that INFO shows and CONFIG RESETSTAT clears."""

from libc.stdint cimport uint64_t


cdef struct Stats:
    uint64_t commands
    uint64_t connections
    uint64_t rejected_connections
    uint64_t expired_keys
    uint64_t expired_fields
    uint64_t evicted_keys
    uint64_t hits
    uint64_t misses
    uint64_t error_replies
    uint64_t internal_errors
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t replication_bytes_in      # of them, from a primary
    uint64_t replication_bytes_out     # ... and to replicas
    uint64_t query_limit_disconnections
    uint64_t output_limit_disconnections
    uint64_t expire_cycle_us
