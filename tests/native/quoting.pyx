"""Bytes in quotes, as MONITOR shows them."""

from carnelian.base.quoting cimport put_quoted, quoted_max


def quoted(bytes text not None):
    cdef bytearray out = bytearray(quoted_max(len(text)))
    del out[put_quoted(out, text, len(text)):]
    return bytes(out)
