"""Publish and subscribe: the registers and the delivery; the commands are in commands/pubsub.pyx.

A message is written into the reply buffer of each listener at once, in its protocol, and sent at
the end of the loop's turn with everything else.
"""

from carnelian.base.blob cimport Blob, blob_from, blob_release
from carnelian.base.glob cimport glob_match
from carnelian.engine.session cimport HOLDS_PUSHES, SUBSCRIBED, Session, Subscriptions
from carnelian.resp.reply cimport (
    Reply, reply_bulk, reply_bulk_text, reply_copy, reply_free, reply_init, reply_push, reply_raw,
    reply_share,
)


cdef enum:
    SHARE_MIN = 16384          # bytes of a message from which listeners share one copy


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
    if name not in own:
        return False
    del own[name]
    listeners = register[name]
    del listeners[session]
    if not listeners:
        del register[name]
    if not any(session.subscription_counts()):
        session.flags &= ~SUBSCRIBED
    return True


cdef void write_message(
    Reply *reply, const char *kind, bytes pattern, bytes channel, bytes message
) noexcept:
    reply_push(reply, 3 if pattern is None else 4)
    reply_bulk_text(reply, kind)
    if pattern is not None:
        reply_bulk(reply, pattern, len(pattern))
    reply_bulk(reply, channel, len(channel))
    reply_bulk(reply, message, len(message))


cdef bytes rendered(const char *kind, bytes pattern, bytes channel, bytes message):
    """The message in RESP3; in RESP2 only the first byte differs."""
    cdef Reply scratch
    cdef bytes text
    reply_init(&scratch)
    scratch.resp = 3
    write_message(&scratch, kind, pattern, channel, message)
    text = reply_copy(&scratch)
    reply_free(&scratch)
    return text


cdef void hold_or_write(Session session, bytes text):
    """A session that is executing a command gets its messages behind the reply."""
    if session.flags & HOLDS_PUSHES:
        if session.listening().held is None:
            session.subscriptions.held = []
        session.subscriptions.held.append(text)
    else:
        reply_raw(&session.reply, b"*" if session.reply.resp == 2 else b">", 1)
        reply_raw(&session.reply, <const char *>text + 1, len(text) - 1)
        session.wrote()


cdef void share(Session session, bytes text, Blob *body):
    """A long message is in memory once, however many listen."""
    if session.flags & HOLDS_PUSHES:
        hold_or_write(session, text)
        return
    reply_raw(&session.reply, b"*" if session.reply.resp == 2 else b">", 1)
    reply_share(&session.reply, body)
    session.wrote()


cdef int deliver(
    dict listeners, const char *kind, bytes pattern, bytes channel, bytes message
) except -1:
    """Hand a message to everybody in `listeners`; how many they are."""
    cdef Session session
    cdef bytes text
    cdef Blob *body
    if len(listeners) == 1:
        for item in listeners:
            session = <Session>item
            if not session.flags & HOLDS_PUSHES:
                write_message(&session.reply, kind, pattern, channel, message)
                session.wrote()
                return 1
    text = rendered(kind, pattern, channel, message)
    if len(text) >= SHARE_MIN:
        body = blob_from(<const char *>text + 1, len(text) - 1)
        for item in listeners:
            share(<Session>item, text, body)
        blob_release(body)
    else:
        for item in listeners:
            hold_or_write(<Session>item, text)
    return <int>len(listeners)


cdef void release_held(Session session):
    """The command is over: what was published to the session meanwhile follows its reply."""
    cdef list held
    session.flags &= ~HOLDS_PUSHES
    if session.subscriptions is None or session.subscriptions.held is None:
        return
    held = session.subscriptions.held
    session.subscriptions.held = None
    for text in held:
        hold_or_write(session, <bytes>text)


cdef class PubSub:
    def __cinit__(self):
        self.channels = {}
        self.patterns = {}
        self.shard_channels = {}

    cdef bint subscribe(self, Session session, bytes channel):
        return add(self.channels, session.listening().channels, session, channel)

    cdef bint unsubscribe(self, Session session, bytes channel):
        return drop(self.channels, session.listening().channels, session, channel)

    cdef bint subscribe_pattern(self, Session session, bytes pattern):
        return add(self.patterns, session.listening().patterns, session, pattern)

    cdef bint unsubscribe_pattern(self, Session session, bytes pattern):
        return drop(self.patterns, session.listening().patterns, session, pattern)

    cdef bint subscribe_shard(self, Session session, bytes channel):
        return add(self.shard_channels, session.listening().shard_channels, session, channel)

    cdef bint unsubscribe_shard(self, Session session, bytes channel):
        return drop(self.shard_channels, session.listening().shard_channels, session, channel)

    cdef void forget(self, Session session):
        """Drop every subscription of a session that goes away or resets."""
        cdef Subscriptions own = session.subscriptions
        if own is None:
            return
        for name in list(own.channels):
            self.unsubscribe(session, name)
        for name in list(own.patterns):
            self.unsubscribe_pattern(session, name)
        for name in list(own.shard_channels):
            self.unsubscribe_shard(session, name)

    cdef int publish(self, bytes channel, bytes message) except -1:
        """Deliver to the channel and to every matching pattern; how many deliveries."""
        cdef int receivers = 0
        cdef dict listeners = self.channels.get(channel)
        cdef bytes pattern
        if listeners is not None:
            receivers += deliver(listeners, b"message", None, channel, message)
        if self.patterns:
            for name, found in self.patterns.items():
                pattern = <bytes>name
                if glob_match(pattern, len(pattern), channel, len(channel), False):
                    receivers += deliver(<dict>found, b"pmessage", pattern, channel, message)
        return receivers

    cdef int publish_shard(self, bytes channel, bytes message) except -1:
        cdef dict listeners = self.shard_channels.get(channel)
        if listeners is None:
            return 0
        return deliver(listeners, b"smessage", None, channel, message)
