"""Admissions observed again and again, rendered and decoded beforehand, and sent."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from confluent_kafka import Producer

from tests.benchmarks.kit.servers import Broker
from vitalstream_producer.patients import PatientGenerator
from vitalstream_runtime import tracing
from vitalstream_schema import codec
from vitalstream_schema.record import Record

_SEED: Final = 1
_ROUND: Final = timedelta(minutes=15)
_TICK: Final = timedelta(microseconds=1)
_VITAL_SIGNS: Final = (
    "heart_rate", "blood_pressure", "temperature_celsius", "oxygen_saturation",
    "respiratory_rate", "risk_score", "risk_level",
)  # fmt: skip


def records(count: int, admissions: int) -> Iterator[Record]:
    """Observe each admission in turn, with new vital signs, until there are so many records.

    So two records of one admission are `admissions` records apart. Who is observed more than once
    has one admission at a time, as in a hospital; else one admission in five is a known patient's.
    """
    generator = PatientGenerator(_SEED)
    rounds = -(-count // admissions)
    start = datetime.now(UTC) - (rounds + 4) * _ROUND
    known = _admitted(generator, min(admissions, count), at_once=rounds > 1)
    for number in range(count):
        turn, place = divmod(number, admissions)
        observed = start + turn * _ROUND + place * _TICK
        signs = known[(place + turn * 7919) % len(known)]
        yield msgspec.structs.replace(
            known[place],
            timestamp=observed,
            admission_timestamp=start - _ROUND,
            **{name: getattr(signs, name) for name in _VITAL_SIGNS},
        )


def _admitted(generator: PatientGenerator, count: int, *, at_once: bool) -> list[Record]:
    admissions = (generator.record() for _ in itertools.count())
    if not at_once:
        return list(itertools.islice(admissions, count))
    by_patient: dict[str, Record] = {}
    for record in admissions:
        if len(by_patient) == count:
            break
        by_patient.setdefault(record.patient_id, record)
    return list(by_patient.values())


def send(
    broker: Broker, topic: str, traffic: Iterable[Record], traceparents: Iterator[str] | None = None
) -> None:
    """Produce records as the producer keys them and wait until all are acknowledged.

    Args:
        broker: Where the topic is.
        topic: Its name.
        traffic: The records.
        traceparents: Their headers of that name; None: they have none.

    Raises:
        RuntimeError: Some are not.
    """
    client = Producer(
        {
            "bootstrap.servers": broker.servers,
            "compression.type": "lz4",
            "linger.ms": 20,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 200_000,
        }
    )
    for record in traffic:
        key, payload = record.patient_id.encode(), codec.encode(record)
        headers: list[tuple[str, str | bytes | None]] = [*codec.HEADERS]
        if traceparents is not None:
            headers.append((tracing.HEADER, next(traceparents)))
        while True:
            try:
                client.produce(topic, payload, key, headers=headers)
                break
            except BufferError:
                client.poll(0.1)
    if client.flush(120):
        raise RuntimeError("the broker did not acknowledge the whole backlog")
