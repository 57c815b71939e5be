"""Servers that are killed and started again in one directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server, start


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`begin(appendfsync="always")`: a server in the test's directory, with the log on."""
    running: list[Server] = []

    def start_one(name: str = "carnelian", **config: Any) -> Server:
        settings = {"dir": str(tmp_path), "appendonly": "yes"} | config
        running.append(start(name, settings))
        return running[-1]

    yield start_one
    for server in running:
        server.stop()
