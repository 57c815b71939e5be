"""Channels, patterns and shard channels, and who listens to them."""

from carnelian.engine.session cimport Session


cdef class PubSub:
    cdef dict channels             # name -> {Session: None}
    cdef dict patterns
    cdef dict shard_channels

    cdef bint subscribe(self, Session session, bytes channel)
    cdef bint unsubscribe(self, Session session, bytes channel)
    cdef bint subscribe_pattern(self, Session session, bytes pattern)
    cdef bint unsubscribe_pattern(self, Session session, bytes pattern)
    cdef bint subscribe_shard(self, Session session, bytes channel)
    cdef bint unsubscribe_shard(self, Session session, bytes channel)
    cdef void forget(self, Session session)
    cdef int publish(self, bytes channel, bytes message) except -1
    cdef int publish_shard(self, bytes channel, bytes message) except -1


cdef void release_held(Session session)
