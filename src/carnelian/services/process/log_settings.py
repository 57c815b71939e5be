"""The log follows the configuration."""

from __future__ import annotations

import os

from carnelian.services import log

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.services.config.config import Config


def attach(config: Config) -> None:
    """From now on; apply_all() makes it effective."""

    def logfile(path: str) -> None:
        log.set_path(os.path.join(config.dir, path) if path else "")

    def syslog() -> None:
        log.set_syslog(config.syslog_enabled, config.syslog_ident, config.syslog_facility)

    def role(primary: tuple[object, ...]) -> None:
        log.set_role("S" if primary else "M")

    config.on_change("loglevel", log.set_threshold)
    config.on_change("logfile", logfile)
    config.on_change("replicaof", role)
    config.on_any_change(("syslog-enabled", "syslog-ident", "syslog-facility"), syslog)
