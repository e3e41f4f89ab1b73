"""What cannot be right is refused before it reaches a cluster, in a line that names the mend."""

from typing import Any

import pytest

from tests.chart import rendering


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("consumer.replica", 2),
        ("consumer.replicas", "two"),
        ("kafka.mode", "strimsi"),
        ("producer.settings.PRODUCER_RAET", 10),
        ("producer.settings.CONSUMER_WRITERS", 2),
        ("producer.settings.KAFKA_TOPIC", "another"),
        ("dashboard.resources.limits.memmory", "1Gi"),
        ("dashboard.resources.limits.memory", "1 GB"),
        ("kafka.external.bootstrapServers", "broker"),
        ("database.logins.writer.existingsecret", "x"),
        ("images.consumer.digest", "sha256:1"),
        ("networkPolicies", {"enabled": False}),
        ("database.cnpg.synchronous", {"method": "any"}),
    ],
)
def test_a_typo_is_refused_by_the_schema(path: str, value: Any) -> None:
    """A key that does not exist, or a value of the wrong kind, stops the rendering by its name."""
    with pytest.raises(rendering.RefusedError) as refused:
        rendering.render({path: value})
    said = str(refused.value)
    assert "schema" in said
    assert path.split(".")[-2 if "." in path else 0] in said


def test_helm_3_refuses_a_typo_too() -> None:
    """It has another implementation of JSON Schema."""
    with pytest.raises(rendering.RefusedError, match="replica is not allowed"):
        rendering.render({"consumer.replica": 2}, major=3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"consumer.replicas": 4}, ["consumer.replicas is 4", "3 partitions", "at most"]),
        ({"kafka.mode": "external"}, ["kafka.external.bootstrapServers is needed"]),
        (
            {"kafka.mode": "external", "kafka.external.bootstrapServers": "a:1"},
            ["kafka.users.", "existingSecret is needed"],
        ),
        ({"database.mode": "external"}, ["database.external.host is needed"]),
        (
            {"database.mode": "external", "database.external.host": "db"},
            ["database.external.ca.existingSecret is needed", "verify-full"],
        ),
        (
            {
                "database.mode": "external",
                "database.external.host": "db",
                "database.external.sslMode": "require",
            },
            ["database.logins.", "existingSecret is needed"],
        ),
        ({"kafka.topic.replicas": 2}, ["kafka.topic.replicas is 2", "1 brokers"]),
        ({"kafka.strimzi.minInSyncReplicas": 2}, ["minInSyncReplicas is 2", "ever be written"]),
        ({"consumer.terminationGracePeriodSeconds": 10}, ["CONSUMER_DRAIN_SECONDS (15)"]),
        (
            {"producer.settings": {"PRODUCER_PROFILE": "hospital", "PRODUCER_TIME_SCALE": 60}},
            ["dashboard.settings.DASHBOARD_TIME_SCALE is 1", "PRODUCER_TIME_SCALE 60"],
        ),
        (
            {"producer.settings": {"PRODUCER_DRAIN_SECONDS": 60}},
            ["producer.terminationGracePeriodSeconds", "PRODUCER_DRAIN_SECONDS (60)"],
        ),
        ({"database.cnpg.backup.enabled": True}, ["backup.objectStore is needed"]),
        (
            {"database.cnpg.storage.size": "1500Mi"},
            ["database.cnpg.storage.size is 1500Mi", "2Gi at least", "max_wal_size"],
        ),
        ({"database.cnpg.storage.size": 1500000000}, ["storage.size is 1500000000,"]),
        ({"database.cnpg.storage.size": "1G"}, ["database.cnpg.storage.size is 1G,"]),
        ({"dashboard.ingress.enabled": True}, ["dashboard.ingress.hosts is needed"]),
        ({"dashboard.httpRoute.enabled": True}, ["dashboard.httpRoute.parentRefs is needed"]),
        ({"consumer.autoscaling.minReplicas": 4}, ["minReplicas is 4"]),
        (
            {"tests.write": True, "replay.enabled": False},
            ["tests.write needs replay.enabled", "tests.write=false"],
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_mend(
    values: dict[str, Any], words: list[str]
) -> None:
    """Combinations that no schema sees fail by a template, in words."""
    with pytest.raises(rendering.RefusedError) as refused:
        rendering.render(values)
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize(
    "values",
    [
        {"database.cnpg.storage.size": "2Gi"},
        {"database.cnpg.storage.size": "2048Mi"},
        {"database.cnpg.storage.size": 2000000000},
        {"database.cnpg.storage.size": "1Ti"},
        {
            "database.cnpg.storage.size": "1Gi",
            "database.cnpg.parameters": {"max_wal_size": "256MB"},
        },
    ],
)
def test_a_volume_that_suffices_is_taken(values: dict[str, Any]) -> None:
    """However its size is written."""
    assert rendering.render(values)


def test_globals_of_a_parent_chart_are_let_through() -> None:
    """`global` is not ours alone."""
    assert rendering.render({"global.somethingElse": 1})
