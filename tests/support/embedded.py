"""The one function that knows how a test gets an engine inside this process."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from tests.support.client import InProcessClient


def open_in_process(protocol: int) -> InProcessClient:
    """A client of a new, empty engine of its own."""
    if importlib.util.find_spec("carnelian.embedded") is None:
        pytest.skip("carnelian.embedded does not exist yet")
    engine = importlib.import_module("carnelian.embedded").Engine()
    return InProcessClient(engine.execute, protocol, engine.close)
