"""A line of a configuration file: where it stands, what it says, what is wrong with it."""

from __future__ import annotations

from carnelian import __version__

TITLE = f"\n*** FATAL CONFIG FILE ERROR (Carnelian {__version__}) ***"


class ConfigFileError(Exception):
    """The configuration cannot be used; the text is the complete report."""


class Origin:
    """Where a line stands."""

    __slots__ = ("line", "number", "source")

    def __init__(self, source: str, number: int, line: str) -> None:
        self.source = source
        self.number = number
        self.line = line

    def place(self) -> str:
        return f"{self.source}, at line {self.number}"

    def error(self, reason: str) -> ConfigFileError:
        return ConfigFileError(
            f"{TITLE}\nReading the configuration {self.place()}\n"
            f">>> '{self.line}'\n{reason}\n"
        )


class Directive:
    """A line left to a service (rename-command, user): its words, and where to report errors."""

    __slots__ = ("origin", "words")

    def __init__(self, words: list[str], origin: Origin) -> None:
        self.words = words
        self.origin = origin
