"""Parameters with a grammar of their own: save, bind, client-output-buffer-limit and the like.

Same contract as `parameter`: descriptions without state, immutable values.
"""

from __future__ import annotations

from carnelian.services.config.parameter import ConfigError, Parameter
from carnelian.services.config.syntax import (
    format_memory,
    parse_c_integer,
    parse_double,
    parse_memory,
    quote,
)

_BIND_ADDRESSES_MAX = 16
_EVENT_CLASSES = "g$lshzxetdn"
_EVENT_EXTRAS = "KEm"
_EVENT_ALL = "g$lshzxetd"  # what A stands for: everything but new keys and misses


SavePoints = tuple[tuple[int, int], ...]
BufferLimits = tuple[tuple[int, int, int], ...]
Address = tuple[str, int] | tuple[()]


def _as_c_int(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


class Directory(Parameter[str]):
    """The working directory: the value is absolute; a server process moves there at once."""

    __slots__ = ()

    def initial(self) -> str:
        import os

        try:
            return os.getcwd()
        except OSError:
            return ""

    def parse(self, words: list[str], old: str) -> str:
        import os

        path = os.path.join(old, words[0]) if words[0] else ""
        try:
            if not os.path.isdir(path):
                os.stat(path)
                raise NotADirectoryError(20, "Not a directory")
            if not os.access(path, os.X_OK):
                raise PermissionError(13, "Permission denied")
            return os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise ConfigError(getattr(error, "strerror", None) or str(error)) from None

    def enter(self, value: str, owns_process: bool) -> None:
        if owns_process and value:
            import os

            try:
                os.chdir(value)
            except OSError as error:
                raise ConfigError(error.strerror or str(error)) from None

    def lines(self, value: str) -> list[tuple[str, bool]]:
        return [(f"{self.name} {quote(value)}", True)] if value else []


class Save(Parameter[SavePoints]):
    """Snapshot points: a tuple of (seconds, changes)."""

    __slots__ = ()
    kind = "save points"
    multiple = True

    def parse(self, words: list[str], old: SavePoints) -> SavePoints:
        if words == [""]:
            words = []
        points: list[tuple[int, int]] = []
        if len(words) % 2:
            raise ConfigError("Invalid save parameters")
        for i in range(0, len(words), 2):
            seconds = parse_c_integer(words[i])
            changes = parse_c_integer(words[i + 1])
            if seconds is None or changes is None or seconds < 1 or changes < 0:
                raise ConfigError("Invalid save parameters")
            points.append((seconds, _as_c_int(changes)))
        return tuple(points)

    def parse_line(self, words: list[str], old: SavePoints, *, first: bool) -> SavePoints:
        """Lines add up; the first one of all replaces the defaults, an empty text clears."""
        points = self.parse(words, old)
        return points if first or words == [""] else old + points

    def show(self, value: SavePoints) -> str:
        return " ".join(f"{seconds} {changes}" for seconds, changes in value)

    def lines(self, value: SavePoints) -> list[tuple[str, bool]]:
        if not value:
            return [('save ""', True)]
        return [(f"save {seconds} {changes}", True) for seconds, changes in value]


class ClientOutputBufferLimit(Parameter[BufferLimits]):
    """(hard bytes, soft bytes, soft seconds) for the classes normal, replica and pubsub."""

    __slots__ = ()
    kind = "limits per client class"
    multiple = True
    classes = ("normal", "slave", "pubsub")

    def parse(self, words: list[str], old: BufferLimits) -> BufferLimits:
        if len(words) % 4:
            raise ConfigError("Wrong number of arguments in buffer limit configuration.")
        limits = list(old)
        for i in range(0, len(words), 4):
            name = words[i].lower()
            if name == "replica":
                name = "slave"
            if name not in self.classes:
                raise ConfigError("Invalid client class specified in buffer limit configuration.")
            hard, soft = parse_memory(words[i + 1]), parse_memory(words[i + 2])
            seconds = parse_c_integer(words[i + 3])
            if hard is None or soft is None or seconds is None or _as_c_int(seconds) < 0:
                raise ConfigError(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                )
            limits[self.classes.index(name)] = (hard, soft, _as_c_int(seconds))
        return tuple(limits)

    def show(self, value: BufferLimits) -> str:
        return " ".join(
            f"{name} {hard} {soft} {seconds}"
            for name, (hard, soft, seconds) in zip(self.classes, value, strict=True)
        )

    def lines(self, value: BufferLimits) -> list[tuple[str, bool]]:
        lines = []
        for i, name in enumerate(("normal", "replica", "pubsub")):
            hard, soft, seconds = value[i]
            limits = f"{format_memory(hard)} {format_memory(soft)} {seconds}"
            lines.append((f"{self.name} {name} {limits}", value[i] != self.default[i]))
        return lines


class OomScoreAdjValues(Parameter[tuple[int, ...]]):
    """Scores of a master, a replica and a background child."""

    __slots__ = ()
    kind = "three integers"
    multiple = True

    def parse(self, words: list[str], old: tuple[int, ...]) -> tuple[int, ...]:
        if len(words) != 3:
            raise ConfigError("wrong number of arguments")
        values = []
        for word in words:
            value = parse_c_integer(word)
            if value is None or not -2000 <= value <= 2000:
                raise ConfigError(
                    "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
                )
            values.append(value)
        return tuple(values)

    def show(self, value: tuple[int, ...]) -> str:
        return " ".join(str(score) for score in value)


class NotifyKeyspaceEvents(Parameter[str]):
    """Classes of keyspace events, in Redis's canonical order."""

    __slots__ = ()
    kind = "event classes"

    def read(self, text: str) -> str:
        chosen = set(text)
        if chosen - set(_EVENT_CLASSES + _EVENT_EXTRAS + "A"):
            raise ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        if "A" in chosen:
            chosen |= set(_EVENT_ALL)
        classes = "".join(event for event in _EVENT_CLASSES if event in chosen)
        if classes.startswith(_EVENT_ALL):
            classes = "A" + classes[len(_EVENT_ALL) :]
        return classes + "".join(event for event in _EVENT_EXTRAS if event in chosen)

    def spell(self, value: str) -> str:
        return quote(value)


class Bind(Parameter[tuple[str, ...]]):
    """Addresses to listen on; one with a leading - may be unavailable."""

    __slots__ = ()
    kind = "addresses"
    multiple = True

    def parse(self, words: list[str], old: tuple[str, ...]) -> tuple[str, ...]:
        if len(words) > _BIND_ADDRESSES_MAX:
            raise ConfigError("Too many bind addresses specified.")
        return () if words == [""] else tuple(words)

    def show(self, value: tuple[str, ...]) -> str:
        return " ".join(value)

    def lines(self, value: tuple[str, ...]) -> list[tuple[str, bool]]:
        if value == self.default:
            return []
        return [(f"{self.name} {' '.join(value) or quote('')}", True)]


class ReplicaOf(Parameter[Address]):
    """(host, port) of the master, or () on a master."""

    __slots__ = ()
    kind = "host and port"
    multiple = True

    def parse(self, words: list[str], old: Address) -> Address:
        if len(words) != 2:
            raise ConfigError("wrong number of arguments")
        if words[0].lower() == "no" and words[1].lower() == "one":
            return ()
        port = parse_c_integer(words[1])
        if port is None or not 0 <= port <= 65535:
            raise ConfigError("Invalid master port")
        return words[0], port

    def show(self, value: Address) -> str:
        return f"{value[0]} {value[1]}" if value else ""

    def lines(self, value: Address) -> list[tuple[str, bool]]:
        return [(f"{self.name} {self.show(value)}", True)] if value else []


class Percentiles(Parameter[tuple[float, ...]]):
    """Numbers between 0 and 100."""

    __slots__ = ()
    kind = "percentiles"
    multiple = True

    def parse(self, words: list[str], old: tuple[float, ...]) -> tuple[float, ...]:
        values = []
        for word in [] if words == [""] else words:
            value = parse_double(word)
            if value is None:
                raise ConfigError(f"Invalid {self.name} parameters")
            if not 0.0 <= value <= 100.0:
                raise ConfigError(f"{self.name} parameters should sit between [0.0,100.0]")
            values.append(value)
        return tuple(values)

    def show(self, value: tuple[float, ...]) -> str:
        return " ".join(f"{number:f}".rstrip("0").rstrip(".") for number in value)

    def lines(self, value: tuple[float, ...]) -> list[tuple[str, bool]]:
        return [(f"{self.name} {self.show(value) or quote('')}", True)]
