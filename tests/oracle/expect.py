"""From traffic to what the tables must hold."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.oracle.fields import RefusedError
from tests.oracle.reference import Row, judge
from tests.oracle.sent import Sent

Place = tuple[int, int]
"""Partition and offset."""
Instant = tuple[str, datetime]
"""What no two observations share: admission and time."""


class Dead(NamedTuple):
    """A dead letter, without the record it keeps."""

    reason: str
    field: str | None


@dataclass
class Verdicts:
    """How many records of one partition end in which way."""

    stored: int = 0
    duplicates: int = 0
    dead: int = 0


@dataclass
class Expectation:
    """What the tables must hold.

    Attributes:
        observations: By the place in Kafka of the record that is stored.
        states: The latest row of each admission.
        dead: By place, with the record as it was sent.
        verdicts: By partition.
    """

    observations: dict[Place, Row] = field(default_factory=dict)
    states: dict[str, Row] = field(default_factory=dict)
    dead: dict[Place, tuple[Dead, Sent]] = field(default_factory=dict)
    verdicts: dict[int, Verdicts] = field(default_factory=dict)


@dataclass(frozen=True)
class Arbiter:
    """Says what only the order of arrival decides: which of several partitions was first.

    Within one partition the first record wins and nobody is asked.

    Attributes:
        owners: Gives the patient whose an admission became, for admissions that several patients
            claim in several partitions.
        winners: Gives the place of the record that was stored, for instants that were sent to
            several partitions.
    """

    owners: Callable[[Collection[str]], Mapping[str, str]]
    winners: Callable[[Collection[Instant]], Mapping[Instant, Place]]


def expect(sent: Iterable[Sent], arbiter: Arbiter, now: datetime) -> Expectation:
    """Work out what the tables must hold once all of the traffic is consumed.

    Args:
        sent: Each record of the topic once.
        arbiter: Asked at most once for each kind of contest.
        now: A clock that is neither before nor long after the traffic.
    """
    expectation = Expectation()
    accepted: dict[Place, tuple[Row, Sent]] = {}
    for record in sorted(sent, key=_place):
        expectation.verdicts.setdefault(record.partition, Verdicts())
        try:
            accepted[_place(record)] = judge(record.payload, record.headers, now), record
        except RefusedError as refused:
            _bury(expectation, record, Dead(refused.reason, refused.field))
    owners = _owners(accepted, arbiter)
    winners = _winners(accepted, owners, arbiter)
    for place, (row, record) in accepted.items():
        stored = winners.get(row.instant)
        if row.patient != owners[row.admission]:
            _bury(expectation, record, Dead("admission_conflict", "admission_id"))
        elif stored == place:
            _store(expectation, place, row)
        elif stored is not None and accepted[stored][0].observation == row.observation:
            expectation.verdicts[record.partition].duplicates += 1
        else:
            _bury(expectation, record, Dead("conflict", "timestamp"))
    return expectation


def _place(record: Sent) -> Place:
    return record.partition, record.offset


def _bury(expectation: Expectation, record: Sent, dead: Dead) -> None:
    expectation.dead[_place(record)] = dead, record
    expectation.verdicts[record.partition].dead += 1


def _store(expectation: Expectation, place: Place, row: Row) -> None:
    expectation.observations[place] = row
    expectation.verdicts[place[0]].stored += 1
    latest = expectation.states.setdefault(row.admission, row)
    if row.instant > latest.instant:
        expectation.states[row.admission] = row


def _owners(accepted: Mapping[Place, tuple[Row, Sent]], arbiter: Arbiter) -> dict[str, str]:
    """Whose each admission is: the patient's who claimed it first."""
    firsts: dict[str, dict[int, str]] = {}
    for place, (row, _) in accepted.items():
        firsts.setdefault(row.admission, {}).setdefault(place[0], row.patient)
    claims = {admission: list(patients.values()) for admission, patients in firsts.items()}
    owners = {admission: patients[0] for admission, patients in claims.items()}
    contested = {admission for admission, patients in claims.items() if len(set(patients)) > 1}
    return owners | _ruling(contested, arbiter.owners, claims)


def _winners(
    accepted: Mapping[Place, tuple[Row, Sent]], owners: Mapping[str, str], arbiter: Arbiter
) -> dict[Instant, Place]:
    """Which record of each instant is stored: the first one."""
    firsts: dict[Instant, dict[Place, int]] = {}
    for place, (row, _) in accepted.items():
        if row.patient == owners[row.admission]:
            places = firsts.setdefault(row.instant, {})
            if place[0] not in places.values():
                places[place] = place[0]
    winners = {instant: next(iter(places)) for instant, places in firsts.items()}
    contested = {instant for instant, places in firsts.items() if len(places) > 1}
    return winners | _ruling(contested, arbiter.winners, firsts)


def _ruling(
    contested: set[Any],
    ask: Callable[[Collection[Any]], Mapping[Any, Any]],
    candidates: Mapping[Any, Collection[Any]],
) -> dict[Any, Any]:
    """What the arbiter says, as far as it names one who can have won."""
    if not contested:
        return {}
    answers = ask(contested)
    return {thing: won for thing, won in answers.items() if won in candidates[thing]}
