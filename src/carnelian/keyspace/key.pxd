"""The structures a key is reached through; `database` has the functions, `value` what types bring.

Apart from both, so that a type's functions can take a KeyRef and a database can free values.
"""

from libc.stdint cimport uint64_t

from carnelian.encodings.table cimport Table
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.inner_timers cimport InnerTimers
from carnelian.keyspace.limits cimport Limits
from carnelian.keyspace.wheel cimport Wheel


cdef struct Database:
    Table *keys
    Wheel wheel
    InnerTimers *inner_timers  # of values that expire in parts; NULL: there are none
    const Limits *limits       # of the engine it belongs to
    int newest_format          # the newest RDB version a value may need; 0: none needs a new one
    int id

cdef struct KeyRef:
    Database *db
    Entry **slot               # NULL: there is no such key
    const char *key
    size_t len
    uint64_t hash
