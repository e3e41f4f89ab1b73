"""The replay as a process, and dead letters for it."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg

from consumer.tests.support import WAIT_SECONDS

LETTER = """
INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, headers, reason,
                          field, error, replayed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'refused', %s)"""


@dataclass(frozen=True)
class Done:
    """How a replay ended."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.output.splitlines()

    def check(self, code: int, *words: str) -> None:
        """It ended with this code, having said these words in one line, and no traceback."""
        assert self.code == code, (self.output, self.errors)
        assert self.errors.count("\n") <= 1, self.errors
        for word in words:
            assert word in self.errors


class Replaying:
    """Runs `vitalstream_consumer replay` with an environment of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = passed_on | environment

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start one; does not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "vitalstream_consumer", "replay", *arguments],
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """Run one to its end."""
        return finish(self.start(*arguments, **environment))


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a replay to end."""
    output, errors = process.communicate(timeout=WAIT_SECONDS)
    return Done(process.returncode, output, errors)


class Letters:
    """Puts dead letters into the table, as the consumer would have.

    Args:
        url: The tables' owner.
        topic: Their topic.
    """

    def __init__(self, url: str, topic: str) -> None:
        self.url = url
        self.topic = topic
        self.topic_id: UUID = uuid4()
        self._offset = 0

    def add(
        self,
        payload: bytes | None = b"{}",
        *,
        partition: int = 0,
        key: bytes | None = b"k",
        headers: list[tuple[str, bytes | None]] | None = None,
        reason: str = "missing_field",
        field: str | None = "patient_id",
        **more: Any,
    ) -> str:
        """Add one; returns the name a person gives it."""
        topic_id = more.get("topic_id", self.topic_id)
        offset = more.get("offset", self._offset)
        self._offset = offset + 1
        kept = [[n, None if v is None else base64.b64encode(v).decode()] for n, v in headers or []]
        with psycopg.connect(self.url) as connection:
            connection.execute(
                LETTER,
                [
                    topic_id,
                    partition,
                    offset,
                    self.topic,
                    key,
                    payload,
                    json.dumps(kept),
                    reason,
                    field,
                    more.get("replayed_at"),
                ],
            )
        return f"{topic_id}/{partition}/{offset}"
