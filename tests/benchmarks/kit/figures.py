"""From measurements to what is printed: medians, CPU seconds, a table and a line of JSON."""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import psutil

Row = Mapping[str, object]


class Taken(NamedTuple):
    """What one run took.

    Attributes:
        records: How many records it was about.
        seconds: Of the clock.
        cpu: Seconds of CPU by process.
    """

    records: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds


class Stopwatch:
    """Clock and CPU from now on.

    Args:
        processes: Process ids by name; their children count with them, ended ones too.
    """

    def __init__(self, **processes: Sequence[int]) -> None:
        self._processes = {
            name: [psutil.Process(pid) for pid in pids] for name, pids in processes.items()
        }
        self._cpu, self._start = self._read(), time.perf_counter()

    def read(self, records: int) -> Taken:
        """What has passed since."""
        seconds, cpu = time.perf_counter() - self._start, self._read()
        return Taken(records, seconds, {name: cpu[name] - self._cpu[name] for name in cpu})

    def _read(self) -> dict[str, float]:
        return {name: sum(map(_tree, each)) for name, each in self._processes.items()}


def _tree(process: psutil.Process) -> float:
    """CPU seconds of a process, its children, and those it has outlived."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:  # ended since it was listed: its parent counts it from now on
            continue
    return total


def in_turns(repeats: int, runs: Mapping[str, Callable[[], Taken]]) -> dict[str, list[Taken]]:
    """Each of the runs in turn, again and again, so that a slow minute slows all of them."""
    taken: dict[str, list[Taken]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            taken[name].append(run())
    return taken


def summary(runs: Sequence[Taken]) -> dict[str, object]:
    """Medians of one thing's runs."""
    row: dict[str, object] = {"records_per_second": round(rate(runs))}
    for name in runs[0].cpu:
        cpu = statistics.median(each.cpu[name] / each.records for each in runs)
        row[f"{name}_cpu_seconds_per_million"] = round(cpu * 1e6, 2)
    row["all_records_per_second"] = [round(each.rate) for each in runs]
    return row


def rate(runs: Iterable[Taken]) -> float:
    """The median rate."""
    return statistics.median(each.rate for each in runs)


def of_limit(runs: Sequence[Taken], limit: Sequence[Taken]) -> float:
    """The median of the ratios of what was measured one after the other."""
    pairs = zip(runs, limit, strict=True)
    return round(statistics.median(each.rate / other.rate for each, other in pairs), 3)


def use_cores(count: int) -> int:
    """Keep this process and all it starts to so many cores; returns how many it has."""
    ours = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, ours[-count:])
    return min(count, len(ours))


def part_cores(clients: int) -> tuple[set[int], set[int]]:
    """Cores for what is measured, and others for the servers; where none are left, the same.

    This process and what it starts are on the servers' from now on: start them, then `move`.
    """
    ours = sorted(os.sched_getaffinity(0))
    measured, rest = set(ours[-clients:]), set(ours[:-clients])
    os.sched_setaffinity(0, rest or measured)
    return measured, rest or measured


def move(cores: set[int]) -> None:
    """Keep this thread and all that it starts from now on to these cores."""
    os.sched_setaffinity(0, cores)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(name: str, results: Sequence[Row], **facts: object) -> None:
    """Print a table of the results, then one line of JSON with the facts beside them."""
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts.items()))
    columns = [key for key in results[0] if not key.startswith("all_")]
    lines = [[_cell(row.get(key, "")) for key in columns] for row in results]
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    for line in (columns, *lines):
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print(json.dumps({"benchmark": name, **facts, "results": results}), flush=True)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
