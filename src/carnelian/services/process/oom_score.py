"""The kernel's score of this process for when memory runs out, after oom-score-adj.

The first adjustment remembers what the score was, to count from it and to go back to it. One per
server, used from its main thread and in forked children.
"""

from __future__ import annotations

from carnelian.services import log
from carnelian.services.config.parameter import ConfigError

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.services.config.config import Config

PATH = "/proc/self/oom_score_adj"
PRIMARY, REPLICA, CHILD = range(3)  # the places in oom-score-adj-values


class OomScore:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.base: int | None = None
        config.on_any_change(("oom-score-adj", "oom-score-adj-values"), self.apply)
        config.on_change("replicaof", self.follow_role)

    def apply(self) -> None:
        """The server's own, by its role. ConfigError."""
        if not self.adjust(REPLICA if self.config.replicaof else PRIMARY):
            raise ConfigError(
                "Failed to apply new oom_score_adj configuration, check server logs."
            )

    def follow_role(self, primary: tuple[object, ...]) -> None:
        self.adjust(REPLICA if primary else PRIMARY)  # the log says if that failed

    def apply_in_child(self) -> None:
        self.adjust(CHILD)

    def adjust(self, place: int) -> bool:
        mode = self.config.oom_score_adj
        if mode == "no" and self.base is None:
            return True
        try:
            if self.base is None:
                with open(PATH, encoding="ascii") as file:
                    self.base = int(file.read())
            wanted = self.base
            if mode != "no":
                value = self.config.oom_score_adj_values[place]
                wanted = value if mode == "absolute" else self.base + value
            with open(PATH, "w", encoding="ascii") as file:
                file.write(str(max(-1000, min(wanted, 1000))))
        except (OSError, ValueError) as failed:
            log.warning(f"Unable to write oom_score_adj: {failed}")
            return False
        return True
