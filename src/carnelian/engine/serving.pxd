"""Sessions that wait go on: their commands are run again, time out, or are given up.

Engine/blocking says who waits for what; here is what happens to them. Between commands only.
"""

from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session


# Answer blocked sessions for which something has arrived; called after every outermost command.
cdef void serve_waiting(Engine engine) noexcept
# Those whose time is over.
cdef int serve_timeouts(Engine engine) except -1
# CLIENT UNBLOCK: end a session's wait as if timed out, or with an error.
cdef bint unblock(Engine engine, Session session, bint with_error)
