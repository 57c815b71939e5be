"""What LATENCY GRAPH and LATENCY DOCTOR say, from the samples of the latency monitor."""

from __future__ import annotations

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.engine.latency import LatencyMonitor, Series

ROWS = 4
MARKS = "_o#"  # within a row, from low to high
UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
ADVICE = {
    "command": "Look for slow commands in SLOWLOG; prefer SCAN to KEYS and smaller values.",
    "fast-command": "Commands of constant cost were slow: the machine is busy, or it swaps.",
    "expire-cycle": "Many keys expire at the same time: spread their expiry.",
    "eviction-cycle": "Keys have to be evicted: raise maxmemory, or write less at a time.",
    "fork": "Forking takes long: less memory, no transparent huge pages, or fewer snapshots.",
    "aof-fsync-always": "The disk is slow for `appendfsync always`: `everysec` costs less.",
    "aof-write": "Writing the append-only file takes long: the disk is busy or slow.",
}


def age(seconds: int) -> str:
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "0s"


def graph(event: str, series: Series, now_s: int) -> str:
    """A column for each sample, the time since it happened written downwards below."""
    values = [ms for _, ms in series.samples]
    low, high = min(values), max(values)
    steps = ROWS * len(MARKS) - 1
    heights = [(ms - low) * steps // max(high - low, 1) for ms in values]
    lines = [
        f"{event} - high {high} ms, low {low} ms (all time high {series.highest_ms} ms)",
        "-" * 80,
    ]
    for row in reversed(range(ROWS)):
        marks = []
        for height in heights:
            full, part = divmod(height, len(MARKS))
            marks.append(MARKS[part] if full == row else "|" if full > row else " ")
        lines.append("".join(marks))
    lines.append("")
    ages = [age(max(now_s - at, 0)) for at, _ in series.samples]
    for depth in range(max(map(len, ages))):
        lines.append("".join(text[depth] if depth < len(text) else " " for text in ages))
    return "\n".join(lines) + "\n"


def doctor(monitor: LatencyMonitor) -> str:
    """What was slow and what helps."""
    if not monitor.threshold_ms and not monitor.events:
        return (
            "Latency is not being watched. CONFIG SET latency-monitor-threshold <milliseconds>"
            " starts that;\nthen ask again after some time.\n"
        )
    if not monitor.events:
        return f"Nothing took {monitor.threshold_ms} ms or longer so far.\n"
    lines = [f"Events that took {monitor.threshold_ms} ms or longer:", ""]
    for number, (event, series) in enumerate(monitor.events.items(), 1):
        values = [ms for _, ms in series.samples]
        mean = sum(values) / len(values)
        deviation = sum(abs(ms - mean) for ms in values) / len(values)
        lines.append(
            f"{number}. {event}: {len(values)} seconds with one, average {mean:.0f} ms, mean"
            f" deviation {deviation:.0f} ms, worst of all {series.highest_ms} ms."
        )
    lines.append("")
    lines += [f"- {event}: {ADVICE[event]}" for event in monitor.events if event in ADVICE]
    return "\n".join(lines) + "\n"
