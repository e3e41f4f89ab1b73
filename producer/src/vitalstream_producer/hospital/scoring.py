"""Both scores of many observations at once, from the tables of `vitalstream_schema`."""

from typing import Any, Final, cast

import numpy as np

from vitalstream_producer.hospital.physiology import ALERTNESS, Bools, Ints
from vitalstream_producer.hospital.profiles import (
    HEART_RATE,
    OXYGEN_SATURATION,
    RESPIRATORY_RATE,
    SYSTOLIC,
    TEMPERATURE,
    Floats,
)
from vitalstream_schema import news2, risk

_WELL: Final[dict[str, Any]] = {
    "respiratory_rate": 16,
    "oxygen_saturation": 98,
    "systolic": 120,
    "heart_rate": 70,
    "temperature": 37.0,
}
_HOURS: Final = {
    name: response.total_seconds() / 3600
    for name, response in (("zero", news2.RESPONSE_TO_ZERO), *news2.RESPONSE.items())
}
_SINGLE, _MEDIUM, _HIGH = 3, 5, 7


def _points(parameter: str, values: range, step: float = 1, **more: Any) -> Ints:
    """NEWS2's points of each value, found by asking it."""
    return np.array(
        [
            news2.score(**_WELL | {parameter: value / step if step > 1 else value}, **more)
            .parameters[parameter]
            for value in values
        ]
    )  # fmt: skip


_RESPIRATORY: Final = _points("respiratory_rate", range(71))
_SYSTOLIC: Final = _points("systolic", range(401))
_HEART: Final = _points("heart_rate", range(301))
_COLDEST: Final = 100
_TENTHS: Final = _points("temperature", range(_COLDEST, 501), step=10)
# By scale and oxygen: scale 1, scale 2 on air, scale 2 on oxygen.
_SATURATION: Final = np.array(
    [
        _points("oxygen_saturation", range(101)),
        _points("oxygen_saturation", range(101), supplemental_oxygen=False, spo2_scale=2),
        _points("oxygen_saturation", range(101), supplemental_oxygen=True, spo2_scale=2),
    ]
)
_OXYGEN_POINTS: Final = 2
_ALERT: Final = np.array(
    [news2.score(**_WELL, consciousness=each).parameters["consciousness"] for each in ALERTNESS]
)


def news2_totals(
    values: Floats, oxygen: Bools, consciousness: Ints, *, scale_2: Bools
) -> tuple[Ints, Ints]:
    """NEWS2 of each observation.

    Args:
        values: (patients, vital signs), as a device shows them.
        oxygen: Whether oxygen is recorded as given.
        consciousness: Index into `ALERTNESS`; 0 where none is recorded.
        scale_2: Whether SpO2 scale 2 holds.

    Returns:
        The totals, and the highest single points.
    """
    whole = values.astype(np.int64)
    table = np.where(scale_2, 1 + oxygen, 0)
    tenths = np.rint(values[:, TEMPERATURE] * 10).astype(np.int64) - _COLDEST
    points = np.stack(
        [
            _RESPIRATORY[whole[:, RESPIRATORY_RATE]],
            _SYSTOLIC[whole[:, SYSTOLIC]],
            _HEART[whole[:, HEART_RATE]],
            _TENTHS[tenths],
            _SATURATION[table, whole[:, OXYGEN_SATURATION]],
            oxygen * _OXYGEN_POINTS,
            _ALERT[consciousness],
        ]
    )
    return points.sum(axis=0), points.max(axis=0)


def hours_until_next(totals: Ints, most: Ints) -> Floats:
    """NEWS2's intervals, in hours."""
    single = np.where(most == _SINGLE, _HOURS["low-medium"], _HOURS["low"])
    low = np.where(totals == 0, _HOURS["zero"], single)
    medium = np.where(totals >= _MEDIUM, _HOURS["medium"], low)
    return np.where(totals >= _HIGH, _HOURS["high"], medium)


def risk_scores(values: Floats) -> list[int]:
    """The first specification's score of each observation."""
    heart, systolic, temperature, saturation, breaths = (
        values[:, each]
        for each in (HEART_RATE, SYSTOLIC, TEMPERATURE, OXYGEN_SATURATION, RESPIRATORY_RATE)
    )
    tenths = np.rint(temperature * 10)
    points: Ints = (
        ((heart > 100) | (heart < 60)).astype(np.int64)  # noqa: PLR2004 - the specification's
        + ((systolic > 140) | (systolic < 90))  # noqa: PLR2004
        + ((tenths > 380) | (tenths < 365))  # noqa: PLR2004
        + 2 * (saturation < 95)  # noqa: PLR2004
        + (breaths > 20)  # noqa: PLR2004
    )
    return cast("list[int]", points.tolist())


RISK_LEVELS: Final = tuple(risk.level(points) for points in range(7))
