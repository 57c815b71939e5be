"""Printing results: aligned columns, first one to the left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n{title}")
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def verdict(server: str, value: float, bar: float | None, at_least: bool) -> str:
    """The bar a result is held to, and whether it is met; only Carnelian is held to any."""
    if bar is None or server != "carnelian":
        return ""
    met = value >= bar if at_least else value <= bar
    return f"{'>=' if at_least else '<='}{bar:g} {'ok' if met else 'MISSED'}"
