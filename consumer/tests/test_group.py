"""Replicas share the partitions, and hand them over without losing or doubling anything."""

import random
import re
import time
from collections.abc import Callable

import pytest

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital


def assigned(replica: Replica) -> float:
    """How many partitions a replica has."""
    return replica.metric("assigned_partitions") or 0


def shown(replica: Replica) -> int:
    """Of how many partitions it shows the lag and where the tables stand; -1: not of the same."""
    metrics = replica.get("/metrics")[1]
    lags, offsets = (
        set(re.findall(rf"^vitalstream_consumer_{name}(.*}}) ", metrics, re.MULTILINE))
        for name in ("lag_records", "next_offset")
    )
    return len(lags) if lags == offsets else -1


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_two_and_three_replicas_share(
    stream: Stream, replicas: Callable[..., Replica], protocol: str
) -> None:
    """Each newcomer gets partitions while records flow; those of who leaves are taken over."""
    environment = {
        "KAFKA_GROUP_PROTOCOL": protocol,
        "CONSUMER_SESSION_TIMEOUT_SECONDS": "6",
        "CONSUMER_BATCH_RECORDS": "50",
    }
    hospital = Hospital(seed=21, admissions=100)
    group: list[Replica] = []
    for shares in ([3], [2, 1], [1, 1, 1]):
        group.append(replicas(**environment).start())
        stream.send(hospital.messages(500))
        eventually(
            lambda shares=shares: sorted(map(assigned, group), reverse=True) == shares,  # type: ignore[misc]
            f"the partitions are shared {shares}",
        )
        eventually(
            lambda shares=shares: sorted(map(shown, group), reverse=True) == shares,  # type: ignore[misc]
            "each shows the lag of its own partitions, and of none that was revoked",
        )
    stream.send(hospital.messages(500))
    stream.wait_until_stored()
    stream.check()
    first, second, third = group
    assert first.stop() == 0
    second.kill()
    stream.send(hospital.messages(500))
    eventually(lambda: assigned(third) == 3, "the last one has all")
    stream.wait_until_stored()
    stream.check()
    eventually(
        lambda: [third.metric("lag_records", partition=str(n)) for n in range(3)] == [0, 0, 0],
        "no lag is shown",
    )


def test_a_handover_fences_nobody(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """A revoked partition is let go only after the batch in hand, so its writer is not fenced."""
    hospital = Hospital(seed=22, admissions=100)
    stream.send(hospital.messages(900))
    # No survey comes between and each has enough, so that each lane takes one partition.
    busy = {"CONSUMER_SURVEY_SECONDS": "300", "CONSUMER_BATCH_RECORDS": "500"}
    first = replicas(CONSUMER_WRITERS="3", **busy)
    second = replicas(CONSUMER_WRITERS="3")
    with stream.writers_blocked():
        first.start()
        stream.wait_for_blocked_writers(3)
        second.start()
        eventually(lambda: second.events("listening"), "the second one joins")
        time.sleep(3)  # it is given a partition only when the first one has let go
        assert assigned(second) == 0
    eventually(lambda: assigned(second) >= 1, "it is given partitions")
    stream.wait_until_stored()
    stream.check()
    assert (first.metric("fenced_total"), second.metric("fenced_total")) == (0, 0)
    assert {n for line in first.events("partitions_revoked") for n in line["unfinished"]} == set()


def test_coming_and_going(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Replicas join and leave every second or two, orderly and not, while records flow."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test failed
    chance = random.Random(seed)
    hospital = Hospital(seed=23, admissions=200)
    staying = replicas(CONSUMER_BATCH_RECORDS="100").start()
    guest = replicas(CONSUMER_BATCH_RECORDS="100")
    for _ in range(5):
        guest.start()
        stream.send(hospital.messages(600))
        time.sleep(chance.uniform(1.0, 2.5))
        stream.send(hospital.messages(200))
        if chance.random() < 0.6:
            assert guest.stop() == 0
        else:
            guest.kill()
    stream.wait_until_stored()
    stream.check()
    assert staying.stop() == 0
