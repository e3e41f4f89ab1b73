"""Kafka Connect, standalone, with one connector: Debezium's JDBC sink."""

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.benchmarks.kit.servers import Broker
from tests.benchmarks.rivals.jars import classpath
from vitalstream_devstack.kafka_jars import JAVA
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess

TABLE: Final = "rival_records"
_INTEGERS: Final = {
    "age", "heart_rate", "oxygen_saturation", "respiratory_rate", "risk_score",
}  # fmt: skip
_CLOCKS: Final = {"timestamp", "admission_timestamp"}
_STOP_SECONDS: Final = 20.0
_LOGGING: Final = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
"""


@contextlib.contextmanager
def connect(
    broker: Broker, topic: str, database_url: str, fields: list[str], sink: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Run it on our topic as it is: the records' schema is told to the converter.

    Args:
        broker: Where the topic is.
        topic: JSON records without a schema.
        database_url: Where `TABLE` is.
        fields: What to store of each record.
        sink: The connector's tuning.
    """
    with tempfile.TemporaryDirectory(prefix="vitalstream-bench-") as name:
        folder = Path(name)
        (folder / "plugins").mkdir()  # all is on the class path
        (folder / "log4j2.properties").write_text(_LOGGING)
        _write(folder / "worker.properties", _worker(broker, folder, fields))
        _write(folder / "sink.properties", {**_sink(topic, database_url, fields), **sink})
        process = ServerProcess("Kafka Connect", folder / "connect.out", folder / "connect.pid")
        process.start(
            [
                str(JAVA),
                "-Xms1g",
                "-Xmx1g",
                "-Duser.timezone=UTC",
                f"-Dlog4j2.configurationFile={folder}/log4j2.properties",
                "-cp",
                classpath(),
                "org.apache.kafka.connect.cli.ConnectStandalone",
                "worker.properties",
                "sink.properties",
            ],
            environment={key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            cwd=folder,
        )
        try:
            yield process
        finally:
            process.stop(signal.SIGTERM, _STOP_SECONDS)


def _worker(broker: Broker, folder: Path, fields: list[str]) -> dict[str, str]:
    return {
        "bootstrap.servers": broker.servers,
        "listeners": f"HTTP://127.0.0.1:{free_port()}",
        "offset.storage.file.filename": str(folder / "offsets"),
        "plugin.path": str(folder / "plugins"),
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": json.dumps(_schema(fields)),
        "offset.flush.interval.ms": "10000",
        # As many records a poll as a batch of ours has; the client's default is 500.
        "consumer.max.poll.records": "20000",
        "consumer.fetch.max.bytes": "52428800",
        "consumer.max.partition.fetch.bytes": "16777216",
        "consumer.auto.offset.reset": "earliest",
    }


def _sink(topic: str, database_url: str, fields: list[str]) -> dict[str, str]:
    parts = urlsplit(database_url)
    place = f"{parts.hostname}:{parts.port}{parts.path}"
    return {
        "name": f"sink-{topic}-{free_port()}",
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": topic,
        "connection.url": f"jdbc:postgresql://{place}?reWriteBatchedInserts=true&sslmode=disable",
        "connection.username": parts.username or "",
        "connection.password": parts.password or "",
        "collection.name.format": TABLE,
        "primary.key.mode": "record_value",
        "primary.key.fields": "admission_id",
        "schema.evolution": "none",
        "field.include.list": ",".join(f"{topic}:{field}" for field in fields),
    }


def _schema(fields: list[str]) -> dict[str, object]:
    def kind(name: str) -> dict[str, object]:
        if name in _CLOCKS:
            return {"type": "string", "name": "io.debezium.time.ZonedTimestamp"}
        if name == "temperature_celsius":
            return {"type": "double"}
        return {"type": "int32" if name in _INTEGERS else "string"}

    return {
        "type": "struct",
        "name": "patient_record",
        "fields": [{"field": name, "optional": False, **kind(name)} for name in fields],
    }


def _write(path: Path, settings: Mapping[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
