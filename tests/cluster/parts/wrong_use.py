"""What is told wrong gives one clear message, and goes on by itself once it is put right.

In a release of its own, with its own PostgreSQL as an external database, and the suite's broker.
"""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster import broker, images
from tests.cluster.inventory import Inventory, left
from tests.cluster.kubernetes import (
    NAMESPACE,
    Resource,
    apply,
    get,
    helm_,
    kubectl,
    metadata,
    run,
    secret,
    wait,
)
from tests.cluster.release import (
    DATABASE_KIND,
    merged,
    of,
    ready_in,
    restarts,
    upgrade,
    values,
)

pytestmark = pytest.mark.long
RELEASE = "wrong"
DATABASE = "wrong-postgres"
TOPIC = "wrong_records"
SERVICES = ("producer", "consumer", "dashboard")
LOGINS = ("owner", "writer", "viewer", "operator")
OF_OURS = ("wrong-login", "wrong-writer", "wrong-viewer", "wrong-producer")


@pytest.fixture(scope="module", autouse=True)
def _neighbours(before: Inventory) -> Iterator[None]:
    """A database and a topic; nothing of them or of the release is left."""
    broker.make_topic(TOPIC, TOPIC)
    groups = ("vitalstream_writer", "vitalstream_viewer", "vitalstream_operator")
    init = {"database": "vitalstream", "owner": "all", "secret": {"name": "wrong-login"}}
    roles = [f"CREATE ROLE {group} NOLOGIN" for group in groups]
    spec = {
        "instances": 1,
        "imageName": images.POSTGRES,
        "imagePullPolicy": "IfNotPresent",
        "storage": {"size": "1Gi"},
        "bootstrap": {"initdb": init | {"postInitSQL": roles}},
    }
    _login("wrong-login", "right")
    kind = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster"}
    cluster = kind | {"metadata": metadata(DATABASE), "spec": spec}
    wait("the Cluster is taken", lambda: _taken(cluster), 60)
    wait("its database is there", lambda: _phase() == "Cluster in healthy state")
    yield
    helm_("uninstall", RELEASE, "--ignore-not-found", "--wait")
    kubectl("delete", DATABASE_KIND, DATABASE)
    kubectl("delete", "secret", "--ignore-not-found", *OF_OURS)
    wait("nothing is left", lambda: not left(before), 120)


def _taken(cluster: Resource) -> bool:
    apply(cluster)
    return True


def told(**more: Any) -> dict[str, Any]:
    """Values of a release that uses both, each login the owner's but with a Secret of its own."""
    secrets = {"writer": "wrong-writer", "viewer": "wrong-viewer"}
    below = merged(
        values(),
        {
            "kafka": {
                "topic": {"name": TOPIC},
                "consumerGroup": {"id": TOPIC},
                "users": {"producer": {"existingSecret": "wrong-producer"}},
            },
            "database": {
                "mode": "external",
                "external": {
                    "host": f"{DATABASE}-rw",
                    "ca": {"existingSecret": f"{DATABASE}-ca"},
                },
                "logins": {
                    login: {"username": "all", "existingSecret": secrets.get(login, "wrong-login")}
                    for login in LOGINS
                },
            },
            "producer": {"replicas": 1, "settings": {"PRODUCER_RATE": 1}},
        },
    )
    return merged(below, more)


def install(tmp_path: Path, **more: Any) -> None:
    """Without waiting."""
    upgrade(tmp_path, "--timeout=60s", release=RELEASE, told=told(**more))


def test_missing_secrets_and_a_wrong_password_are_told_and_waited_for(tmp_path: Path) -> None:
    """No Secret, a Secret without the key, a refused login: said, and no container starts again.

    Put right, each goes on by itself.
    """
    apply(secret("wrong-viewer", {"another": "key"}))
    _login("wrong-writer", "wrong")
    install(tmp_path)
    _says("the producer's pod", lambda: _events("producer"), 'secret "wrong-producer" not found')
    _says("the dashboard's pod", lambda: _events("dashboard"), "non-existent secret key: password")
    waiting = partial(_log, "consumer", "wait-for-database")
    _says("the consumer's init", waiting, "waiting for the database, ")
    _says("the consumer's init", waiting, 'password authentication failed for user "all"')
    (kafka,) = [one for one in get("secret") if one["metadata"]["name"] == "kafka-producer"]
    password = base64.b64decode(kafka["data"]["password"]).decode()
    apply(secret("wrong-producer", {"password": password}))
    apply(secret("wrong-viewer", {"password": "right"}))
    _login("wrong-writer", "right")
    ready_in(400, *SERVICES, release=RELEASE)
    assert not any(restarts(RELEASE).values()), restarts(RELEASE)


def test_a_wrong_password_at_the_broker_is_told(tmp_path: Path) -> None:
    """In one line that names the variables; with the right one the pod comes up by itself."""
    told_wrong = {"kafka": {"users": {"consumer": {"existingSecret": "wrong-login"}}}}
    install(tmp_path, **told_wrong)
    refused = "the broker refuses the login, check KAFKA_SASL_USERNAME=consumer"
    _says("the consumer", lambda: _log("consumer", "consumer"), refused)
    install(tmp_path)
    ready_in(400, *SERVICES, release=RELEASE)


def test_what_cannot_be_reached_is_told_and_waited_for(tmp_path: Path) -> None:
    """No broker, and then no database: alive, not ready, a reason in the log, no restart."""
    nowhere = f"nowhere.{NAMESPACE}.svc"
    install(tmp_path, kafka={"external": {"bootstrapServers": f"{nowhere}:9093"}})
    for service in ("producer", "consumer"):
        said = f"KAFKA_BOOTSTRAP_SERVERS={nowhere}:9093"
        _says(service, partial(_log, service, service), said)
    time.sleep(60)  # longer than the liveness probe waits
    assert not any(restarts(RELEASE).values()), restarts(RELEASE)
    install(tmp_path, database={"external": {"host": nowhere}})
    for service in ("consumer", "dashboard"):
        reason = "PostgreSQL cannot be reached: "
        _says(service, partial(_log, service, "wait-for-database"), reason)
    assert not any(restarts(RELEASE).values()), restarts(RELEASE)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"consumer": {"replica": 2}}, "additional properties 'replica' not allowed"),
        ({"consumer": {"replicas": 4}}, "set consumer.replicas to 3 at most"),
        (
            {"database": {"mode": "cnpg", "cnpg": {"storage": {"size": "500Mi"}}}},
            "database.cnpg.storage.size is 500Mi",
        ),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    """By the schema or a template, on a cluster as without one; nothing is changed by it."""
    revision = helm_("history", RELEASE, "--output", "yaml")
    with pytest.raises(AssertionError) as refused:
        install(tmp_path, **more)
    assert words in str(refused.value)
    assert helm_("history", RELEASE, "--output", "yaml") == revision


def test_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """By a template that names what has to be installed: of any operator that is not here."""
    known = run("kubectl", "api-versions").split()
    operators: dict[str, dict[str, Any]] = {
        "gateway.networking.k8s.io/v1": {"dashboard": {"httpRoute": _ROUTE}},
        "kafka.strimzi.io/v1": {"kafka": {"mode": "strimzi"}},
        "keda.sh/v1alpha1": {"consumer": {"autoscaling": {"kind": "keda"}}},
        "monitoring.coreos.com/v1": {"monitoring": {"rules": {"enabled": True}}},
    }
    absent = {kind: more for kind, more in operators.items() if kind not in known}
    if not absent:
        pytest.skip("this cluster knows every kind that the chart can make")
    for kind, more in absent.items():
        with pytest.raises(AssertionError) as refused:
            install(tmp_path, **more)
        assert f"this cluster does not know {kind}: install " in str(refused.value)


_ROUTE: Final = {"enabled": True, "parentRefs": [{"name": "gateway"}]}


def test_a_user_without_rights_is_told(tmp_path: Path) -> None:
    """By the API server, with the right that is missing; nothing is changed by it."""
    with pytest.raises(AssertionError) as refused:
        upgrade(tmp_path, "--kube-as-user=nobody", release=RELEASE, told=told())
    assert 'is forbidden: User "nobody" cannot ' in str(refused.value)
    assert f'in the namespace "{NAMESPACE}"' in str(refused.value)


def _phase() -> str:
    (found,) = [one for one in get(DATABASE_KIND) if one["metadata"]["name"] == DATABASE]
    return str(found.get("status", {}).get("phase"))


def _login(name: str, password: str) -> None:
    data = secret(name, {"username": "all", "password": password})
    apply(data | {"type": "kubernetes.io/basic-auth"})


def _says(what: str, said: Callable[[], str], words: str) -> None:
    wait(f"{what} says {words!r}", lambda: words in said(), 180)


def _log(service: str, container: str) -> str:
    """What the containers of a service's pods say, and said before they were started again."""
    found = []
    for pod in get("pod", *of(service, RELEASE)):
        name = pod["metadata"]["name"]
        for previous in ("false", "true"):
            with contextlib.suppress(AssertionError):
                found.append(kubectl("logs", name, "-c", container, f"--previous={previous}"))
    return "".join(found)


def _events(service: str) -> str:
    """What is told about a service's pods."""
    pods = {pod["metadata"]["name"] for pod in get("pod", *of(service, RELEASE))}
    return "\n".join(
        event["message"] for event in get("events") if event["involvedObject"]["name"] in pods
    )
