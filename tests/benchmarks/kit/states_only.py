"""patient_records alone, with its key alone, as other sinks have it: for comparison with them.

No observations, no counters, nothing that pages search by. Run as a program it is the consumer.
"""

import contextlib
from collections.abc import Iterator
from unittest import mock

from vitalstream_consumer.__main__ import main
from vitalstream_devstack.databases import Database
from vitalstream_storage import render, staging
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

# Dropped, not disabled: PostgreSQL gathers the changed rows for a disabled trigger as well.
_KEY_ALONE = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tgname FROM pg_trigger
                 WHERE tgrelid = 'patient_records'::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON patient_records', name);
    END LOOP;
    DROP INDEX patient_records_patient, patient_records_name, patient_records_watched;
END
$$"""


def prepare(database: Database) -> None:
    """Take from the tables what is not to be kept."""
    settings = DatabaseSettings.model_validate({"database_url": database.url()})
    with connect(settings, "bench") as connection:
        connection.execute(_KEY_ALONE)


@contextlib.contextmanager
def without_observations() -> Iterator[None]:
    """The writer of this process leaves them out."""
    with (
        mock.patch.object(staging, "_INSERT_ALL", "SELECT"),
        mock.patch.object(render, "observations", return_value=()),
    ):
        yield


if __name__ == "__main__":
    with without_observations():
        main()
