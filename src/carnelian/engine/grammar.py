"""The usage line of a command: the one statement from which everything about its arguments follows.

Owns nothing but parsed trees; the command registry and the COMMAND replies call it. The two
`quick_` scanners run for every command at start-up; the full parser runs only when somebody asks.

The syntax of a usage line is that of the Redis manual:

    GETRANGE key start end                     UPPER-CASE is a token, lower-case a value
    CONFIG GET parameter [parameter ...]       two upper-case words first: a subcommand
    [NX|XX]  [NX | XX]                         optional, one of
    <LEFT | RIGHT>  LEFT|RIGHT                 required, one of
    [EX seconds|PX milliseconds]               inside brackets `|` separates whole phrases
    member [member ...]   key [key ...]        one or more
    [key [key ...]]                            none or more
    [GET pattern [GET pattern ...]]            the token is repeated as well
    <GROUP group consumer>                     a required block
    CLIENT KILL ...                            anything may follow
"""

from __future__ import annotations


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
