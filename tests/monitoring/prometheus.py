"""A real Prometheus over the running services."""

import json
import shutil
import signal
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess
from vitalstream_devstack.service import Service

PROGRAM: Final = shutil.which("prometheus")
_START_SECONDS: Final = 60.0


class Prometheus:
    """Scrapes services every second and follows rules.

    Args:
        folder: For its configuration, data and log.
        services: What it scrapes, each as a job of the namespace.
        rules: The rule file's content.
        namespace: The label that a cluster would give all of them.
    """

    def __init__(
        self, folder: Path, services: Mapping[str, Service], rules: str, namespace: str
    ) -> None:
        self._folder = folder
        self._port = free_port()
        self._process = ServerProcess("Prometheus", folder / "log", folder / "pid")
        jobs = [
            {
                "job_name": f"{namespace}/{name}",
                "static_configs": [
                    {
                        "targets": [urllib.parse.urlsplit(service.metrics_url).netloc],
                        "labels": {"namespace": namespace},
                    }
                ],
            }
            for name, service in services.items()
        ]
        told = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": jobs,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(told))
        (folder / "rules.yml").write_text(rules)

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        assert PROGRAM is not None
        self._process.start(
            [
                PROGRAM,
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ]
        )
        self._process.wait_until(self._is_ready, _START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._process.stop(signal.SIGTERM, _START_SECONDS)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression gives now.

        Raises:
            HTTPError: The expression is wrong.
        """
        asked = urllib.parse.urlencode({"query": expression})
        found = json.loads(self._get(f"/api/v1/query?{asked}"))["data"]
        if found["resultType"] == "scalar":
            return [{"metric": {}, "value": found["result"]}]
        samples: list[dict[str, Any]] = found["result"]
        return samples

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {sample["metric"]["alertname"] for sample in found}

    def _is_ready(self) -> bool:
        try:
            self._get("/-/ready")
        except OSError:
            return False
        return True

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
