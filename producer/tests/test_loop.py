"""The loop between two records."""

import time
from collections.abc import Callable
from typing import Any

from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_producer.patients import PatientGenerator
from vitalstream_producer.schedule import SteadyRate
from vitalstream_producer.service import Loop, Upkeep
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.shutdown import Shutdown


def test_a_part_of_a_millisecond_is_waited_for(
    kafka: KafkaHandle, topic: str, make_bench: Callable[..., Any]
) -> None:
    """The client returns at once when asked to wait for less: that would be a busy loop."""
    bench = make_bench(kafka.bootstrap_servers, topic)
    publisher, polled = bench.publisher, []
    poll = publisher.poll

    def noting(seconds: float) -> None:
        polled.append(seconds)
        poll(seconds)

    publisher.poll = noting
    upkeep = Upkeep(publisher, bench.metrics, Heartbeat(30), Readiness(), None)
    schedule = SteadyRate(2_500, 2_500, time.monotonic())
    Loop(PatientGenerator(1), schedule, publisher, 2_500, upkeep).run(Shutdown())
    bench.settle()
    assert len(bench.acknowledged) == 2_500
    assert len(polled) <= 2_500
