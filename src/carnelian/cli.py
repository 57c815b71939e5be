"""The `carnelian` command: read the configuration as redis-server does, then run the server.

    carnelian [file] [--directive value ...] [-]

Everything but the configuration is imported only when it is needed: starting must be quick.
"""

from __future__ import annotations

import sys

from carnelian import __version__

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from carnelian.services.config.config import Config

USAGE = """\
Usage: carnelian [/path/to/carnelian.conf] [options] [-]
       carnelian - (read config from stdin)
       carnelian check-rdb FILE
       carnelian check-aof [--fix] FILE
       carnelian -v or --version
       carnelian -h or --help

Examples:
       carnelian (run the server with default conf)
       echo 'appendonly yes' | carnelian -
       carnelian /etc/carnelian/6379.conf
       carnelian --port 7777
       carnelian --port 7777 --replicaof 127.0.0.1 8888
       carnelian /etc/mycarnelian.conf --loglevel verbose -
       carnelian /etc/mycarnelian.conf --loglevel verbose
"""


def check_rdb(words: list[str]) -> int:
    from carnelian.services.persistence.rdb.check import main

    return main(words)


def check_aof(words: list[str]) -> int:
    from carnelian.services.persistence.aof.check import main

    return main(words)


# Name of a first argument -> what runs instead of the server, given the arguments after it.
SUBCOMMANDS: dict[str, Callable[[list[str]], int]] = {
    "check-rdb": check_rdb,
    "check-aof": check_aof,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the process's exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    first = words[0] if words else ""
    if first in SUBCOMMANDS:
        return SUBCOMMANDS[first](words[1:])
    if first in ("-v", "--version"):
        print(f"Carnelian server {version()}")
        return 0
    if first in ("-h", "--help"):
        print(USAGE, end="", file=sys.stderr)
        return 1  # as redis-server does
    refusal = refused(words)
    if refusal:
        print(refusal, file=sys.stderr)
        return 1
    config = load_config(words)
    if config is None:
        return 1

    from carnelian.server import main as serve

    return int(serve(config))


def refused(words: list[str]) -> str:
    """Why we do not do what is asked for, if it is something redis-server does and we do not."""
    if "--sentinel" in words:
        return "Carnelian has no Sentinel mode: run redis-sentinel or valkey-sentinel to watch it."
    if words and words[0] == "--test-memory":
        return "Carnelian does not test memory: use memtester or memtest86 for that."
    if words and words[0] == "--check-system":
        return "Carnelian does not check the system."
    return ""


def load_config(words: list[str]) -> Config | None:
    """The configuration these arguments describe; None after reporting that they do not."""
    from carnelian.services.config.config import Config
    from carnelian.services.config.directive import ConfigFileError
    from carnelian.services.config.file import load

    config = Config(owns_process=True)
    path, from_stdin, options = parse_arguments(words)
    try:
        load(config, path, stdin=read_stdin if from_stdin else None, options=options)
    except ConfigFileError as error:
        sys.stderr.write(str(error))
        return None
    return config


def parse_arguments(words: list[str]) -> tuple[str, bool, str]:
    """(configuration file, whether to read standard input, options as lines of a file).

    As in Redis 7: a word after an option's name is its value even with -- in front of it, except
    after --save, which may stand without a value.
    """
    from carnelian.services.config.syntax import quote, split_words

    path = ""
    if words and not words[0].startswith("-"):
        path = words[0]
    from_stdin = False
    lines: list[str] = []
    complete = True  # the last option has a value
    last = len(words) - 1
    for i, word in enumerate(words[1:] if path else words, 1 if path else 0):
        if word == "-" and i in (0, last):
            from_stdin = True
        elif complete and word.startswith("--"):
            lines.append(word[2:])
            complete = len(split_words(word) or []) != 1  # "--port 6380" in one word
            if not complete and word.lower() == "--save":
                followed = i != last and words[i + 1].startswith("--")
                if followed or i == last:
                    lines[-1] += ' ""'
                complete = followed
        else:
            if not lines:
                lines.append("")
            lines[-1] += " " + quote(word)
            complete = True
    return path, from_stdin, "\n".join(lines)


def read_stdin() -> bytes:
    return sys.stdin.buffer.read()


def version() -> str:
    """The server's version in the shape of redis-server's: tools read the Redis level after v=."""
    from zlib import crc32

    from carnelian.version import REDIS_VERSION

    bits = 64 if sys.maxsize > 2**32 else 32
    build = crc32(f"{__version__} {sys.version}".encode())
    return (
        f"v={REDIS_VERSION} sha=00000000:0 malloc=carnelian bits={bits} build={build:x}"
        f" carnelian={__version__}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
