"""One argument of a command, and how arguments are built from the phrases of a usage line.

A tree of small objects owned by the Usage that holds it; only the grammar builds one. Nothing here
runs before somebody asks for a command's documentation or for key positions.
"""

from __future__ import annotations


class Group:
    """A bracketed part of a usage line: `[...]` is optional, `<...>` is required."""

    __slots__ = ("alternatives", "optional")

    def __init__(self, optional: bool, alternatives: list[list[Item]]) -> None:
        if not all(alternatives):
            raise ValueError("empty alternative in a usage line")
        self.optional = optional
        self.alternatives = alternatives

    def repeated(self) -> list[str] | None:
        """What `[x ...]` repeats, spelled out; None if the group is no repetition."""
        last = self.alternatives[-1]
        if not self.optional or last[-1] != "...":
            return None
        if len(last) == 1 and len(self.alternatives) > 1:
            return None  # `[A|B|...]`: further alternatives, which the line leaves out
        return self.spelled_inside()[:-1]

    def spelled_inside(self) -> list[str]:
        """The words between the brackets."""
        words: list[str] = []
        for number, phrase in enumerate(self.alternatives):
            if number:
                words.append("|")
            words += spelled(phrase)
        return words


Item = str | Group


def spelled(items: list[Item]) -> list[str]:
    """A phrase without its repetitions, for comparison with what a group repeats."""
    words: list[str] = []
    for item in items:
        if isinstance(item, str):
            words.append(item)
        elif item.repeated() is None:
            words.append("[" if item.optional else "<")
            words += item.spelled_inside()
            words.append("]" if item.optional else ">")
    return words


class Argument:
    """One node of COMMAND DOCS: a value, a pure token, a block or a choice."""

    __slots__ = (
        "arguments",
        "display",
        "key_spec",
        "multiple",
        "multiple_token",
        "name",
        "optional",
        "token",
        "type",
    )

    def __init__(
        self, name: str, kind: str, arguments: list[Argument] | None = None, token: str = ""
    ) -> None:
        self.name = name
        self.display = name
        self.type = kind
        self.token = token
        self.arguments: list[Argument] = arguments or []
        self.optional = False
        self.multiple = False
        self.multiple_token = False
        self.key_spec = -1

    def words(self) -> tuple[int, bool]:
        """The fewest words the argument takes, and whether it always takes that many."""
        least, exact = self.unit_words()
        if self.optional:
            return 0, False
        return least, exact and not self.multiple

    def unit_words(self) -> tuple[int, bool]:
        """`words` of one occurrence, as if it were neither optional nor repeated."""
        if not self.arguments:
            return (2 if self.token and self.type != "pure-token" else 1), True
        lengths = [argument.words() for argument in self.arguments]
        exact = all(fixed for _, fixed in lengths)
        counts = [count for count, _ in lengths]
        own = 1 if self.token else 0
        if self.type == "oneof":
            return min(counts) + own, exact and min(counts) == max(counts)
        return sum(counts) + own, exact


def build_phrase(items: list[Item], types: dict[str, str]) -> list[Argument]:
    """The arguments of one phrase: words, groups and the repetitions that look back on them."""
    built: list[Argument] = []
    spans: list[list[str]] = []  # the words each argument was built from
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if isinstance(item, Group):
            content = item.repeated()
            if content is not None and _mark_repeated(built, spans, content):
                continue
            built.append(_build_group(item, types))
            spans.append(spelled([item]))
        elif item == "...":
            raise ValueError("`...` must end a usage line or a bracket")
        elif is_token(item):
            end = _end_of_values(items, at)
            built.append(_build_token(item, items[at:end], types))
            spans.append([item, *spelled(items[at:end])])
            at = end
        else:
            built.append(_value(item, types))
            spans.append([item])
    _name_directions(built)
    return built


def is_token(word: str) -> bool:
    """Whether a word of a usage line stands for itself: nothing in it is lower case."""
    return word == word.upper()


def _end_of_values(items: list[Item], start: int) -> int:
    """Where the values that belong to the token before `start` end."""
    at = start
    while at < len(items):
        item = items[at]
        if isinstance(item, Group):
            content = item.repeated()
            if content:
                values = spelled(items[start:at])
                if at == start or values[-len(content) :] != content:
                    break
            elif at > start or item.optional:
                break
            else:
                return at + 1
        elif item == "..." or is_token(item):
            break
        at += 1
    return at


def _build_token(token: str, values: list[Item], types: dict[str, str]) -> Argument:
    """A token alone, a token with its value or choice, or a block that a token opens."""
    if not values:
        return Argument(_TOKEN_NAMES.get(token, token.lower()), "pure-token", token=token)
    arguments = build_phrase(values, types)
    if len(arguments) == 1 and not arguments[0].token and not arguments[0].optional:
        only = arguments[0]
        only.token = token
        if only.type == "oneof":
            only.name = token.lower()
        return only
    name = token.lower()
    if name == arguments[0].name:
        name += "-block"
    return Argument(name, "block", arguments, token)


def _build_group(group: Group, types: dict[str, str]) -> Argument:
    """A bracketed part as one argument: optional or not, a choice, a block or a single thing."""
    alternatives = group.alternatives
    last = alternatives[-1]
    tail = last[-1]
    multiple = False
    content: list[str] | None = None
    if tail == "...":
        # `[x ...]` that repeats nothing said before, or `[A|B|...]`.
        multiple = len(last) > 1
        alternatives = [*alternatives[:-1], last[:-1]] if multiple else alternatives[:-1]
    elif isinstance(tail, Group) and (content := tail.repeated()) is not None:
        rest = [*alternatives[:-1], last[:-1]]
        # `[...]`, or the whole of this group said again: the group itself is repeated.
        if last[:-1] and (not content or Group(False, rest).spelled_inside() == content):
            multiple = True
            alternatives = rest
    phrases = [build_phrase(phrase, types) for phrase in alternatives]
    if not phrases:
        raise ValueError("empty brackets in a usage line")
    if len(phrases) > 1:
        choices = [_block_of(phrase) for phrase in phrases]
        argument = Argument(_choice_name(choices), "oneof", choices)
    else:
        argument = _block_of(phrases[0])
    argument.optional = group.optional or argument.optional
    if multiple:
        argument.multiple = True
        repeats_token = bool(content) and content is not None and content[0] == argument.token
        argument.multiple_token = bool(argument.token) and repeats_token
        if argument.type == "block" and not argument.token:
            argument.name = "data"
    return argument


def _block_of(arguments: list[Argument]) -> Argument:
    """A phrase as one argument: itself if it is one, otherwise a block."""
    if len(arguments) == 1:
        return arguments[0]
    first = arguments[0]
    if first.type == "block" and first.token and not first.multiple:
        # `[TO host port [FORCE]]`: all of it belongs to the token.
        first.arguments += arguments[1:]
        return first
    return Argument(_block_name(arguments), "block", arguments)


def _mark_repeated(built: list[Argument], spans: list[list[str]], content: list[str]) -> bool:
    """Mark what `[content ...]` repeats among the arguments before it; False if there is none."""
    if not content or not built:
        return False
    if len(spans[-1]) > len(content) and spans[-1][-len(content) :] == content:
        # `KEYS key [key ...]`: the value repeats, its token does not.
        built[-1].multiple = True
        return not built[-1].arguments
    taken = 0
    words: list[str] = []
    while taken < len(spans) and len(words) < len(content):
        taken += 1
        words = spans[-taken] + words
    if words != content:
        return False
    if taken > 1:
        block = Argument(_RANGE_OR_DATA.get(content[0], "data"), "block", built[-taken:])
        built[-taken:] = [block]
        spans[-taken:] = [content]
    built[-1].multiple = True
    built[-1].multiple_token = bool(built[-1].token) and content[0] == built[-1].token
    return True


# --- names and types ---------------------------------------------------------------------------
_TOKEN_NAMES = {
    '""': "empty-string",
    "$": "new-id",
    "*": "auto-id",
    "=": "equal",
    "~": "approximately",
    "ALPHA": "sorting",
    "CH": "change",
    "INCR": "increment",
}

# What a choice is about, by its first token or value.
_CHOICE_NAMES = {
    "NX": "condition",
    "FNX": "condition",
    "IFEQ": "condition",
    "KEEPREF": "condition",
    "GT": "comparison",
    "EX": "expiration",
    "LEFT": "where",
    "MIN": "where",
    "BEFORE": "where",
    "M": "unit",
    "BYTE": "unit",
    "ASC": "order",
    "ASYNC": "flush-type",
    "BYSCORE": "sortby",
    "MAXLEN": "strategy",
    "=": "operator",
    "FROMMEMBER": "from",
    "FROMLONLAT": "from",
    "BYRADIUS": "by",
    "STORE": "store",
    "*": "id-selector",
    "id": "id-selector",
    "key": "key-selector",
    "host": "args",
    "AUTH": "authentication",
    "HARD": "reset-type",
    "NOSAVE": "save-selector",
    "FLUSH": "policy",
    "AND": "operation",
    "SUM": "operation",
    "TIMEOUT": "unblock-type",
    "COUNT": "selector",
    "OBO": "ordering",
    "YES": "mode",
    "WRITE": "mode",
    "SILENT": "mode",
    "ON": "status",
    "IDMPAUTO": "idmp",
    "SLOW": "type",
    "BYFLOAT": "increment",
    "FORCE": "options",
    "IMPORTING": "subcommand",
    "LIB-NAME": "attr",
    "EXACT": "predicate",
    "SLOTSRANGE": "filter",
    "ip:port": "filter",
    "ID": "new-format",
    "IMPORT": "subcommand",
    "GET": "operation",
    "SET": "write-operation",
    "count": "operation",
}

_RANGE_OR_DATA = {"start": "range", "start-slot": "range"}

_NAMES_BY_TYPE = {
    "key": "key key1 key2 newkey source sourcekey src destination destkey dst",
    "integer": (
        "bit bits client-id cluster-bus-port config-epoch count cursor db decrement destination-db"
        " end end-slot entries-added entries-read exactly frequency idmp-duration idmp-maxsize"
        " increment index index1 index2 integer k len limit maxage maxcount maxsize milliseconds"
        " min-match-len ms num-matches numfields numids numkeys numlocal numreplicas offset port"
        " protover rank ratio seconds size slot start start-slot stop ttl version weight"
    ),
    "double": "float height latitude longitude max min radius score timeout width",
    "pattern": "pattern",
    "unix-time": "unix-time-seconds unix-time-milliseconds",
}
_TYPES = {name: kind for kind, names in _NAMES_BY_TYPE.items() for name in names.split()}


def _value(word: str, types: dict[str, str]) -> Argument:
    return Argument(word, types.get(word) or _TYPES.get(word, "string"))


def _choice_name(choices: list[Argument]) -> str:
    first = choices[0]
    head = first.token or first.name
    if not first.token and first.type == "block":
        head = first.arguments[0].token or first.arguments[0].name
    return _CHOICE_NAMES.get(head, "choice")


# A block without a token, by what it begins with.
_BLOCK_NAMES = {
    "BYRADIUS": "circle",
    "BYBOX": "box",
    "IDLE": "filters",
    "OVERFLOW": "write",
    "count": "options",
    "end": "end-unit-block",
    "protover": "arguments",
    "selector": "how-many",
    "start": "range",
    "start-slot": "range",
    "strategy": "trim",
}


def _block_name(arguments: list[Argument]) -> str:
    first = arguments[0]
    known = _BLOCK_NAMES.get(first.token or first.name)
    if known:
        return known
    if any(argument.optional or argument.arguments for argument in arguments):
        return f"{first.name}-block"
    return "-".join(argument.name for argument in arguments)


def _name_directions(arguments: list[Argument]) -> None:
    """Of two choices of an end (LMOVE), the first is where from and the second where to."""
    ends = [a for a in arguments if a.type == "oneof" and a.name == "where"]
    if len(ends) == 2:
        ends[0].name = "wherefrom"
        ends[1].name = "whereto"
