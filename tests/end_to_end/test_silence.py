"""From a producer that is killed to patients who are found silent, and none once it closes."""

from typing import Any

from tests.end_to_end.pipeline import Pipeline, wait_until
from vitalstream_devstack.databases import Database
from vitalstream_storage import reader
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

# NEWS2's twelve hours in four seconds.
_SCALE = 10_800


def test_patients_of_a_killed_producer_go_silent(pipeline: Pipeline, database: Database) -> None:
    """Nobody is waited for who has left; all others are overdue once NEWS2's interval is over."""
    settings = DatabaseSettings.model_validate({"database_url": database.url("viewer")})
    pipeline.consumer()
    hospital: dict[str, Any] = {"profile": "hospital", "beds": 60, "time_scale": _SCALE, "seed": 4}
    producer = pipeline.producer(**hospital)
    with connect(settings, "test") as connection:

        def current() -> int:
            return sum(each.current for each in reader.stays(connection))

        wait_until(lambda: sum(pipeline.ledger("stored").values()) > 500, "some are stored")
        assert sum(each.discharged for each in reader.stays(connection)) > 0
        producer.kill()
        wait_until(lambda: reader.silence(connection, _SCALE).total == current(), "all are silent")
        found = reader.silence(connection, _SCALE)
        assert 30 < found.total <= 60
        assert {each.observe_within for each in found.patients} <= {15, 60, 240, 720}
        assert reader.silence(connection, 1.0).total == 0


def test_a_producer_that_is_stopped_leaves_nobody_to_wait_for(
    pipeline: Pipeline, database: Database
) -> None:
    """Its hospital closes: everybody is discharged, and counted as such."""
    settings = DatabaseSettings.model_validate({"database_url": database.url("viewer")})
    pipeline.consumer()
    producer = pipeline.producer(profile="hospital", beds=60, time_scale=_SCALE, seed=5)
    with connect(settings, "test") as connection:
        wait_until(lambda: sum(pipeline.ledger("stored").values()) > 200, "some are stored")
        assert sum(each.current for each in reader.stays(connection)) > 0
        assert producer.stop() == 0
        wait_until(lambda: not sum(e.current for e in reader.stays(connection)), "all have left")
        assert reader.silence(connection, _SCALE).patients == []
