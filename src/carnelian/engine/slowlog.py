"""The command logs: the last commands that took long, or whose request or reply was large.

SLOWLOG and COMMANDLOG show them.

Owned by the engine, fed by dispatch. Entries keep shortened copies of the arguments, never a
password.
"""

from __future__ import annotations

ARGUMENTS_MAX = 32
ARGUMENT_BYTES_MAX = 128
REDACTED = b"(redacted)"
SENSITIVE = frozenset((b"auth", b"hello", b"config", b"acl", b"migrate"))
SECRET_PARAMETERS = frozenset(
    (
        b"requirepass",
        b"masterauth",
        b"primaryauth",
        b"masteruser",
        b"primaryuser",
        b"tls-key-file-pass",
        b"tls-client-key-file-pass",
    )
)


def secret_places(words: list[bytes], name: bytes) -> list[int]:
    """Which arguments of a call must not be shown: passwords, and what lies around them."""
    second = words[1].lower() if len(words) > 1 else b""
    if name == b"auth":
        return list(range(1, len(words)))
    if name == b"acl" and second in (b"setuser", b"deluser"):
        return list(range(2, len(words)))
    if name == b"config" and second == b"set":
        pairs = range(2, len(words) - 1, 2)
        return [at + 1 for at in pairs if words[at].lower() in SECRET_PARAMETERS]
    places: list[int] = []
    if name in (b"hello", b"migrate"):
        for at, word in enumerate(words):
            if word.lower() == b"auth2" or (name == b"hello" and word.lower() == b"auth"):
                places += [at + 1, at + 2]
            elif word.lower() == b"auth":
                places.append(at + 1)
    return [at for at in places if at < len(words)]


def redact(words: list[bytes], command_name: str) -> list[bytes]:
    """The words of a call as others may see them; the first one may be another name of the
    command."""
    name = command_name.partition("|")[0].encode()
    if name in SENSITIVE:
        for at in secret_places(words, name):
            words[at] = REDACTED
    return words


SLOW, LARGE_REQUEST, LARGE_REPLY = b"slow", b"large-request", b"large-reply"  # kinds of logs


class CommandLog:
    """Entries (id, unix time, microseconds or bytes, words, address, client name), newest first."""

    __slots__ = ("entries", "next_id", "size_max")

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int, list[bytes], str, bytes]] = []
        self.next_id = 0
        self.size_max = 128

    def add(  # noqa: PLR0917
        self,
        now_s: int,
        value: int,
        command_name: str,
        words: list[bytes],
        lengths: list[int],
        argc: int,
        address: str,
        name: bytes,
    ) -> None:
        """`words` may be cut short; `lengths` and `argc` tell what there was."""
        kept = ARGUMENTS_MAX if argc <= ARGUMENTS_MAX else ARGUMENTS_MAX - 1
        shown = redact(list(words), command_name)[:kept]
        for at, word in enumerate(shown):
            if lengths[at] > ARGUMENT_BYTES_MAX and word is not REDACTED:
                more = b"... (%d more bytes)" % (lengths[at] - ARGUMENT_BYTES_MAX)
                shown[at] = word[:ARGUMENT_BYTES_MAX] + more
        if argc > ARGUMENTS_MAX:
            shown.append(b"... (%d more arguments)" % (argc - kept))
        self.entries.insert(0, (self.next_id, now_s, value, shown, address, name))
        self.next_id += 1
        self.trim()

    def resize(self, size_max: int) -> None:
        self.size_max = size_max
        self.trim()

    def trim(self) -> None:
        del self.entries[self.size_max :]

    def clear(self) -> None:
        self.entries.clear()
