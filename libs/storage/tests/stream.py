"""A stream of one topic for tests of the writer: records, offsets, and what the tables then say."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from vitalstream_devstack.databases import Database
from vitalstream_schema.codec import Decoded
from vitalstream_schema.record import Record
from vitalstream_storage import writer
from vitalstream_storage.batch import Accepted, Batch, DeadLetter, Outcome, Raw, Span, Verdicts
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PLAIN = Record(
    patient_id="p1",
    admission_id="a1",
    timestamp=START,
    admission_timestamp=START,
    patient_name="Some One",
    age=54,
    gender="Other",
    department="ICU",
    primary_diagnosis="COPD",
    admission_type="Urgent",
    status="Admitted",
    insurance_provider="Aetna",
    heart_rate=80,
    blood_pressure="120/80",
    temperature_celsius=37.0,
    oxygen_saturation=97,
    respiratory_rate=16,
    risk_score=0,
    risk_level="Low",
    attending_physician="Dr. Who",
    hospital_location="Boston",
)


def record(admission: str = "a1", seconds: float = 0, **changes: Any) -> Decoded:
    """An accepted record; its patient is named like its admission unless said otherwise."""
    fields = {"patient_id": admission.replace("a", "p", 1), **changes}
    changed = replace(
        _PLAIN, admission_id=admission, timestamp=START + timedelta(seconds=seconds), **fields
    )
    return Decoded(changed, 120, 80, 0, False, 0, False)  # noqa: FBT003 - the codec's own fields


def tombstone(partition: int, offset: int) -> DeadLetter:
    """What decoding makes of a record without a payload."""
    return DeadLetter(partition, offset, b"k", None, [], START, "tombstone", None, "no payload")


def login(database: Database, role: str = "writer") -> Connection:
    """A connection with one role's rights, opened as the services open theirs."""
    return connect(DatabaseSettings.model_validate({"database_url": database.url(role)}), "test")


class Stream:
    """One partition of a topic, written by one owner.

    Attributes:
        topic_id: Of the topic.
        token: Of the owner.
        offset: Where the stream stands.
        staged: Whether each record is judged by itself; the result may not depend on it.
        raw: Gives an accepted record as it came.
    """

    def __init__(
        self,
        connection: Connection,
        partition: int = 0,
        topic_id: UUID | None = None,
        way: str = "fast",
    ) -> None:
        self.connection = connection
        self.partition = partition
        self.topic_id = topic_id or uuid4()
        self.token = uuid4()
        self.offset = 0
        self.staged = way == "staged"
        self.raw: Callable[[Accepted], Raw] = lambda row: Raw(
            b"key", str(row.offset).encode(), [("h", b"\xff")], START
        )
        self.claim()

    def claim(self, lock_timeout: float = 5) -> None:
        """Claim the partition with this stream's token and go on where the ledger stands."""
        claims = writer.claim(
            self.connection, self.topic_id, "vitals", {self.partition: 0}, self.token, lock_timeout
        )
        self.offset = claims[self.partition].next_offset

    def batch(self, records: Sequence[Decoded | DeadLetter | None]) -> Batch:
        """The batch of these, one offset each; None is an offset without a record."""
        numbered = list(enumerate(records, self.offset))
        return Batch(
            self.topic_id,
            "vitals",
            self.token,
            [Span(self.partition, self.offset, self.offset + len(numbered))],
            [Accepted(r, self.partition, n) for n, r in numbered if isinstance(r, Decoded)],
            [r._replace(offset=n) for n, r in numbered if isinstance(r, DeadLetter)],
            self.raw,
        )

    def write(self, *records: Decoded | DeadLetter | None) -> Outcome:
        """Write them as one batch."""
        outcome = writer.write(self.connection, self.batch(records), staged=self.staged)
        self.offset += len(records)
        return outcome

    def verdicts(self, outcome: Outcome) -> Verdicts:
        """What became of this partition's records."""
        return outcome.partitions[self.partition]


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query, in a transaction of its own."""
    with connection.transaction():
        return connection.execute(query).fetchall()
