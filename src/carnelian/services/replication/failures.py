"""What ends an attempt to follow a primary, and how the log says it."""

from __future__ import annotations

from carnelian.services.persistence.rdb.snapshot import SnapshotError
from carnelian.services.replication.applier import StreamError
from carnelian.services.replication.handshake import HandshakeError
from carnelian.services.replication.transfer import TransferError


class LinkError(Exception):
    """The link is over; the text is for the log."""


FAILURES = (HandshakeError, TransferError, SnapshotError, StreamError, LinkError, OSError)


def text_of(failed: BaseException) -> str:
    if isinstance(failed, SnapshotError):
        return (
            "Failed trying to load the MASTER synchronization DB from socket:"
            f" {failed} at offset {failed.offset}"
        )
    if isinstance(failed, OSError) and failed.strerror:
        return str(failed.strerror)
    return str(failed)
