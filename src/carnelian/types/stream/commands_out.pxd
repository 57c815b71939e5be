"""Streams as commands that make them: entries, counters, groups with what is pending."""

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream cimport Stream
from carnelian.formats.commands_out cimport CommandsOut


cdef void commands_put_stream(CommandsOut *w, Slice key, Stream *s) noexcept nogil
