"""The composition root: an engine behind sockets, as a process that starts, runs and ends.

The only file that sees engine, commands, network and services together.
"""

from __future__ import annotations

import os
import sys

from carnelian import __version__
from carnelian.base.system import disable_huge_pages
from carnelian.instance import Instance
from carnelian.net import listener
from carnelian.net.loop import LOG, Loop
from carnelian.services import log
from carnelian.services.config import effects
from carnelian.services.config.directive import ConfigFileError
from carnelian.services.config.parameter import ConfigError
from carnelian.services.process import log_settings, process
from carnelian.services.process.client_cron import ClientCron
from carnelian.services.process.endpoints import Endpoints
from carnelian.services.process.oom_score import OomScore
from carnelian.services.process.server_process import ServerProcess
from carnelian.services.process.shutdown import Shutdown
from carnelian.services.process.title import ProcessTitle
from carnelian.services.replication.failover import Failover
from carnelian.services.replication.primary import Primary
from carnelian.services.replication.replica import Replica
from carnelian.services.replication.transport import Transport
from carnelian.version import REDIS_VERSION

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config

REPLID_SIZE = 40
OFFSET_DIGITS_MAX = 19
REPLICA_LIMIT = 1  # its index in client-output-buffer-limit

BANNER = r"""
     .-"-.
   .' \ / '.      Carnelian {version} (Redis {redis}), {bits} bit
  /  _ V _  \
 |  / \|/ \  |    Running in {mode} mode
  \ \_ | _/ /     Port: {port}
   '. '|' .'      PID: {pid}
     '-.-'

"""


class EndedWhileLoading(Exception):
    """The server was told to end before it had all its data."""


class Server(Instance, listener.Policy):
    """A server and its process."""

    new_transport = Transport  # a simulation has its own

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.exit_code = 0
        self.ending = False
        self.pid_file = ""
        self.loop = Loop(self.engine, config.io_backend)
        self.endpoints = Endpoints(self.loop, config, self)
        self.client_cron = ClientCron(self.loop, config)
        self.transport = self.new_transport(self.loop)
        self.replica = Replica(
            self.loop,
            self.replication,
            config,
            snapshots=self.snapshots,
            aof=self.aof,
            transport=self.transport,
        )
        self.primary = Primary(
            self.loop, self.replication, config, self.snapshots, self.aof
        )
        self.replication.failover = Failover(self.replication, self.engine)
        self.ends = Shutdown(self)
        self.process = self.host.process = ServerProcess(
            self.loop, self.endpoints, self.ends, self.metrics
        )
        self.attach_network()

    def attach_network(self) -> None:
        """Make parameters that steer the loop do so, now and whenever they change."""
        config, loop = self.config, self.loop

        def limits() -> None:
            loop.context.set_limits(
                query_bytes=config.client_query_buffer_limit, bulk_bytes=config.proto_max_bulk_len
            )

        def output_limits() -> None:
            for kind, (hard, soft, seconds) in enumerate(config.client_output_buffer_limit):
                # A replica may always lag by what the backlog keeps anyway.
                least = config.repl_backlog_size if kind == REPLICA_LIMIT and hard else 0
                loop.context.set_output_limit(kind, max(hard, least), soft, seconds)

        def frequency(hz: int) -> None:
            loop.cron_interval_ms = 1000 // hz

        config.on_any_change(("client-query-buffer-limit", "proto-max-bulk-len"), limits)
        config.on_any_change(("client-output-buffer-limit", "repl-backlog-size"), output_limits)
        config.on_change("hz", frequency)

    def own_process(self) -> None:
        """The process is this server's alone: how it is shown and judged follows the
        configuration."""
        score, title = OomScore(self.config), ProcessTitle(self.config)

        def in_child(kind: str) -> None:
            title.show_child(kind)
            score.apply_in_child()

        self.children.in_child = in_child

    def follow_maxclients(self) -> None:
        """From now on a limit that the system cannot bear is refused."""

        def check(wanted: int) -> None:
            possible, _ = process.raise_descriptor_limit(wanted)
            if possible < wanted:
                raise ConfigError(
                    "The operating system is not able to handle the specified number of clients,"
                    f" try with {possible}"
                )

        self.config.on_change("maxclients", check)

    # --- clients ---

    def admit(self, host: str | None) -> bytes | None:
        """None, or why a client from `host` (None: Unix socket) may not come in."""
        if len(self.engine.sessions) >= self.config.maxclients:
            return listener.TOO_MANY
        if host is None or not self.config.protected_mode or self.users.needs_password():
            return None
        return None if listener.is_loopback(host) else listener.DENIED

    def welcome(self, connection: Any) -> None:
        if self.users.needs_password():
            connection.demand_password(True)

    def keepalive_seconds(self) -> int:
        return int(self.config.tcp_keepalive)

    def accepts_max(self) -> int:
        return int(self.config.max_new_connections_per_cycle)

    # --- start ---

    def prepare(self) -> bool:
        """All that comes before serving; False after saying why it cannot be."""
        config = self.config
        possible, reason = process.raise_descriptor_limit(config.maxclients)
        if possible < config.maxclients:
            self.reduce_maxclients(possible, reason)
        self.follow_maxclients()
        try:
            self.endpoints.open()
        except listener.BindError as failed:
            log.warning(f"Failed listening on port {config.port} (TCP), aborting. {failed}")
            return False
        if not self.endpoints.is_open() and not config.bind and not config.unixsocket:
            log.notice("Not listening anywhere until bind is set.")
        elif not self.endpoints.is_open():
            log.warning("Configured to not listen anywhere, exiting.")
            return False
        if config.daemonize or config.pidfile:
            self.pid_file = os.path.abspath(config.pidfile or process.DEFAULT_PID_FILE)
            process.write_pid_file(self.pid_file)
        process.catch_signals(self.loop.wake_write, self.signalled)
        return True

    def reduce_maxclients(self, possible: int, reason: str) -> None:
        wanted = self.config.maxclients
        needed = wanted + process.RESERVED_DESCRIPTORS
        log.warning(
            f"You requested maxclients of {wanted} requiring at least {needed} max file"
            " descriptors."
        )
        log.warning(
            f"Server can't set maximum open files to {needed} because of OS error: {reason}."
        )
        log.warning(
            f"Current maximum open files is {possible + process.RESERVED_DESCRIPTORS}. maxclients"
            f" has been reduced to {possible} to compensate for low ulimit. If you need higher"
            " maxclients increase 'ulimit -n'."
        )
        self.config.assign("maxclients", max(possible, 1))

    def introduce(self) -> None:
        config = self.config
        if config.always_show_logo or (not config.logfile and sys.stdout.isatty()):
            log.raw(log.NOTICE, self.banner())
        log.notice(f"Running mode={self.process.mode}, port={config.port}.")
        log.notice("Server initialized")

    def banner(self) -> str:
        return BANNER.format(
            version=__version__,
            redis=REDIS_VERSION,
            bits=64 if sys.maxsize > 2**32 else 32,
            mode=self.process.mode,
            port=self.config.port,
            pid=os.getpid(),
        )

    def announce(self) -> None:
        """Say that clients may come, to everybody who waits for that."""
        if self.endpoints.tcp:
            log.notice("Ready to accept connections tcp")
        if self.endpoints.unix is not None:
            log.notice("Ready to accept connections unix")
        process.notify_supervisor(
            "STATUS=Ready to accept connections\nREADY=1\n", self.config.supervised
        )
        path = self.config.announce_port_file
        if path:
            with open(path + ".tmp", "w", encoding="ascii") as out:
                out.write(str(self.endpoints.port))
            os.replace(path + ".tmp", path)

    def run(self) -> int:
        """Serve until told to stop; the process's exit code."""
        with self.engine.inside():
            return self.serve()

    def serve(self) -> int:
        if not self.prepare():
            return 1
        self.introduce()
        try:
            if not self.begin():
                return 1
        except EndedWhileLoading:
            return self.exit_code
        self.announce()
        self.loop.run(self.cron)
        self.close()
        return self.exit_code

    def begin(self) -> bool:
        """Load the data and take up replication; False after saying why it cannot be."""
        if not self.load(self.serve_while_loading):
            return False
        self.loop.set_stage(LOG, self.aof.before_replies)
        self.resume_history()
        self.replica.start()
        return True

    def serve_while_loading(self) -> None:
        self.loop.turn_once()
        if self.ending:
            self.close()
            raise EndedWhileLoading

    def resume_history(self) -> None:
        """Go on with the replication stream where the snapshot says that it stood."""
        found = self.snapshots.loaded_aux
        replid, offset = found.get(b"repl-id", b""), found.get(b"repl-offset", b"")
        good = len(offset) < OFFSET_DIGITS_MAX and offset.isdigit()
        if good and len(replid) == REPLID_SIZE and replid.isalnum():
            self.replication.restore(replid.decode(), int(offset))

    def cron(self) -> None:
        """`hz` times a second: what is not worth doing every turn."""
        if self.process.cron_paused:
            return
        self.client_cron.run()
        self.metrics.sample(self.engine.figures() | self.loop.figures())
        self.keep_files()
        self.replica.cron()
        self.primary.cron()
        self.ends.step()

    # --- end ---

    def signalled(self, number: int) -> None:
        """SIGTERM or SIGINT; runs between two turns of the loop."""
        import _signal

        if self.ends.was_signalled and number == _signal.SIGINT:
            self.ends.insist()
        log.warning(f"Received {process.signal_name(number)} scheduling shutdown...")
        self.ends.was_signalled = True
        if self.ending or self.ends.waiting:
            return
        words = self.config.shutdown_on_sigint
        if number == _signal.SIGTERM:
            words = self.config.shutdown_on_sigterm
        self.loop.call_soon(lambda: self.ends.begin(set(words.split()), ""))

    def leave(self) -> None:
        """All is settled: this turn of the loop is the last."""
        self.ending = True
        self.loop.stop()

    def close(self) -> None:
        self.replica.close()
        if self.pid_file:
            process.remove_pid_file(self.pid_file)
        self.endpoints.close()
        log.warning("Carnelian is now ready to exit, bye bye...")


def set_up_process(config: Config) -> None:
    """What must happen before there is an engine."""
    effects.refuse(config)
    if config.daemonize:
        sys.stdout.flush()
        process.daemonize()
    log.set_main_process()
    log_settings.attach(config)
    config.apply_all()
    log.notice("oO0OoO0OoO0Oo Carnelian is starting oO0OoO0OoO0Oo")
    log.notice(
        f"Carnelian version={__version__}, redis_version={REDIS_VERSION},"
        f" bits={64 if sys.maxsize > 2**32 else 32}, pid={os.getpid()}, just started"
    )
    if config.file:
        log.notice("Configuration loaded")
    else:
        log.warning("Warning: no config file specified, using the default config.")
    if config.disable_thp:
        disable_huge_pages()
    if config.server_cpulist:
        process.pin_to_cores(config.server_cpulist)
    if config.crash_log_enabled:
        process.log_crashes(config)


def main(config: Config) -> int:
    """Run a server until it is told to stop; the process's exit code."""
    try:
        set_up_process(config)
        server = Server(config)
        server.own_process()
        config.apply_all()
    except ConfigFileError as error:
        sys.stderr.write(str(error))
        return 1
    except ConfigError as error:
        log.warning(f"Fatal config file error: {error}")
        return 1
    return server.run()


