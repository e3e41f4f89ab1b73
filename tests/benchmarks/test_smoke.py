"""Each benchmark runs to its end at a tiny size and prints what it promises; never a timing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from vitalstream_devstack.pytest_plugin import KafkaHandle

_SMALL = {
    "dashboard": "--admissions 300 --small 100 --each 3 --repeats 1 --turn-seconds 0.01"
    " --sessions 2 --seconds 2",
    "producer": "--records 500 --repeats 1",
    "writer": "--records 600 --admissions 100 --batch 100 --copy-batches 200 --connections 1 2"
    " --repeats 1",
    "consumer": "--records 600 --admissions 100 --replicas 1 2 --repeats 1",
    "latency": "--rate 100 --seconds 1 --warm-up 0.5 --repeats 1",
    "memory": "--records 5000 --admissions 100",
    "tracing": "--records 600 --admissions 100 --repeats 1",
    "statements": "--records 600 --admissions 100 --batch 100",
}
_KEYS = {
    "dashboard": {"what"},
    "producer": {"records_per_second", "limit_records_per_second", "of_limit"},
    "writer": {"what", "of_copy", "records_per_second", "postgres_cpu_seconds_per_million"},
    "consumer": {"what", "of_writer", "of_copy", "records_per_second"},
    "latency": {"what", "p50_ms", "p99_ms"},
    "tracing": {"what", "records_per_second", "service_cpu_seconds_per_million"},
    "statements": {"level", "us_per_record", "statement"},
    "memory": {"idle_mib", "median_mib", "most_mib", "records_per_second"},
}
# The others bring servers of their own up, and down again.
_ON_THE_RUNS_BROKER = {"latency", "memory", "tracing"}
_POSITIVE = ("_second", "p50_ms", "us_per_record", "p95_ms", "_most")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(_SMALL))
def test_a_benchmark_prints_its_figures(name: str, kafka: KafkaHandle) -> None:
    """Its last line is JSON with the promised keys in each result, and no figure below zero."""
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    if name in _ON_THE_RUNS_BROKER:
        environment |= kafka.environment
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *_SMALL[name].split()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    printed = json.loads(done.stdout.splitlines()[-1])
    assert printed["benchmark"] == name
    assert printed["results"]
    for result in printed["results"]:
        assert result.keys() >= _KEYS[name]
        assert all(figure >= 0 for figure in _figures(result))
        assert result[next(key for key in result if key.endswith(_POSITIVE))] > 0


def _figures(value: Any) -> Iterator[float]:
    match value:
        case dict():
            for each in value.values():
                yield from _figures(each)
        case list():
            for each in value:
                yield from _figures(each)
        case int() | float():
            yield value
