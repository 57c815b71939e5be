"""The append-only file of one server: on or off, its files, and their rewriting.

    off -> waiting: a first rewrite writes the base, writes go to a temporary file meanwhile
    waiting -> on: its base and that file are in the manifest

Rewriting starts a new increment and forks a child that writes the data set as a new base; when that
is complete, base and increment replace what was there, in one change of the manifest. Main thread
only. Reading at start is in `load`.
"""

from __future__ import annotations

import os

from carnelian.base import files
from carnelian.services import log
from carnelian.services.persistence.aof import load, rewriting
from carnelian.services.persistence.aof.command_log import CommandLog
from carnelian.services.persistence.aof.file_worker import FileWorker
from carnelian.services.persistence.aof.log_file import LogFile
from carnelian.services.persistence.aof.manifest import Manifest
from carnelian.services.persistence.children import SIGUSR1
from carnelian.services.process.process import pin_to_cores

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.children import Child
    from carnelian.services.persistence.snapshots import Snapshots

CHILD = "AOF"
OFF, ON, WAITING = "off", "on", "waiting"


class AppendOnly:
    def __init__(self, engine: Any, config: Config, snapshots: Snapshots) -> None:
        self.engine = engine
        self.config = config
        self.snapshots = snapshots
        self.loading = snapshots.loading
        self.children = snapshots.children
        self.worker = FileWorker()
        self.commands: Any = CommandLog(self.engine)
        latency = self.engine.diagnostics.latency
        self.file = LogFile(self.commands, self.config, self.worker, latency)
        self.file.busy_child = lambda: self.children.active is not None
        self.file.grew = self.grew
        self.file.stream_offset = lambda: int(self.engine.propagation.offset)
        self.state = OFF
        self.logging = False  # the sink is attached
        self.serving = False  # loading is over: CONFIG SET switches
        self.forbidden = False  # ... never, in an engine without files
        self.manifest = Manifest("")
        self.current_bytes = 0
        self.base_bytes = 0  # what it was after the last rewrite
        self.scheduled = False
        self.child: Child | None = None
        self.child_snapshot = True  # the form of the base it writes
        self.limit = rewriting.Limit(self.engine.clock)
        self.last_status = True
        self.last_duration_s = -1
        self.last_cow_bytes = 0
        self.rewrites = 0
        self.refusing = 0

    def attach(self) -> None:
        """Follow the configuration."""
        config = self.config

        def timestamps(wanted: bool) -> None:
            self.commands.timestamps = wanted

        def collection(disabled: bool) -> None:
            if not disabled and self.serving:
                self.remove_history()

        config.on_change("aof-timestamp-enabled", timestamps)
        config.on_change("aof-disable-auto-gc", collection)
        config.on_change("appendonly", self.switch)

    @property
    def directory(self) -> str:
        return os.path.join(str(self.config.dir), str(self.config.appenddirname))

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    # --- start and end ---

    def read_manifest(self) -> bool:
        """At start without the append-only file, for when it is turned on. False after the log
        said why it cannot be used."""
        try:
            self.manifest = load.read_manifest(self.directory, str(self.config.appendfilename))
        except load.LoadError as wrong:
            log.warning(str(wrong))
            return False
        return True

    def load(self, between: Callable[[], None]) -> bool:
        """Load the files of the manifest; False after the log said why they cannot be used."""
        reading = load.Load(self.engine, self.config, self.loading, self.directory)
        self.engine.propagation.suspend()
        try:
            self.manifest = reading.run(between)
        except load.LoadError as wrong:
            log.warning(str(wrong))
            return False
        finally:
            self.engine.propagation.resume()
        self.current_bytes, self.base_bytes = reading.current_bytes, reading.base_bytes
        if not self.serving:
            # What was replayed at start is no call of a client.
            self.engine.commands.reset_figures()
        return True

    def open(self, loaded: bool) -> bool:
        """After loading: go on with the last increment, or begin. False if that fails. `loaded`:
        the data came from the log."""
        self.serving = True
        if not self.config.appendonly:
            return True
        if not loaded:  # turned on while a snapshot was loaded
            return self.start()
        fresh = not self.manifest.parts()
        resumed = bool(self.manifest.increments)
        try:
            files.make_directory(self.directory)
            if fresh:
                base = self.manifest.new_base(self.writes_snapshots())
                self.write_base(self.path(base))
                log.notice(f"Creating AOF base file {base} on server start")
            if not resumed:
                self.manifest.new_increment()
            name = self.manifest.increments[-1].name
            self.file.open(self.path(name))
            self.manifest.store(self.directory)
        except OSError as failed:
            log.warning(f"Can't open the append-only file in {self.directory}: {failed.strerror}")
            return False
        verb = "Opening" if resumed else "Creating"
        log.notice(f"{verb} AOF incr file {name} on server start")
        self.state = ON
        self.log(True)
        self.remove_history()
        return True

    def may_end(self) -> bool:
        return self.state != WAITING

    def close(self) -> bool:
        """At shutdown: everything on disk. Whether it is."""
        self.end_child()
        if self.state != ON:
            return True
        log.notice("Calling fsync() on the AOF file.")
        return self.file.sync_at_end()

    def let_go(self) -> None:
        """After `close`, where the process goes on: give back the descriptor and the thread."""
        self.worker.end()
        self.file.let_go()

    def log(self, wanted: bool) -> None:
        if wanted != self.logging:
            self.logging = wanted
            propagation = self.engine.propagation
            (propagation.attach if wanted else propagation.detach)(self.commands)

    @property
    def synced_offset(self) -> int:
        """For WAITAOF: the replication stream up to here is safe on disk; -1 for not even its
        beginning. What is logged while a first rewrite is awaited says nothing without it."""
        return self.file.synced_offset if self.state == ON else -1

    # --- every turn, every tick of the timer ---

    def before_replies(self) -> None:
        try:
            self.file.flush()
        finally:
            if self.file.error != self.refusing:
                self.follow_errors()

    def cron(self) -> None:
        """Rewrite when that is due."""
        if self.children.active is not None:
            return
        if self.scheduled and not self.limit.holds():
            self.rewrite()
            return
        percentage = self.config.auto_aof_rewrite_percentage
        if self.state != ON or not percentage:
            return
        if self.current_bytes > self.config.auto_aof_rewrite_min_size:
            growth = self.current_bytes * 100 // (self.base_bytes or 1) - 100
            if growth >= percentage and not self.limit.holds():
                log.notice(f"Starting automatic rewriting of AOF on {growth}% growth")
                self.rewrite()

    def grew(self, size: int) -> None:
        self.current_bytes += size

    def follow_errors(self) -> None:
        """Writes are refused while the log cannot be written or synced."""
        error = self.file.error if self.state != OFF else 0
        self.refusing = error
        self.engine.refusals.set("aof", rewriting.refusal(error) if error else None)

    # --- on and off ---

    def switch(self, wanted: bool) -> None:
        if wanted and self.forbidden:
            raise rewriting.NO_FILES
        if not self.serving or self.loading.active:
            return  # what comes after loading looks at the configuration
        if wanted == (self.state != OFF):
            return
        if not wanted:
            self.stop()
        elif not self.start():
            raise rewriting.CANNOT_START

    def stop(self) -> None:
        self.file.sync_at_end()
        self.file.close()
        self.log(False)
        self.commands.clear()
        was_waiting = self.state == WAITING
        self.state = OFF
        self.scheduled = False
        self.end_child()
        if was_waiting:
            self.worker.submit_removal(self.path(self.manifest.temporary_increment))
        self.file.forget_errors()
        self.follow_errors()

    def start(self) -> bool:
        """Begin to log, with a rewrite; until that has succeeded we are waiting."""
        self.state = WAITING
        self.file.forget_errors()
        active = self.children.active
        if active is not None and active is not self.child:
            self.scheduled = True
            log.notice(
                "AOF was enabled but there is already another background operation. An AOF"
                " background was scheduled to start when possible."
            )
        elif self.engine.in_transaction():
            self.scheduled = True
            log.notice(
                "AOF was enabled during a transaction. An AOF background was scheduled to start"
                " when possible."
            )
        else:
            if self.child is not None:
                log.notice(
                    "AOF was enabled but there is already an AOF rewriting in background. Stopping"
                    " background AOF and starting a rewrite now."
                )
                self.end_child()
            if not self.rewrite():
                self.state = OFF
                log.warning(
                    "Can't trigger the background AOF rewrite that is needed to enable the AOF."
                    " Check the above logs for more info about the error."
                )
                return False
        return True

    def before_sync(self) -> None:
        """A primary's data set is about to replace ours: what the log describes is no more."""
        if self.state != OFF:
            self.stop()

    def follow_config(self) -> None:
        """What was turned on or off while data was loaded takes effect now."""
        wanted = bool(self.config.appendonly)
        if wanted != (self.state != OFF) and self.serving:
            (self.start if wanted else self.stop)()

    def after_sync(self) -> None:
        if self.serving and self.config.appendonly and self.state == OFF:
            self.start()

    # --- rewriting ---

    def writes_snapshots(self) -> bool:
        return bool(self.config.aof_use_rdb_preamble)

    def write_base(self, path: str, temporary: str = "") -> None:
        rewriting.write_base(self.engine, self.snapshots, path, temporary)

    def temporary_base(self, pid: int) -> str:
        return os.path.join(str(self.config.dir), f"temp-rewriteaof-bg-{pid}.aof")

    def write_in_child(self) -> None:
        if self.config.aof_rewrite_cpulist:
            pin_to_cores(self.config.aof_rewrite_cpulist)
        path = self.temporary_base(os.getpid())
        self.write_base(path, path)

    def schedule(self) -> None:
        """BGREWRITEAOF while it cannot be done at once."""
        self.scheduled = True
        self.limit.lift()

    def rewrite(self) -> bool:
        """Fork a child that writes a new base. False after the log said why not."""
        if self.children.active is not None:
            return False
        snapshot = self.writes_snapshots()
        try:
            files.make_directory(self.directory)
            self.begin_increment()
            self.rewrites += 1
            self.child = self.children.start(CHILD, self.write_in_child, self.collected)
        except OSError as failed:
            log.warning(f"Can't rewrite append only file in background: {failed.strerror}")
            self.succeeded(False)
            if self.state == WAITING:
                self.abandon_increment()
            return False
        self.child_snapshot = snapshot
        self.scheduled = False
        if self.state == WAITING:
            self.log(True)
        log.notice(f"Background append only file rewriting started by pid {self.child.pid}")
        return True

    def begin_increment(self) -> None:
        """What is written from now on goes to a new file: the child has all from before."""
        if self.state == OFF:
            return
        if self.state == WAITING:
            name = self.manifest.temporary_increment
            os.close(files.create(self.path(name)))
            self.file.open(self.path(name))
        else:
            self.file.sync_before_next()
            manifest = self.manifest.copy()
            name = manifest.new_increment()
            # Not in use before the manifest names it: a crash in between leaves a stray file.
            os.close(files.create(self.path(name)))
            manifest.store(self.directory)
            self.file.open(self.path(name))
            self.manifest = manifest
        log.notice(f"Creating AOF incr file {name} on background rewrite")

    def abandon_increment(self) -> None:
        """The temporary increment of a rewrite that failed holds nothing without a base."""
        self.log(False)
        self.file.close()
        self.commands.clear()
        self.worker.submit_removal(self.path(self.manifest.temporary_increment))

    def collected(self, code: int) -> None:
        """The child has ended."""
        child = self.child
        assert child is not None
        self.child = None
        self.last_duration_s = child.running_s()
        self.last_cow_bytes = child.cow_bytes
        temporary = self.temporary_base(child.pid)
        if code == 0:
            log.notice("Background AOF rewrite terminated with success")
            self.succeeded(self.adopt(temporary))
        elif code == -SIGUSR1:
            pass  # ended on purpose
        elif code < 0:
            log.warning(f"Background AOF rewrite terminated by signal {-code}")
            self.succeeded(False)
        else:
            log.warning("Background AOF rewrite terminated with error")
            self.succeeded(False)
        self.worker.submit_removal(temporary)
        if self.state == WAITING:  # it has to be tried again
            self.abandon_increment()
            self.scheduled = True

    def succeeded(self, good: bool) -> None:
        self.last_status = good
        self.limit.note(good)

    def adopt(self, temporary: str) -> bool:
        """A complete base: make it and the increments since its fork the append-only file."""
        manifest = self.manifest.copy()
        base = manifest.new_base(self.child_snapshot)
        increment = manifest.new_increment() if self.state == WAITING else ""
        if self.state == OFF:
            manifest.supersede(keep_last=False)
        else:
            manifest.supersede(keep_last=True)
        try:
            os.replace(temporary, self.path(base))
            if increment:
                os.replace(self.path(manifest.temporary_increment), self.path(increment))
            manifest.store(self.directory)
        except OSError as failed:
            log.warning(f"Error taking over the rewritten AOF files: {failed.strerror}")
            files.remove_quietly(self.path(base))
            if increment:
                files.remove_quietly(self.path(increment))
            return False
        self.manifest = manifest
        if self.state != OFF:
            self.current_bytes = self.bytes_on_disk()
            self.base_bytes = self.current_bytes
            self.state = ON
        self.remove_history()
        log.notice("Background AOF rewrite finished successfully")
        return True

    def bytes_on_disk(self) -> int:
        return sum(os.stat(self.path(part.name)).st_size for part in self.manifest.parts())

    def remove_history(self) -> None:
        if self.config.aof_disable_auto_gc or not self.manifest.history:
            return
        manifest = self.manifest.copy()
        for part in manifest.history:
            log.notice(f"Removing the history file {part.name} in the background")
            self.worker.submit_removal(self.path(part.name))
        manifest.history = []
        try:
            manifest.store(self.directory)
        except OSError as failed:
            log.warning(f"Can't write the AOF manifest: {failed.strerror}")
            return
        self.manifest = manifest

    def end_child(self) -> None:
        if self.child is not None:
            log.notice(f"Killing running AOF rewrite child: {self.child.pid}")
            self.children.kill()

    # --- figures ---

    def figures(self) -> dict[str, object]:
        """The fields of INFO persistence that are about the append-only file."""
        shown: dict[str, object] = {
            "aof_enabled": int(self.state != OFF),
            "aof_rewrite_in_progress": int(self.child is not None),
            "aof_rewrite_scheduled": int(self.scheduled),
            "aof_last_rewrite_time_sec": self.last_duration_s,
            "aof_current_rewrite_time_sec": -1 if self.child is None else self.child.running_s(),
            "aof_last_bgrewrite_status": "ok" if self.last_status else "err",
            "aof_rewrites": self.rewrites,
            "aof_rewrites_consecutive_failures": self.limit.failures,
            "aof_last_write_status": "err" if self.file.error else "ok",
            "aof_last_cow_size": self.last_cow_bytes,
            "module_fork_in_progress": 0,
            "module_fork_last_cow_size": 0,
        }
        if self.state != OFF:
            shown |= {
                "aof_current_size": self.current_bytes,
                "aof_base_size": self.base_bytes,
                "aof_pending_rewrite": 0,
                "aof_buffer_length": self.commands.used,
                "aof_pending_bio_fsync": self.worker.pending_syncs,
                "aof_delayed_fsync": self.file.delayed_syncs,
            }
        return shown
