"""An engine with its configuration: what a server and an embedded engine have in common.

It is `engine.server`, through which commands reach what the engine itself does not know: the
configuration, users, shutting down. Used from the thread that runs the engine.
"""

from __future__ import annotations

from carnelian import commands
from carnelian.engine.dispatch import (
    set_delay_threshold_ms,
    set_slow_threshold_us,
    set_tracking,
)
from carnelian.engine.engine import Engine, parse_event_classes
from carnelian.engine.latency import LatencyMonitor
from carnelian.engine.slowlog import SlowLog
from carnelian.services import log
from carnelian.services.config.parameter import ConfigError
from carnelian.services.config.syntax import to_bytes
from carnelian.services.persistence.aof.append_only import AppendOnly
from carnelian.services.persistence.children import Children
from carnelian.services.persistence.loading import Loading
from carnelian.services.persistence.snapshots import Snapshots
from carnelian.services.process.metrics import Metrics
from carnelian.services.replication.state import ReplicationState

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config

DEFAULT_USER = b"default"
_LFU_POLICIES = ("allkeys-lfu", "volatile-lfu")


class Instance:
    """One engine and its settings. `save` is set by persistence: it writes the data set and
    answers whether that worked."""

    mode = "standalone"
    new_children = Children  # a simulation has its own

    @property
    def role(self) -> str:
        return str(self.replication.role)

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine: Any = Engine(config.databases)
        self.engine.config = config
        self.engine.log = log
        self.engine.server = self
        self.engine.slowlog = SlowLog()
        self.engine.latency = LatencyMonitor()
        self.metrics = Metrics()
        self.replication = ReplicationState(self.engine, config)
        self.engine.replication = self.replication
        self.children = self.new_children(self.engine.latency)
        self.children.count_keys = lambda: sum(size[1] for size in self.engine.sizes())
        self.loading = Loading(self.engine)
        self.snapshots = Snapshots(self.engine, config, self.children, self.loading)
        self.engine.snapshots = self.snapshots
        self.aof = AppendOnly(self)
        self.snapshots.remove_file = self.aof.worker.submit_removal
        commands.attach(config)
        self.attach_engine()

    def attach_engine(self) -> None:
        """Make parameters that steer the engine do so, now and whenever they change."""
        config, engine = self.config, self.engine

        def access() -> None:
            lfu = config.maxmemory_policy in _LFU_POLICIES
            engine.set_access_policy(
                lfu, min(config.lfu_log_factor, 2**31 - 1), config.lfu_decay_time
            )

        def events(classes: str) -> None:
            engine.set_notify_flags(parse_event_classes(classes) or 0)

        def password(text: str) -> None:
            if not text:
                for session in engine.sessions.values():
                    session.demand_password(False)

        config.on_change("slowlog-log-slower-than", set_slow_threshold_us)
        def delays(threshold_ms: int) -> None:
            engine.latency.threshold_ms = threshold_ms
            set_delay_threshold_ms(threshold_ms)

        config.on_change("slowlog-max-len", engine.slowlog.resize)
        config.on_change("latency-monitor-threshold", delays)
        config.on_change("latency-tracking", set_tracking)
        def lazy_expire(wanted: bool) -> None:
            engine.lazy_expire = wanted

        config.on_change("notify-keyspace-events", events)
        config.on_change("lazyfree-lazy-expire", lazy_expire)
        config.on_any_change(("maxmemory-policy", "lfu-log-factor", "lfu-decay-time"), access)
        config.on_change("requirepass", password)
        saving = ("save", "stop-writes-on-bgsave-error")
        config.on_any_change(saving, self.snapshots.follow_errors)
        self.aof.attach()

    # --- data files ---

    def load(self, between: Callable[[], None]) -> bool:
        """Load the append-only file if it is on, else the snapshot; then begin to log. False
        after the log said why the data cannot be used."""
        logged = bool(self.config.appendonly)
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

    def persistence_figures(self) -> dict[str, object]:
        """INFO persistence."""
        shown = self.snapshots.figures() | self.aof.figures()
        return shown | self.loading.figures()

    # --- users ---

    def needs_password(self) -> bool:
        """Whether the default user, which everybody is at first, has a password."""
        return bool(self.config.requirepass)

    def has_user(self, name: bytes) -> bool:
        return name == DEFAULT_USER

    def authenticate(self, user: bytes, password: bytes) -> bool:
        if user != DEFAULT_USER:
            return False
        wanted = to_bytes(self.config.requirepass)
        return not wanted or _equal(wanted, password)

    # --- CONFIG ---

    def config_get(self, patterns: list[bytes]) -> list[tuple[bytes, bytes]]:
        found = self.config.get(patterns)
        return [(to_bytes(name), to_bytes(value)) for name, value in found]

    def config_set(self, pairs: list[tuple[bytes, bytes]], local: bool, loading: bool) -> bytes:
        """The error reply, empty when all is set."""
        try:
            self.config.set(pairs, local=local, loading=loading)
        except ConfigError as error:
            return to_bytes(str(error))
        return b""

    def config_rewrite(self) -> bytes:
        try:
            self.config.rewrite()
        except ConfigError as error:
            log.warning(f"CONFIG REWRITE failed: {error}")
            return to_bytes(str(error))
        log.notice("CONFIG REWRITE executed with success.")
        return b""

    cron_paused = False  # DEBUG PAUSE-CRON

    def io_figures(self) -> tuple[int, int, int]:
        """Reads and writes of the network, and rounds of expiry cut short by its loop."""
        return 0, 0, 0

    def reset_figures(self) -> None:
        """CONFIG RESETSTAT, beyond the engine's counters."""
        self.children.reset_figures()
        self.aof.file.delayed_syncs = 0

    # --- the end ---

    def shutdown(self, words: set[str], asked_by: str = "") -> bool:
        """End it all; False if that failed. An embedded engine is its host's to close."""
        return False

    def is_shutting_down(self) -> bool:
        """Whether one is under way that may yet come to nothing."""
        return False

    def shutdown_figures(self) -> dict[str, object]:
        """What INFO server tells of a shutdown that is under way."""
        return {}

    def abort_shutdown(self) -> bool:
        """Whether there was one to abort."""
        return False


def _equal(a: bytes, b: bytes) -> bool:
    """Comparison whose time tells nothing of where the texts differ."""
    from _operator import _compare_digest

    return bool(_compare_digest(a, b))
