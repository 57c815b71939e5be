"""The end of a server: replicas get the time to catch up, files are settled, then the loop is left.

    begin -> waiting (clients' writes are held back) -> finish -> the end
       |        '-- ABORT ------.                          |
       '--- nothing to wait for -|-------------------------'
                                 v                 files cannot be saved
                         the server goes on <--------------'

One per server, used from the loop's thread.
"""

from __future__ import annotations

import os

from carnelian.base import files
from carnelian.engine.errors import SHUTDOWN_FAILED
from carnelian.engine.serving import fail_shutdowns
from carnelian.services import log
from carnelian.services.process import process

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

HOLDER = "shutdown"
LAST_BYTES_S = 1.0  # to get to replicas that are in step what was said to them since


class Shutdown:
    def __init__(self, server: Any) -> None:
        self.server = server
        self.waiting = False
        self.words: set[str] = set()
        self.deadline_s = 0.0  # monotonic
        self.offset = 0  # of the stream, which replicas are to acknowledge
        self.was_signalled = False  # a further SIGINT ends the process at once
        server.primary.on_acks.append(self.step)

    def begin(self, words: set[str], asked_by: str) -> bool:
        """Save if that is asked for or configured, then leave the loop; replicas may have to be
        waited for. Whether the server has ended by it; if not, it is `waiting` or goes on."""
        server = self.server
        if server.ending or self.waiting:
            return bool(server.ending)
        self.words = words
        self.offset = server.replication.offset
        log.notice(f"User requested shutdown...{asked_by}")
        process.notify_supervisor("STOPPING=1\n", server.config.supervised)
        timeout_s = server.config.shutdown_timeout
        if "now" in words or not timeout_s or not self.lagging():
            return self.finish()
        self.waiting = True
        self.deadline_s = self.server.engine.clock.steady_s() + timeout_s
        server.engine.pause.hold_writes(HOLDER, True)
        server.primary.want_acks()
        log.notice("Waiting for replicas before shutting down.")
        return False

    def lagging(self) -> list[Any]:
        """Replicas that have not acknowledged all that there was when it began."""
        links = self.server.replication.replica_links
        return [link for link in links if link.ack_offset < self.offset]

    def step(self) -> None:
        """From the timer and with each acknowledgement."""
        late = self.server.engine.clock.steady_s() >= self.deadline_s
        if self.waiting and (late or not self.lagging()):
            self.finish()

    def left_ms(self) -> int:
        return max(int((self.deadline_s - self.server.engine.clock.steady_s()) * 1000), 0)

    def finish(self) -> bool:
        self.report_lag()
        with process.InterruptWatch(self.insisted):
            return self.settle()

    def insisted(self, signals: int) -> None:
        """SIGINT while files are settled; in a thread."""
        if self.was_signalled or signals > 1:
            self.insist()

    def insist(self) -> None:
        """End the process, now: no half of a snapshot stays behind."""
        log.warning("You insist... exiting now.")
        files.remove_quietly(self.server.snapshots.temporary(os.getpid()))
        os._exit(1)

    def settle(self) -> bool:
        server = self.server
        in_step = [link for link in server.primary.online() if link not in self.lagging()]
        server.primary.send_rest(in_step, 0.0 if "now" in self.words else LAST_BYTES_S)
        if self.settle_files() or "force" in self.words:
            server.leave()
            return True
        log.warning("Errors trying to shut down the server. Check the logs for more information.")
        process.notify_supervisor("READY=1\n", server.config.supervised)
        self.cancel()
        return False

    def report_lag(self) -> None:
        links, lagging = self.server.replication.replica_links, self.lagging()
        for link in lagging:
            log.notice(
                f"Lagging replica {link.describe()} reported offset"
                f" {self.server.replication.offset - link.ack_offset} behind master,"
                f" lag={link.lag_s()}, state={link.stage_name}."
            )
        if links:
            log.notice(
                f"{len(links) - len(lagging)} of {len(links)} replicas are in sync when shutting"
                " down."
            )

    def abort(self) -> bool:
        if not self.waiting:
            return False
        self.cancel()
        log.notice("Shutdown manually aborted.")
        return True

    def cancel(self) -> None:
        """The server goes on: tell those who wanted it to end."""
        self.waiting = self.was_signalled = False
        self.server.engine.pause.hold_writes(HOLDER, False)
        fail_shutdowns(self.server.engine, SHUTDOWN_FAILED)

    # --- files ---

    def settle_files(self) -> bool:
        """Have all data on disk as the configuration wants it; False if that cannot be."""
        server = self.server
        if server.loading.active:
            return True
        if not server.aof.may_end():
            if "force" not in self.words:
                log.warning("Writing initial AOF, can't exit.")
                return False
            log.warning("Writing initial AOF. Exit anyway.")
        server.snapshots.end_child()
        server.aof.close()
        return self.save()

    def save(self) -> bool:
        demanded = "save" in self.words
        if "nosave" in self.words or not (demanded or self.server.config.save):
            return True
        log.notice("Saving the final RDB snapshot before exiting.")
        if self.server.snapshots.save():
            return True
        if "force" in self.words:
            log.warning("Error trying to save the DB. Exit anyway.")
        else:
            log.warning("Error trying to save the DB, can't exit.")
        return False
