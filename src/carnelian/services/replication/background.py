"""One piece of work that would block the loop, done on a thread; its end is told to the loop.

The work must release the GIL where it is long (fsync, name resolution, checksums) and touch nothing
of the engine's.
"""

from __future__ import annotations

import _thread

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def in_background(
    loop: Any, work: Callable[[], Any], done: Callable[[Any, BaseException | None], None]
) -> None:
    """Run `work()` on a thread, then `done(result, failure)` in the loop."""

    def run() -> None:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as failed:
            failure = failed
        loop.call_soon(lambda: done(result, failure))

    _thread.start_new_thread(run, ())
