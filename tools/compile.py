"""`python -m tools.compile ARGUMENT ...` runs setup.py with these and tells how far it is.

A first build takes minutes and says nothing by itself; a later one compiles only what a change
touches. What the compilers say is kept, and shown when one of them fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

TRANSLATED = re.compile(r"\[ *(\d+)/(\d+)\] Cythonizing")
COMPILED = re.compile(r"\[ *(\d+)/(\d+)\] compiled")
LONG = 20  # files from which on it is worth a word how long that takes
STEPS = 10  # lines per phase where the output is no terminal


class Progress:
    """One line that is overwritten on a terminal; elsewhere a few of them."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.told: dict[str, int] = {}
        self.began = time.monotonic()

    def show(self, phase: str, done: int, of: int) -> None:
        if not self.told and of >= LONG:
            sys.stderr.write("Carnelian is being compiled: some minutes, the first time only.\n")
        text = f"{phase} {done} of {of}, {time.monotonic() - self.began:.0f} s"
        step = done * STEPS // of
        if self.is_terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
        elif of >= LONG and self.told.get(phase) != step:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()
        self.told[phase] = step

    def end(self) -> None:
        if self.told and self.is_terminal:
            sys.stderr.write("\r\x1b[K")


def main() -> int:
    environment = os.environ | {"CARNELIAN_PROGRESS": "1"}
    build = subprocess.Popen(
        [sys.executable, "setup.py", "-q", *sys.argv[1:]],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    progress = Progress()
    said = []
    assert build.stdout is not None
    for line in build.stdout:
        if found := TRANSLATED.search(line):
            progress.show("translated to C", int(found[1]), int(found[2]))
        elif found := COMPILED.search(line):
            progress.show("compiled", int(found[1]), int(found[2]))
        else:
            said.append(line)
    progress.end()
    if build.wait():
        sys.stderr.writelines(said)
    return build.returncode


if __name__ == "__main__":
    sys.exit(main())
