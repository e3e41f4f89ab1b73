"""A real single-node Apache Kafka (KRaft, combined mode) as a child process."""

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vitalstream_devstack.errors import DataDirectoryError
from vitalstream_devstack.kafka_jars import JAVA, kafka_classpath
from vitalstream_devstack.kafka_security import KafkaSecurity
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess, run_to_end

# Relative to data_dir, where Java runs: Java's lists split paths at commas.
_CONFIG = "server.properties"
_LOGGING = "log4j2.properties"
_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
# One development broker on a shared machine: a capped heap, a collector without helper threads,
# and the quick compiler only, which halves the CPU a start costs.
_JVM_FLAGS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka still uses it; the warning helps nobody
)


class EmbeddedKafka:
    """Apache Kafka on 127.0.0.1, with its data in one folder.

    Args:
        data_dir: Everything it writes; made if missing, formatted once, kept.
        port: Client port; 0 picks a free one, kept for the life of this object.
        security: Adds SASL_SSL with SCRAM-SHA-512 on the client port instead of plaintext.
        config: Further broker settings, stronger than ours.
        jvm_flags: Replaces our quick-start flags.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        security: KafkaSecurity | None = None,
        config: Mapping[str, str] | None = None,
        jvm_flags: Sequence[str] = _JVM_FLAGS,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self.security = security
        self._controller_port = free_port()
        self._config = dict(config or {})
        self._jvm_flags = tuple(jvm_flags)
        self._process = ServerProcess(
            "Kafka", self.data_dir / "kafka.out", self.data_dir / "kafka.pid"
        )

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is alive."""
        return self._process.running

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._process.pid

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> Self:
        """Format the folder if it is new, start the broker, and wait until it answers.

        Args:
            cancelled: Asked while waiting; True gives up.

        Raises:
            CancelledError: `cancelled` said so.
            DataDirectoryError: The folder cannot be written.
            DownloadError: The jars are missing and cannot be downloaded.
            ServerStartError: The broker ended or did not answer.
        """
        classpath = kafka_classpath()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._write_config()
        except OSError as error:
            raise DataDirectoryError(
                f"Kafka's data directory {self.data_dir} cannot be written: {error.strerror}"
            ) from error
        self._format(classpath)
        self._process.start(
            [*self._java(classpath), "kafka.Kafka", _CONFIG],
            environment=self._environment(),
            cwd=self.data_dir,
        )
        self._process.wait_until(self._answers, _START_SECONDS, cancelled)
        return self

    def stop(self) -> None:
        """Shut the broker down in order; harmless when it does not run."""
        self._process.stop(signal.SIGTERM, _STOP_SECONDS)

    def kill(self) -> None:
        """End the broker at once, as a crash would (SIGKILL)."""
        self._process.kill()

    def restart(self) -> None:
        """Stop and start it on the same port, with the same data."""
        self.stop()
        self.start()

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the broker's log."""
        return self._process.tail(lines)

    def __enter__(self) -> Self:
        """Start, for a with block."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _write_config(self) -> None:
        client = "PLAINTEXT" if self.security is None else "SASL_SSL"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": (
                f"{client}://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}"
            ),
            "advertised.listeners": f"{client}://127.0.0.1:{self.port}",
            "inter.broker.listener.name": client,
            "listener.security.protocol.map": f"{client}:{client},CONTROLLER:PLAINTEXT",
            "log.dirs": "log",
            "auto.create.topics.enable": "false",
            "num.partitions": "3",
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            # A dead consumer is noticed in seconds, not in the 45 s a production broker takes.
            "group.consumer.min.session.timeout.ms": "1000",
            "group.consumer.session.timeout.ms": "6000",
            "group.consumer.min.heartbeat.interval.ms": "500",
            "group.consumer.heartbeat.interval.ms": "1000",
            "group.min.session.timeout.ms": "1000",
            # A killed broker may register again only when its old session has ended.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": "16777216",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
        }
        if self.security is not None:
            settings |= self.security.broker_config(self.data_dir)
        settings |= self._config
        text = "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())
        config = self.data_dir / _CONFIG
        config.touch(mode=0o600)
        config.write_text(text)
        (self.data_dir / _LOGGING).write_text(_LOG4J2)

    def _format(self, classpath: str) -> None:
        """Make the log folder, once; a format that was cut short is done again."""
        done = self.data_dir / "formatted"
        if done.exists():
            return
        shutil.rmtree(self.data_dir / "log", ignore_errors=True)
        # 16 bytes in base64, as the tool wants; by chance alone it could begin with a hyphen.
        cluster_id = f"vitalstream{secrets.token_hex(5)}A"
        arguments = ["format", "--cluster-id", cluster_id, "--config", _CONFIG]
        if self.security is not None:
            arguments += self.security.format_arguments()
        run_to_end(
            "formatting Kafka's data directory",
            [*self._java(classpath), "kafka.tools.StorageTool", *arguments],
            cwd=self.data_dir,
            env=self._environment(),
        )
        done.touch()

    def _java(self, classpath: str) -> list[str]:
        return [
            str(JAVA),
            *self._jvm_flags,
            f"-Dlog4j2.configurationFile={_LOGGING}",
            "-cp",
            classpath,
        ]

    @staticmethod
    def _environment() -> dict[str, str]:
        """Ours without what would change another person's JVM."""
        changes_java = {"CLASSPATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"}
        return {key: value for key, value in os.environ.items() if key not in changes_java}

    def _answers(self) -> bool:
        """Whether the client port is open: KRaft opens it once the broker is up."""
        return self._process.listens_on(self.port)


def _escaped(value: str) -> str:
    """A value as Java's properties files hold it: backslashes doubled."""
    return value.replace("\\", "\\\\")


_LOG4J2 = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
"""
