"""The latency monitor: when the server was slow, by kind of event, as LATENCY shows it.

Owned by the engine. Whoever may delay clients notes how long that took: dispatch for commands, the
expiry cycle, forks, the append-only file.
"""

from __future__ import annotations

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.base.clock import Clock

SAMPLES_MAX = 160


class Series:
    """One event's samples (unix time, milliseconds), the last ones and no two of a second."""

    __slots__ = ("highest_ms", "samples")

    def __init__(self) -> None:
        self.samples: list[tuple[int, int]] = []
        self.highest_ms = 0

    def add(self, now_s: int, ms: int) -> None:
        self.highest_ms = max(self.highest_ms, ms)
        if self.samples and self.samples[-1][0] == now_s:
            ms = max(ms, self.samples.pop()[1])
        self.samples.append((now_s, ms))
        del self.samples[:-SAMPLES_MAX]


class LatencyMonitor:
    __slots__ = ("clock", "events", "threshold_ms")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.events: dict[str, Series] = {}
        self.threshold_ms = 0

    def note(self, event: str, spent_us: int) -> None:
        """Remember it if it took as long as latency-monitor-threshold says."""
        spent_ms = int(spent_us) // 1000
        if self.threshold_ms and spent_ms >= self.threshold_ms:
            self.events.setdefault(event, Series()).add(self.clock.wall_s(), spent_ms)

    def history(self, event: str) -> list[tuple[int, int]]:
        return list(self.events[event].samples) if event in self.events else []

    def latest(self) -> list[tuple[bytes, int, int, int]]:
        """(event, unix time and milliseconds of its last sample, its highest)."""
        return [
            (event.encode("utf-8", "surrogateescape"), *series.samples[-1], series.highest_ms)
            for event, series in self.events.items()
        ]

    def reset(self, events: list[str]) -> int:
        """Forget these events, all if none is named; how many there were."""
        gone = [event for event in dict.fromkeys(events or self.events) if event in self.events]
        for event in gone:
            del self.events[event]
        return len(gone)
