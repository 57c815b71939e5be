"""Carnelian: a Redis-compatible in-memory data store for Python people."""

__version__ = "0.1.0"
