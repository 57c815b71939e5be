"""Who may come in: the default user, whose password is `requirepass`.

One per engine (`host.users`), used from the engine's thread.
"""

from __future__ import annotations

from carnelian.engine import host
from carnelian.services.config.syntax import to_bytes

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config

DEFAULT_USER = b"default"


class Users(host.Users):
    def __init__(self, engine: Any, config: Config) -> None:
        self.engine = engine
        self.config = config
        config.on_change("requirepass", self.follow_password)

    def follow_password(self, text: str) -> None:
        """Without a password everybody is in who waits for being asked for it."""
        if not text:
            for session in self.engine.sessions.values():
                session.demand_password(False)

    def needs_password(self) -> bool:
        return bool(self.config.requirepass)

    def exists(self, name: bytes) -> bool:
        return name == DEFAULT_USER

    def authenticate(self, name: bytes, password: bytes) -> bool:
        if name != DEFAULT_USER:
            return False
        wanted = to_bytes(self.config.requirepass)
        return not wanted or _equal(wanted, password)


def _equal(a: bytes, b: bytes) -> bool:
    """Comparison whose time tells nothing of where the texts differ."""
    from _operator import _compare_digest

    return bool(_compare_digest(a, b))
