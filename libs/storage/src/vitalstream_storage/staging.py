"""The careful way into observations: through a staging table, each record with its verdict."""

from collections.abc import Sequence
from typing import NamedTuple

from vitalstream_storage import render
from vitalstream_storage.batch import Accepted
from vitalstream_storage.pool import Connection

__all__ = ["Sorted", "sort_out"]

_COLUMNS = render.OBSERVATION_COLUMNS
# What makes two records of one admission and instant equal; where they came from does not count.
_CONTENT = (
    "patient_id, department, heart_rate, systolic, diastolic, temperature_celsius, "
    "oxygen_saturation, respiratory_rate, supplemental_oxygen, consciousness, spo2_scale, "
    "risk_score, news2, news2_complete"
)

_CREATE = f"""
CREATE TEMPORARY TABLE staged ON COMMIT DROP AS
SELECT 0 AS position, {_COLUMNS} FROM observations WITH NO DATA"""  # noqa: S608 - constants

_PATIENTS = """
SELECT admission_id, patient_id FROM patient_records WHERE admission_id = ANY(%s)"""

# The sort keeps two writers that meet from locking in opposite orders, and the index warm.
_INSERT = f"""
WITH first_ones AS (
    SELECT DISTINCT ON (admission_id, observed_at) * FROM staged
     ORDER BY admission_id, observed_at, position),
inserted AS (
    INSERT INTO observations ({_COLUMNS})
    SELECT {_COLUMNS} FROM first_ones ORDER BY admission_id, observed_at
    ON CONFLICT (admission_id, observed_at) DO NOTHING
    RETURNING kafka_partition, kafka_offset)
SELECT s.position FROM staged s
 WHERE NOT EXISTS (SELECT FROM inserted i WHERE i.kafka_partition = s.kafka_partition
                      AND i.kafka_offset = s.kafka_offset)"""  # noqa: S608 - constants

_COMPARE = f"""
SELECT s.position
  FROM staged s JOIN observations o USING (admission_id, observed_at)
 WHERE s.position = ANY(%s::int[])
   AND ROW({", ".join(f"s.{c}" for c in _CONTENT.split(", "))})
       IS DISTINCT FROM ROW({", ".join(f"o.{c}" for c in _CONTENT.split(", "))})"""  # noqa: S608


class Sorted(NamedTuple):
    """Records by verdict, each in the batch's order."""

    stored: list[Accepted]
    duplicates: list[Accepted]
    conflicts: list[Accepted]


def sort_out(connection: Connection, rows: Sequence[Accepted]) -> Sorted:
    """Put rows into observations; those whose admission and instant is taken are told apart."""
    connection.execute("DROP TABLE IF EXISTS pg_temp.staged")
    connection.execute(_CREATE)
    lines = "".join(f"{n}\t{render.observation(row)}" for n, row in enumerate(rows)).encode()
    with connection.cursor().copy(f"COPY pg_temp.staged (position, {_COLUMNS}) FROM STDIN") as copy:
        copy.write(lines)
    taken = {row[0] for row in connection.execute(_INSERT)}
    differing: set[int] = set()
    if taken:
        differing = {row[0] for row in connection.execute(_COMPARE, [list(taken)])}
    return Sorted(
        [row for n, row in enumerate(rows) if n not in taken],
        [row for n, row in enumerate(rows) if n in taken and n not in differing],
        [row for n, row in enumerate(rows) if n in differing],
    )


def foreign_admissions(connection: Connection, rows: Sequence[Accepted]) -> set[int]:
    """Positions of rows whose admission belongs to another patient, in the table or before them."""
    wanted = list({row.decoded.record.admission_id for row in rows})
    owners = {row[0]: row[1] for row in connection.execute(_PATIENTS, [wanted])}
    foreign = set()
    for n, row in enumerate(rows):
        record = row.decoded.record
        if owners.setdefault(record.admission_id, record.patient_id) != record.patient_id:
            foreign.add(n)
    return foreign
