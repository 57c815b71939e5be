"""Importing this package registers every command; the order of families is the order of COMMAND."""

from __future__ import annotations

from carnelian.commands import connection, string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from carnelian.services.config import Config

__all__ = ["attach", "connection", "string"]


def attach(config: Config) -> None:
    """Let every family that has an `attach(config)` hook itself on the parameters it follows."""
    for module in list(globals().values()):
        hook = getattr(module, "attach", None)
        if hook is not None and hook is not attach:
            hook(config)
