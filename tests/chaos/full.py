"""`make chaos`: every scenario at length, on servers of its own where they are broken.

CHAOS_RECORDS (200,000 unless set) flow through the scenario of killed replicas, and a share of them
through each of the others; CHAOS_SEED repeats a run's decisions.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.chaos import scenarios
from tests.chaos.house import House
from tests.chaos.proxy import Proxy
from tests.chaos.scenarios import Load
from tests.chaos.servers import OwnPostgres
from tests.oracle.traffic import Mix
from vitalstream_devstack.kafka import EmbeddedKafka

# Far past what any scenario needs: it ends only what hangs.
pytestmark = pytest.mark.timeout(1_800)

_ALL = Load(int(os.environ.get("CHAOS_RECORDS", "200000")), 4_000)
_SOME = _ALL.part(0.2)
_FEW = _ALL.part(0.05)
_OUTAGE_SECONDS = 60.0
Servers = Callable[..., OwnPostgres]
Houses = Callable[..., House]


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_killed_replicas(
    make_house: Houses, own_postgres: Servers, chance: random.Random, protocol: str
) -> None:
    """SIGKILL of one of three replicas, again and again, under both group protocols."""
    load = _ALL if protocol == "consumer" else _SOME
    house = make_house(
        own_postgres().database, KAFKA_GROUP_PROTOCOL=protocol, CONSUMER_SESSION_TIMEOUT_SECONDS=6
    )
    kills = scenarios.kill_one_of_three(house, chance, load)
    found = house.finish()
    print(f"{kills} kills, {len(found.observations)} observations")
    assert kills >= 3


def test_stopped_postgres(make_house: Houses, own_postgres: Servers, chance: random.Random) -> None:
    """PostgreSQL away for a minute, ten times max.poll.interval.ms: nobody needs a restart."""
    postgres = own_postgres()
    house = make_house(postgres.database)
    scenarios.stop_postgres(house, chance, _SOME, postgres, _OUTAGE_SECONDS)
    house.finish()


@pytest.mark.parametrize("synchronous_commit", ["on", "off"])
def test_crashed_postgres(
    make_house: Houses, own_postgres: Servers, chance: random.Random, synchronous_commit: str
) -> None:
    """A crash loses nothing that is not read again, whether commits wait for the disk or not."""
    postgres = own_postgres(synchronous_commit=synchronous_commit)
    house = make_house(postgres.database)
    scenarios.crash_postgres(house, chance, _SOME, postgres, times=6)
    house.finish()


def test_cut_connections(house: House, chance: random.Random) -> None:
    """Connections cut mid-COPY and at COMMIT, stalled and refused, for as long as records flow."""
    with Proxy(urlsplit(house.database.url()).port or 0) as proxy:
        scenarios.cut_connections(house, chance, Load(_SOME.records, 1_000), proxy)
        house.finish()


@pytest.mark.parametrize("where", ["inside COPY", "at COMMIT", "before its first lock"])
def test_zombie(house: House, chance: random.Random, where: str) -> None:
    """A frozen writer neither blocks the others nor writes after it wakes up."""
    with Proxy(urlsplit(house.database.url()).port or 0) as proxy:
        scenarios.freeze_a_writer(house, chance, _FEW, proxy, where)
        house.finish()


def test_frozen_replicas(house: House, chance: random.Random) -> None:
    """Replicas frozen at any moment, some past their session, never write what others wrote."""
    scenarios.freeze_at_random(house, chance, Load(_SOME.records, 1_000))
    house.finish()


def test_restarted_broker(
    tmp_path: Path,
    own_kafka: EmbeddedKafka,
    own_topic: str,
    own_postgres: Servers,
    chance: random.Random,
) -> None:
    """A broker stopped and killed keeps what it acknowledged, and the group goes on."""
    database = own_postgres().database
    with House(tmp_path, own_kafka.bootstrap_servers, own_topic, database) as house:
        scenarios.restart_broker(house, chance, _SOME, own_kafka)
        house.finish()


def test_restored_backup(make_house: Houses, own_postgres: Servers, chance: random.Random) -> None:
    """An older backup put under a running stream is brought up to date from the topic."""
    postgres = own_postgres()
    house = make_house(postgres.database)
    scenarios.restore_backup(house, chance, Load(_SOME.records, 1_000), postgres)
    house.finish()


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_coming_and_going(
    make_house: Houses, own_postgres: Servers, chance: random.Random, protocol: str
) -> None:
    """Replicas that join and leave every few seconds hand everything over."""
    house = make_house(own_postgres().database, KAFKA_GROUP_PROTOCOL=protocol)
    came = scenarios.come_and_go(house, chance, Load(_SOME.records, 1_000))
    house.finish()
    assert came >= 3


_ODD = {
    "poison flood": (_SOME, Mix(poison=0.9), {}),
    "disorder": (_SOME, Mix(duplicate=0.3, late=0.4, conflict=0.02, takeover=0.01), {}),
    "unkeyed disorder": (
        _SOME,
        Mix(duplicate=0.3, late=0.4, conflict=0.02, takeover=0.01),
        {"admissions": 100, "keyed": False},
    ),
    "megabytes": (_FEW, Mix(poison=0.2), {"padding": 950_000}),
}


@pytest.mark.parametrize("kind", _ODD)
def test_odd_traffic(house: House, chance: random.Random, kind: str) -> None:
    """Every record ends as a row, a duplicate or a dead letter, and holds up none of the others."""
    load, mix, hospital = _ODD[kind]
    scenarios.odd_traffic(house, chance, Load(load.records, 1e9), mix, **hospital)
    house.finish()


@pytest.mark.parametrize("table", ["observations", "patient_records", "dead_letters"])
def test_full_disk(house: House, chance: random.Random, table: str) -> None:
    """A full disk pauses the stream; it makes no dead letter."""
    scenarios.fill_the_disk(house, chance, Load(_FEW.records, 500), table)
    house.finish()
