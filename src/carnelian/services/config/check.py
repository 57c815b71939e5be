"""Checks of single parameters beyond their kind. Each takes the value and raises ConfigError."""

from __future__ import annotations

from carnelian.services.config.parameter import ConfigError

_HOSTNAME_MAX = 256
_TITLE_VARIABLES = {
    # Variable: whether its text is never empty.
    "title": False,  # Redis checks a template with an empty title
    "listen-addr": True,
    "server-mode": False,
    "config-file": True,
    "port": True,
    "tls-port": True,
    "unixsocket": False,
}
_TITLE_ERROR = "template format is invalid or contains unknown variables"
_NODENAME_REFUSED = frozenset("!#$%&()*+:;<>?@[]^{|}~")


def _base_name(name: str, value: str, what: str) -> None:
    if "/" in value or "\\" in value:
        raise ConfigError(f"{name} can't be a path, just a {what}")


def dbfilename(value: str) -> None:
    _base_name("dbfilename", value, "filename")


def appendfilename(value: str) -> None:
    if not value:
        raise ConfigError("appendfilename can't be empty")
    _base_name("appendfilename", value, "filename")


def appenddirname(value: str) -> None:
    if not value:
        raise ConfigError("appenddirname can't be empty")
    _base_name("appenddirname", value, "dirname")


def shutdown(value: str) -> None:
    flags = value.split()
    if "save" in flags and "nosave" in flags:
        raise ConfigError("shutdown options SAVE and NOSAVE can't be used simultaneously")


def activedefrag(value: bool) -> None:
    if value:
        raise ConfigError(
            "Active defragmentation cannot be enabled: values never move here, and freed memory"
            " is reused by size class"
        )


def hostname(value: str) -> None:
    if len(value) >= _HOSTNAME_MAX:
        raise ConfigError(f"Hostnames must be less than {_HOSTNAME_MAX} characters")
    plain = value.replace("-", "").replace(".", "")
    if plain and not (plain.isascii() and plain.isalnum()):
        raise ConfigError("Hostnames may only contain alphanumeric characters, hyphens or dots")


def nodename(value: str) -> None:
    if not _NODENAME_REFUSED.isdisjoint(value):
        raise ConfigError("Announced human node name contained invalid character")


def proc_title_template(value: str) -> None:
    shown = False
    at = 0
    while at < len(value):
        start = value.find("{", at)
        shown |= start != at
        if start < 0:
            break
        if value.startswith("{", start + 1):
            shown = True
            at = start + 2
            continue
        end = value.find("}", start)
        name = value[start + 1 : end]
        if end < 0 or name not in _TITLE_VARIABLES:
            raise ConfigError(_TITLE_ERROR)
        shown |= _TITLE_VARIABLES[name]
        at = end + 1
    if not shown:
        raise ConfigError(_TITLE_ERROR)
