"""The command line: `python -m benchmarks throughput --rounds 5 --tests SET,GET`."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from benchmarks import (
    idle,
    instructions,
    memory,
    persistence,
    removal,
    replication,
    stall,
    startup,
    throughput,
)
from benchmarks.targets import present
from tests.support import servers as known
from tests.support.servers import NAMES

PARTS = (
    "throughput", "instructions", "memory", "start", "idle", "stall", "removal", "persistence",
    "replication",
)  # fmt: skip
AGAINST = "before"


def words(text: str) -> list[str]:
    return text.split(",")


def numbers(text: str) -> list[int]:
    return [int(word) for word in words(text)]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--servers", type=words, default=list(NAMES), help="first: the one judged")
    parser.add_argument(
        "--against", type=shlex.split, metavar="COMMAND", help="a command line that starts "
        f"another Carnelian, measured as the server '{AGAINST}'"
    )
    parser.add_argument(
        "--tests", type=words, help="throughput: names; memory: words of a case; removal: parts")
    parser.add_argument("--pipelines", type=numbers, default=[16, 1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small and rough: does it work at all")
    parser.add_argument("--keep", action="store_true", help="instructions: write the lower figures")
    parser.add_argument("--json", type=Path, help="file for the raw data")
    return parser.parse_args()


def run(part: str, options: argparse.Namespace, servers: list[str]) -> list[dict[str, Any]]:
    if part == "throughput":
        return throughput.main(
            servers, options.tests, options.pipelines, options.rounds, options.quick
        )
    if part == "instructions":
        return instructions.main(servers, options.tests, options.keep, options.quick)
    if part == "memory":
        return memory.main(servers, options.tests, options.quick)
    if part == "start":
        return startup.main(servers, options.rounds, options.quick)
    if part == "idle":
        return idle.main(servers, options.quick)
    if part == "removal":
        return removal.main(servers, options.tests, options.quick)
    if part == "persistence":
        return persistence.main(servers, options.quick)
    if part == "replication":
        return replication.main(servers, options.tests, options.rounds, options.quick)
    return stall.main(servers, options.quick)


def main() -> None:
    options = parse()
    if options.against is not None:
        # What PYTHONPATH leads to is the build that is judged.
        known.other_commands[AGAINST] = ["env", "-u", "PYTHONPATH", *options.against]
        options.servers.append(AGAINST)
    unknown = [name for name in options.servers if name not in (*NAMES, AGAINST)]
    if unknown:
        raise SystemExit(f"no such server: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    servers = present(options.servers)
    if not servers:
        raise SystemExit("no server to measure")
    parts = PARTS if options.part == "all" else [options.part]
    results = {part: run(part, options, servers) for part in parts}
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
