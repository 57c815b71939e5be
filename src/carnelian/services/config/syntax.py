"""The text rules of the configuration: words of a line, quoting, numbers, memory sizes.

Pure functions on text, no state. Text from the outside is `str` decoded with surrogateescape, so
that any byte survives the way in and out. Used by the other config modules only.
"""

from __future__ import annotations

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1

_QUOTED = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 7: "\\a", 8: "\\b"}
_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1024,
    "m": 1000**2,
    "mb": 1024**2,
    "g": 1000**3,
    "gb": 1024**3,
}
_MEMORY_DIGITS_MAX = 127


def to_text(value: str | bytes) -> str:
    """Outside bytes as text; text passes through."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def split_words(line: str) -> list[str] | None:
    """The words of a configuration line, or None when its quotes are unbalanced."""
    if line.isascii() and line.isprintable() and '"' not in line and "'" not in line:
        return line.split()
    from carnelian.resp.parser import split_args  # most lines do without

    words = split_args(to_bytes(line))
    return None if words is None else [to_text(word) for word in words]


def quote(text: str) -> str:
    """`text` in double quotes, so that split_words gives it back."""
    parts = []
    for byte in to_bytes(text):
        if byte in _QUOTED:
            parts.append(_QUOTED[byte])
        else:
            parts.append(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}")
    return '"' + "".join(parts) + '"'


def parse_integer(text: str) -> int | None:
    """A 64-bit integer in its only canonical spelling (no sign +, blanks or leading zeros)."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    if digits[0] == "0" and text != "0":
        return None
    value = int(text)
    return value if INT64_MIN <= value <= INT64_MAX else None


def parse_c_integer(text: str, base: int = 10) -> int | None:
    """As C's strtoll with nothing left over: blanks in front, + and even empty text are numbers."""
    body = text.lstrip(" \t\n\v\f\r")
    negative = body.startswith("-")
    if body[:1] in ("+", "-"):
        body = body[1:]
    if not body:
        return 0 if not text else None
    digits = "01234567" if base == 8 else "0123456789"
    if body.strip(digits):
        return None
    value = int(body[:64], base)
    return max(-value, INT64_MIN) if negative else min(value, INT64_MAX)


def parse_double(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # Python is more generous than C: blanks, underscores, digits of other scripts.
    if not text.isascii() or "_" in text or text.strip() != text or value != value:  # noqa: PLR0124
        return None
    return value


def parse_memory(text: str) -> int | None:
    """A number of bytes with an optional unit; 1k is 1000 and 1kb is 1024, as in Redis."""
    unit = text.lstrip("0123456789")
    digits = text[: len(text) - len(unit)]
    scale = _UNITS.get(unit.lower())
    if scale is None or len(digits) > _MEMORY_DIGITS_MAX:
        return None
    size = int(digits or "0") * scale
    return size if size <= UINT64_MAX else None  # Redis wraps around


def format_memory(size: int) -> str:
    """The shortest exact spelling parse_memory understands."""
    for unit, scale in (("gb", 1024**3), ("mb", 1024**2), ("kb", 1024)):
        if size and size % scale == 0:
            return f"{size // scale}{unit}"
    return str(size)
