"""What can break, one function each: faults while records flow, decided by chance.

A scenario leaves the house standing; `House.finish` then says whether anything was lost or doubled.
Each checks that its fault has happened, since a fault that misses proves nothing.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.house import House
from tests.chaos.proxy import Proxy, Trap
from tests.chaos.servers import OwnPostgres
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.postgres import StopMode
from vitalstream_devstack.service import Service

_IN_COPY = b"FROM STDIN"
_IN_TRANSACTION = b"statement_timeout"
_COMMIT = b"COMMIT\0"


@dataclass(frozen=True)
class Load:
    """How much flows through a scenario.

    Attributes:
        records: In all.
        rate: Records a second.
    """

    records: int
    rate: float

    def part(self, share: float) -> "Load":
        """So much of it, at the same rate."""
        return replace(self, records=int(self.records * share))


def kill_one_of_three(house: House, chance: random.Random, load: Load) -> int:
    """SIGKILL of one of three replicas, again and again; returns how often."""
    for _ in range(3):
        house.replica()
    kills = 0
    with house.feed(traffic(chance, load), load.rate) as feed:
        while feed.flowing:
            time.sleep(chance.uniform(0.1, 2.5))
            house.kill(chance.choice(house.replicas))
            kills += 1
            house.replica()
    return kills


def stop_postgres(
    house: House, chance: random.Random, load: Load, postgres: OwnPostgres, seconds: float
) -> None:
    """PostgreSQL away for longer than max.poll.interval.ms; nobody has to be restarted."""
    for _ in range(2):
        house.replica(CONSUMER_MAX_POLL_INTERVAL_SECONDS=6)
    with house.feed(traffic(chance, load), load.rate):
        _wait_for_some(house, load)
        postgres.server.stop(chance.choice((StopMode.FAST, StopMode.IMMEDIATE)))
        time.sleep(seconds)
        postgres.server.start()
    assert house.events("write_failed", "claim_failed"), "nobody noticed"
    assert not house.events("partitions_lost"), "the group gave a replica up"


def crash_postgres(
    house: House, chance: random.Random, load: Load, postgres: OwnPostgres, times: int
) -> None:
    """PostgreSQL killed or shut down in the middle of its work, again and again."""
    crashes = (postgres.server.kill, lambda: postgres.server.stop(StopMode.IMMEDIATE))
    for _ in range(2):
        house.replica()
    with house.feed(traffic(chance, load), load.rate):
        for turn in range(1, times + 1):
            _wait_for_some(house, load.part(turn / times))
            chance.choice(crashes)()
            time.sleep(chance.uniform(0, 1))
            postgres.server.start()
    assert house.events("write_failed", "claim_failed", "survey_failed"), "nobody noticed"


def cut_connections(house: House, chance: random.Random, load: Load, proxy: Proxy) -> None:
    """Connections cut mid-COPY and at COMMIT, before and after the server hears it."""
    url = proxy.url(house.database.url("writer"))
    for _ in range(2):
        house.replica(DATABASE_URL=url)
    traps = [
        Trap(_IN_COPY, further=further, leave_server=leave)
        for further in (0, chance.randint(1, 5_000))
        for leave in (False, True)
    ]
    traps += [
        Trap(_COMMIT, forward=forward, leave_server=leave)
        for forward in (False, True)
        for leave in (False, True)
    ]
    chance.shuffle(traps)
    with house.feed(traffic(chance, load), load.rate) as feed:
        for trap in traps:
            seen = proxy.cuts
            proxy.set(trap)
            house.wait_until(lambda: proxy.cuts > seen, f"somebody says {trap.pattern!r}")  # noqa: B023 - within the round
            time.sleep(chance.uniform(0, 0.5))
        while feed.flowing:
            chance.choice((proxy.cut, proxy.refuse, proxy.stall))()
            time.sleep(chance.uniform(0.05, 1))
            proxy.accept()
            proxy.resume()
            time.sleep(chance.uniform(0.2, 2))
    assert house.events("write_failed") >= len(traps) / 2


def freeze_a_writer(
    house: House, chance: random.Random, load: Load, proxy: Proxy, where: str
) -> None:
    """A replica frozen past its session, its locks with it, that wakes up and tries to go on."""
    trap = {
        "inside COPY": Trap(_IN_COPY, further=200, hold=True),
        "before its first lock": Trap(_IN_TRANSACTION, forward=False, hold=True),
        "at COMMIT": Trap(_COMMIT, forward=False, hold=True),
    }[where]
    zombie = house.replica(DATABASE_URL=proxy.url(house.database.url("writer")))
    with house.feed(traffic(chance, load), load.rate):
        _wait_for_some(house, load)
        proxy.set(trap)
        house.wait_until(lambda: proxy.held > 0, f"somebody says {trap.pattern!r}")
        _signal(zombie, signal.SIGSTOP)
        house.replica()
    house.wait_until(house.caught_up, "another replica takes over")
    _signal(zombie, signal.SIGCONT)
    proxy.release()
    house.wait_until(lambda: house.events("fenced", "write_failed") > 0, "the zombie is refused")
    with house.feed(traffic(chance, load.part(0.2)), load.rate):
        pass
    assert zombie.running


def freeze_at_random(house: House, chance: random.Random, load: Load) -> None:
    """Replicas frozen wherever they happen to be, for longer and shorter than their session."""
    for _ in range(3):
        house.replica()
    with house.feed(traffic(chance, load), load.rate) as feed:
        while feed.flowing:
            time.sleep(chance.uniform(0.2, 2))
            frozen = chance.sample(house.replicas, chance.choice((1, 2)))
            for replica in frozen:
                _signal(replica, signal.SIGSTOP)
            time.sleep(chance.choice((0.5, 3, 9)))
            for replica in frozen:
                _signal(replica, signal.SIGCONT)


def restart_broker(house: House, chance: random.Random, load: Load, broker: EmbeddedKafka) -> None:
    """The broker stopped in order and killed, while records flow."""
    for _ in range(2):
        house.replica()
    with house.feed(traffic(chance, load), load.rate):
        for turn, end in enumerate(chance.sample((broker.stop, broker.kill), 2), 1):
            _wait_for_some(house, load.part(turn / 2))
            end()
            time.sleep(chance.uniform(0, 3))
            broker.start()


def restore_backup(house: House, chance: random.Random, load: Load, postgres: OwnPostgres) -> None:
    """The database replaced by an older backup of itself: while records flow, and after."""
    for _ in range(2):
        house.replica()
    with house.feed(traffic(chance, load), load.rate):
        _wait_for_some(house, load.part(0.5))
        backup = postgres.back_up()
        later = sum(house.ledger().values()) + load.records // 10
        house.wait_until(lambda: sum(house.ledger().values()) >= later, "the stream goes on")
        _restored(house, postgres, backup)
    house.wait_until(house.caught_up, "everything since the backup is read again")
    _restored(house, postgres, backup)


def _restored(house: House, postgres: OwnPostgres, backup: Path) -> None:
    claims = house.events("partition_claimed")
    postgres.restore(backup)
    house.wait_until(lambda: house.events("partition_claimed") > claims, "somebody notices")


def come_and_go(house: House, chance: random.Random, load: Load) -> int:
    """Replicas that join and leave every few seconds; returns how many came."""
    house.replica()
    came = 1
    with house.feed(traffic(chance, load), load.rate) as feed:
        while feed.flowing:
            time.sleep(chance.uniform(0, 2))
            if len(house.replicas) > 1 and chance.random() < 0.5:
                house.dismiss(chance.choice(house.replicas))
            elif len(house.replicas) < 4:
                house.replica()
                came += 1
    return came


def odd_traffic(house: House, chance: random.Random, load: Load, mix: Mix, **hospital: Any) -> None:
    """Poison, megabytes, duplicates, disorder: whatever the mix says, for two replicas."""
    for _ in range(2):
        house.replica()
    seed = chance.getrandbits(32)
    messages = Hospital(seed, mix=mix, **hospital).messages(load.records)
    with house.feed(messages, load.rate):
        pass


def fill_the_disk(house: House, chance: random.Random, load: Load, table: str) -> None:
    """PostgreSQL answers that its disk is full (53100), for a while; no record is to blame."""
    for _ in range(2):
        house.replica()
    with house.feed(traffic(chance, load), load.rate):
        _wait_for_some(house, load)
        with psycopg.connect(house.database.admin_url, autocommit=True) as connection:
            connection.execute(_DISK_FULL.format(table=table).encode())
            house.wait_until(lambda: house.events("write_failed") > 0, "a write fails")
            time.sleep(chance.uniform(1, 3))
            connection.execute(f"DROP TRIGGER disk_full ON {table}".encode())


_DISK_FULL = """
CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END
$$;
CREATE TRIGGER disk_full BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"""


def traffic(chance: random.Random, load: Load) -> Iterator[Message]:
    """Of every kind, or without duplicates and conflicts, which the writer takes another way."""
    mix = chance.choice((Mix(), Mix(duplicate=0, conflict=0, takeover=0)))
    hospital = Hospital(chance.getrandbits(32), admissions=max(50, load.records // 20), mix=mix)
    return hospital.messages(load.records)


def _wait_for_some(house: House, load: Load) -> None:
    """Until a good part of the load is stored, so that what breaks next breaks in its middle."""
    house.wait_until(
        lambda: sum(house.ledger().values()) >= load.records // 3, "records are stored"
    )


def _signal(replica: Service, number: signal.Signals) -> None:
    assert replica.pid is not None
    os.kill(replica.pid, number)
