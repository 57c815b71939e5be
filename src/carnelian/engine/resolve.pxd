"""The command that a line of arguments names."""

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session


# CommandError if there is none or the arity does not fit.
cdef Command resolve(Engine engine, Session session, const Slice *argv, int argc)
