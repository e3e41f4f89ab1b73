"""Whatever the record's contract accepts, the tables take."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from libs.storage.tests import traffic
from libs.storage.tests.stream import Stream, rows
from vitalstream_devstack.databases import Database
from vitalstream_schema.codec import HEADERS, Decoder
from vitalstream_storage.batch import Verdicts
from vitalstream_storage.maintain import recount
from vitalstream_storage.pool import Connection

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Each field's extremes: shortest and longest text (four bytes a character), least and most.
EDGES: dict[str, list[Any]] = {
    "patient_id": ["p", "\U0010ffff" * 50, "心" * 49],
    "timestamp": ["2000-01-01T00:00:00Z", "2026-03-01T12:04:59.999999+00:00",
                  "2024-02-29T23:59:59.999999-12:00", "2026-03-01 13:00:00.0000009+01:00"],
    "admission_timestamp": ["2000-01-01T00:00:00", "2026-03-01T12:04:59Z"],
    "patient_name": ["", "é" * 200, "\U0001fa7a" * 200],
    "age": [0, 15, 16, 130],
    "gender": ["", "\U0001fa7a" * 20],
    "department": ["", "d", "\U0001fa7a" * 100],
    "primary_diagnosis": ["", "x", "\U0001fa7a" * 200],
    "admission_type": ["Emergency", "Elective", "Urgent", "Observation"],
    "status": ["", "Discharged", "Deceased", "\U0001fa7a" * 50],
    "insurance_provider": ["", "\U0001fa7a" * 100],
    "heart_rate": [0, 300],
    "blood_pressure": ["0/0", "400/300", "000/000", "400/000"],
    "temperature_celsius": [10, 50, 49.95, 10.04, 37.25],
    "oxygen_saturation": [0, 100, 89, 90],
    "respiratory_rate": [0, 70],
    "risk_score": [-(2**31), 2**31 - 1],
    "risk_level": ["Low", "Medium", "High"],
    "attending_physician": ["", "\U0001fa7a" * 200],
    "hospital_location": ["", "\U0001fa7a" * 200],
    "supplemental_oxygen": [True, False, None],
    "consciousness": ["A", "C", "V", "P", "U", None],
    "spo2_scale": [1, 2],
}  # fmt: skip


def test_every_edge_of_the_contract_is_stored(
    connection: Connection,
    database: Database,
    way: str,
) -> None:
    """None is refused by a column, an index or a counter, and all are counted."""
    rng = random.Random(way)
    decoder = Decoder(timedelta(minutes=5))
    stream = Stream(connection, way=way)
    for turn in range(3):
        events = [
            {name: rng.choice(values) for name, values in EDGES.items()}
            | {"admission_id": (f"{turn}-{number}-" + "\U0001fa7a" * 50)[:50]}
            for number in range(200)
        ]
        decoded = [decoder.decode(json.dumps(each).encode(), HEADERS, NOW) for each in events]
        assert stream.verdicts(stream.write(*decoded)) == Verdicts(stored=200)
    assert rows(connection, "SELECT count(*) FROM patient_records") == [(600,)]
    with psycopg.connect(database.url()) as owner:
        traffic.assert_counted(owner)
        assert set(recount(owner).values()) == {0}
