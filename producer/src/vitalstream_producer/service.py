"""The producer's loop: invent what is due, send it, take in what the broker says."""

import gc
import math
import random
import time
from collections.abc import Iterable
from typing import Final, Protocol

from vitalstream_producer.ack_log import AckLog
from vitalstream_producer.console import Console
from vitalstream_producer.hospital.hospital import Hospital
from vitalstream_producer.hospital.truth import TruthLog
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.patients import PatientGenerator
from vitalstream_producer.publish import Publisher
from vitalstream_producer.rounds import Rounds, TimedRounds
from vitalstream_producer.schedule import FullSpeed, RandomDelays, Schedule, SteadyRate
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_schema import codec
from vitalstream_schema.record import Record

_LONGEST_WAIT: Final = 0.1
_CHUNK: Final = 500
_UNREACHABLE: Final = 1e6  # records/s
_BURST_SECONDS: Final = 1.0
_SILENCE_SECONDS: Final = 10.0
_TICK_SECONDS: Final = 0.25


class Generator(Protocol):
    """Invents records."""

    def record(self) -> Record:
        """Invent the next one."""

    def close(self) -> Iterable[Record]:
        """What is still to be said when no more are wanted."""


def make_generator(
    settings: ProducerSettings, seed: int, now: float, truth: TruthLog
) -> tuple[Generator, Schedule]:
    """Make what the profile asks for, and what says when.

    Args:
        settings: The profile, and how fast it goes.
        seed: Of the records, and of the delays.
        now: The first record is due at this time, in monotonic seconds.
        truth: Where the hospital notes what really happens.
    """
    if settings.profile == "seed":
        return PatientGenerator(seed), make_schedule(settings, seed, now)
    hospital = Hospital(settings.beds, seed, settings.artefact_rate, settings.dropout_rate, truth)
    gc.freeze()  # its people stay: no need to look through them again and again
    if settings.rate is not None:
        return Rounds(hospital), make_schedule(settings, seed, now)
    rounds = TimedRounds(hospital, settings.time_scale, now)
    return rounds, rounds


def make_schedule(settings: ProducerSettings, seed: int, now: float) -> Schedule:
    """Choose the schedule that the settings ask for.

    Args:
        settings: The rate, or the delays.
        seed: Of the delays.
        now: The first record is due at this time, in monotonic seconds.
    """
    if settings.target_rate > _UNREACHABLE:
        return FullSpeed(_CHUNK)
    if settings.rate is not None:
        return SteadyRate(settings.rate, max(1, int(settings.rate * _BURST_SECONDS)), now)
    rng = random.Random(seed)  # noqa: S311 -- spaces records, no cryptography
    return RandomDelays(settings.min_delay_seconds, settings.max_delay_seconds, rng, now)


class Acknowledgements:
    """Where each acknowledged record is noted: on the console and in the log of oracles."""

    def __init__(self, console: Console, ack_log: AckLog | None) -> None:
        self._console = console
        self._ack_log = ack_log
        self._count = 0

    def __call__(self, partition: int, offset: int, payload: bytes, traceparent: str) -> None:
        """Note one record."""
        self._count += 1
        if self._ack_log is not None:
            self._ack_log.add(partition, offset, payload)
        self._console.sent(self._count, payload, traceparent)


class Loop:
    """Sends records until asked to stop, or until there are enough of them.

    Args:
        generator: Invents the records.
        schedule: Says when.
        publisher: Sends them.
        limit: Stop after so many; None: go on.
        tick: Called several times a second with the monotonic time.
    """

    def __init__(
        self,
        generator: Generator,
        schedule: Schedule,
        publisher: Publisher,
        limit: int | None,
        tick: "Upkeep",
    ) -> None:
        self._generator = generator
        self._schedule = schedule
        self._publisher = publisher
        self._left = limit
        self._tick = tick

    def run(self, shutdown: Shutdown) -> None:
        """Go round until it is time to stop.

        Raises:
            StartupError: The broker takes nothing from us.
        """
        while self._left != 0 and not shutdown.requested:
            now = time.monotonic()
            self._tick(now)
            if self._publisher.blocked:
                self._publisher.poll(_LONGEST_WAIT)
                self._tick.throttled(time.monotonic() - now)
                continue
            count = self._send(min(self._schedule.due(now), _CHUNK, self._left or _CHUNK))
            self._schedule.sent(count)
            if self._left is not None:
                self._left -= count
            self._publisher.poll(_pause(self._schedule.wait(time.monotonic())))
        if self._left is None and not self._publisher.blocked:
            self._close()

    def _close(self) -> None:
        for number, record in enumerate(self._generator.close()):
            self._publisher.send(record.patient_id.encode(), codec.encode(record))
            if number % _CHUNK == 0:
                self._tick(time.monotonic())
                self._publisher.poll(0)
                if self._publisher.blocked:
                    return

    def _send(self, count: int) -> int:
        record, encode, send = self._generator.record, codec.encode, self._publisher.send
        for _ in range(count):
            invented = record()
            send(invented.patient_id.encode(), encode(invented))
        return count


def _pause(wait: float) -> float:
    """How long to poll: whole milliseconds, since the client does not wait for a part of one."""
    return min(math.ceil(wait * 1000) / 1000, _LONGEST_WAIT)


class Upkeep:
    """What has to be done now and then: heartbeat, readiness, metrics, the log's buffer.

    Args:
        publisher: Its figures become metrics.
        metrics: The metrics.
        heartbeat: Beaten each time.
        readiness: Not ready while records wait and the broker acknowledges none.
        ack_log: Flushed when it is time.
    """

    def __init__(
        self,
        publisher: Publisher,
        metrics: Metrics,
        heartbeat: Heartbeat,
        readiness: Readiness,
        ack_log: AckLog | None,
    ) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._readiness = readiness
        self._ack_log = ack_log
        self._due = 0.0
        self._sent = 0
        self._progress: float | None = None

    def __call__(self, now: float) -> None:
        """Do what is due.

        Args:
            now: Monotonic seconds.
        """
        if now < self._due:
            return
        self._due = now + _TICK_SECONDS
        self.settle(now)
        self._heartbeat.beat()
        silent = now - (self._progress if self._progress is not None else now)
        self._readiness.set(
            "kafka",
            f"records wait, but the broker has acknowledged none for {silent:.0f} s"
            if silent >= _SILENCE_SECONDS
            else None,
        )
        if self._ack_log is not None:
            self._ack_log.tick(now)

    def settle(self, now: float) -> None:
        """Bring the metrics up to date."""
        outstanding = self._publisher.outstanding
        news = self._publisher.sent - self._sent
        if news or not outstanding or self._progress is None:
            self._progress = now
        self._sent += news
        self._metrics.records_sent.inc(news)
        self._metrics.queue_records.set(outstanding)

    def throttled(self, seconds: float) -> None:
        """Count time in which nothing was invented."""
        self._metrics.throttled_seconds.inc(seconds)
