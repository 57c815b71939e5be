"""The one place that waits: tests name a condition and a deadline, and never sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], what: str, timeout_s: float = 10.0, interval_s: float = 0.005
) -> T:
    """Call `condition` until it is true and return its result; TimeoutError names `what`."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise TimeoutError(f"after {timeout_s:g} s still waiting until {what}")
        time.sleep(interval_s)
