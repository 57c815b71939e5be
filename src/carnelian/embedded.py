"""The engine inside a Python process: no socket, no second process, no thread of its own.

    engine = Engine()
    engine.execute([b"SET", b"greeting", b"hello"])       # b"+OK\r\n"

Timers (expiry, timeouts of blocking commands) run with each call. Any thread may call; one command
runs at a time, and a blocked one lets the others' in. A forked child cannot use its parent's
engine: calls raise ForkedError, and the files stay the parent's.

    engine = Engine(dir="data", appendonly=True, appendfsync="always")

keeps the data in files, those of a server (docs/PERSISTENCE.md); so do save points, `save=(60, 1)`.
"""

from __future__ import annotations

import os
import weakref

from carnelian.engine.local_session import LocalSession, abandon
from carnelian.engine.turn import ForkedError, ReentryError, Turn
from carnelian.host_files import FilesError, HostFiles, messages
from carnelian.instance import Instance
from carnelian.resp.reader import ErrorReply
from carnelian.services import log
from carnelian.services.config.config import Config
from carnelian.services.config.declared.network import Network, Process
from carnelian.services.config.declared.replication import Cluster, Replication
from carnelian.services.config.parameter import ConfigError
from carnelian.services.config.parameters import BY_NAME
from carnelian.services.config.syntax import to_text

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from carnelian.services.config.parameter import Parameter

    Setting = str | bytes | int | float | os.PathLike[str] | Sequence["Setting"]

__all__ = ["Client", "Engine", "ErrorReply", "FilesError", "ForkedError", "ReentryError"]

OF_A_SERVER = (Network, Process, Cluster)
OURS_TOO = ("proto_max_bulk_len", "dir", "databases")  # of these groups


class Client:
    """One client of an embedded engine, with its own database, protocol and transaction. Threads
    that wait in blocking commands need one each. It keeps its engine open."""

    def __init__(self, engine: Engine, protocol: int = 2, *, keeps_engine: bool = True) -> None:
        if protocol not in (2, 3):
            raise ValueError(f"there is no protocol {protocol!r}: 2 or 3")
        # The engine's own first client does not: nobody holds both then, and the engine is closed.
        self._engine = engine if keeps_engine else None
        self._files = engine._files
        self._turn = engine._turn
        with self._turn:
            self._session = LocalSession(engine.instance.engine, engine._turn, protocol)

    def execute(self, argv: list[bytes]) -> bytes:
        """Run one command and return its reply as RESP bytes, messages that came before it
        included; empty where Redis sends nothing. OSError: it was carried out, but with
        `appendfsync always` that is not safe on disk. ForkedError in a forked child; ReentryError
        from a signal handler amid a command, or when the client waits in another thread."""
        with self._turn:
            reply = self._session.execute(argv)
            self._files.after_command()
            return reply

    def values(self, argv: list[bytes]) -> list[Any]:
        """The same, with the messages and the reply as Python values: bytes (statuses, too), int,
        float, None, bool, list, dict, set; an error as an ErrorReply in its place."""
        with self._turn:
            values: list[Any] = self._session.values(argv)
            self._files.after_command()
            return values

    def take(self) -> bytes:
        """Messages published to this client since its last command."""
        with self._turn:
            return self._session.take()

    def close(self) -> None:
        with self._turn:
            self._session.close()


class Engine:
    """An engine of its own: nothing is shared with another one but the process's memory."""

    def __init__(self, **settings: Setting) -> None:
        """Each setting is a parameter of docs/CONFIGURATION.md, with `_` for `-`. ConfigError: it
        cannot be had; TypeError: there is none of that name, or the value is none of its kind."""
        log.forward(messages.take)
        config = configured(settings)
        self.instance = Instance(config)
        self._turn = Turn(self.instance.engine)
        config.apply_all()
        self._files = HostFiles(self.instance, self._turn)
        self._shut = weakref.finalize(self, shut, self.instance, self._turn, self._files)
        self._client = Client(self, keeps_engine=False)
        _living.add(self)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def connect(self, protocol: int = 2) -> Client:
        """A further client."""
        return Client(self, protocol)

    def execute(self, argv: list[bytes]) -> bytes:
        """Run one command of the engine's first client; see Client.execute."""
        return self._client.execute(argv)

    def close(self) -> None:
        """Have all on disk, if there are files, and let go of everything; clients of the engine are
        closed, too. The end of the process does the same. OSError: not all is on disk."""
        self._shut()


def configured(settings: dict[str, Setting]) -> Config:
    config = Config()
    config.load_line(["save", ""])  # files only for those who ask for them
    for name, value in settings.items():
        parameter = BY_NAME.get(name.replace("_", "-"))
        if parameter is None:
            raise TypeError(f"there is no setting {name!r}")
        try:
            config.load_line([parameter.name, text_of(value)])
            check_use(parameter)
        except (ConfigError, TypeError) as wrong:
            kind = ConfigError if isinstance(value, str | bytes) else TypeError
            raise kind(f"the setting {name}={value!r}: {wrong}") from None
    return config


def check_use(parameter: Parameter[Any]) -> None:
    """There is no network here and no replication, and the process is its host's."""
    groups = [group for group in (*OF_A_SERVER, Replication) if parameter.attribute in vars(group)]
    if Replication in groups:
        raise ConfigError("an engine inside a process takes no part in replication")
    if groups and parameter.attribute not in OURS_TOO:
        log.warning(f"The setting {parameter.name} has no effect inside a process.")


def text_of(value: object) -> str:
    """A setting as a configuration file has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str | bytes | os.PathLike):
        return to_text(os.fspath(value))
    if isinstance(value, tuple | list):
        return " ".join(map(text_of, value))
    raise TypeError(f"a text, number, bool or sequence of them is needed, not {type(value)}")


def shut(instance: Instance, turn: Turn, files: HostFiles) -> None:
    if turn.abandoned:
        return
    with turn:
        try:
            files.close()
        finally:
            for session in list(instance.engine.sessions.values()):
                session.close()
            instance.engine.host.reset()
    instance.engine.end()


_living: weakref.WeakSet[Engine] = weakref.WeakSet()


def _forked() -> None:
    """In a child: it has a copy of every engine, but not its threads, and must not touch its
    files."""
    for engine in list(_living):
        engine._turn.abandon()
        engine._files.abandon()
        abandon(engine.instance.engine)
    _living.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
