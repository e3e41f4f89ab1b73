"""New passwords and new CAs under load: no reinstall, no loss, and the old ones stop working."""

import base64
import secrets
from pathlib import Path

import pytest
import trustme

from tests.chart.readme import HEAD
from tests.cluster import broker, probes
from tests.cluster.kubernetes import NAME, RELEASE, Resource, get, kubectl, rolled_out, wait
from tests.cluster.release import (
    CLUSTER,
    ProducerEnds,
    audit,
    equal,
    flowing,
    job_from,
    psql,
    upgrade,
)

pytestmark = pytest.mark.long
LOGINS = {
    f"{NAME}-database-writer": "vitalstream_consumer",
    f"{NAME}-database-viewer": "vitalstream_dashboard",
    f"{NAME}-database-operator": "vitalstream_replay",
    f"{CLUSTER}-app": "vitalstream_owner",
}
"""Secret and role of each login."""
_HASHES = """
SELECT rolpassword FROM pg_authid WHERE rolname IN
('vitalstream_consumer', 'vitalstream_dashboard', 'vitalstream_replay', 'vitalstream_owner')"""


def test_new_passwords_lose_nothing(tmp_path: Path) -> None:
    """Of every Kafka user and every database login; an upgrade keeps them."""
    old = {name: _password(name) for name in LOGINS}
    hashes = psql(_HASHES)
    for user in broker.USERS:
        broker.change_password(user, secrets.token_hex(16))
    for name in LOGINS:
        _change_password(name, secrets.token_hex(20))
    wait(
        "the operator has told PostgreSQL",
        lambda: not {*psql(_HASHES).split()} & {*hashes.split()},
    )
    _restart_as_the_readme_says()
    flowing(10)
    assert equal(audit())
    for name, role in LOGINS.items():
        assert "password authentication failed" in probes.login(role, old[name]), role
        assert probes.login(role, _password(name)) == "let in", role
    assert "observations: " in job_from("maintain", "maintain-after-rotation")
    kept = {name: _password(name) for name in LOGINS}
    upgrade(tmp_path)
    assert {name: _password(name) for name in LOGINS} == kept


def test_a_new_ca_of_the_broker_loses_nothing(authority: str) -> None:
    """Trust both, show the new certificate, trust the new one alone; a restart after each trust."""
    following = trustme.CA()
    pem = following.cert_pem.bytes().decode()
    broker.trust(authority, pem)
    _restart_as_the_readme_says()
    flowing(5)
    broker.present(following)
    flowing(5)
    broker.trust(pem)
    _restart_as_the_readme_says()
    flowing(10)
    assert equal(audit())
    stranger = probes.trusts(broker.HOST, 9093, authority)
    assert "certificate verify failed" in stranger
    assert probes.trusts(broker.HOST, 9093, pem) == "trusted"


def test_a_new_ca_of_the_database_loses_nothing() -> None:
    """CloudNativePG makes all of them anew when the Secrets are deleted; one restart follows."""
    old = _secret(f"{CLUSTER}-ca")["data"]["ca.crt"]
    kubectl("delete", "secret", *(f"{CLUSTER}-{what}" for what in ("ca", "server", "replication")))
    wait("the operator has made a CA", lambda: _secret(f"{CLUSTER}-ca")["data"]["ca.crt"] != old)
    wait(
        "PostgreSQL shows the new certificate",
        lambda: probes.verifies(f"{CLUSTER}-rw", _decoded(_secret(f"{CLUSTER}-ca"), "ca.crt")),
        300,
    )
    _restart_as_the_readme_says()
    flowing(10)
    assert equal(audit())
    assert not probes.verifies(f"{CLUSTER}-rw", base64.b64decode(old).decode())


def _restart_as_the_readme_says() -> None:
    """The chart's README has the command."""
    (line,) = [one for one in HEAD.read_text("utf-8").splitlines() if "rollout restart" in one]
    command = line.split("`")[1].replace("RELEASE", RELEASE).split()
    assert command[0] == "kubectl"
    producer = ProducerEnds()
    kubectl(*command[1:])
    for component in ("consumer", "producer", "dashboard"):
        rolled_out(component)
    assert producer.lossy() == 0


def _secret(name: str) -> Resource:
    found = [one for one in get("secret") if one["metadata"]["name"] == name]
    if not found:
        raise LookupError(f"no Secret {name}")
    return found[0]


def _decoded(secret: Resource, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


def _password(name: str) -> str:
    return _decoded(_secret(name), "password")


def _change_password(name: str, password: str) -> None:
    packed = base64.b64encode(password.encode()).decode()
    kubectl("patch", "secret", name, "--patch", f'{{"data": {{"password": "{packed}"}}}}')
