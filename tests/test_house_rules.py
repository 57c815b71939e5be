"""The house rules, enforced: layers, sizes, docstrings, nothing of one machine in the source."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support import cython_source
from tests.support.house import (
    FILE_LINES_MAX,
    ROOT,
    circles,
    files,
    functions_of,
    imports_of,
    kept_sizes,
    long_files,
    module_of,
    modules,
    product_files,
    product_imports,
    text,
    where,
)
from tests.support.usage import unused

FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# An import goes to a lower number, or stays within its own package.
LAYERS = {
    "version": 0,
    "base": 0,
    "resp": 1,
    "encodings": 1,
    "formats": 2,
    "keyspace": 3,
    "types": 4,
    "declare": 4,
    "engine": 5,
    "commands": 6,
    "net": 6,
    "services": 7,
    "instance": 8,
    "server": 9,
    "host_files": 9,
    "embedded": 10,
    "cli": 10,
    "aio": 10,
    "pytest_plugin": 10,
    "__main__": 11,
    "": 12,  # the package itself, which offers the embedded client
}
# What users call, and not the product itself.
FRONT_ENDS = {name for name, layer in LAYERS.items() if layer >= LAYERS["embedded"]}
# Audits of debug builds; what is there for its size alone.
EXEMPT = re.compile(r"verify|^padding")
UNTYPED_ATTRIBUTE = re.compile(r"cdef\s+(?:public\s+|readonly\s+)?object\s+(\w+)\s*(?:=.*)?$")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|home|root|Users|private|opt/[a-z]+)/")



def layer_name(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def broken(found: list[str], rule: str) -> None:
    if found:
        pytest.fail(f"{rule}:\n  " + "\n  ".join(found), pytrace=False)


def test_every_module_has_a_layer() -> None:
    unknown = {module for module in modules() if layer_name(module) not in LAYERS}
    broken(sorted(unknown), "these modules are in no layer of LAYERS")


def test_imports_point_downwards() -> None:
    found = []
    for path, statement, target in product_imports():
        own, other = layer_name(module_of(path)), layer_name(target)
        if own != other and LAYERS.get(other, 0) >= LAYERS.get(own, 0):
            found.append(f"{where(path, statement.line)}: {module_of(path)} imports {target}")
    broken(found, "imports go only to a lower layer")


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph: dict[str, set[str]] = {}
    for path, _, target in product_imports():
        graph.setdefault(module_of(path), set()).add(target)
    found = [", ".join(group) for group in circles(graph)]
    broken(found, "these modules import each other, directly or through others")


def test_the_product_imports_no_test_code() -> None:
    found = [
        f"{where(path, statement.line)}: {statement.module}"
        for path in product_files()
        for statement in imports_of(path)
        if statement.module.split(".")[0] in ("native", "tests", "benchmarks", "tools")
    ]
    broken(found, "the product stands without its tests and tools")


def test_nothing_reaches_up_but_through_the_host() -> None:
    """An attribute without a type, named after a part of the floors above, whose own attributes are
    used below, is a way up. To hold such a thing for those above is none."""
    above = {name for name, layer in LAYERS.items() if layer > LAYERS["net"]}
    above |= {part for name in modules() for part in name.split(".") if ".services." in name}
    lines = [
        (path, line)
        for path in product_files()
        if path.suffix != ".py" and LAYERS[layer_name(module_of(path))] <= LAYERS["net"]
        for line in cython_source.logical_lines(text(path))
    ]
    followed = {name for _, line in lines for name in re.findall(r"\b(\w+)\.[a-z]", line.text)}
    found = [
        f"{where(path, line.first)}: {line.text}"
        for path, line in lines
        if (attribute := UNTYPED_ATTRIBUTE.match(line.text)) and attribute[1] in above & followed
    ]
    broken(found, "what lower floors need of upper ones is in engine/host, typed")


def test_everything_is_used() -> None:
    found = [
        f"{where(one.path, one.first)}: {one.name}"
        for one in unused()
        if layer_name(module_of(one.path)) not in FRONT_ENDS
        and not EXEMPT.search(one.name)
    ]
    broken(sorted(found), "the product does not use these (what only tests use is in tests/)")


def test_no_textual_include() -> None:
    found = [
        where(path, line)
        for path in files(".pyx", ".pxd")
        for line in cython_source.includes(text(path))
    ]
    broken(found, "no textual include")


def test_functions_are_short() -> None:
    found = [
        f"{where(path, function.first)}: {function.name} has {function.length} lines"
        for path in files(".py", ".pyx", ".pxd")
        for function in functions_of(path)
        if function.length > FUNCTION_LINES_MAX
    ]
    broken(found, f"a function has at most {FUNCTION_LINES_MAX} lines")


def test_files_are_short() -> None:
    kept = kept_sizes()
    found = [
        f"{name}: {lines} lines, {kept.get(name, FILE_LINES_MAX)} allowed"
        for name, lines in long_files().items()
        if lines > kept.get(name, FILE_LINES_MAX)
    ]
    broken(found, f"a file has {FILE_LINES_MAX} lines at most, one of tests/sizes.json shrinks")


def test_kept_sizes_fall_with_their_files() -> None:
    now = long_files()
    found = [f"{name}: {now.get(name)}" for name, n in kept_sizes().items() if now.get(name) != n]
    broken(found, "files have shrunk, keep that: python -m tools.sizes")


def test_lines_are_short() -> None:
    found = [
        f"{where(path, number)}: {len(line)} columns"
        for path in files(".py", ".pyx", ".pxd", ".h")
        for number, line in enumerate(text(path).splitlines(), 1)
        if len(line) > COLUMNS_MAX
    ]
    broken(found, f"a line has at most {COLUMNS_MAX} columns")


def test_modules_open_with_a_docstring() -> None:
    found = [
        where(path)
        for path in files(".py", ".pyx", ".pxd")
        if text(path).strip() and not cython_source.opens_with_docstring(text(path))
    ]
    found += [where(path) for path in files(".h") if not text(path).startswith(("/*", "//"))]
    broken(found, "a module opens by saying what it is for")


def test_tests_wait_in_one_place() -> None:
    allowed = ROOT / "tests" / "support" / "waiting.py"
    found = [
        where(path, node.lineno)
        for path in files(".py")
        if ROOT / "tests" in path.parents and path != allowed
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep")
    ]
    broken(found, "tests do not sleep: see tests/support/waiting.py")


def test_nothing_of_one_machine() -> None:
    documents = [ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci/run"]
    documents += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "tools").glob("*.sh")]
    found = [
        f"{where(path, number)}: {line.strip()}"
        for path in [*files(".py", ".pyx", ".pxd", ".h"), *documents]
        for number, line in enumerate(text(path).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    broken(found, "no absolute path of one machine")


SAMPLE = '''"""A module
with ( and include "x" in its docstring."""
# include "no.pxi"
from libc.string cimport memcpy, \\
    memset
from carnelian.base.native cimport (
    likely,   # a comment)
    unlikely as rarely,
)
cimport cython, carnelian.base.slice as s
include "yes.pxi"

cdef extern from "x.h" nogil:
    int outside(int a)

cdef class Box:
    cdef int *items

    def get(self, a,
            b="):"):
        """Not a
def at all():
        """
        return a

    cdef inline int put(self) except -1:
        if True:
            import json
        return 0

cdef int last = len("x")
cdef (int, int) pair(int x): return (x, x)
cdef int declared(int a) noexcept nogil
'''


def test_the_scanner_of_cython() -> None:
    found = {function.name: function.length for function in cython_source.functions(SAMPLE)}
    assert found == {"get": 6, "put": 4, "pair": 1}
    statements = list(cython_source.imports(SAMPLE))
    assert [(statement.module, statement.names) for statement in statements] == [
        ("libc.string", ["memcpy", "memset"]),
        ("carnelian.base.native", ["likely", "unlikely"]),
        ("cython", []),
        ("carnelian.base.slice", []),
        ("json", []),
    ]
    assert cython_source.includes(SAMPLE) == [11]
    assert cython_source.opens_with_docstring(SAMPLE)
    assert not cython_source.opens_with_docstring("import os\n'''late'''\n")
