"""Reading configuration files: lines, includes and the directives that are no parameters.

`load` fills a `Config` from a file, standard input and command line options, in this order, and
raises `ConfigFileError`, whose text is the report for standard error.
"""

from __future__ import annotations

import os

from carnelian.services import log
from carnelian.services.config.config import Config
from carnelian.services.config.directive import TITLE, ConfigFileError, Directive, Origin
from carnelian.services.config.parameter import ConfigError
from carnelian.services.config.syntax import split_words, to_text

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable

_INCLUDE_DEPTH_MAX = 16
_IGNORED = ("list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands")
_STDIN = "from standard input"
_OPTIONS = "from the command line"


def load(
    config: Config, path: str = "", *, stdin: Callable[[], bytes] | None = None, options: str = ""
) -> None:
    """Load the file, what `stdin()` reads, and options in the syntax of a file."""
    if path:
        config.file = os.path.abspath(path)
        _load_file(config, config.file, 0)
    if stdin is not None:
        log.notice("Reading config from stdin")
        _load_text(config, to_text(stdin()), _STDIN, 0)
    _load_text(config, options, _OPTIONS, 0)
    _check_whole(config)


def _load_file(config: Config, path: str, depth: int) -> None:
    try:
        with open(path, "rb") as file:
            text = to_text(file.read())
    except OSError as error:
        raise ConfigFileError(
            f"Fatal error, can't open config file '{path}': {error.strerror}\n"
        ) from None
    _load_text(config, text, f"file '{path}'", depth)


def _load_text(config: Config, text: str, source: str, depth: int) -> None:
    for number, untrimmed in enumerate(text.split("\n"), 1):
        line = untrimmed.strip(" \t\r\n")
        if not line or line[0] == "#":
            continue
        origin = Origin(source, number, line)
        words = split_words(line)
        if words is None:
            raise origin.error("Unbalanced quotes in configuration line")
        if not words:
            continue
        try:
            if not config.load_line(words):
                _load_directive(config, words, origin, depth)
        except ConfigError as error:
            raise origin.error(str(error)) from None


def _load_directive(config: Config, words: list[str], origin: Origin, depth: int) -> None:
    name = words[0].lower()
    count = len(words)
    if name in _IGNORED and count == 2:
        return
    if name == "include" and count == 2:
        if depth >= _INCLUDE_DEPTH_MAX:
            raise ConfigError(f"Files include each other more than {_INCLUDE_DEPTH_MAX} deep")
        for path in _included(words[1]):
            _load_file(config, path, depth + 1)
    elif (name == "rename-command" and count == 3) or (name == "user" and count >= 2):
        config.directives.append(Directive([name, *words[1:]], origin))
    elif name == "loadmodule" and count >= 2:
        raise ConfigError(
            f"Carnelian cannot load Redis modules, and '{words[1]}' is asked for: remove this line"
        )
    elif name == "sentinel" and count > 1:
        raise ConfigError("sentinel directive while not in sentinel mode")
    else:
        raise ConfigError("Bad directive or wrong number of arguments")


def _included(pattern: str) -> list[str]:
    """The files an include names. A pattern may match none; a plain name must exist."""
    if not any(symbol in pattern for symbol in "*?["):
        return [pattern]
    import glob

    return sorted(glob.glob(pattern))


def _check_whole(config: Config) -> None:
    """What can only be judged when all lines are known."""
    if config.logfile:
        try:
            path = os.path.join(config.dir, config.logfile)
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
        except OSError as error:
            raise _error(f"Can't open the log file: {error.strerror}") from None
    if config.cluster_enabled:
        if config.replicaof:
            raise _error("replicaof directive not allowed in cluster mode")
        if config.databases > 1:
            log.warning(
                f"WARNING: Changing databases number from {config.databases} to 1"
                " since we are in cluster mode"
            )
            config.assign("databases", 1)


def _error(reason: str) -> ConfigFileError:
    return ConfigFileError(f"{TITLE}\n{reason}\n")
