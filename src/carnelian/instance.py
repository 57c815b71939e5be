"""An engine with its configuration: what a server and an embedded engine have in common.

It makes the parts that the engine's `host` offers to commands. Used from the thread that runs the
engine.
"""

from __future__ import annotations

from carnelian import commands
from carnelian.base.clock import Clock
from carnelian.engine.engine import Engine
from carnelian.engine.events import parse_event_classes
from carnelian.engine.slowlog import LARGE_REPLY, LARGE_REQUEST, SLOW
from carnelian.services import log
from carnelian.services.acl.users import Users
from carnelian.services.config import effects
from carnelian.services.config.syntax import to_bytes
from carnelian.services.persistence.aof.append_only import AppendOnly
from carnelian.services.persistence.children import Children
from carnelian.services.persistence.files import Files
from carnelian.services.persistence.loading import Loading
from carnelian.services.persistence.snapshots import Snapshots
from carnelian.services.process.metrics import Metrics
from carnelian.services.replication.state import ReplicationState

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config

# A service declares its own commands; they come behind those of `commands`.
for _declaring in ("replication.replicaof", "replication.commands"):
    __import__(f"carnelian.services.{_declaring}")

_LFU_POLICIES = ("allkeys-lfu", "volatile-lfu")


class Instance:
    """One engine and its settings."""

    # a simulation has its own of these
    new_clock = Clock
    new_children = Children

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine: Any = Engine(config.databases, self.new_clock())
        self.rename_commands()
        self.host = self.engine.host
        self.host.configuration = config
        self.host.log = log.EngineLog()
        self.metrics = Metrics()
        self.replication = ReplicationState(self.engine, config)
        self.host.replication = self.replication
        self.children = self.new_children(
            self.engine.clock, self.engine.diagnostics.latency
        )
        self.children.count_keys = lambda: sum(size[1] for size in self.engine.sizes())
        self.loading = Loading(self.engine, config)
        self.snapshots = Snapshots(self.engine, config, self.children, self.loading)
        self.snapshots.stream_aux = self.replication.aux
        self.aof = AppendOnly(self.engine, config, self.snapshots)
        self.snapshots.remove_file = self.aof.worker.submit_removal
        self.host.persistence = Files(self.snapshots, self.aof)
        self.users = self.host.users = Users(self.engine, config)
        commands.attach(self.engine, config)
        self.attach_engine()
        effects.attach(config)

    def rename_commands(self) -> None:
        for directive in self.config.directives:
            if directive.words[0] == "rename-command":
                old, new = map(to_bytes, directive.words[1:])
                try:
                    self.engine.commands.rename(old, new)
                except LookupError as refused:
                    raise directive.origin.error(str(refused)) from None

    def attach_engine(self) -> None:
        """Make parameters that steer the engine do so, now and whenever they change."""
        config, engine = self.config, self.engine

        def access() -> None:
            lfu = config.maxmemory_policy in _LFU_POLICIES
            engine.set_access_policy(
                lfu, min(config.lfu_log_factor, 2**31 - 1), config.lfu_decay_time
            )

        def events(classes: str) -> None:
            engine.events.choose(parse_event_classes(classes) or 0)

        diagnostics = engine.diagnostics
        config.on_change("slowlog-log-slower-than", diagnostics.set_slow_threshold_us)
        config.on_change("slowlog-max-len", diagnostics.logs[SLOW].resize)
        config.on_change("commandlog-request-larger-than", diagnostics.set_large_request)
        config.on_change("commandlog-large-request-max-len", diagnostics.logs[LARGE_REQUEST].resize)
        config.on_change("commandlog-reply-larger-than", diagnostics.set_large_reply)
        config.on_change("commandlog-large-reply-max-len", diagnostics.logs[LARGE_REPLY].resize)
        config.on_change("latency-monitor-threshold", diagnostics.set_delay_threshold_ms)
        config.on_change("latency-tracking", diagnostics.set_tracking)
        config.on_change("notify-keyspace-events", events)
        config.on_any_change(("maxmemory-policy", "lfu-log-factor", "lfu-decay-time"), access)
        saving = ("save", "stop-writes-on-bgsave-error")
        config.on_any_change(saving, self.snapshots.follow_errors)
        self.aof.attach()

    # --- data files ---

    def load(self, between: Callable[[], None]) -> bool:
        """Load the append-only file if it is on, else the snapshot; then begin to log. False
        after the log said why the data cannot be used."""
        logged = bool(self.config.appendonly)
        with self.engine.inside():
            if logged:
                good = self.aof.load(between)
            else:
                good = self.aof.read_manifest() and self.snapshots.load(between)
            return good and self.aof.open(logged)

    def keep_files(self) -> None:
        """From the timer: children that have ended, saves and rewrites that are due."""
        self.children.collect()
        if self.aof.scheduled:
            self.aof.cron()
        self.snapshots.cron()
        self.aof.cron()
