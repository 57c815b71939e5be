"""The usage line of a command: the one statement from which everything about its arguments follows.

Owns nothing but parsed trees; the command registry and the COMMAND replies call it. The two
`quick_` scanners run for every command at start-up; the full parser runs only when somebody asks.

The syntax of a usage line is that of the Redis manual:

    GETRANGE key start end                     UPPER-CASE is a token, lower-case a value
    CONFIG GET parameter [parameter ...]       two upper-case words first: a subcommand
    [NX|XX]  [NX | XX]                         optional, one of
    <LEFT | RIGHT>  LEFT|RIGHT                 required, one of
    [EX seconds|PX milliseconds]               inside brackets `|` separates whole phrases
    [COUNT count]  [LIMIT offset count]        a token takes the values that follow it
    key [key ...]  score member [score member ...]      one or more
    [key [key ...]]  [arg ...]                 none or more
    [GET pattern [GET pattern ...]]            the token is repeated as well
    <A value | B [...]>                        `[...]` repeats all of the brackets around it
    <GROUP group consumer>                     a required block
    CLIENT KILL ...                            anything may follow
"""

from __future__ import annotations

from carnelian.declare.argument import Argument, Group, Item, build_phrase

_DEPTH_MAX = 16


def quick_name(usage: str) -> tuple[str, str | None]:
    """The command name and the subcommand, if any, at the head of a usage line."""
    head = usage.split(" ", 3)
    if len(head) == 1:
        return usage, None
    second = head[1]
    if not second.isupper() or second[0] in "[<" or "|" in second or "\xa0" in second:
        return head[0], None
    # `XREADGROUP GROUP group consumer`: the word introduces the value of the same name.
    if len(head) > 2 and head[2] == second.lower():
        return head[0], None
    return head[0], second


def quick_arity(usage: str) -> int:
    """The arity by the convention of Redis: words with the name, negative for a minimum."""
    if "<" in usage:
        return _arity_with_choices(usage)
    count = 0
    at = 0
    opening = usage.find("[")
    while opening >= 0:
        count += len(usage[at:opening].split())
        # Skip the group: it may hold others.
        closing = usage.find("]", opening)
        nested = usage.count("[", opening + 1, closing)
        while nested and closing >= 0:
            inner = closing + 1
            closing = usage.find("]", inner)
            nested += usage.count("[", inner, closing) - 1
        if closing < 0:
            raise ValueError(f"unbalanced brackets: {usage}")
        at = closing + 1
        opening = usage.find("[", at)
    if at:
        return -count - len(usage[at:].split())
    count = len(usage.split())
    return 1 - count if usage.endswith(" ...") else count


def _arity_with_choices(usage: str) -> int:
    """quick_arity of a line that holds `<...>`: words are counted with a stack of groups."""
    minimum = 0  # fewest words of the phrase being read
    exact = True
    # Of each open group: words before it, shortest and longest phrase so far, and its bracket.
    stack: list[list[int]] = []
    for word in _words(usage):
        if word in ("[", "<"):
            stack.append([minimum, -1, word == "["])
            minimum = 0
        elif word in ("]", ">"):
            if not stack:
                raise ValueError(f"unbalanced brackets: {usage}")
            before, shortest, optional = stack.pop()
            if shortest >= 0 and shortest != minimum:
                exact = False
                minimum = min(minimum, shortest)
            if optional:
                exact = False
                minimum = 0
            minimum += before
        elif word == "|":
            if not stack:
                raise ValueError(f"alternatives outside brackets: {usage}")
            group = stack[-1]
            if group[1] >= 0 and group[1] != minimum:
                exact = False
                group[1] = min(group[1], minimum)
            else:
                group[1] = minimum
            minimum = 0
        elif word == "...":
            exact = False
        else:
            minimum += 1
    return minimum if exact else -minimum


def _words(usage: str) -> list[str]:
    """Words, brackets and `|` of a usage line; `A|B` outside brackets stays one word."""
    spaced = usage.replace("<", " < ").replace(">", " > ").replace("[", " [ ").replace("]", " ] ")
    words = []
    depth = 0
    for word in spaced.split():
        if word in ("[", "<"):
            depth += 1
        elif word in ("]", ">"):
            depth -= 1
        elif depth and "|" in word and word != "|":
            words += word.replace("|", " | ").split()
            continue
        words.append(word)
    if depth:
        raise ValueError(f"unbalanced brackets: {usage}")
    return words


class Usage:
    """A parsed usage line: its name, its arguments and what follows from their lengths."""

    __slots__ = ("arguments", "arity", "name", "open_ended", "subcommand", "text")

    def __init__(self, text: str, types: dict[str, str] | None = None) -> None:
        self.text = text
        self.name, self.subcommand = quick_name(text)
        words = _words(text)[1 if self.subcommand is None else 2 :]
        alternatives, _ = _phrases(words, 0, "", 0)
        items = alternatives[0]
        # A bare `...` at the end promises nothing about what follows.
        self.open_ended = bool(items) and items[-1] == "..."
        if self.open_ended:
            items.pop()
        self.arguments: list[Argument] = build_phrase(items, types or {})
        count = self.head_words
        exact = not self.open_ended
        for argument in self.arguments:
            least, fixed = argument.words()
            count += least
            exact = exact and fixed
        self.arity = count if exact else -count

    @property
    def head_words(self) -> int:
        """How many words name the command: the index of its first argument."""
        return 1 if self.subcommand is None else 2

    @property
    def full_name(self) -> str:
        """The name as COMMAND INFO spells it: lower case, `config|get` for a subcommand."""
        if self.subcommand is None:
            return self.name.lower()
        return f"{self.name}|{self.subcommand}".lower()


def parse_usage(text: str, types: dict[str, str] | None = None) -> Usage:
    """Parse a usage line; `types` names the argument types that the names do not tell."""
    return Usage(text, types)


def _phrases(words: list[str], at: int, closing: str, depth: int) -> tuple[list[list[Item]], int]:
    """The phrases between `|` up to the closing bracket, and the index after it."""
    if depth > _DEPTH_MAX:
        raise ValueError("usage line nested too deeply")
    alternatives: list[list[Item]] = [[]]
    while at < len(words):
        word = words[at]
        at += 1
        if word == closing:
            return alternatives, at
        if word in ("[", "<"):
            inner, at = _phrases(words, at, "]" if word == "[" else ">", depth + 1)
            alternatives[-1].append(Group(word == "[", inner))
        elif word in ("]", ">"):
            raise ValueError(f"unexpected {word} in a usage line")
        elif word == "|":
            if not closing:
                raise ValueError("alternatives outside brackets in a usage line")
            alternatives.append([])
        elif "|" in word:
            alternatives[-1].append(Group(False, [[choice] for choice in word.split("|")]))
        else:
            alternatives[-1].append(word)
    if closing:
        raise ValueError(f"missing {closing} in a usage line")
    return alternatives, at
