"""Replies of commands about the server: help texts, and Python structures written out."""

from carnelian.engine.call cimport Call
from carnelian.resp.reply cimport Reply


# The answer to a HELP subcommand: a head, these lines, and how to get help.
cdef int help_lines(Call call, tuple lines) except -1
# dict: map, list and tuple: array, ReplySet: set, ReplyStatus: simple string, str and bytes: bulk,
# int, float, bool, None: null.
cdef int reply_structure(Reply *reply, object what) except -1
