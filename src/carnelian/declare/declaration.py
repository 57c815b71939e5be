"""The declaration of one command: a usage line, flags, and what neither of them can say.

One object per command or subcommand, made at start-up and kept for the life of the process by the
command registry. Making one parses nothing; every derived fact is worked out when first asked for.
"""

from __future__ import annotations

from carnelian.declare.flags import (
    ACL_CATEGORY_NAMES,
    DEPRECATED,
    GROUP_CATEGORIES,
    MOVABLE_KEYS,
    NO_MANDATORY_KEYS,
    acl_categories,
    bits_of,
)
from carnelian.declare.grammar import quick_arity, quick_name

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.declare.grammar import Usage
    from carnelian.declare.keyspec import KeySpec


class Declaration:
    """What is known about a command without running it."""

    __slots__ = (
        "_acl",
        "_arity",
        "_derived_flags",
        "_key_flags",
        "_key_notes",
        "_keys",
        "_specs",
        "_types",
        "_usage",
        "about",
        "container",
        "cost",
        "deprecated_since",
        "doc_flags",
        "flags",
        "group",
        "help",
        "history",
        "key_finder",
        "module",
        "name",
        "replaced_by",
        "since",
        "since_of",
        "subcommand",
        "subcommands",
        "tips",
        "usage_text",
    )

    def __init__(
        self,
        usage: str,
        flags: int = 0,
        *,
        group: str = "module",
        module: str = "",
        since: str = "",
        cost: str = "",
        about: str = "",
        arity: int = 0,
        keys: tuple[str, ...] | None = None,
        key_flags: int | tuple[int, ...] = 0,
        key_finder: str = "",
        key_notes: tuple[str, ...] = (),
        acl: str | None = None,
        tips: tuple[str, ...] = (),
        types: dict[str, str] | None = None,
        doc_flags: int = 0,
        deprecated_since: str = "",
        replaced_by: str = "",
        history: tuple[tuple[str, str], ...] = (),
        since_of: dict[str, str] | None = None,
        help: tuple[str, ...] = (),
        container: bool = False,
    ) -> None:
        self.usage_text = usage
        self.name, self.subcommand = quick_name(usage)
        self.flags = flags
        self.group = group
        self.module = module  # what loaded it, for a command that is not built in
        self.since = since
        self.cost = cost
        self.about = about
        self.tips = tips
        self.doc_flags = doc_flags | DEPRECATED if deprecated_since else doc_flags
        self.deprecated_since = deprecated_since
        self.replaced_by = replaced_by
        self.history = history
        self.since_of = since_of  # version of a token or argument newer than the command
        self.help = help  # lines of the container's HELP, where `about` is not enough
        self.container = container  # it does nothing but hold subcommands
        self.subcommands: dict[str, Declaration] = {}  # by lower-case name, in order
        self.key_finder = key_finder  # of engine/keys.pyx, for what no spec can describe
        self._arity = arity or (-2 if container else 0)
        self._keys = keys  # key specs that replace the derived ones
        self._key_flags = key_flags  # for all specs, or spec by spec (0: as derived)
        self._key_notes = key_notes
        self._acl = acl
        self._types = types
        self._usage: Usage | None = None
        self._specs: list[KeySpec] | None = None
        self._derived_flags = 0

    @property
    def full_name(self) -> str:
        """`get`, or `config|get` for a subcommand."""
        if self.subcommand is None:
            return self.name.lower()
        return f"{self.name}|{self.subcommand}".lower()

    @property
    def arity(self) -> int:
        """How many words a call has, with the name; negative: at least so many."""
        if not self._arity:
            self._arity = quick_arity(self.usage_text)
        return self._arity

    @property
    def usage(self) -> Usage:
        """The parsed usage line."""
        if self._usage is None:
            from carnelian.declare.grammar import parse_usage

            self._usage = parse_usage(self.usage_text, self._types)
        return self._usage

    @property
    def key_specs(self) -> list[KeySpec]:
        """Where the keys are: derived from the usage line unless declared."""
        if self._specs is None:
            self._specs = self._find_specs()
        return self._specs

    def _find_specs(self) -> list[KeySpec]:
        from carnelian.declare.keyspec import derive_specs, legacy_range, parse_spec

        usage = self.usage
        specs = derive_specs(usage.arguments, usage.head_words, self.flags)
        if self._keys is not None:
            specs = [parse_spec(text) for text in self._keys]
        chosen = self._key_flags
        for number, spec in enumerate(specs):
            if isinstance(chosen, int):
                spec.flags = chosen or spec.flags
            elif number < len(chosen):
                spec.flags = chosen[number] or spec.flags
            if number < len(self._key_notes):
                spec.notes = self._key_notes[number]
        if legacy_range(specs)[3]:
            self._derived_flags = MOVABLE_KEYS
        # A count of keys that may be zero (EVAL): a call without keys is well-formed.
        if self._keys is None and any(spec.optional for spec in specs if spec.counted):
            self._derived_flags |= NO_MANDATORY_KEYS
        return specs

    @property
    def legacy_range(self) -> tuple[int, int, int]:
        """First key, last key and step, as far as such a triple can tell."""
        from carnelian.declare.keyspec import legacy_range

        return legacy_range(self.key_specs)[:3]

    @property
    def shown_flags(self) -> int:
        """The declared flags and those that follow from the key specs."""
        specs = self.key_specs
        return self.flags | self._derived_flags if specs else self.flags

    @property
    def has_keys(self) -> bool:
        """Whether any argument is, or can be, a key."""
        from carnelian.declare.flags import KEY_NOT_KEY

        real = any(not spec.flags & KEY_NOT_KEY for spec in self.key_specs)
        return real or bool(self.key_finder)

    @property
    def acl_bits(self) -> int:
        """The ACL categories: those of the group or those declared, and what the flags imply.

        `acl="set list"` replaces the group's category, `acl="+dangerous"` adds to it.
        """
        bits = 0 if self.container else GROUP_CATEGORIES.get(self.group, 0)
        if self._acl is not None:
            declared = bits_of(self._acl.removeprefix("+"), ACL_CATEGORY_NAMES)
            bits = bits | declared if self._acl.startswith("+") else declared
        return int(acl_categories(self.flags, bits))
