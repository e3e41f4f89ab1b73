"""National Early Warning Score 2 (NEWS2).

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017, chart 1
(the scoring system), chart 2 (thresholds and triggers) and chart 4 (clinical response). For
patients of 16 years and over who are not pregnant; whoever calls this decides that.
"""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, repeat
from typing import Final, Literal

from msgspec import Struct

MINIMUM_AGE: Final = 16

Risk = Literal["low", "low-medium", "medium", "high"]
Bands = tuple[tuple[int, int], ...]

RESPONSE_TO_ZERO: Final = timedelta(hours=12)
RESPONSE: Final[dict[Risk, timedelta]] = {
    "low": timedelta(hours=4),
    "low-medium": timedelta(hours=1),
    "medium": timedelta(hours=1),
    "high": timedelta(minutes=15),
}


class ImpossibleValueError(ValueError):
    """A vital sign that no living patient has, or a code that the chart does not know.

    Attributes:
        parameter: The name of the argument at fault.
    """

    def __init__(self, parameter: str, allowed: str) -> None:
        super().__init__(f"NEWS2 cannot be computed: {parameter} must be {allowed}")
        self.parameter = parameter


class News2(Struct, frozen=True, gc=False):
    """A score and what it is made of.

    Attributes:
        total: 0 to 20; a lower bound where the score is not complete.
        complete: Whether oxygen and consciousness were both known.
        parameters: Points (0 to 3) of each parameter that is known, by argument name.
        risk: The clinical risk; of an incomplete score, the least it can be.
    """

    total: int
    complete: bool
    parameters: dict[str, int]
    risk: Risk

    @property
    def observe_within(self) -> timedelta:
        """Within what time the response (chart 4) asks for the next observation, at the least.

        Continuous monitoring, asked for from 7 points on, is taken as a quarter of an hour. Of an
        incomplete score it is the longest that it can be.
        """
        return RESPONSE[self.risk] if self.total else RESPONSE_TO_ZERO


def _table(*bands: tuple[int, int]) -> tuple[int, ...]:
    """Spread bands of (last value, points) over the indices 0 to the last value."""
    starts = chain((0,), (last + 1 for last, _ in bands))
    return tuple(
        chain.from_iterable(
            repeat(points, last + 1 - start)
            for start, (last, points) in zip(starts, bands, strict=False)
        )
    )


# Each pair: up to and including this value, that many points. The last bound is the contract's.
_RESPIRATORY_RATE = _table((8, 3), (11, 1), (20, 0), (24, 2), (70, 3))
_SPO2_SCALE_1 = _table((91, 3), (93, 2), (95, 1), (100, 0))
_SPO2_SCALE_2_AIR = _table((83, 3), (85, 2), (87, 1), (100, 0))
_SPO2_SCALE_2_OXYGEN = _table((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (100, 3))
_SYSTOLIC = _table((90, 3), (100, 2), (110, 1), (219, 0), (400, 3))
_HEART_RATE = _table((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (300, 3))
_TENTHS_OF_A_DEGREE = _table((350, 3), (360, 1), (380, 0), (390, 1), (500, 2))
_LEAST_TEMPERATURE = 10
_OXYGEN = {None: 0, False: 0, True: 2}
_CONSCIOUSNESS = {None: 0, "A": 0, "C": 3, "V": 3, "P": 3, "U": 3}

_SINGLE_TRIGGER = 3
_MEDIUM = 5
_HIGH = 7


def score(  # noqa: PLR0913, PLR0917 - the chart has seven parameters and a choice of scale
    respiratory_rate: int,
    oxygen_saturation: int,
    systolic: int,
    heart_rate: int,
    temperature: float,
    supplemental_oxygen: bool | None = None,  # noqa: FBT001 - a parameter of the chart
    consciousness: str | None = None,
    spo2_scale: int = 1,
) -> News2:
    """Score one set of observations.

    What is unknown adds nothing, so an incomplete total is a lower bound: on scale 2 an unknown
    oxygen flag is read as air, which never scores more than oxygen does.

    Args:
        respiratory_rate: Breaths per minute, 0 to 70.
        oxygen_saturation: SpO2, per cent.
        systolic: Systolic blood pressure, mmHg, 0 to 400.
        heart_rate: Beats per minute, 0 to 300.
        temperature: Degrees Celsius, 10 to 50; rounded half-up to 0.1, the chart's step.
        supplemental_oxygen: Whether oxygen is given; None if unknown.
        consciousness: A, C, V, P or U; None if unknown.
        spo2_scale: 1, or 2 by a clinician's explicit decision.

    Raises:
        ImpossibleValueError: A value that cannot be measured, or a code the chart does not have.
    """
    _check_whole("respiratory_rate", respiratory_rate, _RESPIRATORY_RATE)
    _check_whole("oxygen_saturation", oxygen_saturation, _SPO2_SCALE_1)
    _check_whole("systolic", systolic, _SYSTOLIC)
    _check_whole("heart_rate", heart_rate, _HEART_RATE)
    _check_codes(supplemental_oxygen, consciousness, spo2_scale)
    parameters = {
        "respiratory_rate": _RESPIRATORY_RATE[respiratory_rate],
        "oxygen_saturation": _spo2_table(spo2_scale, supplemental_oxygen)[oxygen_saturation],
        "systolic": _SYSTOLIC[systolic],
        "heart_rate": _HEART_RATE[heart_rate],
        "temperature": _TENTHS_OF_A_DEGREE[_tenths(temperature)],
    }
    if supplemental_oxygen is not None:
        parameters["supplemental_oxygen"] = _OXYGEN[supplemental_oxygen]
    if consciousness is not None:
        parameters["consciousness"] = _CONSCIOUSNESS[consciousness]
    points = sum(parameters.values())
    return News2(
        total=points,
        complete=supplemental_oxygen is not None and consciousness is not None,
        parameters=parameters,
        risk=_risk(points, max(parameters.values())),
    )


def total(  # noqa: PLR0913, PLR0917 - as above
    respiratory_rate: int,
    oxygen_saturation: int,
    systolic: int,
    heart_rate: int,
    temperature: float,
    supplemental_oxygen: bool | None,  # noqa: FBT001
    consciousness: str | None,
    spo2_scale: int,
) -> int:
    """Give ``score(...).total`` of values that are known to be possible, four times as fast.

    Args are those of ``score``; the temperature is already rounded to 0.1.
    """
    return (
        _RESPIRATORY_RATE[respiratory_rate]
        + _spo2_table(spo2_scale, supplemental_oxygen)[oxygen_saturation]
        + _SYSTOLIC[systolic]
        + _HEART_RATE[heart_rate]
        + _TENTHS_OF_A_DEGREE[round(temperature * 10)]
        + _OXYGEN[supplemental_oxygen]
        + _CONSCIOUSNESS[consciousness]
    )


def _risk(points: int, most: int) -> Risk:
    if points >= _HIGH:
        return "high"
    if points >= _MEDIUM:
        return "medium"
    return "low-medium" if most == _SINGLE_TRIGGER else "low"


def _spo2_table(scale: int, oxygen: bool | None) -> tuple[int, ...]:  # noqa: FBT001
    if scale == 1:
        return _SPO2_SCALE_1
    return _SPO2_SCALE_2_OXYGEN if oxygen else _SPO2_SCALE_2_AIR


def _check_whole(parameter: str, value: object, table: tuple[int, ...]) -> None:
    if type(value) is not int or not 0 <= value < len(table):
        raise ImpossibleValueError(parameter, f"a whole number from 0 to {len(table) - 1}")


def _check_codes(oxygen: object, consciousness: object, scale: object) -> None:
    if not (oxygen is None or oxygen is True or oxygen is False):
        raise ImpossibleValueError("supplemental_oxygen", "True, False or None")
    if not (consciousness is None or isinstance(consciousness, str)) or (
        consciousness not in _CONSCIOUSNESS
    ):
        raise ImpossibleValueError("consciousness", "A, C, V, P, U or None")
    if type(scale) is not int or scale not in (1, 2):
        raise ImpossibleValueError("spo2_scale", "1 or 2")


def _tenths(temperature: float) -> int:
    most = (len(_TENTHS_OF_A_DEGREE) - 1) // 10
    if type(temperature) not in (float, int) or not _LEAST_TEMPERATURE <= temperature <= most:
        raise ImpossibleValueError("temperature", f"a number from {_LEAST_TEMPERATURE} to {most}")
    return int((Decimal(repr(temperature)) * 10).quantize(Decimal(1), ROUND_HALF_UP))
