"""What others ask about the representation of values."""

from carnelian.keyspace.entry cimport Entry


cdef bytes encoding_name(Entry *e)     # as OBJECT ENCODING says it
