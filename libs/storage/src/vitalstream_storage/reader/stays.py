"""Who is in the house and who has left it, counted apart."""

from dataclasses import dataclass

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


@dataclass(frozen=True, slots=True)
class Stays:
    """Patients of one department, each where the newest admission is.

    Attributes:
        department: Its name.
        current: Those whose stay goes on.
        discharged: Those whose status is Discharged or Deceased.
    """

    department: str
    current: int
    discharged: int


_STAYS = """
SELECT key AS department, sum(patients - discharged)::bigint AS current,
       sum(discharged)::bigint AS discharged
  FROM census
 WHERE dimension = 'department' AND (%(risk)s::text IS NULL OR risk_level = %(risk)s)
 GROUP BY key HAVING sum(patients) > 0 ORDER BY key"""


def stays(connection: Connection, risk: str | None = None) -> list[Stays]:
    """Current and discharged patients by department, of all or of one risk level.

    Together they are the unique patients of `kpis`.
    """
    return rows(connection, Stays, _STAYS, {"risk": risk})
