"""A snapshot from a child's pipe to several replicas at once, without a file.

The pipe is read when every replica has taken the part before: nothing piles up here, and the
slowest sets the pace until it is cut by repl-timeout. The child ends its output with the mark only
when all went well; a replica that does not see the mark where the snapshot ends throws it away.
"""

from __future__ import annotations

import fcntl
import os
import posix

from carnelian.services import log
from carnelian.services.persistence.children import SIGUSR1

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

CHILD = "RDB"
MARK_SIZE = 40
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031


def widen(fd: int) -> None:
    """A bigger pipe where the system has that: fewer turns of the loop."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass


class FanOut:
    def __init__(self, owner: Any, links: list[Any]) -> None:
        """Start the child. OSError when there is none."""
        self.owner = owner
        self.links = list(links)
        self.sending: set[Any] = set()  # who has not taken all of the current part
        self.mark = os.urandom(MARK_SIZE // 2).hex().encode()
        self.end = b""  # the last bytes read
        self.watching = False
        only_functions = links[0].snapshot_filter is not None
        snapshots = owner.snapshots
        self.pipe, writing = posix.pipe()

        def work() -> None:
            snapshots.write_to(writing, without_data=only_functions)
            posix.write(writing, self.mark)
            posix.close(writing)  # now, not after the child's last words

        try:
            widen(writing)
            posix.set_blocking(self.pipe, False)
            self.child = owner.children.start(CHILD, work, self.child_ended, [writing])
        except OSError:
            posix.close(self.pipe)
            raise
        finally:
            posix.close(writing)

    def begin(self) -> None:
        for link in self.links:
            link.on_chunk_sent = self.sent
            link.send_text(b"$EOF:%b\r\n" % self.mark)
        self.watch()

    # --- parts ---

    def watch(self) -> None:
        if not self.watching:
            self.watching = True
            self.owner.loop.watch(self.pipe, self.read, None)

    def unwatch(self) -> None:
        if self.watching:
            self.watching = False
            self.owner.loop.unwatch(self.pipe)

    def read(self) -> None:
        """Take the next part from the child and give it to everybody."""
        try:
            part = posix.read(self.pipe, PIPE_BYTES)
        except BlockingIOError:
            self.watch()
            return
        self.unwatch()
        if not part:
            self.finish()
            return
        self.end = (self.end + part[-MARK_SIZE:])[-MARK_SIZE:]
        self.sending = set(self.links)
        for link in self.links:
            link.send_chunk(part)

    def sent(self, link: Any) -> None:
        self.sending.discard(link)
        if self.end == self.mark:
            # Not only when the pipe ends: the replica may say at once that it is ready.
            self.links.remove(link)
            self.owner.complete(link, streams=False)
        self.go_on()

    def go_on(self) -> None:
        if self.sending or self.pipe < 0:
            return
        if self.links:
            self.read()
        else:
            self.close()

    # --- the end ---

    def finish(self) -> None:
        """The pipe has ended without the mark."""
        links = self.links
        self.close()
        for link in links:
            log.warning(f"Diskless synchronization of replica {link.describe()} failed")
            link.close()

    def lost(self, link: Any) -> None:
        """A replica has gone; without the last one the snapshot is of no use."""
        if link not in self.links:
            return
        self.links.remove(link)
        self.sending.discard(link)
        if self.links:
            self.go_on()
            return
        log.notice("Diskless rdb transfer, last replica dropped, killing fork child.")
        self.close()
        if self.end != self.mark and self.owner.children.active is self.child:
            self.owner.children.kill()

    def close(self) -> None:
        self.unwatch()
        if self.pipe >= 0:
            posix.close(self.pipe)
            self.pipe = -1
            self.links = []
            self.owner.fan_out_ended(self)

    def child_ended(self, code: int) -> None:
        if code == 0:
            log.notice("Background RDB transfer terminated with success")
        elif code == -SIGUSR1:
            pass  # we have ended it ourselves
        elif code < 0:
            log.warning(f"Background RDB transfer terminated by signal {-code}")
        else:
            log.warning("Background RDB transfer error")
