"""Publish and subscribe: the registers and the delivery; the commands are in commands/pubsub.pyx.

A message is written into the reply buffer of each listener at once, in its protocol, and sent at
the end of the loop's turn with everything else.
"""

from carnelian.base.glob cimport glob_match
from carnelian.engine.session cimport PUSHING, SUBSCRIBED, Session
from carnelian.resp.reply cimport reply_bulk, reply_bulk_text, reply_push


cdef bint add(dict register, dict own, Session session, bytes name):
    cdef dict listeners
    if name in own:
        return False
    own[name] = None
    listeners = register.get(name)
    if listeners is None:
        listeners = register[name] = {}
    listeners[session] = None
    session.flags |= SUBSCRIBED
    return True


cdef bint drop(dict register, dict own, Session session, bytes name):
    cdef dict listeners
    if own is None or name not in own:
        return False
    del own[name]
    listeners = register[name]
    del listeners[session]
    if not listeners:
        del register[name]
    if not session.channels and not session.patterns and not session.shard_channels:
        session.flags &= ~SUBSCRIBED
    return True


cdef void deliver(Session session, const char *kind, bytes pattern, bytes channel, bytes message):
    session.flags |= PUSHING
    reply_push(&session.reply, 3 if pattern is None else 4)
    reply_bulk_text(&session.reply, kind)
    if pattern is not None:
        reply_bulk(&session.reply, pattern, len(pattern))
    reply_bulk(&session.reply, channel, len(channel))
    reply_bulk(&session.reply, message, len(message))
    session.flags &= ~PUSHING
    session.wrote()


cdef class PubSub:
    def __cinit__(self):
        self.channels = {}
        self.patterns = {}
        self.shard_channels = {}

    cdef bint subscribe(self, Session session, bytes channel):
        if session.channels is None:
            session.channels = {}
        return add(self.channels, session.channels, session, channel)

    cdef bint unsubscribe(self, Session session, bytes channel):
        return drop(self.channels, session.channels, session, channel)

    cdef bint subscribe_pattern(self, Session session, bytes pattern):
        if session.patterns is None:
            session.patterns = {}
        return add(self.patterns, session.patterns, session, pattern)

    cdef bint unsubscribe_pattern(self, Session session, bytes pattern):
        return drop(self.patterns, session.patterns, session, pattern)

    cdef bint subscribe_shard(self, Session session, bytes channel):
        if session.shard_channels is None:
            session.shard_channels = {}
        return add(self.shard_channels, session.shard_channels, session, channel)

    cdef bint unsubscribe_shard(self, Session session, bytes channel):
        return drop(self.shard_channels, session.shard_channels, session, channel)

    cdef void forget(self, Session session):
        """Drop every subscription of a session that goes away or resets."""
        for name in list(session.channels or ()):
            self.unsubscribe(session, name)
        for name in list(session.patterns or ()):
            self.unsubscribe_pattern(session, name)
        for name in list(session.shard_channels or ()):
            self.unsubscribe_shard(session, name)

    cdef int publish(self, bytes channel, bytes message):
        """Deliver to the channel and to every matching pattern; how many deliveries."""
        cdef int receivers = 0
        cdef dict listeners = self.channels.get(channel)
        cdef bytes pattern
        if listeners is not None:
            for session in listeners:
                deliver(<Session>session, b"message", None, channel, message)
            receivers += len(listeners)
        for name, found in self.patterns.items():
            pattern = <bytes>name
            if glob_match(pattern, len(pattern), channel, len(channel), False):
                for session in <dict>found:
                    deliver(<Session>session, b"pmessage", pattern, channel, message)
                receivers += len(<dict>found)
        return receivers

    cdef int publish_shard(self, bytes channel, bytes message):
        cdef dict listeners = self.shard_channels.get(channel)
        if listeners is None:
            return 0
        for session in listeners:
            deliver(<Session>session, b"smessage", None, channel, message)
        return len(listeners)
