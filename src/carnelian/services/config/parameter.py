"""The kinds of configuration parameter: how a value is read, checked, shown and rewritten.

A parameter is an immutable description, declared as an attribute of a class in `declared`; the
values live in a `Config` under the same attribute, with the type of the declaration. Values are
immutable too (bool, int, str, tuples), so that a backup is a reference.
"""

from __future__ import annotations

from carnelian.services.config.syntax import (
    INT64_MAX,
    format_memory,
    parse_c_integer,
    parse_integer,
    parse_memory,
    quote,
)

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")

    class Declared(Generic[T]):
        """What an attribute of `Config` is to a type checker: the value."""

        def __get__(self, holder: object, owner: type | None = None) -> T: ...

else:
    T = None

    class Declared:
        """At run time a value in `Config.__dict__` hides its declaration."""

        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls


class ConfigError(Exception):
    """A value that cannot be accepted; the text is what the user sees."""


class Parameter(Declared[T]):
    """One parameter, named after the attribute it is declared as. `multiple` kinds take several
    words on a line."""

    __slots__ = (
        "about",
        "aliases",
        "attribute",
        "check",
        "default",
        "deny_loading",
        "hidden",
        "immutable",
        "name",
        "protected",
        "refused",
        "sensitive",
        "unit",
        "volatile",
        "without_effect",
    )
    kind = "string"
    multiple = False

    def __init__(
        self,
        default: T,
        about: str,
        *,
        aliases: tuple[str, ...] = (),
        unit: str = "",
        immutable: bool = False,
        protected: bool = False,
        sensitive: bool = False,
        hidden: bool = False,
        volatile: bool = False,
        deny_loading: bool = False,
        refused: str = "",
        without_effect: str = "",
        check: Callable[[T], None] | None = None,
    ) -> None:
        self.name = self.attribute = ""
        self.default = default
        self.about = about
        self.aliases = aliases
        self.unit = unit
        self.immutable = immutable  # CONFIG SET refuses it
        self.protected = protected  # CONFIG SET asks enable-protected-configs
        self.sensitive = sensitive  # its value must not reach logs
        self.hidden = hidden  # CONFIG GET needs its exact name
        self.volatile = volatile  # setting the same value again counts as a change
        self.deny_loading = deny_loading  # CONFIG SET refuses it while a data set is loaded
        self.refused = refused  # why nothing but the default can be had: it would protect
        self.without_effect = without_effect  # why nothing acts on it: accepted, shown, warned of
        self.check = check

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = attribute.replace("_", "-")

    def initial(self) -> T:
        return self.default

    def enter(self, value: T, owns_process: bool) -> None:
        """What must have happened for a value to be the present one. Raises ConfigError."""

    def parse(self, words: list[str], old: T) -> T:
        """The value for these words, given the present one. Raises ConfigError."""
        value = self.read(words[0])
        if self.check is not None:
            self.check(value)
        return value

    def parse_line(self, words: list[str], old: T, *, first: bool) -> T:
        """As parse, for the `first` or a later line of a configuration file."""
        return self.parse(words, old)

    def read(self, text: str) -> T:
        raise NotImplementedError

    def show(self, value: T) -> str:
        """The value as CONFIG GET shows it."""
        return str(value)

    def spell(self, value: T) -> str:
        """The value as a configuration file spells it."""
        return self.show(value)

    def lines(self, value: T) -> list[tuple[str, bool]]:
        """The file's lines for this value, each with whether a file without it must get it."""
        return [(f"{self.name} {self.spell(value)}", value != self.default)]

    def limits(self) -> str:
        """What values are allowed, for documentation."""
        return ""


class Bool(Parameter[bool]):
    __slots__ = ()
    kind = "bool"

    def read(self, text: str) -> bool:
        word = text.lower()
        if word not in ("yes", "no"):
            raise ConfigError("argument must be 'yes' or 'no'")
        return word == "yes"

    def show(self, value: bool) -> str:
        return "yes" if value else "no"

    def limits(self) -> str:
        return "yes, no"


class Text(Parameter[str]):
    """Text. A `nullable` one counts as absent when it is empty: a rewrite drops its line."""

    __slots__ = ("nullable",)

    def __init__(
        self, default: str, about: str, *, nullable: bool = False, **options: Any
    ) -> None:
        super().__init__(default, about, **options)
        self.nullable = nullable

    def read(self, text: str) -> str:
        return text

    def spell(self, value: str) -> str:
        return quote(value)

    def lines(self, value: str) -> list[tuple[str, bool]]:
        if self.nullable and not value:
            return []
        return super().lines(value)


class Integer(Parameter[int]):
    """An integer of a range. Within it, values beyond the floor or ceiling are brought there."""

    __slots__ = ("ceiling", "floor", "high", "low")
    kind = "integer"
    not_a_number = "argument couldn't be parsed into an integer"

    def __init__(
        self,
        default: int,
        low: int,
        high: int,
        about: str,
        *,
        floor: int | None = None,
        ceiling: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(default, about, **options)
        self.low = low
        self.high = high
        self.floor = low if floor is None else floor
        self.ceiling = high if ceiling is None else ceiling

    def number(self, text: str) -> int | None:
        return parse_integer(text)

    def read(self, text: str) -> int:
        value = self.number(text)
        if value is None:
            raise ConfigError(self.not_a_number)
        if not self.low <= value <= self.high:
            raise ConfigError(f"argument must be between {self.limits()} inclusive")
        return max(self.floor, min(value, self.ceiling))

    def limits(self) -> str:
        return f"{self.low} and {self.high}"


class Octal(Integer):
    __slots__ = ()
    kind = "octal"
    not_a_number = "argument couldn't be parsed as an octal number"

    def number(self, text: str) -> int | None:
        return parse_c_integer(text, 8)

    def show(self, value: int) -> str:
        return f"{value:o}"

    def limits(self) -> str:
        return f"{self.low:o} and {self.high:o}"


class Memory(Integer):
    """A number of bytes."""

    __slots__ = ()
    kind = "memory"
    not_a_number = "argument must be a memory value"

    def number(self, text: str) -> int | None:
        return parse_memory(text)

    def spell(self, value: int) -> str:
        return format_memory(value)


class MemoryOrPercent(Memory):
    """A number of bytes, or a percentage, which is kept as a negative number."""

    __slots__ = ()
    kind = "memory or percent"
    not_a_number = "argument must be a memory or percent value"

    def number(self, text: str) -> int | None:
        value = parse_memory(text)
        if value is not None:
            # Redis keeps it in a signed type: beyond that it reads as a percentage.
            return value if value <= INT64_MAX else value - 2**64
        percent = parse_integer(text[:-1]) if text.endswith("%") else None
        return -percent if percent is not None and percent >= 0 else None

    def read(self, text: str) -> int:
        value = self.number(text)
        if value is not None and value < self.low:
            raise ConfigError(f"percentage argument must be less or equal to {-self.low}")
        return super().read(text)

    def show(self, value: int) -> str:
        return f"{-value}%" if value < 0 else str(value)

    def spell(self, value: int) -> str:
        return self.show(value) if value < 0 else format_memory(value)

    def limits(self) -> str:
        return f"0 and {self.high}"


class Enum(Parameter[str]):
    """One of several words. `same` maps words to those they mean."""

    __slots__ = ("choices", "same")
    kind = "enum"

    def __init__(
        self,
        default: str,
        choices: str,
        about: str,
        *,
        same: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(default, about, **options)
        self.choices = choices.split()
        self.same = same or {}

    def read(self, text: str) -> str:
        word = text.lower()
        if word not in self.choices:
            raise ConfigError(f"argument(s) must be one of the following: {self.limits()}")
        return self.same.get(word, word)

    def limits(self) -> str:
        return ", ".join(self.choices)


class Flags(Enum):
    """Several of the words, kept in their declared order; the default stands for none of them."""

    __slots__ = ()
    kind = "flags"
    multiple = True

    def parse(self, words: list[str], old: str) -> str:
        chosen = [self.read(word) for word in words or [""]]
        flags = [word for word in self.choices if word in chosen and word != self.default]
        value = " ".join(flags) or self.default
        if self.check is not None:
            self.check(value)
        return str(value)
