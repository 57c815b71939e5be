"""What commands may ask of an engine's files: snapshots, the append-only file, child processes.

One per engine (`host.persistence`), used from the engine's thread.
"""

from __future__ import annotations

from carnelian.engine import host

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.services.persistence.aof.append_only import AppendOnly
    from carnelian.services.persistence.snapshots import Snapshots


class Files(host.Persistence):
    def __init__(self, snapshots: Snapshots, aof: AppendOnly) -> None:
        self.snapshots = snapshots
        self.children = snapshots.children
        self.aof = aof

    def keeps_files(self) -> bool:
        return True

    def save(self) -> bool:
        return self.snapshots.save()

    def is_saving(self) -> bool:
        return self.snapshots.child is not None

    def start_saving(self) -> bool:
        return self.snapshots.start_background()

    def schedule_saving(self) -> None:
        self.snapshots.scheduled = True

    def unschedule_saving(self) -> bool:
        scheduled, self.snapshots.scheduled = self.snapshots.scheduled, False
        return scheduled

    def cancel_saving(self) -> bool:
        return bool(self.snapshots.cancel())

    def last_save_s(self) -> int:
        return self.snapshots.last_save_s

    def is_rewriting(self) -> bool:
        return self.aof.child is not None

    def start_rewriting(self) -> bool:
        return self.aof.rewrite()

    def schedule_rewriting(self) -> None:
        self.aof.schedule()

    def active_child(self) -> str:
        child = self.children.active
        return "" if child is None else child.kind

    def flushed(self) -> bool:
        return self.snapshots.flushed()

    def reload_snapshot(self) -> bool:
        return self.snapshots.load(lambda: None)

    def flush_log(self) -> None:
        self.aof.file.flush(force=True)

    def reload_log(self) -> bool:
        return self.aof.load(lambda: None)

    def log_buffer_bytes(self) -> int:
        return int(self.aof.commands.memory)

    def figures(self) -> dict[str, object]:
        shown = self.snapshots.figures() | self.aof.figures()
        return shown | self.snapshots.loading.figures()

    def fork_figures(self) -> tuple[int, int]:
        return self.children.last_fork_us, self.children.forks

    def reset_figures(self) -> None:
        self.children.reset_figures()
        self.aof.file.delayed_syncs = 0
