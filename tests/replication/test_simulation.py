"""Storms over simulated servers; see tests/support/simulation.py.

A seed that fails is printed with the last things that happened: `--storm-seed 17` runs it again,
`python -m tools.simulate --seed 17 --trace` shows all. `--storm-count 1000` for a longer campaign.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

DEEDS = 400
LINES_SHOWN = 80


def simulate(*options: Any) -> str:
    """What the simulation, a process of its own, has to say."""
    words = [str(option) for option in options]
    done = subprocess.run(
        [sys.executable, "-m", "tools.simulate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode:
        pytest.fail("\n".join([*lines[-LINES_SHOWN:], f"simulate {' '.join(words)} failed"]))
    return lines[-1]


@pytest.mark.timeout(0)
def test_storms(request: pytest.FixtureRequest) -> None:
    """Data, offsets and histories after faults, changes of role and of clocks."""
    seed = request.config.getoption("storm_seed")
    count = 1 if seed else request.config.getoption("storm_count")
    simulate("--seed", seed or 1, "--count", count, "--deeds", DEEDS)


def test_a_seed_is_a_storm() -> None:
    """The same things happen again, at the same times, whatever ran before in the process."""
    first = simulate("--seed", 5, "--deeds", 100)
    again = simulate("--seed", 4, "--count", 2, "--deeds", 100)
    assert first.rpartition("trace")[2] == again.rpartition("trace")[2]
