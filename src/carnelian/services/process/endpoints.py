"""Where the server listens: opens the configured sockets and follows changes of bind and port.

One per server, used from the loop's thread only.
"""

from __future__ import annotations

import errno
import os

from carnelian.net.listener import BindError, Listener, Policy, listen_tcp, listen_unix
from carnelian.services import log
from carnelian.services.config.parameter import ConfigError

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config

_ANY = {"*": "0.0.0.0", "::*": "::"}
# What an address with - in front may lack.
_UNSUPPORTED = frozenset(
    getattr(errno, name, -1)
    for name in (
        "EADDRNOTAVAIL",
        "EAFNOSUPPORT",
        "EPFNOSUPPORT",
        "EPROTONOSUPPORT",
        "ESOCKTNOSUPPORT",
        "ENOPROTOOPT",
    )
)
_PORT_ATTEMPTS_MAX = 8  # to find one that is free on all addresses


class Endpoints:
    """The listening sockets."""

    def __init__(self, loop: Any, config: Config, policy: Policy) -> None:
        self.loop = loop
        self.config = config
        self.policy = policy
        self.tcp: dict[tuple[str, int], Listener] = {}
        self.unix: Listener | None = None

    # --- start and end ---

    def open(self) -> None:
        """Open everything; BindError if something cannot be."""
        self.open_tcp()
        path = self.config.unixsocket
        if path:
            path = os.path.abspath(path)
            config = self.config
            self.unix = self._listener(
                listen_unix(
                    path, config.unixsocketperm, config.unixsocketgroup, config.tcp_backlog
                )
            )
        self.config.on_change("port", lambda _: self._follow("Unable to listen on this port"))
        self.config.on_change(
            "bind", lambda _: self._follow("Failed to bind to specified addresses")
        )

    def open_tcp(self) -> None:
        """Listen on the configured addresses. Port 0 means none at all, unless a file is wanted
        with the number of whichever is free."""
        if self.config.port or not self.config.announce_port_file:
            self._adjust(self.config.port)
            return
        for attempt in range(1, _PORT_ATTEMPTS_MAX + 1):
            try:
                self._adjust(0, any_port=True)
                break
            except BindError as failed:
                if failed.errno != errno.EADDRINUSE or attempt == _PORT_ATTEMPTS_MAX:
                    raise
                self._close_tcp()
        self.config.assign("port", self.port, hooks=True)

    @property
    def port(self) -> int:
        """The TCP port, 0 without one."""
        return next((port for _, port in self.tcp), 0)

    def listed(self) -> list[tuple[str, list[str], int]]:
        """(kind, addresses, port) of what is open, as INFO shows it."""
        found: list[tuple[str, list[str], int]] = []
        if self.tcp:
            found.append(("tcp", list(self.config.bind), self.port))
        if self.unix is not None:
            found.append(("unix", [os.path.abspath(self.config.unixsocket)], 0))
        return found

    def is_open(self) -> bool:
        return bool(self.tcp) or self.unix is not None

    def close(self) -> None:
        """Stop listening and remove the Unix socket."""
        self._close_tcp()
        if self.unix is not None:
            self.unix.close()
            self.unix = None
            log.notice("Removing the unix socket file.")
            try:
                os.unlink(os.path.abspath(self.config.unixsocket))
            except OSError as failed:
                log.warning(f"Error removing the unix socket file: {failed.strerror}")

    # --- following the configuration ---

    def _follow(self, failure: str) -> None:
        try:
            self._adjust(self.config.port)
        except BindError as failed:
            log.warning(str(failed))
            raise ConfigError(f"{failure}. Check server logs.") from None

    def _adjust(self, port: int, *, any_port: bool = False) -> None:
        """Close what is no longer wanted and open what is missing."""
        wanted: dict[str, bool] = {}
        if port or any_port:
            for address in self.config.bind:
                host = address.removeprefix("-")
                wanted[_ANY.get(host, host)] = address.startswith("-")
        for place in list(self.tcp):
            if place[0] not in wanted or place[1] != port:
                self.tcp.pop(place).close()
        for host, optional in wanted.items():
            if (host, port) in self.tcp:
                continue
            try:
                opened = self._listener(listen_tcp(host, port, self.config.tcp_backlog))
            except BindError as failed:
                if optional and failed.errno in _UNSUPPORTED:
                    continue
                raise
            port = port or opened.port
            self.tcp[host, port] = opened

    def _listener(self, sock: Any) -> Listener:
        return Listener(self.loop, sock, self.policy)

    def _close_tcp(self) -> None:
        while self.tcp:
            self.tcp.popitem()[1].close()
