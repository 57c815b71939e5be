"""What `ps` shows of the server: `proc-title-template`, over the command line it was started with.

Secrets that the command line held (--requirepass) are gone with it. One per process, used from its
main thread and in forked children.
"""

from __future__ import annotations

from carnelian.base import system
from carnelian.services.config.syntax import to_bytes

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.services.config.config import Config

NAME = "carnelian"
CHILD_NAMES = {"RDB": f"{NAME}-rdb-bgsave", "AOF": f"{NAME}-aof-rewrite"}


class ProcessTitle:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.place = system.ProcessTitle() if config.set_proc_title else None
        if config.set_proc_title:
            config.on_any_change(("proc-title-template", "bind", "port"), self.show)

    def show(self) -> None:
        self.put(NAME)

    def show_child(self, kind: str) -> None:
        self.put(CHILD_NAMES[kind])

    def put(self, name: str) -> None:
        if self.place is not None:
            self.place.put(to_bytes(expand(self.config, name)))


def listen_address(config: Config) -> str:
    if not config.port:
        return config.unixsocket
    return f"{config.bind[0] if config.bind else '*'}:{config.port}"


def expand(config: Config, name: str) -> str:
    """The title after the template, whose variables are known to be good."""
    values = {
        "title": name,
        "listen-addr": listen_address(config),
        "server-mode": "",
        "config-file": config.file,
        "port": str(config.port),
        "tls-port": str(config.tls_port),
        "unixsocket": config.unixsocket,
    }
    template, parts, at = config.proc_title_template, [], 0
    while (start := template.find("{", at)) >= 0:
        parts.append(template[at:start])
        if template.startswith("{", start + 1):
            parts.append("{")
            at = start + 2
        else:
            end = template.index("}", start)
            parts.append(values[template[start + 1 : end]])
            at = end + 1
    return "".join([*parts, template[at:]]).strip(" ")
