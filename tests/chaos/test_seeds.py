"""A run that failed can be had again: its seed is printed, and decides what happens."""

import random

import pytest

from tests.chaos import seeds
from tests.chaos.scenarios import Load, traffic


def drawn(chance: random.Random) -> list[object]:
    """What a scenario draws: the traffic, then when to strike and whom."""
    records = [(record.key, record.payload) for record in traffic(chance, Load(200, 1))]
    return [*records, *((chance.uniform(0.1, 2.5), chance.choice("ABC")) for _ in range(9))]


def test_what_is_printed_reproduces_a_run(
    seed: int, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """The printed setting chooses the same seed, which makes the same traffic and strikes."""
    name, _, number = seeds.told(seed, "").partition(" ")[0].partition("=")
    again = seeds.choose({name: number})
    assert again == seed
    scenario = request.node.originalname
    first = drawn(chance)
    assert drawn(seeds.share(again, scenario)) == first
    assert drawn(seeds.share(again + 1, scenario)) != first
    assert drawn(seeds.share(again, "another")) != first


def test_runs_differ() -> None:
    """Without a setting each run breaks something else."""
    assert len({seeds.choose({seeds.VARIABLE: ""}) for _ in range(20)}) > 15
