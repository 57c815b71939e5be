"""The files of an engine inside a host process: opened when it is made, looked after by a thread of
their own, safe on disk when it is closed.

Nobody but one engine uses a directory: it is locked as long as the engine lives. What the log says
goes to Python's `logging`, logger "carnelian".
"""

from __future__ import annotations

import os
import threading

from carnelian.services import log
from carnelian.services.persistence.aof.append_only import WAITING

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.engine.turn import Turn
    from carnelian.instance import Instance

TICK_S = 0.1
LEVELS = (10, 10, 20, 30)  # of logging, for those of the log


class FilesError(RuntimeError):
    """The files cannot be used; the text says which, and why."""


class Messages:
    """Takes what the log has to say; `last` is the last warning."""

    def __init__(self) -> None:
        self.last = ""

    def take(self, level: int, text: str) -> None:
        import logging

        if level == log.WARNING:
            self.last = text
        logging.getLogger("carnelian").log(LEVELS[level], "%s", text)


messages = Messages()


def lock(directory: str) -> int:
    """The descriptor that holds the lock; -1 where there are no locks. FilesError."""
    try:
        import fcntl
    except ImportError:
        return -1
    os.makedirs(directory, exist_ok=True)
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise FilesError(f"another engine uses the files in {directory}") from None
    return held


def raise_loss(error: int, text: str) -> None:
    """With `always`: the command was carried out, but it is not safe on disk."""
    raise OSError(error, text)


class HostFiles:
    """`turn` is held by whoever uses the engine."""

    def __init__(self, instance: Instance, turn: Turn) -> None:
        self.instance = instance
        self.turn = turn
        self.lock = -1
        self.ended = threading.Event()
        config = instance.config
        if not config.appendonly and not config.save:
            instance.aof.forbidden = True
            return
        self.lock = lock(str(config.dir))
        instance.aof.file.on_loss = raise_loss
        if not instance.load(lambda: None):
            self.unlock()
            raise FilesError(messages.last)
        threading.Thread(
            target=look_after, args=(instance, turn, self.ended), name="carnelian", daemon=True
        ).start()

    def unlock(self) -> None:
        if self.lock >= 0:
            import fcntl

            fcntl.flock(self.lock, fcntl.LOCK_UN)  # a child may have a copy of the descriptor
            os.close(self.lock)
            self.lock = -1

    def abandon(self) -> None:
        """In a forked child: the lock stays the parent's, also once the parent has ended."""
        self.ended.set()
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def after_command(self) -> None:
        """Before its reply is given to anybody. OSError: `always` could not be kept."""
        instance = self.instance
        if instance.children.active is not None:
            instance.children.collect()
        if instance.aof.serving:
            instance.aof.before_replies()

    def close(self) -> None:
        """Whoever calls holds the turn. OSError: not all is on disk."""
        if self.ended.is_set():
            return
        self.ended.set()
        instance = self.instance
        while instance.aof.state == WAITING and instance.aof.last_status:
            instance.keep_files()
            self.turn.sleep(TICK_S / 10)
        instance.snapshots.end_child()
        good = instance.aof.close() and instance.aof.state != WAITING
        if instance.config.save and self.lock >= 0:
            good = instance.snapshots.save() and good
        instance.aof.let_go()
        self.unlock()
        if not good:
            raise OSError(instance.aof.file.error or 5, f"not all is on disk: {messages.last}")


def look_after(instance: Any, turn: Turn, ended: threading.Event) -> None:
    """The thread: saves, rewrites and syncs that are due whether anybody calls or not."""
    while not ended.wait(TICK_S):
        with turn:
            if ended.is_set():
                return
            try:
                instance.keep_files()
                instance.aof.before_replies()
            except OSError:
                pass  # clients are told: writes are refused
