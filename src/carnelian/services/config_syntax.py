"""The text rules of the configuration: words of a line, quoting, numbers, memory sizes, globs.

Pure functions on text, no state. Text from the outside is `str` decoded with surrogateescape, so
that any byte survives the way in and out. Used by the other config modules only.
"""

from __future__ import annotations

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1

_BLANKS = b" \t\n\v\f\r"
_WORD_ENDS = b" \n\r\t\0"
_ESCAPES = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}
_QUOTED = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 7: "\\a", 8: "\\b"}
_HEX_DIGITS = b"0123456789abcdefABCDEF"
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
    words = split_args(to_bytes(line))
    return None if words is None else [to_text(word) for word in words]


def split_args(line: bytes) -> list[bytes] | None:
    """Split as Redis's sdssplitargs: "double quotes" with escapes, 'single quotes' with \\'."""
    words: list[bytes] = []
    at, end = 0, len(line)
    while True:
        while at < end and line[at] in _BLANKS:
            at += 1
        if at >= end or line[at] == 0:
            return words
        word = bytearray()
        while at < end and line[at] not in _WORD_ENDS:
            quote = line[at]
            if quote not in b"\"'":
                word.append(quote)
                at += 1
                continue
            at = _read_quoted(line, at + 1, quote, word)
            if at < 0 or (at < end and line[at] not in _BLANKS and line[at] != 0):
                return None
            break
        words.append(bytes(word))


def _read_quoted(line: bytes, at: int, quote: int, word: bytearray) -> int:
    """Append a quoted run to `word`; the position after the closing quote, or -1 without one."""
    end = len(line)
    while at < end and line[at] != 0:
        byte = line[at]
        if byte == quote:
            return at + 1
        if byte != 0x5C or at + 1 >= end or line[at + 1] == 0:
            word.append(byte)
            at += 1
        elif quote == 0x27:
            if line[at + 1] == 0x27:
                at += 1
            word.append(line[at])
            at += 1
        elif line[at + 1] == 0x78 and at + 3 < end and _is_hex(line[at + 2 : at + 4]):
            word.append(int(line[at + 2 : at + 4], 16))
            at += 4
        else:
            word.append(_ESCAPES.get(line[at + 1], line[at + 1]))
            at += 2
    return -1


def _is_hex(digits: bytes) -> bool:
    return digits[0] in _HEX_DIGITS and digits[1] in _HEX_DIGITS


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


def glob_match(pattern: str, text: str) -> bool:
    """Redis's glob: * ? [a-z] [^a] and \\ to quote; linear in memory, never exponential."""
    p = t = 0
    star = mark = -1
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark = p, t
            p += 1
            continue
        after = _match_one(pattern, p, text[t]) if p < len(pattern) else -1
        if after >= 0:
            p = after
            t += 1
        elif star >= 0:
            p = star + 1
            mark += 1
            t = mark
        else:
            return False
    return not pattern[p:].strip("*")


def _match_one(pattern: str, at: int, char: str) -> int:
    """Match one character; the position after the pattern's element, or -1."""
    symbol = pattern[at]
    if symbol == "?":
        return at + 1
    if symbol == "[":
        return _match_class(pattern, at + 1, char)
    if symbol == "\\" and at + 1 < len(pattern):
        at += 1
    return at + 1 if pattern[at] == char else -1


def _match_class(pattern: str, at: int, char: str) -> int:
    end = len(pattern)
    negated = pattern[at : at + 1] == "^"
    at += negated
    found = False
    while at < end and pattern[at] != "]":
        if pattern[at] == "\\" and at + 1 < end:
            found |= pattern[at + 1] == char
            at += 2
        elif at + 2 < end and pattern[at + 1] == "-":
            low, high = sorted((pattern[at], pattern[at + 2]))
            found |= low <= char <= high
            at += 3
        else:
            found |= pattern[at] == char
            at += 1
    return min(at + 1, end) if found != negated else -1
