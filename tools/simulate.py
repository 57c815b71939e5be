"""Servers, network and clocks in one process, all of it random and repeatable:
`python -m tools.simulate --seed 17 --trace` shows again what happened with a seed.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import hashlib
import os
import random
import sys
import tempfile
import time
from pathlib import Path

DEEDS = 500
HANGS_S = 120
SHOWN_LINES = 60


def storm(seed: int, deeds: int, echo: bool) -> bool:
    """Whether all was well; what happened is printed."""
    from tests.support.simulation import Storm

    started = time.monotonic()
    entropy.seed(seed)
    faulthandler.dump_traceback_later(HANGS_S, exit=True)
    with tempfile.TemporaryDirectory(prefix="simulation-") as directory:
        running = Storm(seed, Path(directory), echo)
        cluster = running.cluster
        try:
            running.run(deeds)
            failure = ""
        except Exception as failed:
            failure = f"{type(failed).__name__}: {failed}"
            if not echo:
                print("\n".join(cluster.trace[-SHOWN_LINES:]))
            if type(failed).__name__ != "Wrong":
                import traceback

                traceback.print_exc()
        finally:
            cluster.close()
    faulthandler.cancel_dump_traceback_later()
    known = hashlib.sha1("\n".join(cluster.trace).encode()).hexdigest()[:12]
    print(
        f"seed {seed}: {failure or 'good'}; {cluster.now_us / 1e6:.1f} s simulated in"
        f" {time.monotonic() - started:.1f} s, {running.partials} partial and {running.fulls} full"
        f" synchronizations, {running.compared} data sets compared, trace {known}",
        flush=True,
    )
    gc.collect()
    return not failure


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--count", type=int, default=1, help="of seeds, one after the other")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no more after that time")
    parser.add_argument("--deeds", type=int, default=DEEDS, help="things done in each storm")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    failed = 0
    for seed in range(options.seed, options.seed + options.count):
        if time.monotonic() < end:
            failed += not storm(seed, options.deeds, options.trace)
    return 1 if failed else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tools.simulate", *sys.argv[1:]])
    entropy = random.Random(0)
    os.urandom = entropy.randbytes  # before carnelian is imported: it draws its seeds then
    os.fsync = lambda fd: None
    sys.exit(main())
