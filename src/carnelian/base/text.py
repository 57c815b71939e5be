"""What others have said, made fit to be shown. Pure functions."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line: control characters are escaped, as are those that cannot be encoded."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
