"""What a replica says to its primary before data flows: pure protocol, no socket, no clock.

    replica                                   primary
    PING                                      +PONG, or an error that asks for AUTH
    AUTH [user] password                      +OK            only with masterauth
    REPLCONF listening-port <port>            +OK
    REPLCONF ip-address <ip>                  +OK            only with replica-announce-ip
    REPLCONF capa eof capa psync2             +OK
    PSYNC <replid|?> <offset|-1>              +FULLRESYNC <replid> <offset>
                                              or +CONTINUE [<replid>]

Feed `receive` with the lines of the primary; it answers what to send next. `outcome` is set at the
end; a HandshakeError says why there is none. Used by the link.
"""

from __future__ import annotations

from carnelian.services import log

REPLID_LENGTH = 40
NEEDS_AUTH = (b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted")
NOT_NOW = (b"-NOMASTERLINK", b"-LOADING")
_INT64_MAX = 2**63 - 1


class HandshakeError(Exception):
    """The primary cannot or will not serve us; the text is for the log."""


class FullSync:
    """The whole data set follows; `offset` is where the stream goes on after it."""

    def __init__(self, replid: str, offset: int) -> None:
        self.replid = replid
        self.offset = offset


class PartialSync:
    """The stream goes on where we left it; `replid` is the primary's present one, or None."""

    def __init__(self, replid: str | None) -> None:
        self.replid = replid


class Introduction:
    """What we tell of ourselves. `replid` is None when we have no data worth going on from."""

    def __init__(
        self,
        *,
        port: int,
        address: str = "",
        user: str = "",
        password: str = "",
        replid: str | None = None,
        offset: int = 0,
        failover: bool = False,
    ) -> None:
        self.port = port
        self.address = address
        self.user = user
        self.password = password
        self.replid = replid
        self.offset = offset
        self.failover = failover  # asks the other side to take over from us


def encode(*words: str | bytes) -> bytes:
    """A command in RESP."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape")
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def shown(line: bytes) -> str:
    """A line from the other side, fit for the log."""
    return line[:200].decode("utf-8", "backslashreplace")


class Handshake:
    def __init__(self, me: Introduction) -> None:
        self.me = me
        self.outcome: FullSync | PartialSync | None = None
        self.is_refused = False  # by an answer to PSYNC
        self.awaited = ["PING"]  # names of the requests not answered yet

    def begin(self) -> bytes:
        return encode("PING")

    def receive(self, line: bytes) -> bytes:
        """Take one line; what to send now, or nothing."""
        awaited = self.awaited[0]
        if awaited == "PSYNC":
            if line:  # an empty one keeps the connection alive while the primary prepares
                self.psync_answered(line)
            return b""
        if not line:
            return b""
        if not line.startswith((b"+", b"-")):
            raise HandshakeError(f"not a reply to {awaited}: '{shown(line)}'")
        del self.awaited[0]
        if awaited == "PING":
            if line.startswith(b"-") and not line.startswith(NEEDS_AUTH):
                raise HandshakeError(f"Error reply to PING from master: '{shown(line)}'")
            log.notice("Master replied to PING, replication can continue...")
            return self.introduce()
        if line.startswith(b"-"):
            self.refused(awaited, line)
        return self.psync() if not self.awaited else b""

    def introduce(self) -> bytes:
        me = self.me
        requests = b""
        if me.password:
            words = ["AUTH", me.user, me.password] if me.user else ["AUTH", me.password]
            requests += encode(*words)
            self.awaited.append("AUTH")
        requests += encode("REPLCONF", "listening-port", str(me.port))
        self.awaited.append("REPLCONF listening-port")
        if me.address:
            requests += encode("REPLCONF", "ip-address", me.address)
            self.awaited.append("REPLCONF ip-address")
        requests += encode("REPLCONF", "capa", "eof", "capa", "psync2")
        self.awaited.append("REPLCONF capa")
        return requests

    def refused(self, request: str, line: bytes) -> None:
        if request == "AUTH":
            raise HandshakeError(f"Unable to AUTH to MASTER: {shown(line)}")
        if line.startswith(NEEDS_AUTH):
            raise HandshakeError(f"{request} refused, check masterauth: {shown(line)}")
        log.notice(f"(Non critical) Master does not understand {request}: {shown(line)}")

    def psync(self) -> bytes:
        self.awaited.append("PSYNC")
        if self.me.replid is None:
            log.notice("Partial resynchronization not possible (no cached master)")
            return encode("PSYNC", "?", "-1")
        following = self.me.offset + 1
        log.notice(f"Trying a partial resynchronization (request {self.me.replid}:{following}).")
        more = ["FAILOVER"] if self.me.failover else []
        return encode("PSYNC", self.me.replid, str(following), *more)

    def psync_answered(self, line: bytes) -> None:
        words = line.split()
        self.is_refused = line.startswith(b"-") and not line.startswith(NOT_NOW)
        if line.startswith(b"+FULLRESYNC"):
            if len(words) != 3 or not is_replid(words[1]) or not words[2].isdigit():
                raise HandshakeError(f"Master replied with wrong +FULLRESYNC: '{shown(line)}'")
            if int(words[2]) > _INT64_MAX:
                raise HandshakeError("Master replied with an offset beyond all reason")
            self.outcome = FullSync(words[1].decode(), int(words[2]))
        elif line.startswith(b"+CONTINUE"):
            if len(words) > 1 and not is_replid(words[1]):
                raise HandshakeError(f"Master replied with wrong +CONTINUE: '{shown(line)}'")
            if self.me.replid is None:
                raise HandshakeError("Master continues a stream nobody asked it to continue")
            self.outcome = PartialSync(words[1].decode() if len(words) > 1 else None)
        elif line.startswith(NOT_NOW):
            raise HandshakeError(
                "Master is currently unable to PSYNC but should be in the future: " + shown(line)
            )
        elif line.startswith(b"-"):
            raise HandshakeError(f"Master refused PSYNC: {shown(line)}")
        else:
            raise HandshakeError(f"Unexpected reply to PSYNC from master: '{shown(line)}'")


def is_replid(word: bytes) -> bool:
    return len(word) == REPLID_LENGTH and word.isalnum()
