"""The timer's work on clients, a slice of them at a time: each is looked at once a second.

Idle ones are closed after `timeout` seconds, and those over a soft output limit once its time has
passed. One per server, used from the loop's thread.
"""

from __future__ import annotations

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config

_SLICE_MIN = 5


class ClientCron:
    def __init__(self, loop: Any, config: Config) -> None:
        self.loop = loop
        self.config = config
        self.left: list[Any] = []  # not looked at in this round
        self.slice = _SLICE_MIN

    def run(self) -> None:
        if not self.left:
            self.left = self.loop.connections()
            self.slice = max(len(self.left) // self.config.hz + 1, _SLICE_MIN)
        timeout_ms = self.config.timeout * 1000
        for connection in self.left[-self.slice :]:
            connection.check(timeout_ms)
        del self.left[-self.slice :]
