"""Apache Kafka as a plain pod: KRaft, SCRAM-SHA-512 over TLS, ACLs on, gone with its pod."""

import base64
import secrets
from typing import Final

import trustme
from cryptography.hazmat.primitives import serialization

from tests.cluster import images
from tests.cluster.kubernetes import (
    AS_NOBODY,
    NAMESPACE,
    RESTRICTED,
    Resource,
    apply,
    kubectl,
    metadata,
    secret,
    wait,
)

HOST: Final = f"kafka.{NAMESPACE}.svc"
TOPIC: Final = "patient_records"
GROUP: Final = "patient-records-consumer-group"
USERS: Final = ("producer", "consumer", "replay")
_SERVER: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9094
controller.listener.names=CONTROLLER
listeners=CLIENTS://:9093,CONTROLLER://127.0.0.1:9094
advertised.listeners=CLIENTS://{host}:9093
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location=/data/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=/data/ca.crt
ssl.allow.dn.changes=true
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
log.dirs=/data/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""
_CLIENT: Final = """\
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={jaas}
ssl.truststore.type=PEM
ssl.truststore.location=/data/ca.crt
"""
_START: Final = """\
set -e
cp /etc/kafka/broker.pem /etc/kafka/ca.crt /data/
java -Xmx256m -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --ignore-formatted \
  --cluster-id {cluster} --config /etc/kafka/server.properties {users} >/dev/null
exec java -Xmx512m -cp '/opt/kafka/libs/*' kafka.Kafka /etc/kafka/server.properties
"""


def start() -> None:
    """Bring it up, with the users, their rights, the topic, and the Secrets that clients read."""
    passwords = {name: secrets.token_hex(16) for name in ("admin", *USERS)}
    apply(*_secrets(passwords), _service(), _pod(passwords))
    kubectl("wait", "--for=condition=Ready", "pod/kafka", "--timeout=180s")
    wait("it takes commands", lambda: bool(tool("TopicCommand", "--list") or True))
    make_topic(TOPIC, GROUP)


def make_topic(topic: str, group: str) -> None:
    """Make a topic of three partitions, with each user's rights on it and on the group."""
    tool("TopicCommand", "--create", "--if-not-exists", "--topic", topic, "--partitions", "3")
    write = ("--topic", topic, "--producer")
    _allow("producer", *write)
    _allow("replay", *write)
    _allow("consumer", "--topic", topic, "--group", group, "--consumer")


def _allow(user: str, *rights: str) -> None:
    tool("AclCommand", "--add", "--allow-principal", f"User:{user}", *rights)


def tool(name: str, *arguments: str, package: str = "org.apache.kafka.tools") -> str:
    """What one of Kafka's tools says, as the administrator."""
    where = [
        "--bootstrap-server",
        f"{HOST}:9093",
        "--command-config",
        "/etc/kafka/client.properties",
    ]
    program = ["java", "-Xmx128m", "-cp", "/opt/kafka/libs/*", f"{package}.{name}"]
    return kubectl("exec", "kafka", "--", *program, *where, *arguments)


def change_password(user: str, password: str) -> None:
    """Give a user another password, in the broker and in the Secret that clients read."""
    change = ("--alter", "--entity-type", "users", "--entity-name", user)
    credential = f"SCRAM-SHA-512=[iterations=4096,password={password}]"
    tool("ConfigCommand", *change, "--add-config", credential, package="kafka.admin")
    apply(secret(f"kafka-{user}", {"password": password}))


def trust(*authorities: str) -> None:
    """Have the broker and the Secret that clients read trust these CAs (PEM), and no other."""
    bundle = "".join(authorities)
    _write("/data/ca.crt", bundle)
    _reload("ssl.truststore.location=/data/ca.crt")
    apply(secret("kafka-ca", {"ca.crt": bundle}))


def present(authority: trustme.CA) -> None:
    """Have the broker show a certificate by this CA to every new connection."""
    _write("/data/broker.pem", _key_and_certificate(authority).decode())
    _reload("ssl.keystore.location=/data/broker.pem")


def _write(path: str, text: str) -> None:
    kubectl("exec", "--stdin", "kafka", "--", "sh", "-c", f"cat > {path}", stdin=text)


def _reload(file: str) -> None:
    """A file is read again when its setting is set again."""
    change = ("--alter", "--entity-type", "brokers", "--entity-name", "1")
    setting = f"listener.name.clients.{file}"
    tool("ConfigCommand", *change, "--add-config", setting, package="kafka.admin")


def _jaas(user: str, password: str) -> str:
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return f'{module} required username="{user}" password="{password}";'


def _secrets(passwords: dict[str, str]) -> list[Resource]:
    authority = trustme.CA()
    jaas = _jaas("admin", passwords["admin"])
    files = {
        "broker.pem": _key_and_certificate(authority).decode(),
        "ca.crt": authority.cert_pem.bytes().decode(),
        "server.properties": _SERVER.format(host=HOST, jaas=jaas),
        "client.properties": _CLIENT.format(jaas=jaas),
    }
    made = {"kafka-server": files, "kafka-ca": {"ca.crt": files["ca.crt"]}}
    made |= {f"kafka-{user}": {"password": passwords[user]} for user in USERS}
    return [secret(name, data) for name, data in made.items()]


def _key_and_certificate(authority: trustme.CA) -> bytes:
    """Java reads a key in PKCS #8 only."""
    certificate = authority.issue_cert(HOST, "kafka")
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    own = key.private_bytes(*form, serialization.NoEncryption())
    return b"".join([own, *(link.bytes() for link in certificate.cert_chain_pems)])


def _service() -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("kafka"),
        "spec": {"selector": {"app": "kafka"}, "ports": [{"name": "clients", "port": 9093}]},
    }


def _pod(passwords: dict[str, str]) -> Resource:
    users = " ".join(
        f"--add-scram 'SCRAM-SHA-512=[name={name},password={password}]'"
        for name, password in passwords.items()
    )
    cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    container = {
        "name": "kafka",
        "image": images.KAFKA,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _START.format(cluster=cluster, users=users)],
        "securityContext": RESTRICTED,
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": {"tcpSocket": {"port": 9093}, "periodSeconds": 2},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            {"name": "settings", "mountPath": "/etc/kafka"},
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("kafka", app="kafka"),
        "spec": {
            "securityContext": AS_NOBODY,
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "settings", "secret": {"secretName": "kafka-server"}},
            ],
        },
    }
