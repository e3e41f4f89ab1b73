"""Vital signs by department and hour, from the rollups alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows

Measure = Literal[
    "heart_rate",
    "systolic",
    "diastolic",
    "temperature",
    "oxygen_saturation",
    "respiratory_rate",
    "risk_score",
    "high_risk",
    "critical_oxygen",
]
"""What can be asked for: a mean of the observations, or the share (0 to 1) of the last two."""


@dataclass(frozen=True, slots=True)
class Hours:
    """One department's hours in which something was observed, the oldest first.

    Attributes:
        hours: Their starts.
        observations: How many there were in each.
        values: The mean or share over each.
    """

    department: str
    hours: list[datetime]
    observations: list[int]
    values: list[float]


# Of the measure's name only the column that is one of ours is ever read.
_HOURLY = """
SELECT department, array_agg(hour ORDER BY hour) AS hours,
       array_agg(observations ORDER BY hour) AS observations,
       array_agg(total / observations ORDER BY hour) AS values
  FROM (SELECT department, hour, sum(observations)::integer AS observations,
               sum(CASE %(measure)s
                       WHEN 'heart_rate' THEN heart_rate WHEN 'systolic' THEN systolic
                       WHEN 'diastolic' THEN diastolic WHEN 'temperature' THEN temperature
                       WHEN 'oxygen_saturation' THEN oxygen_saturation
                       WHEN 'respiratory_rate' THEN respiratory_rate
                       WHEN 'risk_score' THEN risk_score WHEN 'high_risk' THEN high_risk
                       WHEN 'critical_oxygen' THEN critical_oxygen END)::float8 AS total
          FROM hourly_vitals WHERE hour >= %(since)s AND hour < %(until)s
         GROUP BY department, hour HAVING sum(observations) > 0) AS by_hour
 GROUP BY department ORDER BY department"""


def hourly(
    connection: Connection, measure: Measure, since: datetime, until: datetime
) -> list[Hours]:
    """One measure of each department in each hour.

    Args:
        connection: To read on.
        measure: Which.
        since: Hours that start then or later; aware.
        until: Hours that start before; aware.
    """
    return rows(connection, Hours, _HOURLY, {"measure": measure, "since": since, "until": until})
