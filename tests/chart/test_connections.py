"""Brokers, databases and logins: made by operators or there already, as equals."""

import pytest

from tests.chart import rendering

SECRETS = "/run/secrets/vitalstream"


def told(name: str, component: str) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Variables and secret files of a component's own container in a case."""
    pod = next(pod for found, pod in rendering.pods(rendering.case(name)) if found == component)
    return rendering.environment(pod["spec"]["containers"][0]), rendering.secret_files(pod)


def test_a_strimzi_broker_is_reached_over_tls_as_a_user_of_ones_own() -> None:
    """SCRAM over TLS, the CA's certificate from Strimzi's Secret, a user for each purpose."""
    for component in ("producer", "consumer", "replay"):
        variables, files = told("default", component)
        assert variables["KAFKA_BOOTSTRAP_SERVERS"] == (
            "demo-vitalstream-kafka-kafka-bootstrap.ward.svc:9093"
        )
        assert variables["KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
        assert variables["KAFKA_SASL_MECHANISM"] == "SCRAM-SHA-512"
        assert variables["KAFKA_SASL_USERNAME"] == f"demo-vitalstream-{component}"
        assert variables["KAFKA_TOPIC_CREATE"] == "false"
        assert variables["KAFKA_SSL_CA_LOCATION"] == f"{SECRETS}/kafka-ca.crt"
        assert files["KAFKA_SASL_PASSWORD"] == (f"demo-vitalstream-{component}", "password")
        assert files["kafka-ca.crt"] == ("demo-vitalstream-kafka-cluster-ca-cert", "ca.crt")


def test_kafka_users_may_do_no_more_than_they_need() -> None:
    """Only producer and replay write, only the consumer reads, KEDA looks."""
    users = rendering.of_kind(rendering.case("autoscaling-keda"), "KafkaUser")
    rights = {
        user["metadata"]["name"].rpartition("-")[2]: {
            (rule["resource"]["type"], *rule["operations"])
            for rule in user["spec"]["authorization"]["acls"]
        }
        for user in users
    }
    assert rights == {
        "producer": {("topic", "Write", "Describe")},
        "replay": {("topic", "Write", "Describe")},
        "consumer": {("topic", "Read", "Describe"), ("group", "Read", "Describe")},
        "keda": {("topic", "Describe"), ("group", "Describe")},
    }
    for user in users:
        for rule in user["spec"]["authorization"]["acls"]:
            assert rule["resource"]["patternType"] == "literal"
            assert rule["resource"]["name"] in ("patient_records", "patient-records-consumer-group")


def test_a_cnpg_database_is_reached_by_logins_of_ones_own() -> None:
    """The owner's Secret is the operator's and only migrations and maintenance have it."""
    owners = {"migrate", "maintain"}
    for component, login in [
        ("consumer", "writer"),
        ("dashboard", "viewer"),
        ("replay", "operator"),
        ("migrate", "owner"),
        ("maintain", "owner"),
    ]:
        variables, files = told("default", component)
        secret = (
            "demo-vitalstream-postgres-app"
            if component in owners
            else f"demo-vitalstream-database-{login}"
        )
        assert files["PGPASSWORD"] == (secret, "password")
        assert variables["PGSSLMODE"] == "verify-full"
        assert files["postgres-ca.crt"] == ("demo-vitalstream-postgres-ca", "ca.crt")
        assert variables["PGHOST"] == "demo-vitalstream-postgres-rw"


def test_the_dashboard_reads_standbys_where_there_are_some() -> None:
    """-ro is empty during a failover, so -rw follows it; all others write."""
    variables, _ = told("production", "dashboard")
    assert variables["PGHOST"] == "demo-vitalstream-postgres-ro,demo-vitalstream-postgres-rw"
    assert variables["PGTARGETSESSIONATTRS"] == "prefer-standby"
    variables, _ = told("production", "consumer")
    assert variables["PGHOST"] == "demo-vitalstream-postgres-rw"
    assert "PGTARGETSESSIONATTRS" not in variables


def test_logins_are_made_members_of_their_group() -> None:
    """By the operator, with the passwords that the pods are given; groups at the very beginning."""
    cluster = rendering.find(rendering.case("default"), "Cluster", "-postgres")["spec"]
    roles = {role["name"]: role for role in cluster["managed"]["roles"]}
    assert {name: role["inRoles"] for name, role in roles.items()} == {
        "vitalstream_consumer": ["vitalstream_writer"],
        "vitalstream_dashboard": ["vitalstream_viewer"],
        "vitalstream_replay": ["vitalstream_operator"],
    }
    secrets = {
        one["metadata"]["name"]: one
        for one in rendering.of_kind(rendering.case("default"), "Secret")
        if one["type"] == "kubernetes.io/basic-auth"
    }
    assert {role["passwordSecret"]["name"] for role in roles.values()} == {*secrets}
    assert len(cluster["bootstrap"]["initdb"]["postInitSQL"]) == 3


def test_external_logins_come_from_the_secrets_that_are_named() -> None:
    """Names by value or from the Secret, passwords and CAs from the keys that were given."""
    variables, files = told("external", "consumer")
    assert variables["KAFKA_BOOTSTRAP_SERVERS"].startswith("broker-1.example.com:9094,")
    assert "KAFKA_SASL_USERNAME" not in variables
    assert files["KAFKA_SASL_USERNAME"] == ("kafka-consumer", "user")
    assert files["KAFKA_SASL_PASSWORD"] == ("kafka-consumer", "password")
    assert files["kafka-ca.crt"] == ("kafka-ca", "ca.crt")
    assert variables["PGUSER"] == "vitalstream_consumer"
    assert variables["PGPORT"] == "6432"
    assert variables["PGTARGETSESSIONATTRS"] == "read-write"
    assert files["PGPASSWORD"] == ("database-writer", "password")
    assert files["postgres-ca.crt"] == ("database-ca", "root.pem")
    assert files["LOG_ID_KEY"] == ("log-id", "LOG_ID_KEY")
    variables, files = told("external", "dashboard")
    assert files["PGUSER"] == ("database-viewer", "username")
    assert variables["PGHOST"] == "db-2.example.com,db-1.example.com"


def test_external_servers_bring_no_operators_resources() -> None:
    """Nor Secrets: everything is named."""
    groups = {one["apiVersion"].partition("/")[0] for one in rendering.case("external")}
    assert not groups & {"kafka.strimzi.io", "postgresql.cnpg.io"}
    assert not rendering.of_kind(rendering.case("external"), "Secret")


def test_a_plain_broker_needs_no_login() -> None:
    """Neither CA nor password is mounted, and the services may make the topic."""
    variables, files = told("external-plaintext", "producer")
    assert variables["KAFKA_SECURITY_PROTOCOL"] == "PLAINTEXT"
    assert variables["KAFKA_TOPIC_CREATE"] == "true"
    assert set(files) == {"LOG_ID_KEY"}


@pytest.mark.parametrize("name", ["autoscaling-keda", "external"])
def test_keda_logs_in_as_itself(name: str) -> None:
    """Its name from the pod's specification or the Secret, its password and the CA from Secrets."""
    resources = rendering.case(name)
    (login,) = rendering.of_kind(resources, "TriggerAuthentication")
    (scaled,) = rendering.of_kind(resources, "ScaledObject")
    given = {one["parameter"] for one in login["spec"]["secretTargetRef"]}
    given |= {one["parameter"] for one in login["spec"].get("env", [])}
    assert given == {"username", "password", "ca"}
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["sasl"] == "scram_sha512"
    assert trigger["metadata"]["tls"] == "enable"
    assert trigger["metadata"]["offsetResetPolicy"] == "earliest"
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]


def test_production_survives_the_loss_of_one() -> None:
    """Three copies of which two must have a record, a standby that must have a commit, backups."""
    resources = rendering.case("production")
    kafka = rendering.find(resources, "Kafka", "-kafka")["spec"]["kafka"]["config"]
    assert kafka["min.insync.replicas"] == 2
    assert kafka["default.replication.factor"] == 3
    topic = rendering.find(resources, "KafkaTopic", "-records")["spec"]
    assert (topic["partitions"], topic["replicas"]) == (6, 3)
    cluster = rendering.find(resources, "Cluster", "-postgres")["spec"]
    assert cluster["instances"] == 3
    assert cluster["postgresql"]["synchronous"] == {"method": "any", "number": 1}
    assert rendering.of_kind(resources, "ScheduledBackup")
    services = {one["metadata"]["name"] for one in rendering.of_kind(resources, "Deployment")}
    assert "demo-vitalstream-producer" not in services, "invented patients among real ones"


@pytest.mark.parametrize(
    ("name", "found"), [("default", {"read"}), ("tests-write", {"read", "write"})]
)
def test_helm_test_only_reads_unless_told_to_write(name: str, found: set[str]) -> None:
    """The one that reads has the page's login; the one that writes is asked for, with replay's."""
    pods = rendering.of_kind(rendering.case(name), "Pod")
    assert {one["metadata"]["name"].rpartition("-")[2] for one in pods} == found
    for one in pods:
        assert one["metadata"]["annotations"]["helm.sh/hook"] == "test"
    variables, files = told(name, "test")
    assert "KAFKA_SASL_PASSWORD" not in files
    assert variables["PGUSER"] == "vitalstream_dashboard"
    if "write" in found:
        variables, files = told(name, "test-write")
        assert files["KAFKA_SASL_PASSWORD"] == ("demo-vitalstream-replay", "password")
        assert variables["PGUSER"] == "vitalstream_replay"
