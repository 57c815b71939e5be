"""What commands may ask of the process: to end, and the figures of its loop.

One per server (`host.process`), used from the loop's thread.
"""

from __future__ import annotations

from carnelian.engine import host

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.process.metrics import Metrics
    from carnelian.services.process.shutdown import Shutdown


class ServerProcess(host.Process):
    def __init__(self, loop: Any, ends: Shutdown, metrics: Metrics) -> None:
        self.loop = loop
        self.ends = ends
        self.metrics = metrics

    def shutdown(self, words: set[str], asked_by: str) -> bool:
        return self.ends.begin(words, asked_by)

    def is_shutting_down(self) -> bool:
        return self.ends.waiting

    def abort_shutdown(self) -> bool:
        return self.ends.abort()

    def shutdown_figures(self) -> dict[str, object]:
        return {"shutdown_in_milliseconds": self.ends.left_ms()} if self.ends.waiting else {}

    def io_figures(self) -> tuple[int, int, int]:
        reads, writes, overruns = self.loop.io_figures()
        return reads, writes, overruns

    def rates(self) -> dict[str, float]:
        return self.metrics.rates()

    def reset_figures(self) -> None:
        self.loop.reset_io_figures()
