"""Replies of commands about the server: help texts, and Python structures written out."""

from carnelian.engine.call cimport Call
from carnelian.resp.reply cimport Reply


# The handler of a container's HELP, made of the declarations of its subcommands.
cdef int container_help(Call call) except -1
cdef int reply_lines(Call call, list lines) except -1       # each a simple string
# dict: map, list and tuple: array, ReplySet: set, ReplyStatus: simple string, str and bytes: bulk,
# int, float, bool, None: null.
cdef int reply_structure(Reply *reply, object what) except -1
