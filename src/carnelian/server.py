"""The composition root: the only file that sees engine, commands, network and services together."""

from __future__ import annotations

import os
import posix
import sys

import carnelian.commands
from carnelian.engine.dispatch import set_slow_threshold_us
from carnelian.engine.engine import Engine
from carnelian.net import listener
from carnelian.net.loop import Loop
from carnelian.services import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config import Config


class Server:
    """An engine behind sockets."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine: Any = Engine(config.databases)
        self.engine.config = config
        self.engine.log = log
        self.engine.server = self
        self.loop = Loop(self.engine, config.io_backend)
        self.listeners: list[listener.Listener] = []
        self.exit_code = 0

    # --- listening ---

    def listen(self) -> None:
        """Open every configured socket; BindError if one cannot be."""
        for address in self.config.bind:
            optional = address.startswith("-")
            host = address.lstrip("-")
            host = {"*": "0.0.0.0", "::*": "::"}.get(host, host)
            try:
                sock = listener.listen_tcp(host, self.config.port, self.config.tcp_backlog)
            except listener.BindError:
                if optional:
                    continue
                raise
            self.add_listener(sock)
        if self.config.unixsocket:
            self.add_listener(
                listener.listen_unix(
                    self.config.unixsocket, self.config.unixsocketperm, self.config.tcp_backlog
                )
            )

    def add_listener(self, sock: Any) -> None:
        self.listeners.append(
            listener.Listener(
                self.loop, sock, self.admit, self.welcome, lambda: int(self.config.tcp_keepalive)
            )
        )

    def admit(self, host: str | None) -> bytes | None:
        """None, or why a client from `host` (None: unix socket) may not come in."""
        return None

    def welcome(self, connection: Any) -> None:
        pass

    # --- running ---

    def cron(self) -> None:
        """Ten times a second: what is not worth doing every turn."""

    def run(self) -> int:
        try:
            self.listen()
        except listener.BindError as failed:
            log.warning(f"Warning: {failed}")
            log.warning(f"Failed listening on port {self.config.port} (TCP), aborting.")
            return 1
        self.announce()
        log.notice("Ready to accept connections tcp")
        self.loop.run(self.cron)
        return self.exit_code

    def announce(self) -> None:
        path = self.config.announce_port_file
        if path:
            port = next((each.port for each in self.listeners if not each.is_unix), 0)
            with open(path + ".tmp", "w", encoding="ascii") as out:
                out.write(str(port))
            os.replace(path + ".tmp", path)


def main(config: Config) -> int:
    """Run a server until it is told to stop; the process's exit code."""
    log.set_main_process()
    log.attach(config)
    carnelian.commands.attach(config)
    config.apply_all()
    set_slow_threshold_us(config.slowlog_log_slower_than)
    sys.stdout.flush()
    return Server(config).run()


assert posix
