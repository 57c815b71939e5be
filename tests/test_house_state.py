"""A house rule: what changes belongs to an engine, or to a thread, never to a module.

Two engines in one process would change each other otherwise. Allowed are tables that an import
fills, and what a process has but one of: its address space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
# `cdef uint64_t seeds[4] = ...` at the margin: a variable of the module
VARIABLE = re.compile(
    r"^cdef (?!class|enum|struct|union|extern|inline|object\b)(?:unsigned |long |const )*"
    r"[\w.]+(?:\[[^\]]*\])* ?\**(\w+)(?:\[[^\]]*\])*(?: *=.*| *#.*)?$"
)
FUNCTION = re.compile(r"^ *(?:def|cdef|cpdef)\b[^=]*?(\w+)\(")
CALLED_ON_IMPORT = re.compile(r"^(\w+)\(")
OF_THE_PROCESS = SOURCE / "carnelian" / "base" / "memory.pyx"


def functions(lines: list[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Name, first line and text of every function; the text of a method, too."""
    at = 0
    while at < len(lines):
        found = FUNCTION.match(lines[at])
        if found is None or lines[at].startswith("cdef extern"):
            at += 1
            continue
        indent = len(lines[at]) - len(lines[at].lstrip())
        end = at + 1
        while end < len(lines) and (
            not lines[end].strip()
            or len(lines[end]) - len(lines[end].lstrip()) > indent
            or lines[end].lstrip().startswith(")")
        ):
            end += 1
        yield found.group(1), at + 1, lines[at:end]
        at += 1


def is_written(name: str, line: str) -> bool:
    code = line.split("#", maxsplit=1)[0]
    assigned = rf"(?:^|[\s,;(]){name}(?:\[[^\]]*\])*(?:\.\w+)*(?:\[[^\]]*\])* *[-+*/|&^]?=(?!=)"
    handed_on = rf"(?:memcpy|memset|memmove|snprintf)\({name}\b"
    return re.search(assigned, code) is not None or re.search(handed_on, code) is not None


@cache
def on_import() -> frozenset[str]:
    """What modules call while they are imported: own functions, or what they register with."""
    lines = [
        line
        for path in SOURCE.rglob("*.py*")
        if path.suffix in (".py", ".pyx")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return frozenset(found.group(1) for line in lines if (found := CALLED_ON_IMPORT.match(line)))


def written_state(path: Path) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [found.group(1) for line in lines if (found := VARIABLE.match(line))]
    header = path.with_suffix(".pxd")
    if path.suffix == ".pyx" and header.exists():
        for line in header.read_text(encoding="utf-8").splitlines():
            if found := VARIABLE.match(line):
                names.append(found.group(1))
    for function, number, text in functions(lines):
        if function in on_import():
            continue
        where = f"{path.relative_to(SOURCE)}:{number} {function}"
        local = {
            word
            for line in text
            for word in re.findall(r"(\w+)(?: *=|,|\)|:|$)", line)
            if re.match(r"\s*(?:cdef|def|cpdef) ", line)
        }
        for line in text[1:]:
            if re.match(r"\s+global ", line):
                yield f"{where}: {line.strip()}"
            for name in names:
                if name not in local and is_written(name, line):
                    yield f"{where}: {line.strip()}"


@pytest.mark.parametrize("suffix", [".py", ".pyx"])
def test_modules_have_no_state_that_changes(suffix: str) -> None:
    found = [
        fault
        for path in sorted(SOURCE.rglob(f"*{suffix}"))
        if path != OF_THE_PROCESS
        for fault in dict.fromkeys(written_state(path))
    ]
    if found:
        pytest.fail("state of a module:\n  " + "\n  ".join(found), pytrace=False)
