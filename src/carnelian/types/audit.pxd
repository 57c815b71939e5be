"""The audit of a whole database: its table and timers as `database_verify`, and every value."""

from carnelian.keyspace.database cimport Database


cdef bint database_audit(Database *db) noexcept nogil
