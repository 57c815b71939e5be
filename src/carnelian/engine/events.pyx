"""Keyspace events; see events.pxd."""

from carnelian.engine.effects cimport Observer
from carnelian.engine.pubsub cimport PubSub
from carnelian.keyspace.database cimport Database


LETTERS = "KEg$lshzxetm?dn"        # event classes by bit


cdef int event_class(char letter) noexcept:
    return 1 << LETTERS.index(chr(letter))


cdef class Events(Observer):
    def __cinit__(self, PubSub pubsub):
        self.pubsub = pubsub

    def choose(self, int classes):
        """Publish these from now on. Without K and E nothing is."""
        self.classes = classes
        if classes & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT):
            self.arm()
        else:
            self.disarm()

    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n
    ):
        cdef bytes name
        if not self.classes & event_class:
            return
        if not self.pubsub.channels and not self.pubsub.patterns:
            return
        if self.classes & NOTIFY_KEYSPACE:
            self.pubsub.publish(b"__keyspace@%d__:%b" % (db.id, key[:n]), event)
        if self.classes & NOTIFY_KEYEVENT:
            name = event
            self.pubsub.publish(b"__keyevent@%d__:%b" % (db.id, name), key[:n])


def parse_event_classes(str letters):
    """notify-keyspace-events letters to flags, or None if one is unknown."""
    cdef int flags = 0
    for letter in letters:
        if letter == "A":
            flags |= (NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH
                      | NOTIFY_ZSET | NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM
                      | NOTIFY_MODULE)
        elif letter == "?" or letter not in LETTERS:
            return None
        else:
            flags |= 1 << LETTERS.index(letter)
    return flags
