"""Our own source as the house rules see it: files, functions, and who imports whom."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support import cython_source
from tests.support.cython_source import Function, Import

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src"
SIZES = ROOT / "tests" / "sizes.json"
FILE_LINES_MAX = 500


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Our code and no generated file."""
    folders = [SOURCE, ROOT / "tests", ROOT / "benchmarks", ROOT / "tools"]
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes]
    return tuple(sorted([*found, ROOT / "setup.py"] if ".py" in suffixes else found))


def product_files() -> Iterator[Path]:
    return (path for path in files(".py", ".pyx", ".pxd") if SOURCE in path.parents)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def where(path: Path, line: int | None = None) -> str:
    name = str(path.relative_to(ROOT))
    return name if line is None else f"{name}:{line}"


# --- sizes ---


def long_files() -> dict[str, int]:
    """The lines of each file that is longer than a file should be."""
    counts = {where(path): text(path).count("\n") for path in files(".py", ".pyx", ".pxd", ".h")}
    return {name: lines for name, lines in counts.items() if lines > FILE_LINES_MAX}


def kept_sizes() -> dict[str, int]:
    sizes: dict[str, int] = json.loads(text(SIZES))
    return sizes


# --- functions ---


def python_functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(node.name, node.lineno, node.end_lineno or node.lineno)


def functions_of(path: Path) -> list[Function]:
    if path.suffix == ".py":
        return list(python_functions(path))
    return cython_source.functions(text(path))


# --- imports ---


def python_imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield Import(node.lineno, module, [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, [])


def imports_of(path: Path) -> list[Import]:
    if path.suffix == ".py":
        return list(python_imports(path))
    return list(cython_source.imports(text(path)))


def module_of(path: Path) -> str:
    """`src/carnelian/base/memory.pyx` is carnelian.base.memory, a package is its own name."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> frozenset[str]:
    return frozenset(module_of(path) for path in product_files())


def targets(importer: Path, statement: Import) -> Iterator[str]:
    """The modules of ours that an import statement reaches."""
    module = statement.module
    if module.startswith("."):
        dots = len(module) - len(module.lstrip("."))
        package = importer.relative_to(SOURCE).parent.parts
        base = package[: len(package) - dots + 1]
        module = ".".join([*base, *filter(None, [module.lstrip(".")])])
    if module.split(".")[0] != "carnelian":
        return
    if not statement.names:
        yield module
    for name in statement.names:
        inner = f"{module}.{name}"
        if inner in modules():
            yield inner
        elif inner != "carnelian.__version__":
            yield module


def product_imports() -> Iterator[tuple[Path, Import, str]]:
    """Every import of the product within itself: at the top, late, or for types only."""
    for path in product_files():
        for statement in imports_of(path):
            for target in targets(path, statement):
                yield path, statement, target


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other (strongly connected, Tarjan's way)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph.get(name, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found
