"""Keyspace events: what happens to keys, published to who listens (notify-keyspace-events).

One Events per engine, owned by it.
"""

from carnelian.engine.effects cimport Observer
from carnelian.engine.pubsub cimport PubSub


cdef enum:                     # classes of events, in the order of their letters
    NOTIFY_KEYSPACE = 1        # K
    NOTIFY_KEYEVENT = 2        # E
    NOTIFY_GENERIC = 4         # g
    NOTIFY_STRING = 8          # $
    NOTIFY_LIST = 16           # l
    NOTIFY_SET = 32            # s
    NOTIFY_HASH = 64           # h
    NOTIFY_ZSET = 128          # z
    NOTIFY_EXPIRED = 256       # x
    NOTIFY_EVICTED = 512       # e
    NOTIFY_STREAM = 1024       # t
    NOTIFY_KEY_MISS = 2048     # m, not part of A
    NOTIFY_MODULE = 8192       # d
    NOTIFY_NEW = 16384         # n, not part of A


cdef int event_class(char letter) noexcept     # as notify-keyspace-events spells it


cdef class Events(Observer):
    cdef PubSub pubsub
    cdef readonly int classes  # that are published
