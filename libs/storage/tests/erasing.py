"""A patient to be erased, who is everywhere, and all that could still tell of it."""

import json
from typing import Any

import psycopg

from libs.storage.tests.stream import record, tombstone
from vitalstream_schema.codec import Decoded
from vitalstream_storage.batch import DeadLetter
from vitalstream_storage.settings import MaintenanceSettings

SETTINGS = MaintenanceSettings.model_validate({"lock_timeout": 0.2})
PATIENT = "p-søren\\'\"%_1"
OURS = ("b1", "b2")


def theirs(patient: str = PATIENT) -> list[Decoded | DeadLetter | None]:
    """A stream of ten offsets in which one patient is everywhere."""
    letter = tombstone(0, 0)
    ours = record("b1", patient_id=patient)
    return [
        ours,
        record("a1"),
        record("b1", 60, patient_id=patient, heart_rate=140, risk_level="High"),
        record("b2", 90, patient_id=patient, department="Rare ward"),
        ours,
        record("b1", 60, patient_id=patient, heart_rate=1),
        record("a1", 60, patient_id=patient),
        letter._replace(key=patient.encode(), payload=b"\xff"),
        letter._replace(payload=json.dumps({"patient_id": patient}).encode()),
        letter._replace(payload=b"not of anybody"),
    ]


def everything(owner: psycopg.Connection[Any]) -> str:
    """All that any table of the database holds, as text."""
    tables = owner.execute(
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    ).fetchall()
    return "\n".join(
        str(owner.execute(f"SELECT * FROM {name}".encode()).fetchall())  # noqa: S608 - our own tables
        for (name,) in tables
    )
