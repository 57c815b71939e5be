"""Random command lines from what COMMAND DOCS says of each command's arguments.

Most lines are well formed and meet keys of the right type; the rest have nasty values, wrong
counts, missing, doubled or swapped words.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.client import Client

Words = list[bytes]
Argument = dict[str, Any]

INT64_MAX, INT64_MIN = (1 << 63) - 1, -(1 << 63)
GROUPS = {
    "string", "list", "hash", "set", "sorted-set", "stream", "bitmap", "hyperloglog", "geo",
    "generic",
}  # fmt: skip
# More commands that look at, or act on, what keys hold.
OTHERS = {
    "memory|usage", "command|getkeys", "command|getkeysandflags", "command|info", "command|docs",
    "command|list", "config|get", "flushdb", "swapdb", "latency|histogram", "slowlog|get", "echo",
}  # fmt: skip
# They wait for replicas or want another server.
LEFT_OUT = {"wait", "waitaof", "migrate", "restore-asking"}
BLOCKING = {
    "blpop", "brpop", "blmove", "blmpop", "blmovem", "brpoplpush", "bzpopmin", "bzpopmax", "bzmpop",
    "xread", "xreadgroup",
}  # fmt: skip
KEYS_OF = {
    "string": b"s", "list": b"l", "hash": b"h", "set": b"t", "sorted-set": b"z", "stream": b"x",
    "bitmap": b"s", "hyperloglog": b"p", "geo": b"g",
}  # fmt: skip
NASTY_INTEGERS = [
    *map(str, (
        0, 1, -1, 2, 127, 128, 255, 256, 1 << 16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1,
        INT64_MAX - 1, INT64_MAX, INT64_MAX + 1, INT64_MIN, INT64_MIN + 1, INT64_MIN - 1,
        INT64_MIN // 2, INT64_MAX // 2, INT64_MAX // 1000, INT64_MAX // 1000 + 1, 2**64,
    )),
    "", " 1", "1 ", "+1", "01", "-0", "1.0", "1e3", "0x10", "abc", "1\0", "9" * 40, "nan", "-inf",
]  # fmt: skip
NASTY_FLOATS = [
    "nan", "-nan", "inf", "-inf", "+inf", "1e400", "-1e400", "1e308", "-1e308", "5e-324", "0x1p3",
    "-0", "0.1", "1_0", "", " 1", "1e", "9" * 400, "1\0", "17179869184.5", "180", "-180", "90.0001",
]  # fmt: skip
NASTY_TEXTS = [
    b"", b"\0", b"\xff\xfe\r\n", b"a b", b"*", b"%s%n", b"x" * 63, b"x" * 65, b"y" * 300,
    b"z" * 5000, b"(", b"[", b"[a", b"(1", b"-", b"+", b"$", b">", b"=", b"~", b"#", b"a->b",
]  # fmt: skip
PATTERNS = [b"*", b"a*", b"?", b"[a-c]*", b"[^", b"[", b"\\", b"a" * 40 + b"*" * 40, b"*[\\", b""]
IDS = [b"*", b"0-0", b"0", b"-", b"+", b"$", b">", b"(1", b"1-*", b"5-1", b"18446744073709551615-1"]
IDS += [b"18446744073709551615-18446744073709551615", b"18446744073709551616-0", b"1-1-1", b"a-1"]
TYPES = [b"u8", b"i5", b"u63", b"i64", b"u64", b"i0", b"u1", b"i65", b"x8", b"u"]


def read_grammar(client: Client) -> dict[str, Argument]:
    """What the server says of the commands to be tried, by name (`xinfo|stream`)."""
    found: dict[str, Argument] = {}

    def add(name: str, group: str, docs: Argument) -> None:
        for sub, sub_docs in pairs(docs.get("subcommands", [])):
            add(sub.decode(), group, as_dict(sub_docs))
        if "subcommands" in docs or name in LEFT_OUT:
            return
        if name in OTHERS or (group in GROUPS and name.partition("|")[2] != "help"):
            found[name] = {"group": group, "arguments": arguments_of(docs)}

    for name, docs in pairs(client.call("COMMAND", "DOCS")):
        about = as_dict(docs)
        add(name.decode(), about["group"].decode(), about)
    return found


def pairs(flat: Any) -> list[tuple[Any, Any]]:
    if isinstance(flat, dict):
        return list(flat.items())
    return list(zip(flat[::2], flat[1::2], strict=True))


def as_dict(flat: Any) -> Argument:
    return {key.decode(): value for key, value in pairs(flat)}


def arguments_of(docs: Argument) -> list[Argument]:
    found = []
    for flat in docs.get("arguments", []):
        one = as_dict(flat)
        found.append({
            "name": one["name"].decode(),
            "type": one["type"].decode(),
            "token": one.get("token"),
            "flags": set(one.get("flags", [])),
            "arguments": arguments_of(one),
        })  # fmt: skip
    return found


class Grammar:
    """Makes command lines; the same seed makes the same ones."""

    def __init__(self, commands: dict[str, Argument], random: Random) -> None:
        self.commands = commands
        self.names = sorted(commands)
        self.random = random
        self.prefix = b"s"
        self.blocking = False
        self.by_text = False
        self.dumps = [b""]
        self.nasty = 0.0

    def line(self) -> Words:
        name = self.random.choice(self.names)
        command = self.commands[name]
        self.blocking = name in BLOCKING
        self.by_text = self.random.random() < (0.9 if "lex" in name else 0.1)
        self.prefix = KEYS_OF.get(command["group"], self.random.choice(sorted(KEYS_OF.values())))
        self.nasty = self.random.choice((0.0, 0.0, 0.02, 0.1, 0.4))
        words = [word.encode() for word in name.split("|")]
        words += self.sequence(command["arguments"])
        if self.random.random() < 0.2:
            self.spoil(words)
        return words

    def sequence(self, arguments: list[Argument]) -> Words:
        """The words of arguments in a row; counts that lead a list are mostly right."""
        parts: list[Words] = []
        counts: list[int] = []
        for i, argument in enumerate(arguments):
            follows = arguments[i + 1 :]
            if argument["type"] == "integer" and any("multiple" in a["flags"] for a in follows):
                counts.append(i)
            parts.append(self.maybe(argument))
        for i in counts:
            later = range(i + 1, len(parts))
            counted = next(j for j in later if "multiple" in arguments[j]["flags"])
            block = max(1, len(arguments[counted]["arguments"]))
            if parts[i] and self.random.random() < 0.9:
                parts[i][-1] = b"%d" % (len(parts[counted]) // block)
        return [word for part in parts for word in part]

    def maybe(self, argument: Argument) -> Words:
        if "optional" in argument["flags"] and self.random.random() < 0.6:
            return []
        repeats = 1
        if "multiple" in argument["flags"]:
            repeats = self.random.choice((1, 1, 1, 2, 2, 3, 5))
            if self.random.random() < 0.01:
                repeats = 300
        words: Words = []
        token = argument["token"]
        for i in range(repeats):
            if token is not None and (i == 0 or "multiple_token" in argument["flags"]):
                words.append(token if self.random.random() < 0.9 else token.lower())
            words += self.one(argument)
        return words

    def one(self, argument: Argument) -> Words:
        kind = argument["type"]
        if kind == "pure-token":
            return []
        if kind == "oneof":
            return self.maybe(self.random.choice(argument["arguments"]))
        if kind == "block":
            return self.sequence(argument["arguments"])
        return [self.value(kind, argument["name"])]

    def value(self, kind: str, name: str) -> bytes:
        random = self.random
        nasty = random.random() < self.nasty
        if kind == "key":
            return self.key()
        if kind == "integer":
            return random.choice(NASTY_INTEGERS).encode() if nasty else self.integer(name)
        if kind == "double":
            if nasty:
                return random.choice(NASTY_FLOATS + NASTY_INTEGERS).encode()
            if name == "timeout":
                return b"0.001"
            return random.choice((b"0", b"1", b"1.5", b"-3", b"0.01", b"100", b"12.25"))
        if kind == "unix-time":
            return random.choice(NASTY_INTEGERS).encode() if nasty else b"4000000000000"
        if kind == "pattern":
            return random.choice(PATTERNS)
        return self.text(name, nasty)

    def integer(self, name: str) -> bytes:
        if name == "milliseconds" and self.blocking:
            return b"1"
        if name in ("seconds", "milliseconds"):
            return b"%d" % self.random.randint(100_000, 10_000_000)
        if self.random.random() < 0.1:
            return b"%d" % self.random.randint(-200, 5000)
        return b"%d" % self.random.randint(-2, 12)

    def key(self) -> bytes:
        prefix = self.prefix
        if self.random.random() < 0.08:
            prefix = self.random.choice(sorted(KEYS_OF.values()))
        return prefix + b"%d" % self.random.randint(1, 3)

    def text(self, name: str, nasty: bool) -> bytes:
        random = self.random
        if nasty:
            return random.choice(NASTY_TEXTS)
        if name in ("start", "stop", "end", "min", "max"):
            return self.bound()
        if self.prefix == b"x" and not {"id", "lastid", "threshold"}.isdisjoint(name.split("-")):
            return self.stream_id()
        if name in ("encoding", "type"):
            return random.choice([*TYPES, b"zset", b"stream", b"string"])
        if name in ("group", "groupname", "consumer", "consumername"):
            return name[:1].encode() + b"%d" % random.randint(1, 2)
        if name == "serialized-value":
            return random.choice(self.dumps)
        if name == "min-idle-time":
            return b"%d" % random.randint(0, 3)
        if name == "command":
            return random.choice(self.names).split("|")[0].encode()
        pool = (b"%d" % random.randint(-5, 300), b"m%d" % random.randint(0, 40), b"v" * 9, b"a")
        return random.choice(pool)

    def stream_id(self) -> bytes:
        if self.random.random() < 0.2:
            return self.random.choice(IDS)
        return b"%d-%d" % (self.random.randint(0, 9), self.random.randint(0, 2))

    def bound(self) -> bytes:
        if self.prefix == b"x":
            return self.random.choice((b"-", b"+", b"(1-1", self.stream_id(), self.stream_id()))
        if self.by_text:
            return self.random.choice((b"-", b"+", b"[a", b"(m3", b"[m1", b"[" + b"z" * 70))
        number = b"%d" % self.random.randint(-3, 12)
        return self.random.choice((number, number, number, number, b"-inf", b"+inf", b"(1"))

    def spoil(self, words: Words) -> None:
        """Take out, double, swap or overwrite a word, or add some."""
        at = self.random.randrange(1, len(words)) if len(words) > 1 else 0
        how = self.random.randrange(6)
        if at == 0 or how == 0:
            words.append(self.random.choice(NASTY_TEXTS))
        elif how == 1:
            del words[at]
        elif how == 2:
            words.insert(at, words[at])
        elif how == 3:
            other = self.random.randrange(1, len(words))
            words[at], words[other] = words[other], words[at]
        elif how == 4:
            words[at] = self.random.choice(NASTY_INTEGERS).encode()
        else:
            words += words[1:] * self.random.choice((1, 1, 1, 40))
