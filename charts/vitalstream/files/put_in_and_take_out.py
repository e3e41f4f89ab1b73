"""The helm test that writes: one record goes in, is found in the tables, and is erased again.

Argument: for how many seconds it is waited for. The patient's stay is over and half a day old, so
that no list of current patients or latest records shows it meanwhile; whatever happens the patient
is erased, and a copy that arrives later is stale. It needs what replay may: Write on the topic, and
a login of vitalstream_operator.
"""

import signal
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

from confluent_kafka import KafkaError, Producer

from vitalstream_runtime.errors import StartupError
from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.settings import KafkaSettings, load
from vitalstream_schema.codec import HEADERS, encode
from vitalstream_schema.record import Record
from vitalstream_storage import erasure
from vitalstream_storage.errors import StorageError
from vitalstream_storage.migrate import check_version
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

NAME = "vitalstream-test"
INTERVAL = 0.2
FOUND = "SELECT FROM observations WHERE admission_id = %s AND observed_at = %s"


def invented() -> Record:
    """A patient that there has never been, long discharged."""
    unique = uuid.uuid4().hex
    observed = datetime.now(UTC) - timedelta(hours=12)
    return Record(
        patient_id=f"helm-test-{unique}",
        admission_id=f"helm-test-{unique}",
        timestamp=observed,
        admission_timestamp=observed - timedelta(days=1),
        patient_name="Helm Test",
        age=50,
        gender="Other",
        department="Emergency",
        primary_diagnosis="None",
        admission_type="Observation",
        status="Discharged",
        insurance_provider="None",
        heart_rate=75,
        blood_pressure="120/80",
        temperature_celsius=37.0,
        oxygen_saturation=98,
        respiratory_rate=15,
        risk_score=0,
        risk_level="Low",
        attending_physician="Helm Test",
        hospital_location="None",
    )


def send(record: Record, seconds: float) -> str | None:
    """Why the broker did not take the record; None: it did."""
    settings = load(KafkaSettings)
    producer = Producer(
        client_options(settings, NAME) | {"acks": "all", "delivery.timeout.ms": int(seconds * 1000)}
    )
    said: list[KafkaError | None] = []
    producer.produce(
        settings.topic,
        encode(record),
        record.patient_id.encode(),
        headers=HEADERS,
        on_delivery=lambda error, _: said.append(error),
    )
    producer.flush(seconds + 1)
    if not said:
        return "no word from the broker"
    return None if said[0] is None else f"the broker: {said[0].str()}"


def stored(connection: Connection, record: Record) -> bool:
    """Whether a consumer has stored the record."""
    found = connection.execute(FOUND, [record.admission_id, record.timestamp]).fetchone()
    connection.rollback()
    return found is not None


def put_in(connection: Connection, record: Record, seconds: float) -> str | None:
    """Why the record did not come through; None: it did."""
    deadline = time.monotonic() + seconds
    if wrong := send(record, seconds):
        return wrong
    while not stored(connection, record):
        if time.monotonic() > deadline:
            return f"the broker has the record, the tables have not, after {seconds:.0f} s"
        time.sleep(INTERVAL)
    return None


def round_trip(record: Record, seconds: float) -> tuple[str | None, erasure.Erased]:
    """What went wrong, if something did, and what the erasure that follows has found."""
    with connect(load(DatabaseSettings), NAME) as connection:
        check_version(connection)
        connection.rollback()
        try:
            wrong = put_in(connection, record, seconds)
        finally:
            connection.rollback()
            gone = erasure.erase(connection, load(MaintenanceSettings), record.patient_id)
    return wrong, gone


def main() -> int:
    """Put one in, take it out; the exit code is 0 where both went well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    record = invented()
    try:
        wrong, gone = round_trip(record, float(sys.argv[1]))
    except (StartupError, StorageError) as error:
        wrong, gone = f"{record.patient_id}: {type(error).__name__}: {error}", erasure.Erased()
    if wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    sys.stdout.write(f"stored and erased: {gone.admissions} admission, {gone.observations} row\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
