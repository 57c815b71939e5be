"""Figures that need a clock to be taken: rates per second, from samples the server's timer takes.

One per instance; `sample` is called by the timer, `rates` by INFO.
"""

from __future__ import annotations

import time

SAMPLES = 16
INTERVAL_S = 0.1
NAMES = (
    "commands", "bytes_in", "bytes_out", "replication_bytes_in", "replication_bytes_out", "cycles",
    "busy_us",
)  # fmt: skip


class Metrics:
    def __init__(self) -> None:
        self.taken_at = time.monotonic()
        self.last = dict.fromkeys(NAMES, 0)
        self.samples: dict[str, list[float]] = {name: [0.0] * SAMPLES for name in NAMES}
        self.index = 0

    def sample(self, figures: dict[str, int]) -> None:
        """Take the counters' growth since the last sample, if that is long enough ago."""
        now = time.monotonic()
        passed = now - self.taken_at
        if passed < INTERVAL_S * 0.9:
            return
        for name in NAMES:
            grown = max(figures[name] - self.last[name], 0)  # RESETSTAT sets back
            self.samples[name][self.index] = grown / passed
            self.last[name] = figures[name]
        self.index = (self.index + 1) % SAMPLES
        self.taken_at = now

    def rates(self) -> dict[str, float]:
        """Per second, averaged over the last second and a half."""
        return {name: sum(values) / SAMPLES for name, values in self.samples.items()}
