"""Importing this package registers every command; the order of families is the order of COMMAND."""

from carnelian.commands import connection, string

__all__ = ["connection", "string"]
