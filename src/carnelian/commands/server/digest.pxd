"""A hash of the data set that depends on nothing but what is in it, the same as Redis's."""

from carnelian.engine.engine cimport Engine
from carnelian.keyspace.database cimport Database


cdef bytes dataset_digest(Engine engine)
cdef bytes key_digest(Engine engine, Database *db, bytes key)      # zeros if there is none
