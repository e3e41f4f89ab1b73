"""Chaos in a minute: every `make test` breaks what `make chaos` breaks for longer."""

import random
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.chaos import scenarios
from tests.chaos.house import House
from tests.chaos.proxy import Proxy
from tests.chaos.scenarios import Load
from tests.chaos.servers import OwnPostgres
from tests.oracle.traffic import Mix


def test_killed_replicas(house: House, chance: random.Random) -> None:
    """SIGKILL of one of three replicas, at least three times, loses and doubles nothing."""
    kills = scenarios.kill_one_of_three(house, chance, Load(20_000, 1_500))
    house.finish()
    assert kills >= 3


def test_postgres_crash(
    make_house: Callable[..., House],
    own_postgres: Callable[..., OwnPostgres],
    chance: random.Random,
) -> None:
    """A PostgreSQL that loses its last commits in a crash takes their offsets with it."""
    postgres = own_postgres(synchronous_commit="off")
    house = make_house(postgres.database)
    scenarios.crash_postgres(house, chance, Load(6_000, 2_000), postgres, times=2)
    house.finish()


def test_cut_connections(house: House, chance: random.Random) -> None:
    """A connection cut mid-COPY or at COMMIT stores the batch once, committed or not."""
    with Proxy(urlsplit(house.database.url()).port or 0) as proxy:
        scenarios.cut_connections(house, chance, Load(6_000, 1_000), proxy)
        house.finish()


@pytest.mark.parametrize("where", ["inside COPY", "at COMMIT", "before its first lock"])
def test_zombie(house: House, chance: random.Random, where: str) -> None:
    """A frozen writer neither blocks the others nor writes after it wakes up."""
    with Proxy(urlsplit(house.database.url()).port or 0) as proxy:
        scenarios.freeze_a_writer(house, chance, Load(3_000, 1_000), proxy, where)
        house.finish()


def test_unkeyed_disorder(house: House, chance: random.Random) -> None:
    """Two writers meet on the same admissions, with duplicates, conflicts and poison between."""
    mix = Mix(duplicate=0.2, late=0.3, conflict=0.02, takeover=0.01, poison=0.2)
    scenarios.odd_traffic(house, chance, Load(5_000, 5_000), mix, admissions=50, keyed=False)
    house.finish()
