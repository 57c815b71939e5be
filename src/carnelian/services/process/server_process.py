"""What commands may ask of the process: to end, and the figures of its loop.

One per server (`host.process`), used from the loop's thread.
"""

from __future__ import annotations

from carnelian.engine import host

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.process.endpoints import Endpoints
    from carnelian.services.process.metrics import Metrics
    from carnelian.services.process.shutdown import Shutdown


class ServerProcess(host.Process):
    def __init__(
        self, loop: Any, endpoints: Endpoints, ends: Shutdown, metrics: Metrics
    ) -> None:
        self.loop = loop
        self.endpoints = endpoints
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

    def loop_figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = self.loop.figures()
        return figures

    def listeners(self) -> list[tuple[str, list[str], int]]:
        return self.endpoints.listed()

    def rates(self) -> dict[str, float]:
        return self.metrics.rates()

    def reset_figures(self) -> None:
        self.loop.reset_figures()
