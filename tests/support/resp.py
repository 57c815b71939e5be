"""RESP2 and RESP3 as a client sees it: encoding commands, and replies that can be compared exactly.

A `Reply` keeps the type byte, so that a status is not a bulk string and a null array not a null:

    kind   value                            kind   value
    + -    str                              *  ~   list of Reply, or None (`*-1`)
    :  (   int                              >      list of Reply
    $      bytes, or None (`$-1`)           %      list of (Reply, Reply)
    ,      str, as it was printed           =      (format, bytes)
    #      bool                             |      (pairs as in %, the Reply that follows)
    _      None                             !      str
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

Argument = bytes | str | int | float


class Reply(NamedTuple):
    kind: str
    value: Any

    @property
    def is_error(self) -> bool:
        return self.kind in "-!"

    @property
    def is_null(self) -> bool:
        return self.value is None


class ReplyError(Exception):
    """An error reply, met where a value was expected, or nested in one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReplyError) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class MalformedReply(Exception):
    """The server broke the protocol."""


class Source(Protocol):
    """Where reply bytes come from; both methods raise ConnectionError at the end."""

    def line(self) -> bytes: ...

    def exact(self, count: int) -> bytes: ...


class BytesSource:
    """Replies that are already in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def line(self) -> bytes:
        end = self.data.find(b"\r\n", self.position)
        if end < 0:
            raise ConnectionError("reply ends in the middle of a line")
        line = self.data[self.position : end]
        self.position = end + 2
        return line

    def exact(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise ConnectionError("reply ends in the middle of a bulk string")
        part = self.data[self.position : end]
        self.position = end
        return part

    def at_end(self) -> bool:
        return self.position == len(self.data)


def encode_argument(argument: Argument) -> bytes:
    if isinstance(argument, bytes):
        return argument
    if isinstance(argument, str):
        return argument.encode()
    return repr(argument).encode()


def encode_command(arguments: Iterable[Argument]) -> bytes:
    parts = [encode_argument(argument) for argument in arguments]
    encoded = [b"*%d\r\n" % len(parts)]
    encoded += [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
    return b"".join(encoded)


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def length_of(data: bytes) -> int:
    try:
        length = int(data)
    except ValueError:
        raise MalformedReply(f"bad length {data!r}") from None
    if length < -1:
        raise MalformedReply(f"bad length {data!r}")
    return length


def read_bulk(source: Source, length: int) -> bytes:
    data = source.exact(length + 2)
    if data[-2:] != b"\r\n":
        raise MalformedReply(f"bulk string of {length} bytes not followed by CRLF: {data[-20:]!r}")
    return data[:-2]


def read_pairs(source: Source, count: int) -> list[tuple[Reply, Reply]]:
    return [(read_reply(source), read_reply(source)) for _ in range(count)]


def read_sized(kind: str, length: int, source: Source) -> Reply:
    """The kinds that open with a length."""
    if length == -1:
        if kind not in "$*":
            raise MalformedReply(f"null written as {kind}-1")
        return Reply(kind, None)
    if kind == "$":
        return Reply(kind, read_bulk(source, length))
    if kind == "!":
        return Reply(kind, text_of(read_bulk(source, length)))
    if kind == "=":
        data = read_bulk(source, length)
        if data[3:4] != b":":
            raise MalformedReply(f"verbatim string without a format: {data[:20]!r}")
        return Reply(kind, (text_of(data[:3]), data[4:]))
    if kind == "%":
        return Reply(kind, read_pairs(source, length))
    if kind == "|":
        pairs = read_pairs(source, length)
        return Reply(kind, (pairs, read_reply(source)))
    return Reply(kind, [read_reply(source) for _ in range(length)])


def read_reply(source: Source) -> Reply:
    """The next reply, whole; a push or an attribute counts as one."""
    line = source.line()
    kind, rest = chr(line[0]) if line else "", line[1:]
    if kind and kind in "$*%~>!=|":
        return read_sized(kind, length_of(rest), source)
    if kind and kind in "+-,":
        return Reply(kind, text_of(rest))
    if kind and kind in ":(":
        return Reply(kind, int(rest))
    if line in (b"#t", b"#f"):
        return Reply("#", line == b"#t")
    if line == b"_":
        return Reply("_", None)
    raise MalformedReply(f"not a reply: {line[:80]!r}")


def hashable(value: Any) -> Any:
    """A map's key, made usable as a dict's."""
    return tuple(hashable(item) for item in value) if isinstance(value, list) else value


def plain(reply: Reply) -> Any:
    """The value a test wants to look at: nulls are None, statuses str, bulk strings bytes."""
    kind, value = reply
    if value is None or kind in "+:#($":
        return value
    if kind in "-!":
        return ReplyError(value)
    if kind == ",":
        return float(value)
    if kind == "=":
        return value[1]
    if kind == "%":
        return {hashable(plain(name)): plain(item) for name, item in value}
    if kind == "|":
        return plain(value[1])
    return [plain(item) for item in value]
