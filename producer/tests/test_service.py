"""The whole service as a process: `python -m vitalstream_producer`."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.publish import Publisher, producer_options
from vitalstream_producer.service import Upkeep
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.tracing import trace_id_of
from vitalstream_schema.codec import HEADERS, Decoder

SECONDS = 60


class Service:
    """A producer process and what it printed."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.ops_port = free_port()
        self.output = folder / f"output-{self.ops_port}"
        self.errors = folder / f"errors-{self.ops_port}"
        ours = ("KAFKA_", "PRODUCER_", "OPS_", "LOG_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        settings = {
            "OPS_HOST": "127.0.0.1",
            "OPS_PORT": str(self.ops_port),
            "LOG_FORMAT": "console",
        }
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vitalstream_producer"],
                env=clean | settings | environment,
                stdout=output,
                stderr=errors,
            )

    @property
    def text(self) -> str:
        """All that was printed so far."""
        return self.output.read_text() + self.errors.read_text()

    def ends(self) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait(SECONDS)

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ends()

    def until(self, done: Callable[[], Any]) -> None:
        """Wait until it is so while the process runs."""
        deadline = time.monotonic() + SECONDS
        while not done():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body from the ops port; 0 before it is open."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.ops_port}{path}", timeout=5
            ) as got:
                return got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            return 0, ""


ReadTopic = Callable[[str, str], Any]
Start = Callable[..., Service]


def read_ack_log(path: Path) -> list[tuple[int, int, dict[str, Any]]]:
    """Partition, offset and record of each line, by partition and offset."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return sorted(
        ((each["partition"], each["offset"], each["record"]) for each in lines),
        key=lambda entry: entry[:2],
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a producer with the given variables; ended with the test."""
    started: list[Service] = []

    def make(**environment: str) -> Service:
        started.append(Service(tmp_path, environment))
        return started[-1]

    yield make
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def test_a_limited_run_is_on_the_topic_to_the_last_record(
    kafka: KafkaHandle, topic: str, start: Start, read_topic: ReadTopic, tmp_path: Path
) -> None:
    """Each record decodes, has its patient's key, and is in the log as it is on the topic."""
    log = tmp_path / "ack.jsonl"
    service = start(
        **kafka.environment,
        KAFKA_TOPIC=topic,
        PRODUCER_RATE="max",
        PRODUCER_MAX_RECORDS="3000",
        PRODUCER_ACK_LOG=str(log),
    )
    assert service.ends() == 0, service.text
    on_topic = read_topic(kafka.bootstrap_servers, topic)
    assert len(on_topic) == 3000
    assert [(m.partition, m.offset, json.loads(m.payload)) for m in on_topic] == read_ack_log(log)
    decoder = Decoder()
    for m in on_topic:
        record = json.loads(m.payload)
        assert m.key == record["patient_id"].encode()
        assert m.headers[:-1] == HEADERS
        assert trace_id_of(m.headers)
        decoded = decoder.decode(m.payload, m.headers, _now(record))
        assert not decoded.risk_mismatch
    assert {m.partition for m in on_topic} == {0, 1, 2}


def test_it_says_what_the_seed_said(kafka: KafkaHandle, topic: str, start: Start) -> None:
    """The start's lines and a line for each record at the seed's pace."""
    service = start(
        **kafka.environment,
        KAFKA_TOPIC=topic,
        PRODUCER_MIN_DELAY_SECONDS="0.3",
        PRODUCER_MAX_DELAY_SECONDS="0.3",
        PRODUCER_MAX_RECORDS="3",
    )
    assert service.ends() == 0, service.text
    lines = [line for line in service.text.splitlines() if line.startswith("[Producer]")]
    assert lines[:3] == [
        f"[Producer] Connecting to Kafka at {kafka.bootstrap_servers}...",
        "[Producer] ✓ Connected to Kafka successfully!",
        f"[Producer] Starting to send patient records to '{topic}' topic...",
    ]
    record = r"Patient [0-9a-f]{12} \| [\w ]+ \| Risk: (Low|Medium|High) \| Dept: [\w ]+"
    for number, line in enumerate(lines[3:6], start=1):
        assert re.fullmatch(rf"\[Producer\] Sent record #{number}: {record}", line), line
    assert lines[6:] == ["[Producer] Stopped: 3 records sent, 0 lost"]


def test_a_seed_repeats_the_records(
    kafka: KafkaHandle, make_topic: Callable[[], str], start: Start, read_topic: ReadTopic
) -> None:
    """Runs with one seed differ in their timestamps only; one without a seed in its patients."""

    def run(**seed: str) -> list[dict[str, Any]]:
        topic = make_topic()
        service = start(
            **kafka.environment,
            KAFKA_TOPIC=topic,
            PRODUCER_RATE="max",
            PRODUCER_MAX_RECORDS="300",
            **seed,
        )
        assert service.ends() == 0, service.text
        records = [json.loads(m.payload) for m in read_topic(kafka.bootstrap_servers, topic)]
        for record in records:
            del record["timestamp"], record["admission_timestamp"]
        return records

    first = run(PRODUCER_SEED="42")
    assert first == run(PRODUCER_SEED="42")
    assert {r["patient_id"] for r in first}.isdisjoint(r["patient_id"] for r in run())


def test_a_hospital_observes_its_patients_again_and_again(
    kafka: KafkaHandle, topic: str, start: Start, read_topic: ReadTopic, tmp_path: Path
) -> None:
    """At its own pace and scale: admissions repeat, times are past and in order, truth is kept."""
    service = start(
        **kafka.environment,
        KAFKA_TOPIC=topic,
        PRODUCER_PROFILE="Hospital",
        PRODUCER_BEDS="100",
        PRODUCER_TIME_SCALE="20000",
        PRODUCER_MAX_RECORDS="2000",
        PRODUCER_TRUTH_LOG=str(tmp_path / "truth.jsonl"),
        PRODUCER_SEED="1",
    )
    assert service.ends() == 0, service.text
    on_topic = read_topic(kafka.bootstrap_servers, topic)
    now, decoder = datetime.now(UTC), Decoder(max_ahead=timedelta())
    stays: dict[str, list[datetime]] = {}
    for m in on_topic:
        record = decoder.decode(m.payload, m.headers, now).record
        stays.setdefault(record.admission_id, []).append(record.timestamp)
    assert len(on_topic) == 2000
    assert len(stays) < 1000
    for times in stays.values():
        assert times == sorted(set(times))
    lines = (tmp_path / "truth.jsonl").read_text().splitlines()
    told = [json.loads(line)["event"] for line in lines]
    assert {"admitted", "deteriorates", "discharged"} <= set(told)


def test_a_stopped_hospital_discharges_its_patients(
    kafka: KafkaHandle, topic: str, start: Start, read_topic: ReadTopic
) -> None:
    """SIGTERM closes it: the last record of every admission says so, and exit is 0."""
    service = start(
        **kafka.environment,
        KAFKA_TOPIC=topic,
        PRODUCER_PROFILE="hospital",
        PRODUCER_BEDS="50",
        PRODUCER_TIME_SCALE="2000",
    )
    service.until(lambda: _metric(service, "records_sent_total") > 50)
    assert service.terminate() == 0, service.text
    last: dict[str, str] = {}
    for m in sorted(read_topic(kafka.bootstrap_servers, topic), key=lambda m: m.offset):
        record = json.loads(m.payload)
        last[record["admission_id"]] = record["status"]
    assert set(last.values()) == {"Discharged"}


def test_sigterm_flushes(
    kafka: KafkaHandle, topic: str, start: Start, read_topic: ReadTopic, tmp_path: Path
) -> None:
    """Stopped at full speed it exits 0, and what it acknowledged is what the topic holds."""
    log = tmp_path / "ack.jsonl"
    service = start(
        **kafka.environment, KAFKA_TOPIC=topic, PRODUCER_RATE="max", PRODUCER_ACK_LOG=str(log)
    )
    service.until(lambda: log.exists() and log.stat().st_size > 1_000_000)
    assert service.terminate() == 0, service.text
    on_topic = read_topic(kafka.bootstrap_servers, topic)
    assert [(m.partition, m.offset, json.loads(m.payload)) for m in on_topic] == read_ack_log(log)
    assert f"Stopped: {len(on_topic):,} records sent, 0 lost" in service.text


def test_a_broker_restart_mid_stream_loses_nothing(
    own_kafka: EmbeddedKafka, start: Start, read_topic: ReadTopic, tmp_path: Path
) -> None:
    """The broker is killed and comes back; the log of acknowledged records is the topic, once."""
    log = tmp_path / "ack.jsonl"
    service = start(
        KAFKA_BOOTSTRAP_SERVERS=own_kafka.bootstrap_servers,
        KAFKA_TOPIC="records",
        PRODUCER_RATE="5000",
        PRODUCER_ACK_LOG=str(log),
        PRODUCER_MAX_RECORDS="30000",
    )
    service.until(lambda: log.exists() and log.stat().st_size > 1_000_000)
    own_kafka.kill()
    own_kafka.start()
    assert service.ends() == 0, service.text
    on_topic = read_topic(own_kafka.bootstrap_servers, "records")
    assert [(m.partition, m.offset, json.loads(m.payload)) for m in on_topic] == read_ack_log(log)
    assert len({json.loads(m.payload)["admission_id"] for m in on_topic}) == len(on_topic) == 30_000


def test_what_cannot_be_delivered_is_reported_and_fails(
    own_kafka: EmbeddedKafka, start: Start
) -> None:
    """Stopped while the broker is gone: the drain ends, the loss is said, the exit code is 1."""
    service = start(
        KAFKA_BOOTSTRAP_SERVERS=own_kafka.bootstrap_servers,
        KAFKA_TOPIC="records",
        PRODUCER_RATE="200",
        PRODUCER_DRAIN_SECONDS="0.5",
        PRODUCER_BUFFER_RECORDS="500",
    )
    # The first records wait for the new broker's first producer id.
    service.until(lambda: _metric(service, "records_sent_total") > 300)
    service.until(lambda: _metric(service, "queue_records") < 100)
    own_kafka.kill()
    # One more than the client has room for: from now on nothing is invented.
    service.until(lambda: _metric(service, "queue_records") > 500)
    outstanding = _metric(service, "queue_records")
    assert service.terminate() == 1, service.text
    assert f" records sent, {outstanding:.0f} lost" in service.text


def test_an_unreachable_broker_is_waited_for(start: Start) -> None:
    """Alive, started, not ready, saying why; SIGTERM ends the waiting with 0."""
    port = free_port()
    service = start(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}")
    service.until(lambda: "kafka_waiting" in service.text)
    assert service.get("/livez")[0] == service.get("/startupz")[0] == 200
    status, body = service.get("/readyz")
    assert status == 503
    assert str(port) in json.loads(body)["reasons"]["kafka"]
    assert service.terminate() == 0, service.text


def test_a_missing_topic_is_created_with_its_partitions(
    kafka: KafkaHandle, kafka_admin: AdminClient, start: Start
) -> None:
    """Three partitions unless told otherwise."""
    topic = f"made-{time.time_ns()}"
    service = start(
        **kafka.environment,
        KAFKA_TOPIC=topic,
        PRODUCER_RATE="max",
        PRODUCER_MAX_RECORDS="1",
    )
    assert service.ends() == 0, service.text
    assert len(kafka_admin.list_topics(topic, timeout=10).topics[topic].partitions) == 3
    kafka_admin.delete_topics([topic])[topic].result(30)


def test_a_missing_topic_that_must_not_be_created_is_waited_for(
    kafka: KafkaHandle, kafka_admin: AdminClient, start: Start
) -> None:
    """It says which topic and why, is not ready, and creates nothing."""
    topic = f"missing-{time.time_ns()}"
    service = start(**kafka.environment, KAFKA_TOPIC=topic, KAFKA_TOPIC_CREATE="false")
    service.until(lambda: "topic_waiting" in service.text)
    assert f"KAFKA_TOPIC={topic} does not exist and KAFKA_TOPIC_CREATE=false" in service.text
    status, body = service.get("/readyz")
    assert (status, list(json.loads(body)["reasons"])) == (503, ["topic"])
    assert topic not in kafka_admin.list_topics(timeout=10).topics
    assert service.terminate() == 0, service.text


@pytest.mark.parametrize(
    ("environment", "line", "code"),
    [
        ({"PRODUCER_RATE": "fast"}, r"SettingsError: PRODUCER_RATE='fast': .*", 78),
        ({"OPS_PORT": "99999"}, r"SettingsError: OPS_PORT='99999': .*", 78),
        ({"KAFKA_BOOTSTRAP_SERVERS": "x"}, r"SettingsError: KAFKA_BOOTSTRAP_SERVERS='x': .*", 78),
        (
            {"PRODUCER_ACK_LOG": "/nowhere/log"},
            r"AckLogError: PRODUCER_ACK_LOG=/nowhere/log .*",
            74,
        ),
        ({"PRODUCER_PROFILE": "ward"}, r"SettingsError: PRODUCER_PROFILE='ward': .*", 78),
        ({"PRODUCER_BEDS": "5"}, r"SettingsError: PRODUCER_BEDS='5': .*", 78),
        ({"PRODUCER_TIME_SCALE": "0"}, r"SettingsError: PRODUCER_TIME_SCALE='0': .*", 78),
        ({"PRODUCER_DROPOUT_RATE": "1"}, r"SettingsError: PRODUCER_DROPOUT_RATE='1': .*", 78),
        (
            {"PRODUCER_TRUTH_LOG": "/nowhere/log", "PRODUCER_PROFILE": "hospital"},
            r"TruthLogError: PRODUCER_TRUTH_LOG=/nowhere/log .*",
            74,
        ),
    ],
)
def test_wrong_use_is_one_line(
    start: Start, environment: dict[str, str], line: str, code: int
) -> None:
    """One line on stderr, which names the variable, and an exit code of its own."""
    service = start(**environment)
    assert service.ends() == code
    assert re.fullmatch(line, service.errors.read_text().strip()), service.text


def test_an_ops_port_in_use_is_one_line(start: Start) -> None:
    """It names the variable and the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start(OPS_PORT=str(port))
        assert service.ends() == 73
    line = rf"PortInUseError: OPS_PORT={port} cannot be opened .*"
    assert re.fullmatch(line, service.errors.read_text().strip())


def test_metrics_tell_what_was_sent(kafka: KafkaHandle, topic: str, start: Start) -> None:
    """Ready while running; the counter and the histogram agree; the target is shown."""
    service = start(**kafka.environment, KAFKA_TOPIC=topic, PRODUCER_RATE="200")
    service.until(lambda: _metric(service, "records_sent_total") > 0)
    assert service.get("/readyz")[0] == 200
    assert _metric(service, "send_seconds_count") > 0
    assert _metric(service, "target_records_per_second") == 200
    assert _metric(service, 'delivery_errors_total{reason="timed_out"}') == 0
    assert service.terminate() == 0, service.text


def test_readiness_falls_while_nothing_is_acknowledged() -> None:
    """Records that wait ten seconds make it unready; an idle producer stays ready."""
    kafka = KafkaSettings.model_validate({"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    metrics, readiness = Metrics(CollectorRegistry()), Readiness()
    publisher = Publisher(
        producer_options(kafka, ProducerSettings()), "records", metrics, lambda *_: None
    )
    upkeep = Upkeep(publisher, metrics, Heartbeat(30), readiness, None)
    upkeep(0.0)
    upkeep(60.0)
    assert readiness.ready
    publisher.send(b"key", b"{}")
    upkeep(69.0)
    assert readiness.ready
    upkeep(70.5)
    assert "acknowledged none for 10 s" in readiness.reasons["kafka"]
    assert publisher.close() == 1


def _metric(service: Service, name: str) -> float:
    prefix = f"vitalstream_producer_{name} "
    lines = service.get("/metrics")[1].splitlines()
    return next((float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix)), -1)


def _now(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["timestamp"])
