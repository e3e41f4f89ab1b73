"""How far ahead the partitions reach that `maintain` makes."""

from datetime import timedelta
from typing import Final, NamedTuple

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


class _Headroom(NamedTuple):
    headroom: timedelta | None


_HEADROOM: Final = """
SELECT (max(to_date(right(c.relname, 8), 'YYYYMMDD')) + 1)::timestamp AT TIME ZONE 'UTC' - now()
       AS headroom
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'observations'::regclass AND c.relname ~ '^observations_[0-9]{8}$'"""


def partition_headroom(connection: Connection) -> timedelta:
    """Time until the end of the last day (UTC) that observations have a partition for, 0 if none.

    Past it nothing fails, but rows go to the default partition, which must be emptied again.
    """
    return rows(connection, _Headroom, _HEADROOM, {})[0].headroom or timedelta(0)
