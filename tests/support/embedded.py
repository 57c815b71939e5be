"""The one function that knows how a test gets an engine inside this process."""

from __future__ import annotations

from carnelian.embedded import Engine
from tests.support.client import InProcessClient


def open_in_process(protocol: int) -> InProcessClient:
    """A client of a new, empty engine of its own."""
    engine = Engine()
    return InProcessClient(engine.execute, protocol, engine.close)
